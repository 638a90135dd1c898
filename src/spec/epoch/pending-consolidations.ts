/**
 * https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/electra/beacon-chain.md
 */
import { getCurrentEpoch } from "../accessors.ts";
import { decreaseBalance, increaseBalance } from "../mutators.ts";
import type { BeaconState } from "../state.ts";

/** Moves the balances of consolidating validators that have become withdrawable. @spec process_pending_consolidations (electra) */
export function processPendingConsolidations(state: BeaconState): void {
  const nextEpoch = getCurrentEpoch(state) + 1;
  const { slashed, withdrawableEpoch, effectiveBalance } = state.validators;
  let done = 0;
  for (const { sourceIndex, targetIndex } of state.pendingConsolidations) {
    if (slashed.get(sourceIndex) === 0) {
      if (withdrawableEpoch.get(sourceIndex) > nextEpoch) break;
      const balance = state.balances.getBig(sourceIndex);
      let moved = effectiveBalance.getBig(sourceIndex);
      if (balance < moved) moved = balance;
      decreaseBalance(state, sourceIndex, moved);
      increaseBalance(state, targetIndex, moved);
    }
    done++;
  }
  state.pendingConsolidations.dropFront(done);
}
