/**
 * Rewards and penalties a validator, by component.
 * https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/tests/formats/rewards/README.md
 */
import assert from "node:assert/strict";
import { ContainerType, ListBasicType, UintBigintType } from "@chainsafe/ssz";
import { getCurrentEpoch } from "../../src/spec/accessors.ts";
import { GENESIS_EPOCH } from "../../src/spec/constants.ts";
import {
  getHeadDeltas,
  getInclusionDelayDeltas,
  getPendingInactivityPenaltyDeltas,
  getSourceDeltas,
  getTargetDeltas,
} from "../../src/spec/epoch/pending-attestations.ts";
import { processRewardsAndPenalties } from "../../src/spec/epoch/rewards-and-penalties.ts";
import { Fork } from "../../src/spec/fork.ts";
import { type Deltas, getFlagIndexDeltas, getInactivityPenaltyDeltas } from "../../src/spec/rewards.ts";
import type { BeaconState } from "../../src/spec/state.ts";
import { stateOf } from "./chain.ts";
import { runVectors, type VectorCase } from "./vectors.ts";

type Component = (state: BeaconState) => Deltas;

const Amounts = new ListBasicType(new UintBigintType(8), 2 ** 40);
const DeltasType = new ContainerType({ rewards: Amounts, penalties: Amounts });

const PHASE0: Record<string, Component> = {
  source_deltas: getSourceDeltas,
  target_deltas: getTargetDeltas,
  head_deltas: getHeadDeltas,
  inclusion_delay_deltas: getInclusionDelayDeltas,
  inactivity_penalty_deltas: getPendingInactivityPenaltyDeltas,
};

const ALTAIR: Record<string, Component> = {
  source_deltas: (state) => getFlagIndexDeltas(state, 0),
  target_deltas: (state) => getFlagIndexDeltas(state, 1),
  head_deltas: (state) => getFlagIndexDeltas(state, 2),
  inactivity_penalty_deltas: getInactivityPenaltyDeltas,
};

function run(vector: VectorCase): void {
  const state = stateOf(vector, "pre");
  const components = Object.entries(state.fork >= Fork.altair ? ALTAIR : PHASE0);
  const all = components.map(([name, component]) => {
    const actual = component(state);
    const expected = DeltasType.deserialize(vector.ssz(name));
    assert.deepEqual(Array.from(actual.rewards, BigInt), expected.rewards, `rewards of ${name}`);
    assert.deepEqual(Array.from(actual.penalties, BigInt), expected.penalties, `penalties of ${name}`);
    return expected;
  });
  if (state.fork >= Fork.altair) checkStep(state, all);
  state.drop();
}

/** The step must add up to its components, applied in turn; in the genesis epoch it does nothing. */
function checkStep(state: BeaconState, components: { rewards: bigint[]; penalties: bigint[] }[]): void {
  const applied = getCurrentEpoch(state) === GENESIS_EPOCH ? [] : components;
  const expected = Array.from({ length: state.balances.length }, (_, i) =>
    applied.reduce((balance, { rewards, penalties }) => {
      const raised = balance + rewards[i]!;
      return raised > penalties[i]! ? raised - penalties[i]! : 0n;
    }, state.balances.getBig(i)),
  );
  processRewardsAndPenalties(state);
  const actual = Array.from({ length: state.balances.length }, (_, i) => state.balances.getBig(i));
  assert.deepEqual(actual, expected, "balances after the step");
}

runVectors("rewards", { basic: run, inactivity_scores: run, leak: run, random: run });
