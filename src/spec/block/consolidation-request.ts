/**
 * Moving one validator's stake into another. https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/electra/beacon-chain.md#execution-layer-consolidation-requests
 */
import { bytesEqual } from "../../base/bytes.ts";
import { getConsolidationChurnLimit, getCurrentEpoch, getPendingBalanceToWithdraw } from "../accessors.ts";
import { FAR_FUTURE_EPOCH } from "../constants.ts";
import type { ConsolidationRequest } from "../containers.ts";
import { computeConsolidationEpochAndUpdateChurn, setExitEpoch, switchToCompoundingValidator } from "../mutators.ts";
import {
  hasCompoundingWithdrawalCredential,
  hasEth1WithdrawalCredential,
  hasExecutionWithdrawalCredential,
  isActiveValidator,
} from "../predicates.ts";
import type { BeaconState } from "../state.ts";

/**
 * Queues a consolidation, or makes a validator compounding; a request that is not in order has no effect.
 * @spec process_consolidation_request (electra)
 */
export function processConsolidationRequest(state: BeaconState, request: ConsolidationRequest): void {
  const { validators, spec } = state;
  const sourceIndex = validators.indexOf(request.sourcePubkey);
  // A validator that names itself asks to compound: a consolidation with itself would be an exit.
  if (bytesEqual(request.sourcePubkey, request.targetPubkey)) {
    if (isValidSwitchToCompoundingRequest(state, sourceIndex, request)) {
      switchToCompoundingValidator(state, sourceIndex);
    }
    return;
  }
  if (state.pendingConsolidations.length === spec.preset.PENDING_CONSOLIDATIONS_LIMIT) return;
  if (getConsolidationChurnLimit(state) <= spec.preset.MIN_ACTIVATION_BALANCE) return;
  const targetIndex = validators.indexOf(request.targetPubkey);
  if (sourceIndex < 0 || targetIndex < 0) return;
  if (!mayConsolidate(state, sourceIndex, targetIndex, request.sourceAddress)) return;
  const exitEpoch = computeConsolidationEpochAndUpdateChurn(state, validators.effectiveBalance.get(sourceIndex));
  setExitEpoch(state, sourceIndex, exitEpoch);
  validators.withdrawableEpoch.set(sourceIndex, exitEpoch + spec.config.MIN_VALIDATOR_WITHDRAWABILITY_DELAY);
  state.pendingConsolidations.push({ sourceIndex, targetIndex });
}

/** @spec is_valid_switch_to_compounding_request (electra), for a source that is also the target */
function isValidSwitchToCompoundingRequest(state: BeaconState, index: number, request: ConsolidationRequest): boolean {
  return (
    index >= 0 &&
    isFromAddress(state, index, request.sourceAddress) &&
    hasEth1WithdrawalCredential(state, index) &&
    isStaying(state, index)
  );
}

function mayConsolidate(state: BeaconState, source: number, target: number, sourceAddress: Uint8Array): boolean {
  const oldEnough =
    state.validators.activationEpoch.get(source) + state.spec.config.SHARD_COMMITTEE_PERIOD <= getCurrentEpoch(state);
  return (
    hasExecutionWithdrawalCredential(state, source) &&
    isFromAddress(state, source, sourceAddress) &&
    hasCompoundingWithdrawalCredential(state, target) &&
    isStaying(state, source) &&
    isStaying(state, target) &&
    oldEnough &&
    getPendingBalanceToWithdraw(state, source) === 0n
  );
}

/** Active, and no exit started. */
function isStaying(state: BeaconState, index: number): boolean {
  return (
    isActiveValidator(state, index, getCurrentEpoch(state)) &&
    state.validators.exitEpoch.get(index) === FAR_FUTURE_EPOCH
  );
}

function isFromAddress(state: BeaconState, index: number, address: Uint8Array): boolean {
  return bytesEqual(state.validators.withdrawalCredentials.get(index).subarray(12), address);
}
