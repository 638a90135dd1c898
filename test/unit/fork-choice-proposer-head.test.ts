import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { InvalidBlock } from "../../src/base/errors.ts";
import { getProposerHead, shouldOverrideForkchoiceUpdate } from "../../src/spec/fork-choice/proposer-head.ts";
import type { Store } from "../../src/spec/fork-choice/store.ts";
import { addTo, letterOf, rootOf, setSlot, storeOf, voteFor } from "./fork-choice-builder.ts";

/**
 * a - b (slot 1) - c (slot 2, late), the votes of slot 2's committee all at b, at the start of slot 3.
 * 16 validators of 32 ETH: a slot's committee weighs 64 ETH, weak is below 12.8, strong above 102.4.
 */
function lateHead(options: { votesForHead?: number; votesForParent?: number; isTimely?: boolean } = {}): Store {
  const store = storeOf();
  addTo(store, "b", "a", 1);
  addTo(store, "c", "b", 2, { isTimely: options.isTimely ?? false });
  const forHead = Array.from({ length: options.votesForHead ?? 0 }, (_, i) => i);
  voteFor(
    store,
    "b",
    Array.from({ length: options.votesForParent ?? 4 }, (_, i) => 8 + i),
    0,
  );
  voteFor(store, "c", forHead, 0);
  setSlot(store, 3);
  return store;
}

function proposerHead(store: Store, slot = 3): string {
  return letterOf(getProposerHead(store, rootOf("c"), slot));
}

describe("getProposerHead", () => {
  test("skips a late head without votes", () => {
    assert.equal(proposerHead(lateHead()), "b");
  });

  test("keeps a head that was timely, voted for, or whose missing votes went elsewhere", () => {
    assert.equal(proposerHead(lateHead({ isTimely: true })), "c");
    assert.equal(proposerHead(lateHead({ votesForHead: 1 })), "c");
    assert.equal(proposerHead(lateHead({ votesForParent: 3 })), "c");
  });

  test("keeps the head when proposing late, at an epoch boundary, or without finality", () => {
    const late = lateHead();
    setSlot(late, 3, 1001);
    assert.equal(proposerHead(late), "c");
    setSlot(late, 3, 1000);
    assert.equal(proposerHead(late), "b");
    const old = storeOf();
    for (const [letter, parent, slot] of [
      ["b", "a", 30],
      ["c", "b", 31],
    ] as const)
      addTo(old, letter, parent, slot, { isTimely: false });
    voteFor(old, "b", [8, 9, 10, 11], 3);
    setSlot(old, 32);
    assert.equal(proposerHead(old, 32), "c");
  });

  test("reorganizes one slot at most", () => {
    const store = storeOf();
    addTo(store, "b", "a", 1);
    addTo(store, "c", "b", 3, { isTimely: false });
    voteFor(store, "b", [8, 9, 10, 11], 0);
    setSlot(store, 4);
    assert.equal(proposerHead(store, 4), "c");
    assert.equal(proposerHead(lateHead(), 4), "c", "the head is two slots old");
  });

  test("skips a weak head whose proposer equivocated, even if it was timely", () => {
    const store = lateHead({ isTimely: true });
    addTo(store, "d", "b", 2, { proposerIndex: 2 });
    assert.equal(proposerHead(store), "b");
    const strong = lateHead({ isTimely: true, votesForHead: 1 });
    addTo(strong, "d", "b", 2, { proposerIndex: 2 });
    assert.equal(proposerHead(strong), "c");
  });

  test("needs equal justification at head and parent", () => {
    const store = lateHead();
    store.array.unrealizedJustifiedEpoch[2] = 1;
    assert.equal(proposerHead(store), "c");
  });

  test("cannot be asked while the head is boosted", () => {
    const store = lateHead();
    store.proposerBoostRoot = rootOf("c");
    assert.throws(
      () => proposerHead(store),
      (error: InvalidBlock) => error.code === "PROPOSER_BOOST_STILL_ON",
    );
  });
});

describe("shouldOverrideForkchoiceUpdate", () => {
  test("withholds a late head before its votes are in, if this node proposes next", () => {
    const store = lateHead();
    setSlot(store, 2, 4000);
    assert.ok(shouldOverrideForkchoiceUpdate(store, rootOf("c"), true));
    assert.ok(!shouldOverrideForkchoiceUpdate(store, rootOf("c"), false));
    assert.ok(!shouldOverrideForkchoiceUpdate(lateHead({ isTimely: true }), rootOf("c"), true));
  });

  test("in the next slot asks for votes and time as the proposal does", () => {
    assert.ok(shouldOverrideForkchoiceUpdate(lateHead(), rootOf("c"), true));
    assert.ok(!shouldOverrideForkchoiceUpdate(lateHead({ votesForHead: 1 }), rootOf("c"), true));
    const late = lateHead();
    setSlot(late, 3, 2000);
    assert.ok(!shouldOverrideForkchoiceUpdate(late, rootOf("c"), true));
    setSlot(late, 4);
    assert.ok(!shouldOverrideForkchoiceUpdate(late, rootOf("c"), true));
  });
});
