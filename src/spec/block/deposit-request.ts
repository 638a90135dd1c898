/**
 * Deposits reported by the execution layer. https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/electra/beacon-chain.md#deposit-requests
 */
import { UNSET_DEPOSIT_REQUESTS_START_INDEX } from "../constants.ts";
import type { DepositRequest } from "../containers.ts";
import { Fork } from "../fork.ts";
import type { BeaconState } from "../state.ts";

/**
 * Queues a deposit; the first one ends the voted deposits.
 * @spec process_deposit_request (electra, fulu)
 */
export function processDepositRequest(state: BeaconState, request: DepositRequest): void {
  // [Modified in Fulu] the voted deposits are over
  if (state.fork < Fork.fulu && state.depositRequestsStartIndex === UNSET_DEPOSIT_REQUESTS_START_INDEX) {
    state.depositRequestsStartIndex = request.index;
  }
  const { pubkey, withdrawalCredentials, amount, signature } = request;
  state.pendingDeposits.push({ pubkey, withdrawalCredentials, amount, signature, slot: state.slot });
}
