/**
 * Balances that leave for the execution layer.
 * https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/electra/beacon-chain.md#withdrawals
 */
import { assertValid, InvalidBlock } from "../../base/errors.ts";
import { getCurrentEpoch } from "../accessors.ts";
import type { ExecutionPayload, Withdrawal } from "../containers.ts";
import { Fork } from "../fork.ts";
import { forkTypes } from "../fork-types.ts";
import { decreaseBalance } from "../mutators.ts";
import {
  getMaxEffectiveBalance,
  isEligibleForPartialWithdrawals,
  isFullyWithdrawableValidator,
  isPartiallyWithdrawableValidator,
} from "../predicates.ts";
import type { BeaconState } from "../state.ts";

/** What a payload must withdraw, and how much of each queue that uses up. */
export interface ExpectedWithdrawals {
  withdrawals: Withdrawal[];
  /** Entries of pendingPartialWithdrawals, with those that came to nothing. */
  processedPartialWithdrawalsCount: number;
  /** Validators looked at. */
  processedValidatorsSweepCount: number;
}

/**
 * Checks that the payload withdraws what is due, and takes it from the balances.
 * @spec process_withdrawals (capella, electra)
 */
export function processWithdrawals(state: BeaconState, payload: ExecutionPayload): void {
  const expected = getExpectedWithdrawals(state);
  const { withdrawals } = expected;
  assertValid(payload.withdrawals.length === withdrawals.length, "WITHDRAWALS_WRONG_NUMBER", {
    payload: payload.withdrawals.length,
    expected: withdrawals.length,
  });
  const type = forkTypes(state).Withdrawal;
  for (let i = 0; i < withdrawals.length; i++) {
    assertValid(type.equals(payload.withdrawals[i]!, withdrawals[i]!), "WITHDRAWALS_UNEXPECTED", { position: i });
  }
  for (const { validatorIndex, amount } of withdrawals) decreaseBalance(state, validatorIndex, amount);
  updateNextWithdrawalIndex(state, withdrawals);
  // [New in Electra:EIP7251]
  if (state.fork >= Fork.electra) state.pendingPartialWithdrawals.dropFront(expected.processedPartialWithdrawalsCount);
  updateNextWithdrawalValidatorIndex(state, withdrawals);
}

/**
 * The withdrawals that the next payload must carry.
 * @spec get_expected_withdrawals (capella, electra)
 * @cost at most MAX_VALIDATORS_PER_WITHDRAWALS_SWEEP validators
 */
export function getExpectedWithdrawals(state: BeaconState): ExpectedWithdrawals {
  const withdrawals: Withdrawal[] = [];
  const processedPartialWithdrawalsCount =
    state.fork >= Fork.electra ? collectPendingPartialWithdrawals(state, withdrawals) : 0;
  const processedValidatorsSweepCount = sweepValidators(state, withdrawals);
  return { withdrawals, processedPartialWithdrawalsCount, processedValidatorsSweepCount };
}

/** @spec get_pending_partial_withdrawals (electra) */
function collectPendingPartialWithdrawals(state: BeaconState, withdrawals: Withdrawal[]): number {
  const { MAX_PENDING_PARTIALS_PER_WITHDRAWALS_SWEEP, MAX_WITHDRAWALS_PER_PAYLOAD, MIN_ACTIVATION_BALANCE } =
    state.spec.preset;
  const limit = Math.min(MAX_PENDING_PARTIALS_PER_WITHDRAWALS_SWEEP, MAX_WITHDRAWALS_PER_PAYLOAD - 1);
  const epoch = getCurrentEpoch(state);
  let processed = 0;
  for (const pending of state.pendingPartialWithdrawals) {
    if (pending.withdrawableEpoch > epoch || withdrawals.length >= limit) break;
    const { validatorIndex } = pending;
    assertValid(validatorIndex < state.validators.length, "WITHDRAWALS_UNKNOWN_VALIDATOR", { validatorIndex });
    const balance = balanceAfterWithdrawals(state, validatorIndex, withdrawals);
    if (isEligibleForPartialWithdrawals(state, validatorIndex, balance)) {
      const excess = balance - BigInt(MIN_ACTIVATION_BALANCE);
      withdrawals.push(makeWithdrawal(state, withdrawals.length, validatorIndex, min(excess, pending.amount)));
    }
    processed++;
  }
  return processed;
}

/** @spec get_validators_sweep_withdrawals (capella, electra) */
function sweepValidators(state: BeaconState, withdrawals: Withdrawal[]): number {
  const { MAX_VALIDATORS_PER_WITHDRAWALS_SWEEP, MAX_WITHDRAWALS_PER_PAYLOAD } = state.spec.preset;
  const count = state.validators.length;
  const limit = Math.min(count, MAX_VALIDATORS_PER_WITHDRAWALS_SWEEP);
  const epoch = getCurrentEpoch(state);
  let index = state.nextWithdrawalValidatorIndex;
  assertValid(index < count, "WITHDRAWALS_SWEEP_OUT_OF_RANGE", { index, validators: count });
  let processed = 0;
  while (processed < limit && withdrawals.length < MAX_WITHDRAWALS_PER_PAYLOAD) {
    const amount = withdrawableAmount(state, index, epoch, withdrawals);
    if (amount > 0n) withdrawals.push(makeWithdrawal(state, withdrawals.length, index, amount));
    index = index + 1 === count ? 0 : index + 1;
    processed++;
  }
  return processed;
}

/** All of an exited validator's balance, the excess of a full one, else nothing. */
function withdrawableAmount(state: BeaconState, index: number, epoch: number, prior: readonly Withdrawal[]): bigint {
  // Prior withdrawals only lower the balance: most validators are done here, without a bigint.
  const upperBound = state.balances.get(index);
  const isCandidate =
    isFullyWithdrawableValidator(state, index, upperBound, epoch) ||
    isPartiallyWithdrawableValidator(state, index, upperBound);
  if (!isCandidate) return 0n;
  const balance = balanceAfterWithdrawals(state, index, prior);
  if (isFullyWithdrawableValidator(state, index, balance, epoch)) return balance;
  if (!isPartiallyWithdrawableValidator(state, index, balance)) return 0n;
  return balance - BigInt(getMaxEffectiveBalance(state, index));
}

/** @spec get_balance_after_withdrawals (capella) */
function balanceAfterWithdrawals(state: BeaconState, index: number, withdrawals: readonly Withdrawal[]): bigint {
  let balance = state.balances.getBig(index);
  for (const { validatorIndex, amount } of withdrawals) if (validatorIndex === index) balance -= amount;
  if (balance < 0n) throw new InvalidBlock("UINT64_UNDERFLOW", { balanceOf: index });
  return balance;
}

function makeWithdrawal(state: BeaconState, position: number, validatorIndex: number, amount: bigint): Withdrawal {
  return {
    index: state.nextWithdrawalIndex + position,
    validatorIndex,
    address: state.validators.withdrawalCredentials.get(validatorIndex).slice(12),
    amount,
  };
}

/** @spec update_next_withdrawal_index (capella) */
function updateNextWithdrawalIndex(state: BeaconState, withdrawals: readonly Withdrawal[]): void {
  const latest = withdrawals.at(-1);
  if (latest !== undefined) state.nextWithdrawalIndex = latest.index + 1;
}

/** @spec update_next_withdrawal_validator_index (capella) */
function updateNextWithdrawalValidatorIndex(state: BeaconState, withdrawals: readonly Withdrawal[]): void {
  const { MAX_VALIDATORS_PER_WITHDRAWALS_SWEEP, MAX_WITHDRAWALS_PER_PAYLOAD } = state.spec.preset;
  const isFull = withdrawals.length === MAX_WITHDRAWALS_PER_PAYLOAD;
  // A full payload stopped the sweep at its last withdrawal; otherwise the sweep went its whole length.
  const next = isFull
    ? withdrawals.at(-1)!.validatorIndex + 1
    : state.nextWithdrawalValidatorIndex + MAX_VALIDATORS_PER_WITHDRAWALS_SWEEP;
  state.nextWithdrawalValidatorIndex = next % state.validators.length;
}

function min(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}
