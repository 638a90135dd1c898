/**
 * Votes of committees. https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/electra/beacon-chain.md#attestations
 */
import { bytesEqual } from "../../base/bytes.ts";
import { assertValid } from "../../base/errors.ts";
import {
  getBaseRewardPerIncrement,
  getBeaconCommittee,
  getBeaconProposerIndex,
  getCommitteeCountPerSlot,
  getCurrentEpoch,
  getPreviousEpoch,
} from "../accessors.ts";
import {
  attestationSignatureSet,
  getAttestationParticipationFlagIndices,
  getAttestingIndices,
} from "../attestations.ts";
import { PARTICIPATION_FLAG_WEIGHTS, PROPOSER_WEIGHT, WEIGHT_DENOMINATOR } from "../constants.ts";
import type { Attestation, AttestationData, Phase0Attestation } from "../containers.ts";
import { Fork } from "../fork.ts";
import { computeEpochAtSlot } from "../misc.ts";
import { increaseBalance } from "../mutators.ts";
import type { Verifier } from "../signature-sets.ts";
import type { BeaconState } from "../state.ts";

/** By participation flags as a bit mask: the sum of their weights. */
const WEIGHT_OF_FLAGS = Float64Array.from({ length: 8 }, (_, flags) =>
  PARTICIPATION_FLAG_WEIGHTS.reduce((sum, weight, flag) => sum + (flags & (1 << flag) ? weight : 0), 0),
);
const PROPOSER_REWARD_DENOMINATOR = BigInt(
  Math.floor(((WEIGHT_DENOMINATOR - PROPOSER_WEIGHT) * WEIGHT_DENOMINATOR) / PROPOSER_WEIGHT),
);

/**
 * Counts the votes of an attestation, and pays the proposer for what is new in it.
 * @spec process_attestation (phase0, altair, deneb, electra)
 * @cost one pass over the attesters; nothing is allocated but their indices
 */
export function processAttestation(
  state: BeaconState,
  attestation: Attestation | Phase0Attestation,
  verifier: Verifier,
): void {
  const { data } = attestation;
  checkTime(state, data);
  const attesters =
    state.fork >= Fork.electra
      ? attestersOfCommittees(state, attestation as Attestation)
      : attestersOfCommittee(state, attestation);
  const update = state.fork === Fork.phase0 ? recordPendingAttestation : updateParticipation;
  update(state, attestation, attesters);
  // Committees of a slot have no member in common, so the indices are distinct as they stand.
  const set = attestationSignatureSet(state, attesters, data, attestation.signature);
  assertValid(verifier.verify(set), "ATTESTATION_BAD_SIGNATURE", { slot: data.slot, index: data.index });
}

function checkTime(state: BeaconState, data: AttestationData): void {
  const { MIN_ATTESTATION_INCLUSION_DELAY, SLOTS_PER_EPOCH } = state.spec.preset;
  const { slot, target } = data;
  const isRecent = target.epoch === getCurrentEpoch(state) || target.epoch === getPreviousEpoch(state);
  assertValid(isRecent, "ATTESTATION_TARGET_EPOCH_NOT_RECENT", { target: target.epoch, slot: state.slot });
  assertValid(target.epoch === computeEpochAtSlot(state.spec, slot), "ATTESTATION_TARGET_EPOCH_NOT_OF_SLOT", {
    target: target.epoch,
    slot,
  });
  assertValid(slot + MIN_ATTESTATION_INCLUSION_DELAY <= state.slot, "ATTESTATION_TOO_EARLY", {
    slot,
    state: state.slot,
  });
  // [Modified in Deneb:EIP7045] the whole next epoch is open
  if (state.fork < Fork.deneb) {
    assertValid(state.slot <= slot + SLOTS_PER_EPOCH, "ATTESTATION_TOO_LATE", { slot, state: state.slot });
  }
}

/** Before electra: the bits cover the one committee that the data names. */
function attestersOfCommittee(state: BeaconState, attestation: Phase0Attestation): Uint32Array {
  const { data, aggregationBits } = attestation;
  const count = getCommitteeCountPerSlot(state, data.target.epoch);
  assertValid(data.index < count, "ATTESTATION_UNKNOWN_COMMITTEE", { index: data.index, count });
  const committee = getBeaconCommittee(state, data.slot, data.index);
  assertValid(aggregationBits.bitLen === committee.length, "ATTESTATION_WRONG_BITS_LENGTH", {
    bits: aggregationBits.bitLen,
    members: committee.length,
  });
  const attesters = sortDistinct(getAttestingIndices(state, { aggregationBits, data }), state.validators.length);
  assertValid(attesters.length > 0, "ATTESTATION_NO_ATTESTERS", { slot: data.slot, index: data.index });
  return attesters;
}

/** From electra on: the bits cover, in order, the committees of the slot that committeeBits names. */
function attestersOfCommittees(state: BeaconState, attestation: Attestation): Uint32Array {
  const { data, aggregationBits, committeeBits } = attestation;
  assertValid(data.index === 0, "ATTESTATION_INDEX_NOT_ZERO", { index: data.index });
  const count = getCommitteeCountPerSlot(state, data.target.epoch);
  const committees: Uint32Array[] = [];
  let members = 0;
  for (let index = 0; index < committeeBits.bitLen; index++) {
    if (!committeeBits.get(index)) continue;
    assertValid(index < count, "ATTESTATION_UNKNOWN_COMMITTEE", { index, count });
    const committee = getBeaconCommittee(state, data.slot, index);
    committees.push(committee);
    members += committee.length;
  }
  assertValid(committees.length > 0, "ATTESTATION_NO_ATTESTERS", { slot: data.slot });
  assertValid(aggregationBits.bitLen === members, "ATTESTATION_WRONG_BITS_LENGTH", {
    bits: aggregationBits.bitLen,
    members,
  });
  const attesters = new Uint32Array(members);
  let offset = 0;
  let found = 0;
  for (const committee of committees) {
    const before = found;
    found = selectMembers(committee, aggregationBits.uint8Array, offset, attesters, found);
    assertValid(found > before, "ATTESTATION_COMMITTEE_WITHOUT_ATTESTERS", { slot: data.slot });
    offset += committee.length;
  }
  return sortDistinct(attesters.subarray(0, found), state.validators.length);
}

/** Writes the members whose bit (from `offset` on) is set to out[at..], and returns where they end. */
function selectMembers(committee: Uint32Array, bits: Uint8Array, offset: number, out: Uint32Array, at: number): number {
  let end = at;
  for (let i = 0; i < committee.length; i++) {
    const bit = offset + i;
    if ((bits[bit >>> 3]! >>> (bit & 7)) & 1) out[end++] = committee[i]!;
  }
  return end;
}

/**
 * Sorts distinct indices below `end` in place. Columns and key tables are then read from front to back, which for a
 * whole slot's attesters costs a fraction of reading them in shuffled order.
 */
function sortDistinct(indices: Uint32Array, end: number): Uint32Array {
  if (indices.length * 32 < end) return indices.sort();
  const bitmap = new Uint32Array(Math.ceil(end / 32));
  for (let k = 0; k < indices.length; k++) bitmap[indices[k]! >>> 5]! |= 1 << (indices[k]! & 31);
  for (let w = 0, k = 0; k < indices.length; w++) {
    for (let word = bitmap[w]!; word !== 0; word &= word - 1) indices[k++] = w * 32 + 31 - Math.clz32(word & -word);
  }
  return indices;
}

/** Phase0 keeps attestations until the end of the epoch. */
function recordPendingAttestation(state: BeaconState, attestation: Phase0Attestation): void {
  const { MAX_ATTESTATIONS, SLOTS_PER_EPOCH } = state.spec.preset;
  const { aggregationBits, data } = attestation;
  const pending = {
    aggregationBits,
    data,
    inclusionDelay: state.slot - data.slot,
    proposerIndex: getBeaconProposerIndex(state),
  };
  const isCurrent = isOfCurrentEpoch(state, data);
  const source = isCurrent ? state.currentJustifiedCheckpoint : state.previousJustifiedCheckpoint;
  const isJustified = data.source.epoch === source.epoch && bytesEqual(data.source.root, source.root);
  assertValid(isJustified, "ATTESTATION_SOURCE_NOT_JUSTIFIED", { source: data.source.epoch, justified: source.epoch });
  const field = isCurrent ? "currentEpochAttestations" : "previousEpochAttestations";
  const earlier = state[field];
  assertValid(earlier.length < MAX_ATTESTATIONS * SLOTS_PER_EPOCH, "ATTESTATION_LIST_FULL", { list: field });
  state[field] = [...earlier, pending];
}

function updateParticipation(state: BeaconState, { data }: Phase0Attestation, attesters: Uint32Array): void {
  const isCurrent = isOfCurrentEpoch(state, data);
  const participation = isCurrent ? state.currentEpochParticipation : state.previousEpochParticipation;
  const { effectiveBalance } = state.validators;
  const increment = state.spec.preset.EFFECTIVE_BALANCE_INCREMENT;
  const flagIndices = getAttestationParticipationFlagIndices(state, data, state.slot - data.slot);
  const flags = flagIndices.reduce((mask, flagIndex) => mask | (1 << flagIndex), 0);
  const before = new Uint8Array(attesters.length);
  participation.orEach(attesters, flags, before);
  // Increments times weights stay far below 2^53: at most 2048 * 54 a validator.
  let weightedIncrements = 0;
  let lastBalance = -1;
  let increments = 0;
  for (let k = 0; k < attesters.length; k++) {
    const added = flags & ~before[k]!;
    if (added === 0) continue;
    const balance = effectiveBalance.get(attesters[k]!);
    // Most balances are equal, and a division costs more than all else here.
    if (balance !== lastBalance) increments = Math.floor(balance / increment);
    lastBalance = balance;
    weightedIncrements += increments * WEIGHT_OF_FLAGS[added]!;
  }
  const numerator = BigInt(weightedIncrements) * BigInt(getBaseRewardPerIncrement(state));
  increaseBalance(state, getBeaconProposerIndex(state), numerator / PROPOSER_REWARD_DENOMINATOR);
}

function isOfCurrentEpoch(state: BeaconState, data: AttestationData): boolean {
  return data.target.epoch === getCurrentEpoch(state);
}
