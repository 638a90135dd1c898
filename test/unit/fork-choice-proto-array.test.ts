import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ZERO_BYTES32 } from "../../src/base/bytes.ts";
import { MemoryBudgetError } from "../../src/base/errors.ts";
import { getHead } from "../../src/spec/fork-choice/get-head.ts";
import { ProtoArray } from "../../src/spec/fork-choice/proto-array.ts";
import { prune } from "../../src/spec/fork-choice/prune.ts";
import { compareRoots, RootIndex } from "../../src/spec/fork-choice/root-index.ts";
import { addTo, letterOf, recordOf, rootOf, storeOf, voteFor } from "./fork-choice-builder.ts";

/** A root that says its number. */
function numbered(number: number): Uint8Array {
  const root = new Uint8Array(32);
  new DataView(root.buffer).setUint32(28, number);
  return root;
}

function chain(length: number, array = new ProtoArray()): ProtoArray {
  for (let i = 0; i < length; i++) {
    const record = recordOf("a", "", i);
    array.append({ ...record, root: numbered(i + 1), parentRoot: numbered(i), stateRoot: numbered(1000 + i) });
  }
  return array;
}

describe("RootIndex", () => {
  test("finds thousands of roots that differ in the last bytes only, and no others", () => {
    const roots = new Uint8Array(5000 * 32);
    const index = new RootIndex();
    for (let row = 0; row < 5000; row++) {
      roots.set(numbered(row), row * 32);
      index.add(roots, row);
    }
    for (let row = 0; row < 5000; row++) assert.equal(index.find(roots, numbered(row)), row);
    assert.equal(index.find(roots, numbered(5000)), -1);
    assert.equal(index.find(roots, numbered(1).subarray(0, 31)), -1);
    index.rebuild(roots, 10);
    assert.equal(index.find(roots, numbered(9)), 9);
    assert.equal(index.find(roots, numbered(10)), -1);
  });

  test("orders roots by their first differing byte", () => {
    const [low, high] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(1)];
    high[3] = 2;
    low[31] = 255;
    assert.ok(compareRoots(low, 0, high, 0) < 0);
    assert.equal(compareRoots(low, 0, low, 0), 0);
  });
});

describe("ProtoArray", () => {
  test("keeps every column through growth", () => {
    const array = chain(1000);
    for (let row = 0; row < 1000; row++) {
      assert.equal(array.indexOf(numbered(row + 1)), row);
      assert.equal(array.parent[row], row - 1);
      assert.equal(array.slot[row], row);
      assert.deepEqual(array.stateRoots.slice(row * 32, row * 32 + 32), numbered(1000 + row));
    }
    assert.equal(array.ancestorAt(999, 500), 500);
    assert.equal(array.ancestorAt(999, -1), -1);
    assert.ok(array.isAncestor(999, 0));
    assert.ok(!array.isAncestor(0, 999));
  });

  test("refuses blocks beyond its limit", () => {
    const array = chain(3, new ProtoArray(3));
    assert.throws(() => array.append({ ...recordOf("x", "", 9), parentRoot: numbered(3) }), MemoryBudgetError);
    assert.equal(array.length, 3);
  });

  test("pruning gives the memory of a long chain back", () => {
    const array = chain(5000);
    const before = array.sizeBytes;
    array.pruneTo(4990);
    assert.equal(array.length, 10);
    assert.ok(array.sizeBytes < before / 10, `${array.sizeBytes} of ${before} bytes left`);
    for (let row = 0; row < 10; row++) {
      assert.equal(array.indexOf(numbered(4991 + row)), row);
      assert.equal(array.parent[row], row - 1);
    }
    assert.equal(array.indexOf(numbered(4990)), -1);
    array.append({ ...recordOf("z", "", 6000), parentRoot: numbered(5000) });
    assert.equal(array.parent[10], 9);
  });

  test("a checkpoint is that of blocks after the epoch's start, not of those between", () => {
    const array = new ProtoArray();
    const slots: [string, string, number][] = [
      ["a", "", 0],
      ["b", "a", 5],
      ["c", "b", 7],
      ["d", "c", 9],
      ["e", "b", 12],
    ];
    for (const [letter, parent, slot] of slots) array.append(recordOf(letter, parent, slot));
    const out = new Uint8Array(array.length);
    array.markCheckpoint(1, 8, out);
    assert.deepEqual([...out], [0, 1, 0, 0, 1]);
    array.markCheckpoint(-1, 8, out);
    assert.deepEqual([...out], [0, 0, 0, 0, 0]);
  });
});

describe("prune", () => {
  test("drops what does not descend from the finalized block and keeps votes", () => {
    const store = storeOf();
    addTo(store, "b", "a", 1);
    addTo(store, "c", "a", 2);
    addTo(store, "d", "b", 3);
    addTo(store, "e", "d", 4);
    voteFor(store, "e", [0, 1]);
    voteFor(store, "c", [2]);
    getHead(store);
    const finalized = { epoch: 1, root: rootOf("b") };
    Object.assign(store, { justifiedCheckpoint: finalized, unrealizedJustifiedCheckpoint: finalized });
    store.finalizedCheckpoint = finalized;
    assert.deepEqual(prune(store).map(letterOf), ["a", "c"]);
    assert.equal(store.array.length, 3);
    assert.equal(store.array.votes[store.rowOf(rootOf("e"))], 64);
    assert.equal(store.messages.rowOf(2), -1);
    assert.equal(store.messages.epochOf(2), 1, "an older vote must not come back");
    assert.deepEqual(prune(store), []);
  });

  test("keeps the way to a block in use on another branch", () => {
    const store = storeOf();
    addTo(store, "b", "a", 1);
    addTo(store, "c", "b", 2);
    addTo(store, "d", "b", 3);
    addTo(store, "e", "a", 4);
    const finalized = { epoch: 1, root: rootOf("c") };
    Object.assign(store, { justifiedCheckpoint: finalized, unrealizedJustifiedCheckpoint: finalized });
    store.finalizedCheckpoint = finalized;
    assert.deepEqual(prune(store, [rootOf("d"), ZERO_BYTES32]).map(letterOf), ["a", "e"]);
    assert.deepEqual(prune(store).map(letterOf), ["b", "d"]);
  });
});
