/**
 * Random calls of the addon's functions, with arguments from right to absurd: each returns or throws TypeError or
 * RangeError, and what lies around its buffers stays as it was.
 * CRESSET_FUZZ_CALLS and CRESSET_FUZZ_SEED lengthen or repeat it.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { sha256Native } from "../../src/crypto/sha256-native.ts";

const CALLS = Number(process.env.CRESSET_FUZZ_CALLS ?? 20_000);
const SEED = Number(process.env.CRESSET_FUZZ_SEED ?? Date.now() % 2 ** 31) | 1;
const PAGE_BYTES = 256;
const PAGES_PER_SLAB = 4;
const GUARD = 64;

let state = SEED;
function random(below: number): number {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return (state >>> 0) % below;
}

function pick<T>(values: readonly T[]): T {
  return values[random(values.length)]!;
}

/** Every array is the middle of a buffer whose ends must not change. */
const guarded: Uint8Array[] = [];

function bytes(length: number): Uint8Array {
  const whole = new Uint8Array(length + 2 * GUARD).fill(0x5a);
  guarded.push(whole);
  return whole.subarray(GUARD, GUARD + length).fill(random(2));
}

function words(length: number, below: number): Uint32Array {
  const raw = bytes(4 * length);
  const array = new Uint32Array(raw.buffer, raw.byteOffset, length);
  for (let i = 0; i < length; i++) array[i] = random(50) === 0 ? random(2 ** 32) : random(below);
  return array;
}

const NUMBERS = [0, 1, 2, 3, 7, 8, 16, 31, 32, 64, 100, 121, 255, 256, 1000];
const ODD_NUMBERS = [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 31, 2 ** 32, 2 ** 53, 2 ** 60, -0];
const STRANGE = [undefined, null, "8", {}, [], 5n, Symbol("x"), new Float32Array(8), new DataView(new ArrayBuffer(8))];

type Kind = "bytes" | "root" | "slabs" | "page" | "pages" | "table" | "words" | "number" | "small" | "indices";

function argumentOf(kind: Kind): unknown {
  if (random(60) === 0) return pick(STRANGE);
  switch (kind) {
    case "bytes":
      return bytes(pick([0, 32, 48, 64, 121, 96, 512, 4096, 48 * 40, 121 * 40]));
    case "root":
      return bytes(random(20) === 0 ? pick(NUMBERS) : 32);
    case "slabs":
      return Array.from({ length: random(6) + 3 }, () =>
        bytes(PAGE_BYTES * PAGES_PER_SLAB - (random(80) === 0 ? 1 : 0)),
      );
    case "page":
      return random(30) === 0 ? pick([...NUMBERS, ...ODD_NUMBERS]) : PAGE_BYTES;
    case "pages":
      return random(30) === 0 ? pick([...NUMBERS, ...ODD_NUMBERS]) : PAGES_PER_SLAB;
    case "table":
      return words(random(20) === 0 ? random(3) : 24, 12);
    case "words":
      return words(pick([0, 1, 2, 17, 600]), 700);
    case "indices":
      return random(2) === 0 ? null : words(pick([0, 1, 5, 40]), 40);
    case "number":
      return random(10) === 0 ? pick(ODD_NUMBERS) : random(3) === 0 ? pick(NUMBERS) : random(40);
    case "small":
      return random(20) === 0 ? pick(ODD_NUMBERS) : random(6);
  }
}

const ARENA: Kind[] = ["slabs", "page", "pages"];
const COLUMNS: Kind[] = Array(7).fill("table");
const KEYS: Kind[] = ["bytes", "small", "table"];
const SELECTION: Kind[] = ["table", "indices", "number", "small"];

const FUNCTIONS: Record<string, Kind[]> = {
  hashPairs: ["bytes", "bytes", "small", "small"],
  sha256: ["bytes", "number", "root"],
  merkleizeChunks: ["bytes", "number", "small", "root", "small"],
  zeroHash: ["number", "root"],
  shuffleList: ["words", "root", "number", "small"],
  computeShuffledIndex: ["number", "number", "root", "number"],
  computeShuffledIndices: ["words", "small", "number", "root", "number"],
  useImplementation: ["small"],
  merkleizePages: [...ARENA, "table", "small", "small", "small", "bytes", "small"],
  hashRecords: [...ARENA, "table", "number", "bytes", ...SELECTION, "small"],
  hashValidators: [...ARENA, ...COLUMNS, ...KEYS, ...SELECTION, "small"],
  scatterValidators: [...ARENA, ...COLUMNS, "bytes", "small", "number", "small", "bytes"],
  gatherValidators: [...ARENA, ...COLUMNS, ...KEYS, "number", "small", "bytes", "small"],
};

test(`${CALLS} random calls from seed ${SEED}`, () => {
  const names = Object.keys(FUNCTIONS);
  const native = sha256Native as unknown as Record<string, (...args: unknown[]) => unknown>;
  const returned = new Map<string, number>();
  for (let call = 0; call < CALLS; call++) {
    guarded.length = 0;
    const name = pick(names);
    const args = FUNCTIONS[name]!.map(argumentOf);
    // A layout that fits its record now and then, or none would be hashed.
    if (name === "hashRecords" && random(4) > 0) args.splice(4, 2, 40, Uint8Array.of(32, 8));
    if (random(40) === 0) args.length = random(args.length);
    try {
      native[name]!(...args);
      returned.set(name, (returned.get(name) ?? 0) + 1);
    } catch (error) {
      const expected = error instanceof TypeError || error instanceof RangeError;
      assert.ok(expected, `call ${call} of seed ${SEED}: ${name}: ${error}`);
    }
    for (const whole of guarded) {
      const ends = [...whole.subarray(0, GUARD), ...whole.subarray(whole.length - GUARD)];
      assert.ok(
        ends.every((byte) => byte === 0x5a),
        `call ${call} of seed ${SEED}: ${name} wrote beyond a buffer`,
      );
    }
  }
  for (const name of names) {
    if (name === "useImplementation") continue;
    assert.ok(
      CALLS < 10_000 || (returned.get(name) ?? 0) > 0,
      `${name} was never called rightly; the fuzz proves little`,
    );
  }
});
