/**
 * What a validator signs, with a key at hand.
 * @see https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/phase0/validator.md
 */
import type { SecretKey } from "../crypto/bls.ts";
import { getCurrentEpoch, getDomain } from "./accessors.ts";
import {
  DOMAIN_AGGREGATE_AND_PROOF,
  DOMAIN_BEACON_ATTESTER,
  DOMAIN_BEACON_PROPOSER,
  DOMAIN_CONTRIBUTION_AND_PROOF,
  DOMAIN_RANDAO,
  DOMAIN_SELECTION_PROOF,
  DOMAIN_SYNC_COMMITTEE,
  DOMAIN_SYNC_COMMITTEE_SELECTION_PROOF,
} from "./constants.ts";
import type {
  AggregateAndProof,
  Attestation,
  AttestationData,
  BeaconBlock,
  ContributionAndProof,
  SyncCommitteeContribution,
  SyncCommitteeMessage,
} from "./containers.ts";
import { Fork, forkName } from "./fork.ts";
import { uint64Root } from "./merkle.ts";
import { computeEpochAtSlot, computeSigningRoot } from "./misc.ts";
import type { BeaconState } from "./state.ts";

/** The randao reveal of a block. @spec get_epoch_signature (phase0) */
export function getEpochSignature(state: BeaconState, block: BeaconBlock, key: SecretKey): Uint8Array {
  const epoch = computeEpochAtSlot(state.spec, block.slot);
  return sign(state, uint64Root(epoch), DOMAIN_RANDAO, epoch, key);
}

/**
 * @spec get_block_signature (phase0)
 * @param state of the block's fork
 */
export function getBlockSignature(state: BeaconState, block: BeaconBlock, key: SecretKey): Uint8Array {
  const type = state.spec.types[forkName(state.fork)].BeaconBlock;
  const epoch = computeEpochAtSlot(state.spec, block.slot);
  return sign(state, type.hashTreeRoot(block as never), DOMAIN_BEACON_PROPOSER, epoch, key);
}

/** @spec get_attestation_signature (phase0) */
export function getAttestationSignature(state: BeaconState, data: AttestationData, key: SecretKey): Uint8Array {
  const root = state.spec.types.phase0.AttestationData.hashTreeRoot(data);
  return sign(state, root, DOMAIN_BEACON_ATTESTER, data.target.epoch, key);
}

/** Draws the aggregators of a slot. @spec get_slot_signature (phase0) */
export function getSlotSignature(state: BeaconState, slot: number, key: SecretKey): Uint8Array {
  return sign(state, uint64Root(slot), DOMAIN_SELECTION_PROOF, computeEpochAtSlot(state.spec, slot), key);
}

/** @spec get_aggregate_and_proof (phase0) */
export function getAggregateAndProof(
  state: BeaconState,
  aggregatorIndex: number,
  aggregate: Attestation,
  key: SecretKey,
): AggregateAndProof {
  return { aggregatorIndex, aggregate, selectionProof: getSlotSignature(state, aggregate.data.slot, key) };
}

/** @spec get_aggregate_and_proof_signature (phase0) */
export function getAggregateAndProofSignature(
  state: BeaconState,
  aggregateAndProof: AggregateAndProof,
  key: SecretKey,
): Uint8Array {
  const { electra, phase0 } = state.spec.types;
  const { AggregateAndProof } = state.fork >= Fork.electra ? electra : phase0;
  const epoch = computeEpochAtSlot(state.spec, aggregateAndProof.aggregate.data.slot);
  return sign(state, AggregateAndProof.hashTreeRoot(aggregateAndProof), DOMAIN_AGGREGATE_AND_PROOF, epoch, key);
}

/** @spec get_sync_committee_message (altair) */
export function getSyncCommitteeMessage(
  state: BeaconState,
  beaconBlockRoot: Uint8Array,
  validatorIndex: number,
  key: SecretKey,
): SyncCommitteeMessage {
  const signature = sign(state, beaconBlockRoot, DOMAIN_SYNC_COMMITTEE, getCurrentEpoch(state), key);
  return { slot: state.slot, beaconBlockRoot, validatorIndex, signature };
}

/** @spec get_sync_committee_selection_proof (altair) */
export function getSyncCommitteeSelectionProof(
  state: BeaconState,
  slot: number,
  subcommitteeIndex: number,
  key: SecretKey,
): Uint8Array {
  const root = state.spec.types.altair.SyncAggregatorSelectionData.hashTreeRoot({ slot, subcommitteeIndex });
  return sign(state, root, DOMAIN_SYNC_COMMITTEE_SELECTION_PROOF, computeEpochAtSlot(state.spec, slot), key);
}

/** @spec get_contribution_and_proof (altair) */
export function getContributionAndProof(
  state: BeaconState,
  aggregatorIndex: number,
  contribution: SyncCommitteeContribution,
  key: SecretKey,
): ContributionAndProof {
  const { slot, subcommitteeIndex } = contribution;
  const selectionProof = getSyncCommitteeSelectionProof(state, slot, subcommitteeIndex, key);
  return { aggregatorIndex, contribution, selectionProof };
}

/** @spec get_contribution_and_proof_signature (altair) */
export function getContributionAndProofSignature(
  state: BeaconState,
  contributionAndProof: ContributionAndProof,
  key: SecretKey,
): Uint8Array {
  const root = state.spec.types.altair.ContributionAndProof.hashTreeRoot(contributionAndProof);
  const epoch = computeEpochAtSlot(state.spec, contributionAndProof.contribution.slot);
  return sign(state, root, DOMAIN_CONTRIBUTION_AND_PROOF, epoch, key);
}

function sign(state: BeaconState, root: Uint8Array, domainType: Uint8Array, epoch: number, key: SecretKey): Uint8Array {
  return key.sign(computeSigningRoot(root, getDomain(state, domainType, epoch)));
}
