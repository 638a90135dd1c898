/**
 * Exits and partial withdrawals asked for by the withdrawal address.
 * https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/electra/beacon-chain.md#withdrawal-requests
 */
import { bytesEqual } from "../../base/bytes.ts";
import { assertValid } from "../../base/errors.ts";
import { getCurrentEpoch, getPendingBalanceToWithdraw } from "../accessors.ts";
import { FAR_FUTURE_EPOCH, FULL_EXIT_REQUEST_AMOUNT } from "../constants.ts";
import type { WithdrawalRequest } from "../containers.ts";
import { MAX_UINT64 } from "../misc.ts";
import { computeExitEpochAndUpdateChurn, initiateValidatorExit } from "../mutators.ts";
import {
  hasCompoundingWithdrawalCredential,
  hasExecutionWithdrawalCredential,
  isActiveValidator,
} from "../predicates.ts";
import type { BeaconState } from "../state.ts";

/**
 * Starts an exit or queues a partial withdrawal; a request that is not in order has no effect.
 * @spec process_withdrawal_request (electra)
 */
export function processWithdrawalRequest(state: BeaconState, request: WithdrawalRequest): void {
  const isFullExit = request.amount === FULL_EXIT_REQUEST_AMOUNT;
  const isQueueFull = state.pendingPartialWithdrawals.length === state.spec.preset.PENDING_PARTIAL_WITHDRAWALS_LIMIT;
  if (isQueueFull && !isFullExit) return;
  const index = state.validators.indexOf(request.validatorPubkey);
  if (index < 0 || !mayRequest(state, index, request.sourceAddress)) return;
  const pending = getPendingBalanceToWithdraw(state, index);
  if (!isFullExit) queuePartialWithdrawal(state, index, request.amount, pending);
  else if (pending === 0n) initiateValidatorExit(state, index);
}

function mayRequest(state: BeaconState, index: number, sourceAddress: Uint8Array): boolean {
  const { validators, spec } = state;
  const epoch = getCurrentEpoch(state);
  return (
    hasExecutionWithdrawalCredential(state, index) &&
    bytesEqual(validators.withdrawalCredentials.get(index).subarray(12), sourceAddress) &&
    isActiveValidator(state, index, epoch) &&
    validators.exitEpoch.get(index) === FAR_FUTURE_EPOCH &&
    epoch >= validators.activationEpoch.get(index) + spec.config.SHARD_COMMITTEE_PERIOD
  );
}

function queuePartialWithdrawal(state: BeaconState, validatorIndex: number, wanted: bigint, pending: bigint): void {
  const { preset, config } = state.spec;
  const kept = BigInt(preset.MIN_ACTIVATION_BALANCE) + pending;
  assertValid(kept <= MAX_UINT64, "UINT64_OVERFLOW", { pendingOf: validatorIndex });
  const balance = state.balances.getBig(validatorIndex);
  const isEligible =
    hasCompoundingWithdrawalCredential(state, validatorIndex) &&
    state.validators.effectiveBalance.get(validatorIndex) >= preset.MIN_ACTIVATION_BALANCE &&
    balance > kept;
  if (!isEligible) return;
  const amount = balance - kept < wanted ? balance - kept : wanted;
  const exitQueueEpoch = computeExitEpochAndUpdateChurn(state, Number(amount));
  const withdrawableEpoch = exitQueueEpoch + config.MIN_VALIDATOR_WITHDRAWABILITY_DELAY;
  state.pendingPartialWithdrawals.push({ validatorIndex, amount, withdrawableEpoch });
}
