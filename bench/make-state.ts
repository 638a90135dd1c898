/**
 * Writes synthetic states with distinct valid keys: node bench/make-state.ts VALIDATORS FILE
 * Two other clients agree on the roots of the sizes listed here.
 */
import { closeSync, openSync, renameSync, writeSync } from "node:fs";
import { aggregatePublicKeys, PublicKey, SecretKey } from "@chainsafe/blst";
import { toHex } from "../src/base/bytes.ts";
import { benchSpec, type RegistryKeys, syntheticState } from "../src/cli/bench-synthetic.ts";
import type { BeaconState } from "../src/spec/state.ts";

const KEY_BYTES = 48;
const KEYS_PER_REPORT = 1 << 16;

/** Of the state as written, and after the epoch transition that follows. */
export const KNOWN_ROOTS: Readonly<Record<number, readonly [written: string, after: string]>> = {
  100000: [
    "0xb562de41650b8b40b261d0aa5048d6d313c9ea1a115f2e568858fc9867f5c02b",
    "0xb1436f57854c66bd923d1744ef553db849070e2dcfeed600c9a188013f87b3f4",
  ],
  500000: [
    "0x4add6f799fc622598eb63819d372d1e8d307160c262db9e0349e25477cde075f",
    "0x619719c6427eae75b7471732a68cc0b126b2f9ac2923c550288cba93c38a19b2",
  ],
  1000000: [
    "0x8229d1018fade8321e261280636be7f678326e0b2c642a205b221d28f8e8a79f",
    "0xd362927578fe1892403fec43417afb1a3b9dde35612e034c4e4d3e9a37d0ce8d",
  ],
};

export function makeState(validators: number, file: string, report: (text: string) => void): void {
  const state = syntheticState(benchSpec(), distinctKeys(validators, report));
  const root = toHex(state.hashTreeRoot());
  checkKnownRoot(validators, root);
  writeState(state, file);
  state.drop();
}

/** A file appears under its name only when it is complete. */
export function writeState(state: BeaconState, file: string): void {
  const partial = `${file}.partial`;
  const descriptor = openSync(partial, "w");
  state.encodeTo((bytes) => {
    for (let at = 0; at < bytes.length; ) at += writeSync(descriptor, bytes, at);
  });
  closeSync(descriptor);
  renameSync(partial, file);
}

/** @throws when others found another root for a state of this size */
export function checkKnownRoot(validators: number, root: string, which: 0 | 1 = 0): void {
  const expected = KNOWN_ROOTS[validators]?.[which];
  if (expected !== undefined && expected !== root) {
    throw new Error(`the state of ${validators} validators has root ${root}, not ${expected}`);
  }
}

/** Each key is the sum of the one before it and the first: much cheaper than a multiplication a key. */
function distinctKeys(count: number, report: (text: string) => void): RegistryKeys {
  const step = keyNumber(1);
  let key = keyNumber(2);
  const keys = new Uint8Array(count * KEY_BYTES);
  for (let i = 0; i < count; i++) {
    key = aggregatePublicKeys([key, step]);
    keys.set(key.toBytes(), i * KEY_BYTES);
    if (i % KEYS_PER_REPORT === 0) report(`${i} of ${count} keys`);
  }
  const aggregate = (members: Uint8Array[]) =>
    aggregatePublicKeys(members.map((bytes) => PublicKey.fromBytes(bytes))).toBytes();
  return { keys, aggregate };
}

function keyNumber(i: number): PublicKey {
  const bytes = new Uint8Array(32);
  bytes[29] = 1;
  bytes[31] = i;
  return SecretKey.fromBytes(bytes).toPublicKey();
}

if (import.meta.main) {
  const [validators, file] = process.argv.slice(2);
  if (validators === undefined || file === undefined) throw new Error("give the number of validators and a file");
  makeState(Number(validators), file, (text) => process.stderr.write(`\r${text}`));
  process.stderr.write("\n");
}
