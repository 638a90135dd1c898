import assert from "node:assert/strict";
import { test } from "node:test";
import { hasher as portable } from "@chainsafe/persistent-merkle-tree";
import { sszHasher } from "../../src/crypto/ssz-hasher.ts";

// The library's own functions, as they are before anybody installs others.
const expected = { ...portable };

function bytes(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 7 + (i >>> 8)) & 255);
}

test("the library's hasher is the portable one in this process", () => assert.equal(expected.name, "noble"));

test("merkleizeBlocksBytes", () => {
  for (const blocks of [0, 1, 2, 3, 5, 64, 129]) {
    for (const padFor of [2, 3, 8, 300, 2 ** 20, 2 ** 40]) {
      if (padFor < blocks * 2) continue;
      const [actual, wanted] = [new Uint8Array(40), new Uint8Array(40)];
      sszHasher.merkleizeBlocksBytes(bytes(blocks * 64), padFor, actual, 5);
      expected.merkleizeBlocksBytes(bytes(blocks * 64), padFor, wanted, 5);
      assert.deepEqual(actual, wanted, `${blocks} blocks in ${padFor}`);
    }
  }
  for (const length of [32, 64]) {
    const [actual, wanted] = [new Uint8Array(32), new Uint8Array(32)];
    sszHasher.merkleizeBlocksBytes(bytes(length), 1, actual, 0);
    expected.merkleizeBlocksBytes(bytes(length), 1, wanted, 0);
    assert.deepEqual(actual, wanted, "a single chunk is its own root");
  }
});

test("merkleizeBlockArray", () => {
  for (const [count, limit] of [
    [1, 1],
    [5, 4],
    [9, 9],
  ] as const) {
    const make = () => Array.from({ length: count }, (_, i) => bytes(64).fill(i));
    const [actual, wanted] = [new Uint8Array(32), new Uint8Array(32)];
    sszHasher.merkleizeBlockArray(make(), limit, 64, actual, 0);
    expected.merkleizeBlockArray(make(), limit, 64, wanted, 0);
    assert.deepEqual(actual, wanted);
  }
  assert.throws(() => sszHasher.merkleizeBlockArray([], 1, 2, new Uint8Array(32), 0), RangeError);
});

test("digests", () => {
  assert.deepEqual(sszHasher.digest64(bytes(32), bytes(32)), expected.digest64(bytes(32), bytes(32)));
  const [actual, wanted] = [new Uint8Array(32), new Uint8Array(32)];
  sszHasher.digest64Into(bytes(32), bytes(32), actual);
  expected.digest64Into(bytes(32), bytes(32), wanted);
  assert.deepEqual(actual, wanted);
  assert.deepEqual(sszHasher.digestNLevel(bytes(512), 3), expected.digestNLevel(bytes(512), 3));
  for (const count of [1, 3, 64, 200]) {
    const [into, want] = [new Uint8Array(count * 32), new Uint8Array(count * 32)];
    sszHasher.hashInto(bytes(count * 64), into);
    expected.hashInto(bytes(count * 64), want);
    assert.deepEqual(into, want);
  }
  assert.throws(() => sszHasher.hashInto(bytes(63), new Uint8Array(32)), RangeError);
});
