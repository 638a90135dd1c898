/**
 * Which attestations a block takes: those that bring most that is new.
 * @see https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/electra/validator.md#attestations
 */
import { BitArray } from "@chainsafe/ssz";
import { bytesEqual, toHex } from "../../base/bytes.ts";
import {
  getBeaconCommittee,
  getBlockRoot,
  getCommitteeCountPerSlot,
  getCurrentEpoch,
  getPreviousEpoch,
} from "../../spec/accessors.ts";
import { attestationDataRoot, getAttestationParticipationFlagIndices } from "../../spec/attestations.ts";
import { PARTICIPATION_FLAG_WEIGHTS } from "../../spec/constants.ts";
import type { Attestation, AttestationData, Phase0Attestation } from "../../spec/containers.ts";
import { Fork } from "../../spec/fork.ts";
import type { BeaconState } from "../../spec/state.ts";
import { computeOnChainAggregate } from "../../spec/validator.ts";
import { type AttestationPool, bestVotes, type CommitteeVotes, type VoteGroup } from "./attestation-pool.ts";

interface Candidate {
  readonly attestation: Attestation | Phase0Attestation;
  readonly voters: readonly number[];
  /** Participation flags that its votes set. */
  readonly flags: number;
  readonly isCurrent: boolean;
}

/**
 * The attestations of a block on top of `state`, the most rewarding first, at most as many as a block may carry.
 * @param state advanced to the slot of the block; only read
 */
export function packAttestations(state: BeaconState, pool: AttestationPool): (Attestation | Phase0Attestation)[] {
  const { MAX_ATTESTATIONS, MAX_ATTESTATIONS_ELECTRA } = state.spec.preset;
  const limit = state.fork >= Fork.electra ? MAX_ATTESTATIONS_ELECTRA : MAX_ATTESTATIONS;
  const candidates = collect(state, pool);
  const taken = new Map<string, number>();
  const packed: (Attestation | Phase0Attestation)[] = [];
  while (packed.length < limit && candidates.length > 0) {
    let best = -1;
    let bestGain = 0;
    for (const [at, candidate] of candidates.entries()) {
      const gain = gainOf(state, candidate, taken);
      if (gain > bestGain) [best, bestGain] = [at, gain];
    }
    if (best < 0) break;
    const [candidate] = candidates.splice(best, 1);
    mark(state, candidate!, taken);
    packed.push(candidate!.attestation);
  }
  return packed;
}

/** One candidate a vote from electra on, with all committees in it; before, one a vote and committee. */
function collect(state: BeaconState, pool: AttestationPool): Candidate[] {
  const byVote = new Map<string, { group: VoteGroup; votes: CommitteeVotes }[]>();
  for (const group of pool.groups()) {
    if (!isIncludable(state, group.data)) continue;
    const isElectra = state.fork >= Fork.electra;
    // An attestation of electra's form names no committee in its data, and the forms do not mix.
    if (isElectra && group.data.index !== 0) continue;
    const votes = bestVotes(group);
    if (votes === undefined || !fitsCommittee(state, group)) continue;
    const key = isElectra
      ? toHex(attestationDataRoot(state, group.data))
      : `${toHex(attestationDataRoot(state, group.data))}/${group.committeeIndex}`;
    byVote.set(key, [...(byVote.get(key) ?? []), { group, votes }]);
  }
  return [...byVote.values()].map((parts) => toCandidate(state, parts));
}

function toCandidate(state: BeaconState, parts: readonly { group: VoteGroup; votes: CommitteeVotes }[]): Candidate {
  const { data } = parts[0]!.group;
  const voters = parts.flatMap(({ group, votes }) => {
    const committee = getBeaconCommittee(state, data.slot, group.committeeIndex);
    return votes.bits.getTrueBitIndexes().map((position) => committee[position]!);
  });
  const inclusionDelay = state.slot - data.slot;
  // Phase0 pays by inclusion, not by flags: any vote counts as a whole.
  const flags = state.fork === Fork.phase0 ? [0] : getAttestationParticipationFlagIndices(state, data, inclusionDelay);
  const mask = flags.reduce((sum, flag) => sum | (1 << flag), 0);
  const attestation = state.fork >= Fork.electra ? onChain(state, parts) : classic(parts[0]!);
  return { attestation, voters, flags: mask, isCurrent: data.target.epoch === getCurrentEpoch(state) };
}

function onChain(state: BeaconState, parts: readonly { group: VoteGroup; votes: CommitteeVotes }[]): Attestation {
  return computeOnChainAggregate(
    state.spec,
    parts.map(({ group, votes }) => {
      const committeeBits = BitArray.fromSingleBit(state.spec.preset.MAX_COMMITTEES_PER_SLOT, group.committeeIndex);
      return { aggregationBits: votes.bits, data: group.data, signature: votes.signature, committeeBits };
    }),
  );
}

function classic({ group, votes }: { group: VoteGroup; votes: CommitteeVotes }): Phase0Attestation {
  return { aggregationBits: votes.bits, data: group.data, signature: votes.signature };
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
  return targetRoot(state, epoch, data);
}

function targetRoot(state: BeaconState, epoch: number, data: AttestationData): boolean {
  const start = epoch * state.spec.preset.SLOTS_PER_EPOCH;
  if (start >= state.slot) return false;
  return bytesEqual(getBlockRoot(state, epoch), data.target.root);
}

function fitsCommittee(state: BeaconState, { data, committeeIndex, committeeLength }: VoteGroup): boolean {
  if (committeeIndex >= getCommitteeCountPerSlot(state, data.target.epoch)) return false;
  return getBeaconCommittee(state, data.slot, committeeIndex).length === committeeLength;
}

/** Effective increments times the weights of the flags that are new. */
function gainOf(state: BeaconState, candidate: Candidate, taken: ReadonlyMap<string, number>): number {
  const { effectiveBalance } = state.validators;
  const increment = state.spec.preset.EFFECTIVE_BALANCE_INCREMENT;
  let gain = 0;
  for (const voter of candidate.voters) {
    const fresh = candidate.flags & ~flagsOf(state, candidate, voter, taken);
    if (fresh === 0) continue;
    gain += (effectiveBalance.get(voter) / increment) * weightOf(fresh);
  }
  return gain;
}

function mark(state: BeaconState, candidate: Candidate, taken: Map<string, number>): void {
  for (const voter of candidate.voters) {
    taken.set(keyOf(candidate, voter), flagsOf(state, candidate, voter, taken) | candidate.flags);
  }
}

function flagsOf(state: BeaconState, candidate: Candidate, voter: number, taken: ReadonlyMap<string, number>): number {
  const known = taken.get(keyOf(candidate, voter));
  if (known !== undefined) return known;
  if (state.fork === Fork.phase0) return 0;
  const column = candidate.isCurrent ? state.currentEpochParticipation : state.previousEpochParticipation;
  return column.get(voter);
}

function keyOf(candidate: Candidate, voter: number): string {
  return `${candidate.isCurrent ? 1 : 0}/${voter}`;
}

function weightOf(flags: number): number {
  return PARTICIPATION_FLAG_WEIGHTS.reduce((sum, weight, flag) => sum + (flags & (1 << flag) ? weight : 0), 0);
}
