/**
 * Which attestations a block takes: those that bring most that is new.
 * @see https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/electra/validator.md#attestations
 */
import { BitArray } from "@chainsafe/ssz";
import { bytesEqual } from "../../base/bytes.ts";
import {
  getBeaconCommittee,
  getBlockRoot,
  getCommitteeCountPerSlot,
  getCurrentEpoch,
  getPreviousEpoch,
} from "../../spec/accessors.ts";
import { getAttestationParticipationFlagIndices } from "../../spec/attestations.ts";
import { PARTICIPATION_FLAG_WEIGHTS } from "../../spec/constants.ts";
import type { Attestation, AttestationData, Phase0Attestation } from "../../spec/containers.ts";
import { Fork } from "../../spec/fork.ts";
import type { BeaconState } from "../../spec/state.ts";
import { computeOnChainAggregate } from "../../spec/validator.ts";
import { type AttestationPool, bestParts, bestVotes, type VoteGroup } from "./attestation-pool.ts";

interface Candidate {
  readonly groups: readonly VoteGroup[];
  readonly voters: Uint32Array;
  /** Participation flags that its votes set. */
  readonly flags: number;
  /** By validator: flags set in the state or by what was taken; of the epoch that the votes are for. */
  readonly taken: Uint8Array;
  /** At most this much is new in it: what was so when it was last looked at. */
  gain: number;
}

/** Phase0 pays for inclusion and not by flags: any vote that is not in a block yet counts as a whole. */
const ANY_FLAG = 1;

/** By flags as a bit mask: the sum of their weights. */
const WEIGHT_OF_FLAGS = Float64Array.from({ length: 8 }, (_, flags) =>
  PARTICIPATION_FLAG_WEIGHTS.reduce((sum, weight, flag) => sum + (flags & (1 << flag) ? weight : 0), 0),
);

/**
 * The attestations of a block on top of `state`, the most rewarding first, at most as many as a block may carry.
 * @param state advanced to the slot of the block; only read
 * @cost a pass over the voters of the pool that are new to the state; signatures are joined for what is taken only
 */
export function packAttestations(state: BeaconState, pool: AttestationPool): (Attestation | Phase0Attestation)[] {
  const { MAX_ATTESTATIONS, MAX_ATTESTATIONS_ELECTRA } = state.spec.preset;
  const limit = state.fork >= Fork.electra ? MAX_ATTESTATIONS_ELECTRA : MAX_ATTESTATIONS;
  const candidates = collect(state, pool);
  const packed: (Attestation | Phase0Attestation)[] = [];
  while (packed.length < limit && candidates.length > 0) {
    const candidate = takeBest(state, candidates);
    if (candidate === undefined) break;
    for (const voter of candidate.voters) candidate.taken[voter]! |= candidate.flags;
    packed.push(toAttestation(state, candidate.groups));
  }
  return packed;
}

/**
 * Takes out the candidate with the largest gain. Gains only ever fall, so that one which is still the largest after it
 * was computed anew needs no comparison with the others' true gains.
 */
function takeBest(state: BeaconState, candidates: Candidate[]): Candidate | undefined {
  for (;;) {
    let best = 0;
    for (let k = 1; k < candidates.length; k++) if (candidates[k]!.gain > candidates[best]!.gain) best = k;
    const candidate = candidates[best]!;
    const known = candidate.gain;
    if (known === 0) return undefined;
    candidate.gain = gainOf(state, candidate);
    if (candidate.gain < known) continue;
    candidates.splice(best, 1);
    return candidate;
  }
}

/** One candidate a vote from electra on, with all committees in it; before, one a vote and committee. */
function collect(state: BeaconState, pool: AttestationPool): Candidate[] {
  const isElectra = state.fork >= Fork.electra;
  const byVote = new Map<string, VoteGroup[]>();
  for (const group of pool.groups()) {
    // An attestation of electra's form names no committee in its data, and the forms do not mix.
    if (isElectra && group.data.index !== 0) continue;
    if (!isIncludable(state, group.data) || !fitsCommittee(state, group)) continue;
    const key = isElectra ? group.dataKey : `${group.dataKey}/${group.committeeIndex}`;
    const groups = byVote.get(key);
    if (groups === undefined) byVote.set(key, [group]);
    else groups.push(group);
  }
  const current = flagsInState(state, true);
  const previous = flagsInState(state, false);
  const candidates: Candidate[] = [];
  for (const groups of byVote.values()) {
    const isCurrent = groups[0]!.data.target.epoch === getCurrentEpoch(state);
    const candidate = toCandidate(state, groups, isCurrent ? current : previous);
    if (candidate.gain > 0) candidates.push(candidate);
  }
  return candidates;
}

function toCandidate(state: BeaconState, groups: readonly VoteGroup[], taken: Uint8Array): Candidate {
  const { data } = groups[0]!;
  const voters: number[] = [];
  for (const group of groups) {
    const committee = getBeaconCommittee(state, data.slot, group.committeeIndex);
    for (const position of bestParts(group)?.bits.getTrueBitIndexes() ?? []) voters.push(committee[position]!);
  }
  const flagIndices =
    state.fork === Fork.phase0 ? [] : getAttestationParticipationFlagIndices(state, data, state.slot - data.slot);
  const flags = state.fork === Fork.phase0 ? ANY_FLAG : flagIndices.reduce((mask, flag) => mask | (1 << flag), 0);
  const candidate = { groups, voters: Uint32Array.from(voters), flags, taken, gain: 0 };
  candidate.gain = gainOf(state, candidate);
  return candidate;
}

/** Effective increments times the weights of the flags that are new. */
function gainOf(state: BeaconState, { voters, flags, taken }: Candidate): number {
  const { effectiveBalance } = state.validators;
  const increment = state.spec.preset.EFFECTIVE_BALANCE_INCREMENT;
  let gain = 0;
  for (let k = 0; k < voters.length; k++) {
    const fresh = flags & ~taken[voters[k]!]!;
    if (fresh !== 0) gain += (effectiveBalance.get(voters[k]!) / increment) * WEIGHT_OF_FLAGS[fresh]!;
  }
  return gain;
}

/** By validator: what the state has of an epoch's votes. */
function flagsInState(state: BeaconState, isCurrent: boolean): Uint8Array {
  const out = new Uint8Array(state.validators.length);
  if (state.fork === Fork.phase0) {
    markIncluded(state, isCurrent ? state.currentEpochAttestations : state.previousEpochAttestations, out);
    return out;
  }
  const column = isCurrent ? state.currentEpochParticipation : state.previousEpochParticipation;
  column.readRange(0, out.length, out);
  return out;
}

function markIncluded(
  state: BeaconState,
  attestations: readonly Pick<Phase0Attestation, "data" | "aggregationBits">[],
  out: Uint8Array,
): void {
  for (const { data, aggregationBits } of attestations) {
    const committee = getBeaconCommittee(state, data.slot, data.index);
    for (const position of aggregationBits.getTrueBitIndexes()) out[committee[position]!] = ANY_FLAG;
  }
}

/** The chosen votes, signed. */
function toAttestation(state: BeaconState, groups: readonly VoteGroup[]): Attestation | Phase0Attestation {
  const parts = groups.map((group) => ({ group, votes: bestVotes(group)! }));
  if (state.fork < Fork.electra) {
    const [{ group, votes }] = parts as [(typeof parts)[number]];
    return { aggregationBits: votes.bits, data: group.data, signature: votes.signature };
  }
  return computeOnChainAggregate(
    state.spec,
    parts.map(({ group, votes }) => {
      const committeeBits = BitArray.fromSingleBit(state.spec.preset.MAX_COMMITTEES_PER_SLOT, group.committeeIndex);
      return { aggregationBits: votes.bits, data: group.data, signature: votes.signature, committeeBits };
    }),
  );
}

/** Whether process_attestation would take the vote in this state. */
function isIncludable(state: BeaconState, data: AttestationData): boolean {
  const { MIN_ATTESTATION_INCLUSION_DELAY, SLOTS_PER_EPOCH } = state.spec.preset;
  const current = getCurrentEpoch(state);
  const { epoch } = data.target;
  if (epoch !== current && epoch !== getPreviousEpoch(state)) return false;
  if (data.slot + MIN_ATTESTATION_INCLUSION_DELAY > state.slot) return false;
  // [Modified in Deneb:EIP7045]
  if (state.fork < Fork.deneb && state.slot > data.slot + SLOTS_PER_EPOCH) return false;
  const source = epoch === current ? state.currentJustifiedCheckpoint : state.previousJustifiedCheckpoint;
  if (data.source.epoch !== source.epoch || !bytesEqual(data.source.root, source.root)) return false;
  // Votes for another target are paid little, and their committees may be of another shuffling.
  return isOfTarget(state, epoch, data);
}

function isOfTarget(state: BeaconState, epoch: number, data: AttestationData): boolean {
  const start = epoch * state.spec.preset.SLOTS_PER_EPOCH;
  if (start >= state.slot) return false;
  return bytesEqual(getBlockRoot(state, epoch), data.target.root);
}

function fitsCommittee(state: BeaconState, { data, committeeIndex, committeeLength }: VoteGroup): boolean {
  if (committeeIndex >= getCommitteeCountPerSlot(state, data.target.epoch)) return false;
  return getBeaconCommittee(state, data.slot, committeeIndex).length === committeeLength;
}
