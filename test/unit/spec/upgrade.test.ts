import assert from "node:assert/strict";
import { test } from "node:test";
import { SecretKey } from "../../../src/crypto/bls.ts";
import { createChainSpec } from "../../../src/spec/chain-spec.ts";
import { forkVersion, MINIMAL_CONFIG } from "../../../src/spec/config.ts";
import { Fork } from "../../../src/spec/fork.ts";
import { addValidatorToRegistry } from "../../../src/spec/mutators.ts";
import { BeaconState } from "../../../src/spec/state.ts";
import { processSlots } from "../../../src/spec/transition.ts";
import { upgradeTo } from "../../../src/spec/upgrade.ts";

const SLOTS_PER_EPOCH = 8;

function stateOf(epochs: Record<string, number>): BeaconState {
  const state = BeaconState.empty(createChainSpec({ ...MINIMAL_CONFIG, ...epochs }), Fork.phase0);
  for (let i = 0; i < 32; i++) {
    const seed = new Uint8Array(32).fill(i + 1);
    addValidatorToRegistry(state, SecretKey.fromSeed(seed).toPublicKey(), new Uint8Array(32), 32_000_000_000n);
    state.validators.activationEligibilityEpoch.set(i, 0);
    state.validators.activationEpoch.set(i, 0);
  }
  return state;
}

test("forks that start at different epochs follow one another, each at the first slot of its epoch", () => {
  let state = stateOf({ ALTAIR_FORK_EPOCH: 1, BELLATRIX_FORK_EPOCH: 2, CAPELLA_FORK_EPOCH: 3 });
  for (const [slot, fork] of [
    [SLOTS_PER_EPOCH - 1, Fork.phase0],
    [SLOTS_PER_EPOCH, Fork.altair],
    [2 * SLOTS_PER_EPOCH, Fork.bellatrix],
    [3 * SLOTS_PER_EPOCH + 5, Fork.capella],
  ] as const) {
    state = processSlots(state, slot);
    assert.equal(state.fork, fork);
    assert.equal(state.slot, slot);
  }
  assert.equal(state.forkRecord.epoch, 3);
  assert.deepEqual(state.forkRecord.previousVersion, forkVersion(state.spec.config, Fork.bellatrix));
});

test("forks that start at the same epoch are all applied, the last one winning", () => {
  const names = ["ALTAIR", "BELLATRIX", "CAPELLA", "DENEB", "ELECTRA", "FULU"];
  const state = processSlots(stateOf(Object.fromEntries(names.map((name) => [`${name}_FORK_EPOCH`, 2]))), 16);
  assert.equal(state.fork, Fork.fulu);
  assert.deepEqual(state.forkRecord.previousVersion, forkVersion(state.spec.config, Fork.electra));
  assert.deepEqual(state.forkRecord.currentVersion, forkVersion(state.spec.config, Fork.fulu));
  assert.equal(state.proposerLookahead.length, 16);
  assert.equal(processSlots(state, 30), state, "without a fork the state itself advances");
});

test("a fork cannot be skipped", () => {
  const state = stateOf({});
  assert.throws(() => upgradeTo(Fork.bellatrix, state), RangeError);
  assert.throws(() => upgradeTo(Fork.phase0, state), RangeError);
});
