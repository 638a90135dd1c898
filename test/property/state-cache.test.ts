/**
 * Whatever happens to a registry, in whatever order and in which clone, what the cache answers is what a state
 * without a cache computes.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  getActiveValidatorIndices,
  getBeaconCommittee,
  getBeaconProposerIndex,
  getCommitteeCountPerSlot,
  getCurrentEpoch,
  getShuffledIndices,
  getTotalActiveBalance,
} from "../../src/spec/accessors.ts";
import { createChainSpec } from "../../src/spec/chain-spec.ts";
import { MINIMAL_CONFIG } from "../../src/spec/config.ts";
import { FAR_FUTURE_EPOCH } from "../../src/spec/constants.ts";
import { Fork } from "../../src/spec/fork.ts";
import {
  addValidatorToRegistry,
  initiateValidatorExit,
  setActivationEpoch,
  slashValidator,
} from "../../src/spec/mutators.ts";
import { BeaconState } from "../../src/spec/state.ts";
import { StateCache } from "../../src/spec/state-cache.ts";
import { type Random, seededRandom } from "./random.ts";

const spec = createChainSpec(MINIMAL_CONFIG);
const EPOCH = 20;

function randomState(random: Random, fork: Fork): BeaconState {
  const state = BeaconState.empty(spec, fork);
  const count = 600 + random.below(1200);
  for (let i = 0; i < count; i++) {
    addValidatorToRegistry(state, random.bytes(48), random.bytes(32), 32_000_000_000n);
    if (random.below(10) > 0) state.validators.activationEpoch.set(i, random.below(EPOCH + 3));
    if (random.below(10) === 0) state.validators.exitEpoch.set(i, EPOCH - 3 + random.below(8));
  }
  for (let i = 0; i < spec.preset.EPOCHS_PER_HISTORICAL_VECTOR; i++) state.randaoMixes.set(i, random.bytes(32));
  state.slot = EPOCH * spec.preset.SLOTS_PER_EPOCH + random.below(spec.preset.SLOTS_PER_EPOCH);
  if (fork >= Fork.fulu) state.proposerLookahead = state.proposerLookahead.map((_, i) => i);
  return state;
}

/** One change of the kinds that blocks and epochs make, or one that the cache is not told of. */
function change(random: Random, state: BeaconState): void {
  const index = random.below(state.validators.length);
  const later = EPOCH - 2 + random.below(8);
  const kind = random.below(9);
  if (kind === 0) addValidatorToRegistry(state, random.bytes(48), random.bytes(32), 32_000_000_000n);
  else if (kind === 1) slashValidator(state, index);
  else if (kind === 2) setActivationEpoch(state, index, random.below(2) === 0 ? FAR_FUTURE_EPOCH : later);
  else if (kind === 3) state.validators.exitEpoch.set(index, later);
  else if (kind === 4) state.validators.activationEpoch.set(index, later);
  else if (kind === 5) state.validators.effectiveBalance.set(index, random.below(32) * 1_000_000_000);
  else if (kind === 6) state.randaoMixes.set(random.below(state.randaoMixes.length), random.bytes(32));
  else initiateValidatorExit(state, index);
}

function answers(state: BeaconState): unknown {
  const epoch = getCurrentEpoch(state);
  const nearby = [epoch - 1, epoch, epoch + 1, epoch + 2];
  return {
    active: nearby.map((e) => getActiveValidatorIndices(state, e)),
    balance: getTotalActiveBalance(state),
    proposer: getBeaconProposerIndex(state),
    counts: nearby.map((e) => getCommitteeCountPerSlot(state, e)),
    shuffled: nearby.slice(0, 3).map((e) => getShuffledIndices(state, e)),
    committee: getBeaconCommittee(state, state.slot, 0),
  };
}

function answersWithoutCache(state: BeaconState): unknown {
  const kept = state.cache;
  state.cache = new StateCache();
  const result = answers(state);
  state.cache = kept;
  return result;
}

for (const fork of [Fork.phase0, Fork.deneb, Fork.electra, Fork.fulu] as const) {
  test(`cached answers are those of a state without a cache, fork ${fork}`, () => {
    const seed = Number(process.env.SEED ?? 1) + fork;
    const random = seededRandom(seed);
    const states = [randomState(random, fork)];
    for (let round = 0; round < 150; round++) {
      const state = states[random.below(states.length)]!;
      for (let n = random.below(4); n >= 0; n--) change(random, state);
      if (random.below(3) > 0)
        assert.deepEqual(answers(state), answersWithoutCache(state), `seed ${seed}, round ${round}`);
      if (random.below(20) === 0 && states.length < 4) states.push(state.clone());
    }
    for (const state of states) {
      assert.deepEqual(answers(state), answersWithoutCache(state), `seed ${seed}, at the end`);
      assert.ok(state.cache.sizeBytes < 200_000);
    }
  });
}

test("exits and new validators leave the shufflings of epochs before them alone", () => {
  const random = seededRandom(7);
  const state = randomState(random, Fork.fulu);
  const epoch = getCurrentEpoch(state);
  const before = getShuffledIndices(state, epoch);
  const active = getActiveValidatorIndices(state, epoch);
  initiateValidatorExit(state, active[3]!);
  slashValidator(state, active[4]!);
  addValidatorToRegistry(state, random.bytes(48), random.bytes(32), 1_000_000_000n);
  assert.equal(getShuffledIndices(state, epoch), before, "the same array: nothing was computed again");
});

test("clones share a shuffling that one of them computes, and only when it is theirs", () => {
  const state = randomState(seededRandom(8), Fork.fulu);
  const epoch = getCurrentEpoch(state);
  const twin = state.clone();
  const other = state.clone();
  other.validators.exitEpoch.set(getActiveValidatorIndices(other, epoch)[0]!, epoch);
  const shuffled = getShuffledIndices(state, epoch);
  assert.equal(getShuffledIndices(twin, epoch), shuffled);
  assert.equal(getShuffledIndices(other, epoch).length, shuffled.length - 1);
});
