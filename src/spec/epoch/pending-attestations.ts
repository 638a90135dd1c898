/**
 * Phase0's participation: attestations kept whole until the epoch ends, and what they earn.
 * https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/phase0/beacon-chain.md
 */
import { bytesEqual } from "../../base/bytes.ts";
import { assertValid } from "../../base/errors.ts";
import {
  getBlockRoot,
  getBlockRootAtSlot,
  getCurrentEpoch,
  getPreviousEpoch,
  getTotalActiveBalance,
  getTotalActiveIncrements,
} from "../accessors.ts";
import { getAttestingIndices } from "../attestations.ts";
import { BASE_REWARDS_PER_EPOCH } from "../constants.ts";
import type { PendingAttestation } from "../containers.ts";
import { integerSquareroot, mulDiv, uint64 } from "../misc.ts";
import {
  type Deltas,
  emptyDeltas,
  getEligibleValidatorIndices,
  getFinalityDelay,
  isInInactivityLeak,
} from "../rewards.ts";
import type { BeaconState } from "../state.ts";

type Attestations = readonly PendingAttestation[];

/** @spec get_matching_source_attestations (phase0) */
export function getMatchingSourceAttestations(state: BeaconState, epoch: number): Attestations {
  const isCurrent = epoch === getCurrentEpoch(state);
  assertValid(isCurrent || epoch === getPreviousEpoch(state), "EPOCH_NOT_CURRENT_OR_PREVIOUS", { epoch });
  return isCurrent ? state.currentEpochAttestations : state.previousEpochAttestations;
}

/** @spec get_matching_target_attestations (phase0) */
export function getMatchingTargetAttestations(state: BeaconState, epoch: number): Attestations {
  const attestations = getMatchingSourceAttestations(state, epoch);
  if (attestations.length === 0) return attestations;
  const root = getBlockRoot(state, epoch);
  return attestations.filter(({ data }) => bytesEqual(data.target.root, root));
}

/** @spec get_matching_head_attestations (phase0) */
export function getMatchingHeadAttestations(state: BeaconState, epoch: number): Attestations {
  return getMatchingTargetAttestations(state, epoch).filter(({ data }) =>
    bytesEqual(data.beaconBlockRoot, getBlockRootAtSlot(state, data.slot)),
  );
}

/** Byte i is 1 for a validator in the set. @spec get_unslashed_attesting_indices (phase0) */
export function getUnslashedAttestingIndices(state: BeaconState, attestations: Attestations): Uint8Array {
  const { slashed } = state.validators;
  const members = new Uint8Array(state.validators.length);
  for (const attestation of attestations) {
    for (const index of getAttestingIndices(state, attestation)) if (slashed.get(index) === 0) members[index] = 1;
  }
  return members;
}

/** Gwei; at least one increment. @spec get_attesting_balance (phase0) */
export function getAttestingBalance(state: BeaconState, attestations: Attestations): bigint {
  return balanceOf(state, getUnslashedAttestingIndices(state, attestations));
}

/** @spec get_source_deltas (phase0) */
export function getSourceDeltas(state: BeaconState): Deltas {
  return getAttestationComponentDeltas(state, getMatchingSourceAttestations(state, getPreviousEpoch(state)));
}

/** @spec get_target_deltas (phase0) */
export function getTargetDeltas(state: BeaconState): Deltas {
  return getAttestationComponentDeltas(state, getMatchingTargetAttestations(state, getPreviousEpoch(state)));
}

/** @spec get_head_deltas (phase0) */
export function getHeadDeltas(state: BeaconState): Deltas {
  return getAttestationComponentDeltas(state, getMatchingHeadAttestations(state, getPreviousEpoch(state)));
}

/** @spec get_attestation_component_deltas (phase0) */
export function getAttestationComponentDeltas(state: BeaconState, attestations: Attestations): Deltas {
  const deltas = emptyDeltas(state);
  const members = getUnslashedAttestingIndices(state, attestations);
  const attestingIncrements = balanceOf(state, members) / BigInt(state.spec.preset.EFFECTIVE_BALANCE_INCREMENT);
  const totalIncrements = getTotalActiveIncrements(state);
  const isLeaking = isInInactivityLeak(state);
  const baseRewards = new BaseRewards(state);
  for (const index of getEligibleValidatorIndices(state)) {
    const baseReward = baseRewards.get(index);
    if (members[index] === 0) deltas.penalties[index] = baseReward;
    // In a leak the inactivity penalty takes the base reward away again.
    else if (isLeaking) deltas.rewards[index] = baseReward;
    else deltas.rewards[index] = mulDiv(baseReward, Number(attestingIncrements), totalIncrements);
  }
  return deltas;
}

/** To the attesters by how soon they were included, and to those who included them. @spec get_inclusion_delay_deltas (phase0) */
export function getInclusionDelayDeltas(state: BeaconState): Deltas {
  const deltas = emptyDeltas(state);
  const attestations = getMatchingSourceAttestations(state, getPreviousEpoch(state));
  const members = getUnslashedAttestingIndices(state, attestations);
  const earliest: (PendingAttestation | undefined)[] = new Array(members.length);
  for (const attestation of attestations) {
    for (const index of getAttestingIndices(state, attestation)) {
      const known = earliest[index];
      if (known === undefined || attestation.inclusionDelay < known.inclusionDelay) earliest[index] = attestation;
    }
  }
  const baseRewards = new BaseRewards(state);
  for (let index = 0; index < members.length; index++) {
    if (members[index] === 0) continue;
    const { proposerIndex, inclusionDelay } = earliest[index]!;
    assertValid(inclusionDelay > 0, "INCLUSION_DELAY_ZERO");
    deltas.rewards[proposerIndex]! += baseRewards.proposerReward(index);
    const maxAttesterReward = baseRewards.get(index) - baseRewards.proposerReward(index);
    deltas.rewards[index]! += Math.floor(maxAttesterReward / inclusionDelay);
  }
  return deltas;
}

/** @spec get_inactivity_penalty_deltas (phase0) */
export function getPendingInactivityPenaltyDeltas(state: BeaconState): Deltas {
  const deltas = emptyDeltas(state);
  if (!isInInactivityLeak(state)) return deltas;
  const attestations = getMatchingTargetAttestations(state, getPreviousEpoch(state));
  const members = getUnslashedAttestingIndices(state, attestations);
  const delay = BigInt(getFinalityDelay(state));
  const quotient = BigInt(state.spec.preset.INACTIVITY_PENALTY_QUOTIENT);
  const baseRewards = new BaseRewards(state);
  for (const index of getEligibleValidatorIndices(state)) {
    let penalty = BASE_REWARDS_PER_EPOCH * baseRewards.get(index) - baseRewards.proposerReward(index);
    if (members[index] === 0) {
      penalty += Number(uint64(state.validators.effectiveBalance.getBig(index) * delay) / quotient);
    }
    deltas.penalties[index] = penalty;
  }
  return deltas;
}

/** @spec get_attestation_deltas (phase0) */
export function getAttestationDeltas(state: BeaconState): Deltas {
  const total = emptyDeltas(state);
  const parts = [
    getSourceDeltas(state),
    getTargetDeltas(state),
    getHeadDeltas(state),
    getInclusionDelayDeltas(state),
    getPendingInactivityPenaltyDeltas(state),
  ];
  for (const { rewards, penalties } of parts) {
    for (let i = 0; i < rewards.length; i++) {
      total.rewards[i]! += rewards[i]!;
      total.penalties[i]! += penalties[i]!;
    }
  }
  return total;
}

function balanceOf(state: BeaconState, members: Uint8Array): bigint {
  const { effectiveBalance } = state.validators;
  const least = BigInt(state.spec.preset.EFFECTIVE_BALANCE_INCREMENT);
  let total = 0n;
  for (let i = 0; i < members.length; i++) if (members[i] === 1) total += effectiveBalance.getBig(i);
  return uint64(total > least ? total : least);
}

/** get_base_reward and get_proposer_reward of phase0 for many validators of few different balances. */
class BaseRewards {
  readonly #state: BeaconState;
  readonly #root: bigint;
  readonly #known = new Map<number, number>();

  constructor(state: BeaconState) {
    this.#state = state;
    this.#root = integerSquareroot(getTotalActiveBalance(state));
  }

  get(index: number): number {
    const { effectiveBalance } = this.#state.validators;
    const rounded = effectiveBalance.get(index);
    const known = rounded <= Number.MAX_SAFE_INTEGER ? this.#known.get(rounded) : undefined;
    if (known !== undefined) return known;
    const product = uint64(effectiveBalance.getBig(index) * BigInt(this.#state.spec.preset.BASE_REWARD_FACTOR));
    const reward = Number(product / this.#root / BigInt(BASE_REWARDS_PER_EPOCH));
    // Every validator may have its own balance in a hostile state.
    if (this.#known.size < 4096) this.#known.set(rounded, reward);
    return reward;
  }

  proposerReward(index: number): number {
    return Math.floor(this.get(index) / this.#state.spec.preset.PROPOSER_REWARD_QUOTIENT);
  }
}
