/**
 * The spec's reward and penalty helpers from altair on, validator by validator: what tools show and vectors compare.
 * Epoch processing takes the same amounts from a table a balance (epoch/reward-table.ts).
 * https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/altair/beacon-chain.md
 */
import { assertValid } from "../base/errors.ts";
import {
  getBaseRewardPerIncrement,
  getCurrentEpoch,
  getPreviousEpoch,
  getTotalActiveBalance,
  getTotalActiveIncrements,
  getTotalBalance,
} from "./accessors.ts";
import {
  BASE_REWARDS_PER_EPOCH,
  PARTICIPATION_FLAG_WEIGHTS,
  TIMELY_HEAD_FLAG_INDEX,
  TIMELY_TARGET_FLAG_INDEX,
  WEIGHT_DENOMINATOR,
} from "./constants.ts";
import { Fork } from "./fork.ts";
import { hasFlag, integerSquareroot, uint64 } from "./misc.ts";
import { isActiveValidator } from "./predicates.ts";
import type { BeaconState } from "./state.ts";

/** Gwei by validator index. Whatever the balances, a reward or penalty that does not overflow is far below 2^53. */
export interface Deltas {
  readonly rewards: Float64Array;
  readonly penalties: Float64Array;
}

/** Gwei. @spec get_base_reward (phase0, altair) */
export function getBaseReward(state: BeaconState, index: number): number {
  const { EFFECTIVE_BALANCE_INCREMENT } = state.spec.preset;
  if (state.fork >= Fork.altair) {
    const increments = Math.floor(state.validators.effectiveBalance.get(index) / EFFECTIVE_BALANCE_INCREMENT);
    return increments * getBaseRewardPerIncrement(state);
  }
  const effectiveBalance = state.validators.effectiveBalance.getBig(index);
  const factor = BigInt(state.spec.preset.BASE_REWARD_FACTOR);
  const root = integerSquareroot(getTotalActiveBalance(state));
  return Number((effectiveBalance * factor) / root / BigInt(BASE_REWARDS_PER_EPOCH));
}

/** Epochs. @spec get_finality_delay (phase0) */
export function getFinalityDelay(state: BeaconState): number {
  const delay = getPreviousEpoch(state) - state.finalizedCheckpoint.epoch;
  assertValid(delay >= 0, "FINALIZED_IN_FUTURE", { finalized: state.finalizedCheckpoint.epoch });
  return delay;
}

/** @spec is_in_inactivity_leak (phase0) */
export function isInInactivityLeak(state: BeaconState): boolean {
  return getFinalityDelay(state) > state.spec.preset.MIN_EPOCHS_TO_INACTIVITY_PENALTY;
}

/** Active in the previous epoch, or slashed and not yet withdrawable. @spec get_eligible_validator_indices (phase0) */
export function getEligibleValidatorIndices(state: BeaconState): number[] {
  const previousEpoch = getPreviousEpoch(state);
  const { slashed, withdrawableEpoch } = state.validators;
  const indices: number[] = [];
  for (let i = 0; i < state.validators.length; i++) {
    const isSlashed = slashed.get(i) === 1 && previousEpoch + 1 < withdrawableEpoch.get(i);
    if (isSlashed || isActiveValidator(state, i, previousEpoch)) indices.push(i);
  }
  return indices;
}

/** @spec get_unslashed_participating_indices (altair) */
export function getUnslashedParticipatingIndices(state: BeaconState, flagIndex: number, epoch: number): Set<number> {
  const isCurrent = epoch === getCurrentEpoch(state);
  assertValid(isCurrent || epoch === getPreviousEpoch(state), "EPOCH_NOT_CURRENT_OR_PREVIOUS", { epoch });
  const participation = isCurrent ? state.currentEpochParticipation : state.previousEpochParticipation;
  const indices = new Set<number>();
  for (let i = 0; i < state.validators.length; i++) {
    const isParticipating = isActiveValidator(state, i, epoch) && hasFlag(participation.get(i), flagIndex);
    if (isParticipating && state.validators.slashed.get(i) === 0) indices.add(i);
  }
  return indices;
}

/** @spec get_flag_index_deltas (altair) */
export function getFlagIndexDeltas(state: BeaconState, flagIndex: number): Deltas {
  const deltas = emptyDeltas(state);
  const participating = getUnslashedParticipatingIndices(state, flagIndex, getPreviousEpoch(state));
  const weight = BigInt(PARTICIPATION_FLAG_WEIGHTS[flagIndex]!);
  const increment = BigInt(state.spec.preset.EFFECTIVE_BALANCE_INCREMENT);
  const participatingIncrements = getTotalBalance(state, participating) / increment;
  const denominator = BigInt(WEIGHT_DENOMINATOR);
  const activeIncrements = BigInt(getTotalActiveIncrements(state));
  const isLeaking = isInInactivityLeak(state);
  for (const index of getEligibleValidatorIndices(state)) {
    const baseReward = BigInt(getBaseReward(state, index));
    if (!participating.has(index)) {
      if (flagIndex !== TIMELY_HEAD_FLAG_INDEX) deltas.penalties[index] = Number((baseReward * weight) / denominator);
    } else if (!isLeaking) {
      const numerator = uint64(baseReward * weight * participatingIncrements);
      deltas.rewards[index] = Number(numerator / (activeIncrements * denominator));
    }
  }
  return deltas;
}

/** @spec get_inactivity_penalty_deltas (altair, bellatrix) */
export function getInactivityPenaltyDeltas(state: BeaconState): Deltas {
  const deltas = emptyDeltas(state);
  const matchingTarget = getUnslashedParticipatingIndices(state, TIMELY_TARGET_FLAG_INDEX, getPreviousEpoch(state));
  const denominator = BigInt(inactivityPenaltyDenominator(state));
  for (const index of getEligibleValidatorIndices(state)) {
    if (matchingTarget.has(index)) continue;
    const numerator = uint64(state.validators.effectiveBalance.getBig(index) * state.inactivityScores.getBig(index));
    deltas.penalties[index] = Number(numerator / denominator);
  }
  return deltas;
}

/** What effective balance times inactivity score is divided by. */
export function inactivityPenaltyDenominator(state: BeaconState): number {
  const { INACTIVITY_PENALTY_QUOTIENT_ALTAIR, INACTIVITY_PENALTY_QUOTIENT_BELLATRIX } = state.spec.preset;
  // [Modified in Bellatrix]
  const quotient =
    state.fork >= Fork.bellatrix ? INACTIVITY_PENALTY_QUOTIENT_BELLATRIX : INACTIVITY_PENALTY_QUOTIENT_ALTAIR;
  return state.spec.config.INACTIVITY_SCORE_BIAS * quotient;
}

/** Zeros for every validator. */
export function emptyDeltas(state: BeaconState): Deltas {
  const { length } = state.validators;
  return { rewards: new Float64Array(length), penalties: new Float64Array(length) };
}
