/** Keys for tests, made fast. */
import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import type * as Blst from "@chainsafe/blst";
import { aggregatePublicKeys, SecretKey } from "../../src/crypto/bls.ts";

const KEY_BYTES = 48;

/** The independent implementation that tests compare with; undefined where it has no build (arm64 under emulation). */
export const otherBls = loadOther();

function loadOther(): typeof Blst | undefined {
  try {
    return createRequire(import.meta.url)("@chainsafe/blst") as typeof Blst;
  } catch {
    return undefined;
  }
}

/** Why tests that start processes are left out, if they must be: an emulated Node cannot start another. */
export const cannotSpawn: string | false =
  spawnSync(process.execPath, ["-e", ""]).status === 0 ? false : "this Node cannot start itself (emulated)";

/** Distinct valid keys, each the one before plus the generator: secret keys 2, 3, 4 ... */
export function validKeys(count: number): Uint8Array {
  const generator = SecretKey.fromBytes(secretBytes(-1)).toPublicKey();
  const out = new Uint8Array(count * KEY_BYTES);
  let key = generator;
  for (let i = 0; i < count; i++) {
    key = aggregatePublicKeys([key, generator]);
    out.set(key, i * KEY_BYTES);
  }
  return out;
}

/** Distinct keys that are refused at a glance, because their compression flag is missing. */
export function invalidKeys(count: number, seed = 1): Uint8Array {
  const words = new Uint32Array((count * KEY_BYTES) / 4);
  let x = seed;
  for (let i = 0; i < words.length; i++) {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    words[i] = x;
  }
  const out = new Uint8Array(words.buffer);
  for (let i = 0; i < count; i++) out[i * KEY_BYTES]! &= 0x1f;
  return out;
}

/** The secret key of validKeys()[i]. */
export function secretBytes(i: number): Uint8Array {
  const out = new Uint8Array(32);
  new DataView(out.buffer).setUint32(28, i + 2);
  return out;
}
