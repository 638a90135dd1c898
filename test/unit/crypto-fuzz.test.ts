/**
 * Random calls of the addon's functions, right and wrong ones mixed: each returns or throws, and nothing else breaks.
 * CRESSET_FUZZ_CALLS and CRESSET_FUZZ_SEED repeat or lengthen it.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { SecretKey, verifySets } from "../../src/crypto/bls.ts";
import { blsNative, type TableHandle } from "../../src/crypto/bls-native.ts";
import { KeyTable } from "../../src/crypto/key-table.ts";
import { secretBytes, validKeys } from "./crypto-keys.ts";

const CALLS = Number(process.env.CRESSET_FUZZ_CALLS ?? 20_000);
const SEED = Number(process.env.CRESSET_FUZZ_SEED ?? Date.now() % 2 ** 31) | 1;

let state = SEED;
function random(below: number): number {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return (state >>> 0) % below;
}

function pick<T>(list: readonly T[]): T {
  return list[random(list.length)]!;
}

const folder = mkdtempSync(join(tmpdir(), "cresset-fuzz-"));
// A random string may be taken for the path of a table: it shall lie here.
process.chdir(folder);
const keys = validKeys(8);
const secret = SecretKey.fromBytes(secretBytes(0));
const message = new Uint8Array(32).fill(1);
const signature = secret.sign(message);
const secretHandle = blsNative.secretFromBytes(secretBytes(1));
const tables = [0, 3, 8].map((count) => {
  const table = blsNative.tableCreate(count === 3 ? 5 : 100);
  blsNative.tableAppend(table, keys.subarray(0, 48 * count));
  return table;
});
const detached = new Uint8Array(48);
structuredClone(detached.buffer, { transfer: [detached.buffer] });

const LENGTHS = [0, 1, 12, 31, 32, 33, 47, 48, 49, 64, 95, 96, 97, 144, 191, 192, 193, 288];

function bytes(): Uint8Array {
  const sources = [keys, signature, message, secretBytes(3)];
  if (random(8) === 0) return detached;
  if (random(8) === 0) return new Uint8Array(new SharedArrayBuffer(pick(LENGTHS)));
  if (random(2) === 0) return pick(sources).slice(0, pick(LENGTHS));
  const out = new Uint8Array(pick(LENGTHS) + 3).subarray(3);
  return out.map(() => random(256));
}

function words(): Uint32Array {
  const limit = pick([3, 9, 2 ** 32]);
  return new Uint32Array(random(8)).map(() => random(limit));
}

/** Mostly what some function wants. */
const MAKERS: (() => unknown)[] = [
  bytes,
  bytes,
  bytes,
  words,
  words,
  () => pick(tables),
  () => pick(tables),
  () => tables,
  () => secretHandle,
  () => random(10),
  () => pick([-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 24 - 1, 2 ** 24, 2 ** 32, 2 ** 53, 1e300]),
  () => pick([undefined, null, true, "", "text", 1n, Symbol("s"), {}, [], () => 0]),
  () => new (pick([Float64Array, Uint16Array, BigUint64Array, DataView as never, Int8Array]))(new ArrayBuffer(40)),
  () => [pick(tables), pick([undefined, {}, secretHandle])],
  () => join(folder, pick(["a", "b", "none/c"])),
];

/** Arguments of the right kinds, so that the calls get past the first checks. */
const SHAPES: Record<string, (() => unknown)[]> = {
  verifySets: [
    () => tables,
    () => Uint32Array.of(random(4), random(3), random(2)),
    () => words().subarray(0, random(3)),
    () => keys.subarray(0, 48 * random(2)),
    () => message,
    () => signature,
    () => random(3),
  ],
  tableAppend: [() => pick(tables), () => keys.subarray(0, 48 * random(3))],
  tableRead: [() => pick(tables), () => random(10), () => new Uint8Array(48 * random(4))],
  tableValidate: [() => pick(tables), () => random(10), () => random(10), () => random(3)],
  tableAggregate: [() => pick(tables), words, () => new Uint8Array(48)],
  tableCompressed: [() => pick(tables)],
  tableOpen: [() => join(folder, pick(["a", "b"])), () => random(200), () => random(2), () => random(2), () => 1],
  tableCountMatching: [() => pick(tables), () => random(10), () => keys.subarray(0, 48 * random(8))],
  tableFlush: [() => pick(tables), () => random(3)],
};
SHAPES.verifySetsAsync = SHAPES.findInvalidSets = SHAPES.findInvalidSetsAsync = SHAPES.verifySets!;
SHAPES.tableFlushAsync = SHAPES.tableFlush!;
SHAPES.tableValidateAsync = SHAPES.tableValidate!;

const functions = Object.entries(blsNative as unknown as Record<string, (...args: unknown[]) => unknown>).filter(
  // Closing is tested apart: here it would soon leave nothing to call.
  ([name]) => name !== "tableClose" && name !== "secretDestroy",
);

function makeArguments(name: string): unknown[] {
  const shape = SHAPES[name];
  if (shape === undefined || random(4) === 0) return Array.from({ length: random(9) }, () => pick(MAKERS)());
  return shape.map((make) => (random(10) === 0 ? pick(MAKERS)() : make()));
}

async function call(name: string, run: (...args: unknown[]) => unknown): Promise<void> {
  try {
    const result = await run(...makeArguments(name));
    if (name === "tableOpen") blsNative.tableClose(result as TableHandle);
  } catch (error) {
    assert.ok(error instanceof Error, `${name}: ${String(error)}`);
    const { code } = error as NodeJS.ErrnoException;
    assert.ok(["MISUSE", "STORAGE", "NO_MEMORY"].includes(code ?? ""), `${name}: ${error.stack}`);
  }
}

test(`${CALLS} random calls, seed ${SEED}`, async () => {
  let waiting: Promise<void>[] = [];
  for (let i = 0; i < CALLS; i++) {
    const [name, run] = pick(functions);
    waiting.push(call(name, run));
    if (waiting.length === 16) {
      await Promise.all(waiting);
      waiting = [];
    }
  }
  await Promise.all(waiting);
  rmSync(folder, { recursive: true, force: true });
  const table = KeyTable.create();
  table.append(keys);
  assert.equal(verifySets([{ table, indices: [0], message, signature }]), true, "it still works");
});

test("a handle of another kind, or closed, is refused", () => {
  const table = blsNative.tableCreate(10);
  assert.throws(() => blsNative.tableLength(secretHandle as unknown as TableHandle), TypeError);
  assert.throws(() => blsNative.secretSign(table as never, message, new Uint8Array(96)), TypeError);
  blsNative.tableClose(table);
  for (const use of [blsNative.tableLength, blsNative.tableClose, blsNative.tableCompressed]) {
    assert.throws(() => use(table), TypeError);
  }
});
