import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ZERO_BYTES32 } from "../../src/base/bytes.ts";
import type { BeaconBlock } from "../../src/spec/containers.ts";
import { getHead } from "../../src/spec/fork-choice/get-head.ts";
import {
  isOptimistic,
  isOptimisticCandidateBlock,
  isOptimisticNode,
  latestVerifiedAncestor,
  onInvalidPayload,
  onValidPayload,
} from "../../src/spec/fork-choice/optimistic.ts";
import { ExecutionStatus } from "../../src/spec/fork-choice/proto-array.ts";
import type { Store } from "../../src/spec/fork-choice/store.ts";
import { addTo, letterOf, rootOf, storeOf, voteFor } from "./fork-choice-builder.ts";

/** The payload hash of a block: its letter in upper case. */
function hashOf(letter: string): Uint8Array {
  return rootOf(letter.toUpperCase());
}

/** a (no payload) - b - c - d - e, and f on b; all payloads from b on not validated. */
function optimisticStore(): Store {
  const store = storeOf();
  const blocks: [string, string, number][] = [
    ["b", "a", 1],
    ["c", "b", 2],
    ["d", "c", 3],
    ["e", "d", 4],
    ["f", "b", 3],
  ];
  for (const [letter, parent, slot] of blocks) {
    const executionStatus = ExecutionStatus.notValidated;
    addTo(store, letter, parent, slot, { executionBlockHash: hashOf(letter), executionStatus });
  }
  voteFor(store, "e", [0, 1, 2]);
  voteFor(store, "f", [3]);
  return store;
}

function invalidate(store: Store, letter: string, parent: string, latestValid: Uint8Array | undefined): string {
  const result = onInvalidPayload(store, { root: rootOf(letter), parentRoot: rootOf(parent) }, latestValid);
  assert.equal(result.contradiction, undefined);
  return result.invalidated.map(letterOf).join("");
}

describe("optimistic sync", () => {
  test("a valid payload vouches for its ancestors, not for its descendants or siblings", () => {
    const store = optimisticStore();
    assert.equal(letterOf(latestVerifiedAncestor(store, rootOf("e"))), "a");
    assert.deepEqual(onValidPayload(store, rootOf("d")).map(letterOf), ["d", "c", "b"]);
    assert.deepEqual(onValidPayload(store, rootOf("d")), []);
    assert.ok(!isOptimistic(store, rootOf("b")));
    assert.ok(isOptimistic(store, rootOf("e")) && isOptimistic(store, rootOf("f")));
    assert.equal(letterOf(latestVerifiedAncestor(store, rootOf("e"))), "d");
    assert.equal(letterOf(latestVerifiedAncestor(store, rootOf("f"))), "b");
  });

  test("nothing is signed on an unverified head", () => {
    const store = optimisticStore();
    assert.equal(letterOf(getHead(store)), "e");
    assert.ok(isOptimisticNode(store));
    onValidPayload(store, rootOf("e"));
    assert.ok(!isOptimisticNode(store));
    assert.ok(!isOptimisticNode(storeOf()), "a chain before the merge is never optimistic");
  });

  test("an invalid payload takes its descendants and their votes out", () => {
    const store = optimisticStore();
    assert.equal(invalidate(store, "d", "c", undefined), "de");
    assert.equal(letterOf(getHead(store)), "f");
    assert.equal(store.array.weight[store.rowOf(rootOf("b"))], 32, "votes for e no longer count for b");
    assert.equal(invalidate(store, "d", "c", undefined), "", "twice is nothing new");
  });

  test("latestValidHash points at the parent of the first invalid block", () => {
    assert.equal(invalidate(optimisticStore(), "e", "d", hashOf("b")), "cde");
    assert.equal(invalidate(optimisticStore(), "e", "d", hashOf("d")), "e");
    assert.equal(invalidate(optimisticStore(), "e", "d", ZERO_BYTES32), "bcdef");
    assert.equal(invalidate(optimisticStore(), "e", "d", rootOf("?")), "e", "an unknown hash counts as null");
    assert.equal(invalidate(optimisticStore(), "e", "d", hashOf("f")), "e", "a hash of another branch is unknown here");
  });

  test("a block that was refused on import condemns its ancestors", () => {
    assert.equal(invalidate(optimisticStore(), "x", "e", hashOf("c")), "de");
    assert.equal(invalidate(optimisticStore(), "x", "e", hashOf("e")), "", "only itself, which is not in the tree");
    assert.equal(invalidate(optimisticStore(), "x", "e", undefined), "");
    assert.equal(invalidate(optimisticStore(), "x", "?", ZERO_BYTES32), "", "of an unknown chain");
  });

  test("an engine that contradicts itself changes nothing", () => {
    const store = optimisticStore();
    onValidPayload(store, rootOf("d"));
    const result = onInvalidPayload(store, { root: rootOf("e"), parentRoot: rootOf("d") }, hashOf("b"));
    assert.equal(letterOf(result.contradiction!), "c");
    assert.deepEqual(result.invalidated, []);
    assert.equal(letterOf(getHead(store)), "e");
  });

  test("with every branch invalid the node is optimistic and the head is the justified block", () => {
    const store = optimisticStore();
    invalidate(store, "b", "a", undefined);
    assert.equal(letterOf(getHead(store)), "a");
    store.array.executionStatus[0] = ExecutionStatus.invalidated;
    store.headRow = -1;
    assert.ok(isOptimisticNode(store));
  });

  test("a merge block may only be imported optimistically when it is old", () => {
    const store = optimisticStore();
    const block = (parent: string, slot: number) => ({ parentRoot: rootOf(parent), slot }) as BeaconBlock;
    assert.ok(isOptimisticCandidateBlock(store, 5, block("e", 5)));
    assert.ok(!isOptimisticCandidateBlock(store, 5, block("a", 5)));
    assert.ok(isOptimisticCandidateBlock(store, 133, block("a", 5)));
    assert.ok(!isOptimisticCandidateBlock(store, 132, block("a", 5)));
    assert.ok(isOptimisticCandidateBlock(store, 15, block("a", 5), 10));
  });
});
