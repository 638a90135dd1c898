/**
 * A validator as the beacon API tells of it.
 * @see https://github.com/ethereum/beacon-APIs/blob/master/types/api.yaml
 */
import { getCurrentEpoch } from "../spec/accessors.ts";
import type { BeaconState } from "../spec/state.ts";
import type { ValidatorInfo, ValidatorStatus } from "../validator/beacon-api.ts";

export function validatorInfo(state: BeaconState, index: number): ValidatorInfo {
  const { validators, balances } = state;
  return {
    index,
    pubkey: validators.getPubkey(index),
    status: validatorStatus(state, index),
    balanceGwei: balances.get(index),
    effectiveBalanceGwei: validators.effectiveBalance.get(index),
    activationEpoch: validators.activationEpoch.get(index),
    exitEpoch: validators.exitEpoch.get(index),
  };
}

/** The one of the nine statuses that a validator has in the state's epoch. */
export function validatorStatus(state: BeaconState, index: number): ValidatorStatus {
  const { validators, balances } = state;
  const epoch = getCurrentEpoch(state);
  const isSlashed = validators.slashed.get(index) === 1;
  const exitEpoch = validators.exitEpoch.get(index);
  if (epoch < validators.activationEpoch.get(index)) {
    const isEligible = validators.activationEligibilityEpoch.get(index) !== Number.POSITIVE_INFINITY;
    return isEligible ? "pending_queued" : "pending_initialized";
  }
  if (epoch < exitEpoch) {
    if (exitEpoch === Number.POSITIVE_INFINITY) return "active_ongoing";
    return isSlashed ? "active_slashed" : "active_exiting";
  }
  if (epoch < validators.withdrawableEpoch.get(index)) return isSlashed ? "exited_slashed" : "exited_unslashed";
  return balances.getBig(index) === 0n ? "withdrawal_done" : "withdrawal_possible";
}
