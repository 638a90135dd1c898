/**
 * Helpers of the networking chapters: time windows of gossip, subnets of a node, request limits.
 * @see https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/phase0/p2p-interface.md
 */
import { sha256 } from "../crypto/sha256.ts";
import { computeShuffledIndex } from "../crypto/shuffle.ts";
import { getBeaconProposerIndex, getCurrentEpoch } from "./accessors.ts";
import type { ChainSpec } from "./chain-spec.ts";
import { NODE_ID_BITS, SYNC_COMMITTEE_SUBNET_COUNT } from "./constants.ts";
import { Fork } from "./fork.ts";
import {
  computeEpochAtSlot,
  computeStartSlotAtEpoch,
  computeSyncCommitteePeriod,
  computeTimeAtSlotMs,
  uintToBytes,
} from "./misc.ts";
import type { BeaconState } from "./state.ts";
import { processSlots } from "./transition.ts";

/** What the clock rules need of a state. */
interface Timed {
  readonly spec: ChainSpec;
  readonly genesisTime: number;
}

/** @spec is_not_from_future_slot (phase0) */
export function isNotFromFutureSlot(state: Timed, slot: number, nowMs: number): boolean {
  return nowMs + state.spec.config.MAXIMUM_GOSSIP_CLOCK_DISPARITY >= timeAt(state, slot);
}

/** Whether the time is in `[slot, slot + range]`, both included. @spec is_within_slot_range (phase0) */
export function isWithinSlotRange(state: Timed, slot: number, range: number, nowMs: number): boolean {
  const disparity = state.spec.config.MAXIMUM_GOSSIP_CLOCK_DISPARITY;
  return nowMs + disparity >= timeAt(state, slot) && nowMs <= timeAt(state, slot + range + 1) + disparity;
}

/** @spec is_current_slot (altair) */
export function isCurrentSlot(state: Timed, slot: number, nowMs: number): boolean {
  return isWithinSlotRange(state, slot, 0, nowMs);
}

/** @spec is_within_epoch (deneb) */
export function isWithinEpoch(state: Timed, epoch: number, nowMs: number): boolean {
  const { spec } = state;
  return isWithinSlotRange(state, computeStartSlotAtEpoch(spec, epoch), spec.preset.SLOTS_PER_EPOCH - 1, nowMs);
}

/** @spec is_current_or_previous_epoch (deneb) */
export function isCurrentOrPreviousEpoch(state: Timed, epoch: number, nowMs: number): boolean {
  return isWithinEpoch(state, epoch, nowMs) || isWithinEpoch(state, epoch + 1, nowMs);
}

/**
 * Who must propose at a slot on top of the block whose post-state this is.
 * @param state not mutated; from fulu on its lookahead answers for two epochs without a transition
 */
export function computeExpectedProposer(state: BeaconState, slot: number): number {
  if (state.fork >= Fork.fulu) {
    const position = slot - computeStartSlotAtEpoch(state.spec, getCurrentEpoch(state));
    const proposer = state.proposerLookahead[position];
    if (proposer !== undefined) return proposer;
  }
  const advanced = processSlots(state.clone(), slot);
  try {
    return getBeaconProposerIndex(advanced);
  } finally {
    advanced.drop();
  }
}

/** The keys of one subcommittee of the sync committee that signs the state's slot. @spec get_sync_subcommittee_pubkeys (altair) */
export function getSyncSubcommitteePubkeys(state: BeaconState, subcommitteeIndex: number): Uint8Array[] {
  const size = state.spec.preset.SYNC_COMMITTEE_SIZE / SYNC_COMMITTEE_SUBNET_COUNT;
  return signingSyncCommitteePubkeys(state).slice(subcommitteeIndex * size, (subcommitteeIndex + 1) * size);
}

/** A committee signs for the slot before, so it is the next slot's period that counts. */
export function signingSyncCommitteePubkeys(state: BeaconState): Uint8Array[] {
  const { spec } = state;
  const nextSlotEpoch = computeEpochAtSlot(spec, state.slot + 1);
  const samePeriod =
    computeSyncCommitteePeriod(spec, getCurrentEpoch(state)) === computeSyncCommitteePeriod(spec, nextSlotEpoch);
  return (samePeriod ? state.currentSyncCommittee : state.nextSyncCommittee).pubkeys;
}

/** @spec compute_attestation_subnet_prefix_bits (phase0) */
export function computeAttestationSubnetPrefixBits(spec: ChainSpec): number {
  const { ATTESTATION_SUBNET_COUNT, ATTESTATION_SUBNET_EXTRA_BITS } = spec.config;
  return Math.ceil(Math.log2(ATTESTATION_SUBNET_COUNT)) + ATTESTATION_SUBNET_EXTRA_BITS;
}

/** @spec compute_subscribed_subnet (phase0) */
export function computeSubscribedSubnet(spec: ChainSpec, nodeId: bigint, epoch: number, index: number): number {
  const { EPOCHS_PER_SUBNET_SUBSCRIPTION, ATTESTATION_SUBNET_COUNT } = spec.config;
  const prefixBits = computeAttestationSubnetPrefixBits(spec);
  const prefix = Number(nodeId >> BigInt(NODE_ID_BITS - prefixBits));
  const offset = Number(nodeId % BigInt(EPOCHS_PER_SUBNET_SUBSCRIPTION));
  const seed = sha256(uintToBytes(Math.floor((epoch + offset) / EPOCHS_PER_SUBNET_SUBSCRIPTION)));
  const permutated = computeShuffledIndex(prefix, 2 ** prefixBits, seed, spec.preset.SHUFFLE_ROUND_COUNT);
  return (permutated + index) % ATTESTATION_SUBNET_COUNT;
}

/** Attestation subnets that a node keeps up for the network's sake. @spec compute_subscribed_subnets (phase0) */
export function computeSubscribedSubnets(spec: ChainSpec, nodeId: bigint, epoch: number): number[] {
  return Array.from({ length: spec.config.SUBNETS_PER_NODE }, (_, index) =>
    computeSubscribedSubnet(spec, nodeId, epoch, index),
  );
}

/** @spec compute_min_epochs_for_block_requests (phase0) */
export function computeMinEpochsForBlockRequests(spec: ChainSpec): number {
  const { MIN_VALIDATOR_WITHDRAWABILITY_DELAY, CHURN_LIMIT_QUOTIENT } = spec.config;
  return MIN_VALIDATOR_WITHDRAWABILITY_DELAY + Math.floor(CHURN_LIMIT_QUOTIENT / 2);
}

/** The most that snappy can blow `sizeBytes` up to. @spec max_compressed_len (phase0) */
export function maxCompressedLen(sizeBytes: number): number {
  return Math.floor(32 + sizeBytes + sizeBytes / 6);
}

/** @spec max_message_size (phase0) */
export function maxMessageSize(spec: ChainSpec): number {
  return Math.max(maxCompressedLen(spec.config.MAX_PAYLOAD_SIZE) + 1024, 1024 * 1024);
}

function timeAt(state: Timed, slot: number): number {
  return computeTimeAtSlotMs(state.spec, state.genesisTime, slot);
}
