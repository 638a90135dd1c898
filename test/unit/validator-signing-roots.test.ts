import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ChainSpec } from "../../src/spec/chain-spec.ts";
import { createChainSpec } from "../../src/spec/chain-spec.ts";
import { defaultConfig } from "../../src/spec/config.ts";
import { FORK_NAMES, Fork } from "../../src/spec/fork.ts";
import { forkTypes } from "../../src/spec/fork-types.ts";
import { initializeInteropState, interopSecretKey } from "../../src/spec/interop.ts";
import { processSlots } from "../../src/spec/transition.ts";
import {
  getAggregateAndProofSignature,
  getAttestationSignature,
  getBlockSignature,
  getContributionAndProofSignature,
  getEpochSignature,
  getSlotSignature,
  getSyncCommitteeMessage,
  getSyncCommitteeSelectionProof,
} from "../../src/spec/validator-signatures.ts";
import { SigningRoots } from "../../src/validator/signing-roots.ts";

/** A fork an epoch, phase0 first. */
function spec(): ChainSpec {
  const epochs = FORK_NAMES.slice(1).map((name, i) => [`${name.toUpperCase()}_FORK_EPOCH`, i + 1]);
  return createChainSpec({ ...defaultConfig("minimal"), ...Object.fromEntries(epochs) });
}

describe("signing roots without a state", () => {
  const chain = spec();
  let state = initializeInteropState(chain, { validatorCount: 16, genesisTime: 1_700_000_000 });
  const roots = new SigningRoots(chain, state.genesisValidatorsRoot);
  const key = interopSecretKey(3);

  for (const [epoch, name] of FORK_NAMES.entries()) {
    it(`are the spec's in ${name}`, () => {
      const slot = epoch * chain.preset.SLOTS_PER_EPOCH;
      if (slot > state.slot) state = processSlots(state, slot);
      assert.equal(state.fork, Fork[name]);
      const types = forkTypes({ spec: chain, fork: state.fork });
      const block = types.BeaconBlock.defaultValue();
      block.slot = slot;
      assert.deepEqual(key.sign(roots.block(block)), getBlockSignature(state, block, key));
      assert.deepEqual(key.sign(roots.randao(epoch)), getEpochSignature(state, block, key));
      assert.deepEqual(key.sign(roots.slotSelection(slot)), getSlotSignature(state, slot, key));
      const aggregate = types.Attestation.defaultValue();
      aggregate.data.slot = slot;
      aggregate.data.target.epoch = epoch;
      assert.deepEqual(
        key.sign(roots.attestation(aggregate.data)),
        getAttestationSignature(state, aggregate.data, key),
      );
      const proof = { aggregatorIndex: 3, aggregate, selectionProof: new Uint8Array(96).fill(1) };
      assert.deepEqual(key.sign(roots.aggregateAndProof(proof)), getAggregateAndProofSignature(state, proof, key));
      if (state.fork < Fork.altair) return;
      const blockRoot = new Uint8Array(32).fill(4);
      const message = getSyncCommitteeMessage(state, blockRoot, 3, key);
      assert.deepEqual(key.sign(roots.syncMessage(slot, blockRoot)), message.signature);
      assert.deepEqual(key.sign(roots.syncSelection(slot, 2)), getSyncCommitteeSelectionProof(state, slot, 2, key));
      const contribution = types.SyncCommitteeContribution.defaultValue();
      contribution.slot = slot;
      const signed = { aggregatorIndex: 3, contribution, selectionProof: new Uint8Array(96).fill(2) };
      assert.deepEqual(
        key.sign(roots.contributionAndProof(signed)),
        getContributionAndProofSignature(state, signed, key),
      );
    });
  }
});
