/**
 * An honest validator's duties: assignments, subnets, aggregation, custody.
 * @see https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/phase0/validator.md
 */
import { BitArray } from "@chainsafe/ssz";
import { bytesEqual } from "../base/bytes.ts";
import { assertValid } from "../base/errors.ts";
import { aggregateSignatures } from "../crypto/bls.ts";
import { sha256 } from "../crypto/sha256.ts";
import { getBeaconCommittee, getBeaconProposerIndex, getCommitteeCountPerSlot, getCurrentEpoch } from "./accessors.ts";
import type { ChainSpec } from "./chain-spec.ts";
import {
  BASIS_POINTS,
  SYNC_COMMITTEE_SUBNET_COUNT,
  TARGET_AGGREGATORS_PER_COMMITTEE,
  TARGET_AGGREGATORS_PER_SYNC_SUBCOMMITTEE,
} from "./constants.ts";
import type { Attestation, SyncAggregate, SyncCommitteeContribution } from "./containers.ts";
import { computeStartSlotAtEpoch, computeSyncCommitteePeriod } from "./misc.ts";
import { signingSyncCommitteePubkeys } from "./p2p.ts";
import { isActiveValidator } from "./predicates.ts";
import type { BeaconState } from "./state.ts";

/** @spec check_if_validator_active (phase0) */
export function checkIfValidatorActive(state: BeaconState, validatorIndex: number): boolean {
  return isActiveValidator(state, validatorIndex, getCurrentEpoch(state));
}

/** Milliseconds. @spec get_slot_component_duration_ms (phase0) */
export function getSlotComponentDurationMs(spec: ChainSpec, basisPoints: number): number {
  return Math.floor((basisPoints * spec.config.SLOT_DURATION_MS) / BASIS_POINTS);
}

/** Milliseconds into the slot. @spec get_attestation_due_ms (phase0) */
export function getAttestationDueMs(spec: ChainSpec): number {
  return getSlotComponentDurationMs(spec, spec.config.ATTESTATION_DUE_BPS);
}

/** Milliseconds into the slot. @spec get_aggregate_due_ms (phase0) */
export function getAggregateDueMs(spec: ChainSpec): number {
  return getSlotComponentDurationMs(spec, spec.config.AGGREGATE_DUE_BPS);
}

/** Milliseconds into the slot. @spec get_sync_message_due_ms (altair) */
export function getSyncMessageDueMs(spec: ChainSpec): number {
  return getSlotComponentDurationMs(spec, spec.config.SYNC_MESSAGE_DUE_BPS);
}

/** Milliseconds into the slot. @spec get_contribution_due_ms (altair) */
export function getContributionDueMs(spec: ChainSpec): number {
  return getSlotComponentDurationMs(spec, spec.config.CONTRIBUTION_DUE_BPS);
}

export interface CommitteeAssignment {
  /** A view of the shuffling: not to be written. */
  readonly committee: Uint32Array;
  readonly index: number;
  readonly slot: number;
}

/**
 * @spec get_committee_assignment (phase0)
 * @param epoch at most the next one
 * @cost a pass over the epoch's shuffling
 */
export function getCommitteeAssignment(
  state: BeaconState,
  epoch: number,
  validatorIndex: number,
): CommitteeAssignment | undefined {
  const nextEpoch = getCurrentEpoch(state) + 1;
  assertValid(epoch <= nextEpoch, "EPOCH_TOO_FAR", { epoch, nextEpoch });
  const startSlot = computeStartSlotAtEpoch(state.spec, epoch);
  const committeesPerSlot = getCommitteeCountPerSlot(state, epoch);
  for (let slot = startSlot; slot < startSlot + state.spec.preset.SLOTS_PER_EPOCH; slot++) {
    for (let index = 0; index < committeesPerSlot; index++) {
      const committee = getBeaconCommittee(state, slot, index);
      if (committee.includes(validatorIndex)) return { committee, index, slot };
    }
  }
  return undefined;
}

/** @spec is_proposer (phase0) */
export function isProposer(state: BeaconState, validatorIndex: number): boolean {
  return getBeaconProposerIndex(state) === validatorIndex;
}

/** @spec compute_subnet_for_attestation (phase0) */
export function computeSubnetForAttestation(
  spec: ChainSpec,
  committeesPerSlot: number,
  slot: number,
  committeeIndex: number,
): number {
  const committeesSinceEpochStart = committeesPerSlot * (slot % spec.preset.SLOTS_PER_EPOCH);
  return (committeesSinceEpochStart + committeeIndex) % spec.config.ATTESTATION_SUBNET_COUNT;
}

/** @spec is_aggregator (phase0) */
export function isAggregator(state: BeaconState, slot: number, index: number, slotSignature: Uint8Array): boolean {
  return isAggregatorOf(getBeaconCommittee(state, slot, index).length, slotSignature);
}

/** `isAggregator` for those who know the committee's length and have no state. */
export function isAggregatorOf(committeeLength: number, slotSignature: Uint8Array): boolean {
  return isDrawn(slotSignature, Math.max(1, Math.floor(committeeLength / TARGET_AGGREGATORS_PER_COMMITTEE)));
}

/** @spec get_aggregate_signature (phase0) */
export function getAggregateSignature(attestations: readonly { readonly signature: Uint8Array }[]): Uint8Array {
  return aggregateSignatures(attestations.map((attestation) => attestation.signature));
}

/**
 * One attestation for a block from aggregates of different committees with the same data.
 * @spec compute_on_chain_aggregate (electra)
 * @param networkAggregates at least one, each of one committee
 */
export function computeOnChainAggregate(spec: ChainSpec, networkAggregates: readonly Attestation[]): Attestation {
  assertValid(networkAggregates.length > 0, "NO_AGGREGATES");
  const byCommittee = networkAggregates
    .map((aggregate) => ({ aggregate, committee: aggregate.committeeBits.getTrueBitIndexes()[0]! }))
    .sort((a, b) => a.committee - b.committee);
  const bits = byCommittee.flatMap(({ aggregate }) => aggregate.aggregationBits.toBoolArray());
  const committeeBits = BitArray.fromBitLen(spec.preset.MAX_COMMITTEES_PER_SLOT);
  for (const { committee } of byCommittee) committeeBits.set(committee, true);
  return {
    aggregationBits: BitArray.fromBoolArray(bits),
    data: byCommittee[0]!.aggregate.data,
    signature: getAggregateSignature(byCommittee.map(({ aggregate }) => aggregate)),
    committeeBits,
  };
}

/**
 * @spec is_assigned_to_sync_committee (altair)
 * @param epoch of the current sync committee period or the next
 */
export function isAssignedToSyncCommittee(state: BeaconState, epoch: number, validatorIndex: number): boolean {
  const period = computeSyncCommitteePeriod(state.spec, epoch);
  const currentPeriod = computeSyncCommitteePeriod(state.spec, getCurrentEpoch(state));
  assertValid(period === currentPeriod || period === currentPeriod + 1, "SYNC_COMMITTEE_PERIOD", { period });
  const pubkey = state.validators.getPubkey(validatorIndex);
  const committee = period === currentPeriod ? state.currentSyncCommittee : state.nextSyncCommittee;
  return committee.pubkeys.some((key) => bytesEqual(key, pubkey));
}

/** @spec compute_subnets_for_sync_committee (altair) */
export function computeSubnetsForSyncCommittee(state: BeaconState, validatorIndex: number): Set<number> {
  const pubkey = state.validators.getPubkey(validatorIndex);
  const subcommitteeSize = state.spec.preset.SYNC_COMMITTEE_SIZE / SYNC_COMMITTEE_SUBNET_COUNT;
  const subnets = new Set<number>();
  signingSyncCommitteePubkeys(state).forEach((key, position) => {
    if (bytesEqual(key, pubkey)) subnets.add(Math.floor(position / subcommitteeSize));
  });
  return subnets;
}

/** @spec is_sync_committee_aggregator (altair) */
export function isSyncCommitteeAggregator(spec: ChainSpec, signature: Uint8Array): boolean {
  const subcommitteeSize = spec.preset.SYNC_COMMITTEE_SIZE / SYNC_COMMITTEE_SUBNET_COUNT;
  return isDrawn(signature, Math.max(1, Math.floor(subcommitteeSize / TARGET_AGGREGATORS_PER_SYNC_SUBCOMMITTEE)));
}

/**
 * The sync aggregate of a block from contributions of different subcommittees.
 * @spec process_sync_committee_contributions (altair), which writes it into a block
 * @param contributions at least one
 */
export function processSyncCommitteeContributions(
  spec: ChainSpec,
  contributions: readonly SyncCommitteeContribution[],
): SyncAggregate {
  const { SYNC_COMMITTEE_SIZE } = spec.preset;
  const subcommitteeSize = SYNC_COMMITTEE_SIZE / SYNC_COMMITTEE_SUBNET_COUNT;
  const syncCommitteeBits = BitArray.fromBitLen(SYNC_COMMITTEE_SIZE);
  for (const { subcommitteeIndex, aggregationBits } of contributions) {
    for (const position of aggregationBits.getTrueBitIndexes()) {
      syncCommitteeBits.set(subcommitteeSize * subcommitteeIndex + position, true);
    }
  }
  return {
    syncCommitteeBits,
    syncCommitteeSignature: aggregateSignatures(contributions.map(({ signature }) => signature)),
  };
}

/** Custody groups that a node must keep for the validators it runs. @spec get_validators_custody_requirement (fulu) */
export function getValidatorsCustodyRequirement(state: BeaconState, validatorIndices: Iterable<number>): number {
  const { BALANCE_PER_ADDITIONAL_CUSTODY_GROUP, VALIDATOR_CUSTODY_REQUIREMENT, NUMBER_OF_CUSTODY_GROUPS } =
    state.spec.config;
  let totalGwei = 0n;
  for (const index of validatorIndices) totalGwei += state.validators.effectiveBalance.getBig(index);
  const count = totalGwei / BigInt(BALANCE_PER_ADDITIONAL_CUSTODY_GROUP);
  return Math.min(Math.max(Number(count), VALIDATOR_CUSTODY_REQUIREMENT), NUMBER_OF_CUSTODY_GROUPS);
}

/** A signature nobody could choose decides by lot. */
function isDrawn(signature: Uint8Array, modulo: number): boolean {
  const draw = Buffer.from(sha256(signature).slice(0, 8)).readBigUInt64LE(0);
  return draw % BigInt(modulo) === 0n;
}
