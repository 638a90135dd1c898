import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { InvalidBlock } from "../../src/base/errors.ts";
import type { AttestationData } from "../../src/spec/containers.ts";
import { BalanceSource } from "../../src/spec/fork-choice/balance-source.ts";
import { estimateCommitteeWeightBetweenSlots } from "../../src/spec/fork-choice/confirmation-weights.ts";
import { getHead, getWeight, getWeights } from "../../src/spec/fork-choice/get-head.ts";
import { LatestMessages } from "../../src/spec/fork-choice/latest-messages.ts";
import { onVerifiedAttestation, onVerifiedAttesterSlashing } from "../../src/spec/fork-choice/on-attestation.ts";
import { isConsistentWithWeakSubjectivity, validateOnBlock } from "../../src/spec/fork-choice/on-block.ts";
import { onTick, onTickMs } from "../../src/spec/fork-choice/on-tick.ts";
import { ExecutionStatus } from "../../src/spec/fork-choice/proto-array.ts";
import type { Store } from "../../src/spec/fork-choice/store.ts";
import {
  addTo,
  balancesOf,
  GENESIS_TIME,
  letterOf,
  rootOf,
  SPEC,
  setSlot,
  storeOf,
  voteFor,
} from "./fork-choice-builder.ts";

function data(slot: number, letter: string, target: string, epoch = Math.floor(slot / 8)): AttestationData {
  const checkpoint = (root: string, at: number) => ({ epoch: at, root: rootOf(root) });
  return {
    slot,
    index: 0,
    beaconBlockRoot: rootOf(letter),
    source: checkpoint("a", 0),
    target: checkpoint(target, epoch),
  };
}

function refusedWith(code: string): (error: unknown) => boolean {
  return (error) => error instanceof InvalidBlock && error.code === code;
}

/** a - b (slot 1) - c (slot 9), at slot 11. */
function threeBlocks(): Store {
  const store = storeOf();
  addTo(store, "b", "a", 1);
  addTo(store, "c", "b", 9);
  setSlot(store, 11);
  return store;
}

describe("attestations", () => {
  test("each rule refuses with a code of its own", () => {
    const cases: [AttestationData, string][] = [
      [data(11, "c", "c", 2), "ATTESTATION_TARGET_NOT_RECENT"],
      [data(3, "c", "b", 1), "ATTESTATION_TARGET_NOT_OF_SLOT"],
      [data(9, "c", "x"), "ATTESTATION_TARGET_UNKNOWN"],
      [data(9, "x", "b"), "ATTESTATION_BLOCK_UNKNOWN"],
      [data(8, "c", "b"), "ATTESTATION_FOR_LATER_BLOCK"],
      [data(9, "c", "a"), "ATTESTATION_TARGET_NOT_IN_CHAIN"],
      [data(11, "c", "b"), "ATTESTATION_TOO_EARLY"],
    ];
    for (const [attestation, code] of cases) {
      assert.throws(() => onVerifiedAttestation(threeBlocks(), attestation, [1], false), refusedWith(code));
    }
    const store = threeBlocks();
    store.array.executionStatus[2] = ExecutionStatus.invalidated;
    assert.throws(
      () => onVerifiedAttestation(store, data(9, "c", "b"), [1], false),
      refusedWith("ATTESTATION_BLOCK_INVALIDATED"),
    );
  });

  test("one from a block may be older than the previous epoch", () => {
    const store = threeBlocks();
    setSlot(store, 40);
    assert.throws(
      () => onVerifiedAttestation(store, data(9, "c", "b"), [1], false),
      refusedWith("ATTESTATION_TARGET_NOT_RECENT"),
    );
    onVerifiedAttestation(store, data(9, "c", "b"), [1], true);
    assert.equal(getWeight(store, rootOf("c")), 32_000_000_000n);
  });

  test("only a newer target epoch moves a vote", () => {
    const store = threeBlocks();
    addTo(store, "d", "b", 10);
    onVerifiedAttestation(store, data(10, "c", "b"), [1, 2], false);
    onVerifiedAttestation(store, data(10, "d", "b"), [2, 3], false);
    assert.deepEqual(
      getWeights(store).map((weight) => Number(weight / 1_000_000_000n)),
      [96, 96, 64, 32],
    );
    assert.equal(letterOf(getHead(store)), "c");
  });

  test("equivocators lose their vote for good", () => {
    const store = threeBlocks();
    voteFor(store, "c", [1, 2, 3], 0);
    assert.equal(getWeight(store, rootOf("c")), 96_000_000_000n);
    onVerifiedAttesterSlashing(store, [1, 3, 5, 9], [0, 1, 5, 7, 9, 12]);
    assert.equal(store.messages.equivocatingCount, 3);
    assert.equal(getWeight(store, rootOf("c")), 64_000_000_000n);
    onVerifiedAttestation(store, data(9, "c", "b"), [1, 5], false);
    assert.equal(getWeight(store, rootOf("c")), 64_000_000_000n);
    assert.equal(store.messages.epochOf(5), -1);
  });

  test("a vote costs nine bytes a validator at most", () => {
    const messages = new LatestMessages();
    const indices = Uint32Array.from({ length: 100_000 }, (_, i) => i);
    messages.update(indices, 7, 0, undefined, undefined);
    assert.ok(messages.sizeBytes <= 100_000 * 9.2, `${messages.sizeBytes} bytes`);
    const votes = new Float64Array(1);
    messages.count(balancesOf(Array(100_000).fill(32)), votes);
    assert.equal(votes[0], 3_200_000);
  });

  test("validators that are new, inactive or slashed weigh nothing", () => {
    const balances = new BalanceSource({
      effective: Uint16Array.of(32, 33, 34, 35),
      status: Uint8Array.of(1, 0, 3, 2),
      incrementGwei: 1_000_000_000,
    });
    assert.deepEqual(
      [0, 1, 2, 3, 4].map((index) => balances.weightOf(index)),
      [32, 0, 0, 0, 0],
    );
    assert.equal(balances.totalActiveBalance, 66_000_000_000n, "slashed validators count until they exit");
    assert.equal(balancesOf([]).totalActiveBalance, 1_000_000_000n);
  });
});

describe("ties and boosts", () => {
  test("equal weights are decided by the higher root, a boost by less than an increment", () => {
    const store = storeOf(Array(3).fill(1));
    addTo(store, "b", "a", 1);
    addTo(store, "c", "a", 1);
    setSlot(store, 1);
    voteFor(store, "b", [0]);
    voteFor(store, "c", [1]);
    assert.equal(letterOf(getHead(store)), "c");
    // 3 ETH in 8 slots, of which 40 %: 0.15 ETH.
    store.proposerBoostRoot = rootOf("b");
    store.headRow = -1;
    assert.equal(letterOf(getHead(store)), "b");
    assert.equal(getWeight(store, rootOf("b")), 1_150_000_000n);
    onTick(store, GENESIS_TIME + 12);
    assert.equal(letterOf(getHead(store)), "c");
  });
});

describe("onTick", () => {
  test("a new epoch makes unrealized checkpoints real, however many slots were skipped", () => {
    for (const slot of [8, 9, 31]) {
      const store = threeBlocks();
      setSlot(store, 7);
      store.unrealizedJustifiedCheckpoint = { epoch: 2, root: rootOf("c") };
      store.unrealizedFinalizedCheckpoint = { epoch: 1, root: rootOf("b") };
      onTick(store, GENESIS_TIME + 7 * 6 + 5);
      assert.equal(store.justifiedCheckpoint.epoch, 0);
      onTick(store, GENESIS_TIME + slot * 6);
      assert.equal(letterOf(store.justifiedCheckpoint.root), "c");
      assert.equal(letterOf(store.finalizedCheckpoint.root), "b");
    }
  });

  test("refuses times before genesis and beyond exact integers", () => {
    for (const timeMs of [GENESIS_TIME * 1000 - 1, 2 ** 60, Number.NaN, 1.5e12 + 0.5]) {
      assert.throws(() => onTickMs(threeBlocks(), timeMs), refusedWith("TICK_OUT_OF_RANGE"));
    }
  });
});

describe("blocks before their transition", () => {
  test("each rule refuses with a code of its own", () => {
    const store = threeBlocks();
    const block = (parent: string, slot: number) => ({ parentRoot: rootOf(parent), slot }) as never;
    assert.throws(() => validateOnBlock(store, block("x", 10)), refusedWith("PARENT_UNKNOWN"));
    assert.throws(() => validateOnBlock(store, block("c", 12)), refusedWith("BLOCK_FROM_FUTURE"));
    validateOnBlock(store, block("c", 11));
    addTo(store, "d", "a", 2);
    store.finalizedCheckpoint = { epoch: 1, root: rootOf("b") };
    assert.throws(() => validateOnBlock(store, block("c", 8)), refusedWith("BLOCK_NOT_AFTER_FINALIZED"));
    assert.throws(() => validateOnBlock(store, block("d", 11)), refusedWith("BLOCK_NOT_FROM_FINALIZED"));
    store.array.executionStatus[2] = ExecutionStatus.invalidated;
    assert.throws(() => validateOnBlock(store, block("c", 11)), refusedWith("PARENT_PAYLOAD_INVALIDATED"));
  });

  test("a trusted checkpoint must be on the finalized chain once that is known", () => {
    const store = threeBlocks();
    assert.ok(isConsistentWithWeakSubjectivity(store, { epoch: 1, root: rootOf("x") }));
    store.finalizedCheckpoint = { epoch: 2, root: rootOf("c") };
    assert.ok(isConsistentWithWeakSubjectivity(store, { epoch: 1, root: rootOf("b") }));
    assert.ok(!isConsistentWithWeakSubjectivity(store, { epoch: 1, root: rootOf("x") }));
  });
});

test("the committee estimate grows with the slots up to the whole", () => {
  const total = 800_000n;
  const estimate = (start: number, end: number) => estimateCommitteeWeightBetweenSlots(SPEC, total, start, end);
  assert.equal(estimate(5, 4), 0n);
  assert.equal(estimate(8, 8), 100_000n);
  assert.equal(estimate(8, 14), 700_000n);
  assert.equal(estimate(8, 15), total);
  assert.equal(estimate(3, 16), total);
  // Two of the start epoch's slots, of which a quarter was probably in the first six of the end epoch: plus 0.5 %.
  assert.equal(estimate(6, 13), ((50_000n + 600_000n) / 1000n) * 1005n);
});
