import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { afterEach, describe, test } from "node:test";
import { implementation, implementations, useImplementation } from "../../src/crypto/sha256.ts";
import { computeShuffledIndex, computeShuffledIndices, shuffleList } from "../../src/crypto/shuffle.ts";

const preferred = implementation();
afterEach(() => useImplementation(preferred));

function reference(...parts: Uint8Array[]): Buffer {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest();
}

/** The spec's compute_shuffled_index, for every index, with the digests kept. */
function naiveShuffle(count: number, seed: Uint8Array, rounds: number): Uint32Array {
  const places = Uint32Array.from({ length: count }, (_, i) => i);
  if (count === 0) return places;
  for (let round = 0; round < rounds; round++) {
    const pivot = Number(reference(seed, Uint8Array.of(round)).readBigUInt64LE() % BigInt(count));
    const blocks = Array.from({ length: Math.ceil(count / 256) }, (_, block) => {
      const number = Buffer.alloc(4);
      number.writeUInt32LE(block);
      return reference(seed, Uint8Array.of(round), number);
    });
    for (let i = 0; i < count; i++) {
      const flip = (pivot + count - places[i]!) % count;
      const position = Math.max(places[i]!, flip);
      const byte = blocks[Math.floor(position / 256)]![Math.floor((position % 256) / 8)]!;
      if ((byte >> (position % 8)) & 1) places[i] = flip;
    }
  }
  return places;
}

describe("every implementation against the definition", () => {
  for (const name of implementations()) {
    test(name, () => {
      useImplementation(name);
      const counts = [0, 1, 2, 3, 4, 7, 8, 15, 16, 17, 31, 33, 64, 100, 255, 256, 257, 511, 513, 1000, 40_001];
      for (const count of counts) {
        for (const rounds of [0, 1, 10, 90]) {
          const seed = randomBytes(32);
          const original = Uint32Array.from({ length: count }, (_, i) => (i * 2654435761) >>> 0);
          const places = naiveShuffle(count, seed, rounds);
          const expected = places.map((place) => original[place]!);
          for (const threads of [1, 2, 5]) {
            const list = original.slice();
            shuffleList(list, seed, rounds, threads);
            assert.deepEqual(list, expected, `${count} indices, ${rounds} rounds, ${threads} threads`);
          }
          for (let i = 0; i < count; i += 97) {
            assert.equal(computeShuffledIndex(i, count, seed, rounds), places[i]);
          }
          if (count === 0) continue;
          const some = Uint32Array.from({ length: 131 }, (_, i) => (i * 61) % count);
          const moved = some.slice();
          computeShuffledIndices(moved, 130, count, seed, rounds);
          assert.deepEqual(
            moved.subarray(0, 130),
            some.subarray(0, 130).map((index) => places[index]!),
          );
          assert.equal(moved[130], some[130]);
        }
      }
    });
  }
});

test("a part of a longer array is shuffled alone", () => {
  const whole = new Uint32Array(1002).fill(7);
  const list = whole.subarray(1, 1001);
  for (let i = 0; i < 1000; i++) list[i] = i;
  shuffleList(list, new Uint8Array(32), 90, 2);
  assert.deepEqual([whole[0], whole[1001]], [7, 7]);
  assert.deepEqual(
    list.slice().sort(),
    Uint32Array.from({ length: 1000 }, (_, i) => i),
  );
  assert.notDeepEqual(list, list.slice().sort());
});

test("indices beyond 32 bits", () => {
  const count = 2 ** 40;
  const seed = new Uint8Array(32).fill(3);
  const shuffled = computeShuffledIndex(count - 1, count, seed, 10);
  assert.ok(Number.isSafeInteger(shuffled) && shuffled < count);
});

test("misuse throws", () => {
  const list = new Uint32Array(10);
  const seed = new Uint8Array(32);
  for (const bad of [null, undefined, [], new Uint8Array(8), new Float64Array(8)]) {
    assert.throws(() => shuffleList(bad as unknown as Uint32Array, seed, 90), TypeError);
  }
  assert.throws(() => shuffleList(list, new Uint32Array(8) as unknown as Uint8Array, 90), TypeError);
  assert.throws(() => shuffleList(list, seed.subarray(1), 90), RangeError);
  for (const rounds of [-1, 256, 0.5, Number.NaN]) {
    assert.throws(() => shuffleList(list, seed, rounds), RangeError);
    assert.throws(() => computeShuffledIndex(0, 1, seed, rounds), RangeError);
  }
  for (const threads of [0, -1, Number.NaN]) assert.throws(() => shuffleList(list, seed, 90, threads), RangeError);
  for (const [index, count] of [
    [0, 0],
    [1, 1],
    [-1, 1],
    [0.5, 1],
    [0, Number.NaN],
    [0, 2 ** 41],
  ] as const) {
    assert.throws(() => computeShuffledIndex(index, count, seed, 90), RangeError);
  }
  assert.throws(() => computeShuffledIndices(list, 11, 10, seed, 90), RangeError);
  assert.throws(() => computeShuffledIndices(Uint32Array.of(3, 10), 2, 10, seed, 90), RangeError);
  assert.throws(() => computeShuffledIndices(list, 10, 0, seed, 90), RangeError);
  assert.throws(() => computeShuffledIndices(list, 10, 2 ** 33, seed, 90), RangeError);
  const gone = new Uint32Array(10);
  structuredClone(gone.buffer, { transfer: [gone.buffer] });
  shuffleList(gone, seed, 90);
  assert.equal(gone.length, 0);
});
