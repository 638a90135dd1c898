/**
 * https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/electra/beacon-chain.md
 */
import { getActivationExitChurnLimit, getCurrentEpoch } from "../accessors.ts";
import { FAR_FUTURE_EPOCH, GENESIS_SLOT } from "../constants.ts";
import type { PendingDeposit } from "../containers.ts";
import { Fork } from "../fork.ts";
import { computeStartSlotAtEpoch, MAX_UINT64, uint64 } from "../misc.ts";
import { addValidatorToRegistry, increaseBalance } from "../mutators.ts";
import { isValidDepositSignature } from "../predicates.ts";
import type { BeaconState } from "../state.ts";

/**
 * Credits queued deposits as far as finality and churn allow.
 * @spec process_pending_deposits (electra, fulu)
 * @param state mutated: balances, the registry, the queue's front, and its end where deposits are postponed
 */
export function processPendingDeposits(state: BeaconState): void {
  const nextEpoch = getCurrentEpoch(state) + 1;
  const { MAX_PENDING_DEPOSITS_PER_EPOCH } = state.spec.preset;
  const carried = Number.isFinite(state.depositBalanceToConsume) ? BigInt(state.depositBalanceToConsume) : MAX_UINT64;
  const available = uint64(carried + BigInt(getActivationExitChurnLimit(state)));
  const finalizedSlot = computeStartSlotAtEpoch(state.spec, state.finalizedCheckpoint.epoch);
  let processedAmount = 0n;
  let done = 0;
  const postponed: PendingDeposit[] = [];
  let isChurnLimitReached = false;

  for (const deposit of state.pendingDeposits) {
    if (state.fork < Fork.fulu && isHeldBackByEth1Bridge(state, deposit)) break;
    if (deposit.slot > finalizedSlot || done >= MAX_PENDING_DEPOSITS_PER_EPOCH) break;
    const index = state.validators.indexOf(deposit.pubkey);
    const isExited = index >= 0 && state.validators.exitEpoch.get(index) < FAR_FUTURE_EPOCH;
    const isWithdrawn = index >= 0 && state.validators.withdrawableEpoch.get(index) < nextEpoch;
    if (isWithdrawn) {
      // Will never be active again, so takes no part of the churn.
      applyPendingDeposit(state, deposit, index);
    } else if (isExited) {
      postponed.push(deposit);
    } else {
      isChurnLimitReached = uint64(processedAmount + deposit.amount) > available;
      if (isChurnLimitReached) break;
      processedAmount += deposit.amount;
      applyPendingDeposit(state, deposit, index);
    }
    done++;
  }

  state.pendingDeposits.dropFront(done);
  for (const deposit of postponed) state.pendingDeposits.push(deposit);
  // Unused churn is kept for a deposit that waits for more, never otherwise.
  state.depositBalanceToConsume = isChurnLimitReached ? Number(available - processedAmount) : 0;
}

/** Deposit requests wait until the deposits that the eth1 bridge had seen before are in. [Modified in Fulu] no longer */
function isHeldBackByEth1Bridge(state: BeaconState, deposit: PendingDeposit): boolean {
  return deposit.slot > GENESIS_SLOT && state.eth1DepositIndex < state.depositRequestsStartIndex;
}

/** @spec apply_pending_deposit (electra) @param index of the deposit's key in the registry, or -1 */
function applyPendingDeposit(state: BeaconState, deposit: PendingDeposit, index: number): void {
  const { pubkey, withdrawalCredentials, amount, signature } = deposit;
  if (index >= 0) increaseBalance(state, index, amount);
  else if (isValidDepositSignature(state.spec, pubkey, withdrawalCredentials, amount, signature)) {
    addValidatorToRegistry(state, pubkey, withdrawalCredentials, amount);
  }
}
