/**
 * Steps of an epoch transition, one at a time, and the whole transitions that they are part of.
 * https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/tests/formats/epoch_processing/README.md
 */
import assert from "node:assert/strict";
import { InvalidBlock } from "../../src/base/errors.ts";
import { EPOCH_STEPS, type EpochStep, processEpoch } from "../../src/spec/epoch/epoch.ts";
import type { BeaconState } from "../../src/spec/state.ts";
import { assertState, forkOf, stateOf } from "./chain.ts";
import { runVectors, type VectorCase } from "./vectors.ts";

const BLS_OFF = 2;

function runStep(vector: VectorCase, { step, from, until }: EpochStep): void {
  const fork = forkOf(vector);
  assert.ok(fork >= from && (until === undefined || fork < until), "the fork has this step");
  // Signatures of deposits are always checked, which no case forbids.
  assert.notEqual(vector.meta.bls_setting, BLS_OFF);
  check(vector, "pre", "post", (state) => step(state));
  // Absent where the case changes the state between steps.
  if (vector.has("pre_epoch.ssz_snappy")) check(vector, "pre_epoch", "post_epoch", (state) => processEpoch(state));
}

function check(vector: VectorCase, pre: string, post: string, process: (state: BeaconState) => void): void {
  const state = stateOf(vector, pre);
  if (vector.has(`${post}.ssz_snappy`)) {
    process(state);
    assertState(state, vector, post);
  } else {
    assert.throws(() => process(state), InvalidBlock);
  }
  state.drop();
}

runVectors(
  "epoch_processing",
  Object.fromEntries(EPOCH_STEPS.map((step) => [step.name, (vector: VectorCase) => runStep(vector, step)])),
);
