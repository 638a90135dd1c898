import assert from "node:assert/strict";
import { randomFillSync } from "node:crypto";
import { test } from "node:test";
import { MemoryBudgetError } from "../../src/base/errors.ts";
import { Arena } from "../../src/columns/arena.ts";
import { createChainSpec } from "../../src/spec/chain-spec.ts";
import { MAINNET_CONFIG } from "../../src/spec/config.ts";
import { Fork } from "../../src/spec/fork.ts";
import { BeaconState } from "../../src/spec/state.ts";
import { measureState } from "../../src/spec/state-memory.ts";
import { seededRandom } from "../property/random.ts";

const MIB = 1 << 20;
const VALIDATORS = 1_000_000;
const SLOTS_PER_EPOCH = 32;
const SYNC_COMMITTEE_SIZE = 512;
const spec = createChainSpec(MAINNET_CONFIG);

/** A mainnet-sized fulu state whose registry columns all differ from validator to validator. */
function largeState(arena: Arena): BeaconState {
  const random = seededRandom(3);
  const state = BeaconState.empty(spec, Fork.fulu, { arena });
  const { validators } = state;
  validators.keys.pushAll(randomFillSync(new Uint8Array(48 * VALIDATORS)));
  validators.withdrawalCredentials.resize(VALIDATORS);
  const credentials = new Uint8Array(32);
  for (let i = 0; i < VALIDATORS; i++) {
    new DataView(credentials.buffer).setUint32(20, i);
    validators.withdrawalCredentials.set(i, credentials);
  }
  validators.slashed.resetTo(VALIDATORS);
  for (const column of [
    validators.effectiveBalance,
    validators.activationEligibilityEpoch,
    validators.activationEpoch,
    validators.exitEpoch,
    validators.withdrawableEpoch,
    state.balances,
    state.inactivityScores,
  ]) {
    column.fill(0, VALIDATORS);
    for (let i = 0; i < VALIDATORS; i++) column.set(i, 1 + random.below(1 << 30));
  }
  for (const column of [state.previousEpochParticipation, state.currentEpochParticipation]) {
    column.resetTo(VALIDATORS);
    for (let i = 0; i < VALIDATORS; i++) column.set(i, 1 + random.below(7));
  }
  for (let i = 0; i < state.randaoMixes.length; i++) state.randaoMixes.set(i, random.bytes(32));
  for (let i = 0; i < state.blockRoots.length; i++) state.blockRoots.set(i, random.bytes(32));
  for (let i = 0; i < state.stateRoots.length; i++) state.stateRoots.set(i, random.bytes(32));
  return state;
}

test("a mainnet-sized state and what is held on top of it stay within their budgets", async (t) => {
  const arena = new Arena();
  const state = largeState(arena);
  state.hashTreeRoot({ threads: 2 });

  await t.test("the whole state, nothing in it equal, takes at most 130 bytes a validator and 4 MiB", () => {
    assert.ok(arena.bytesReserved <= 130 * VALIDATORS + 4 * MIB, `${arena.bytesReserved} bytes`);
  });

  await t.test("a clone takes no page", () => {
    const before = arena.bytesUsed;
    const clone = state.clone();
    assert.equal(arena.bytesUsed, before);
    clone.drop();
  });

  await t.test("a block's state takes at most 1 MiB on top of its parent", () => {
    const random = seededRandom(4);
    const before = arena.bytesUsed;
    const clone = state.clone();
    // One slot's attesters are a random part of the registry, the sync committee another.
    for (let i = 0; i < VALIDATORS / SLOTS_PER_EPOCH; i++) {
      clone.currentEpochParticipation.set(random.below(VALIDATORS), 7);
    }
    for (let i = 0; i < SYNC_COMMITTEE_SIZE; i++) clone.balances.add(random.below(VALIDATORS), 1000);
    const sweep = random.below(VALIDATORS - 16);
    for (let i = 0; i < 16; i++) clone.balances.set(sweep + i, 32e9);
    clone.randaoMixes.set(5, random.bytes(32));
    clone.blockRoots.set(5, random.bytes(32));
    clone.stateRoots.set(5, random.bytes(32));
    clone.hashTreeRoot();
    const cost = arena.bytesUsed - before + measureState(clone).tableBytes;
    t.diagnostic(`a block's state: ${cost} bytes`);
    assert.ok(cost <= MIB, `${cost} bytes`);
    clone.drop();
    assert.equal(arena.bytesUsed, before);
  });

  await t.test("an epoch boundary's state takes at most 30 MiB on top of the last one", () => {
    const before = arena.bytesUsed;
    const clone = state.clone();
    for (let i = 0; i < VALIDATORS; i++) {
      clone.balances.add(i, 7);
      clone.inactivityScores.add(i, 4);
    }
    clone.rotateParticipation();
    for (let i = 0; i < VALIDATORS; i++) clone.currentEpochParticipation.set(i, 1);
    clone.hashTreeRoot();
    assert.ok(arena.bytesUsed - before <= 30 * MIB, `${arena.bytesUsed - before} bytes`);
    clone.drop();
  });

  await t.test("dropping the state gives its slabs back, but for a few", () => {
    state.drop();
    assert.ok(arena.bytesReserved <= 11 * MIB, `${arena.bytesReserved} bytes`);
  });
});

test("an arena refuses what exceeds its budget and stays usable", () => {
  const arena = new Arena({ budgetBytes: 3 * MIB });
  const state = BeaconState.empty(spec, Fork.fulu, { arena });
  assert.throws(() => state.balances.fill(1, VALIDATORS), MemoryBudgetError);
  state.balances.resize(0);
  state.balances.fill(1, 1000);
  assert.equal(state.balances.get(999), 1);
});
