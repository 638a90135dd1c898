/**
 * Deposits proven against the voted deposit root. https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/phase0/beacon-chain.md#deposits
 */
import { assertValid } from "../../base/errors.ts";
import { DEPOSIT_CONTRACT_TREE_DEPTH, GENESIS_SLOT } from "../constants.ts";
import type { Deposit, DepositData } from "../containers.ts";
import { Fork } from "../fork.ts";
import { forkTypes } from "../fork-types.ts";
import { addValidatorToRegistry, increaseBalance } from "../mutators.ts";
import { isValidDepositSignature, isValidMerkleBranch } from "../predicates.ts";
import type { BeaconState } from "../state.ts";

/**
 * Applies the next deposit of the contract's tree.
 * @spec process_deposit (phase0, electra; none from fulu on)
 */
export function processDeposit(state: BeaconState, deposit: Deposit): void {
  const isProven = isValidMerkleBranch(
    forkTypes(state).DepositData.hashTreeRoot(deposit.data),
    deposit.proof,
    DEPOSIT_CONTRACT_TREE_DEPTH + 1, // the list's length is mixed in
    state.eth1DepositIndex,
    state.eth1Data.depositRoot,
  );
  assertValid(isProven, "DEPOSIT_BAD_PROOF", { index: state.eth1DepositIndex });
  state.eth1DepositIndex += 1;
  applyDeposit(state, deposit.data);
}

/**
 * Credits a deposit to its validator; a new one joins if its key signed.
 *
 * The signature is checked whatever the block's verifier: a bad one makes no block invalid, and the state depends on it.
 * @spec apply_deposit (phase0, electra)
 */
export function applyDeposit(state: BeaconState, data: DepositData): void {
  const { pubkey, withdrawalCredentials, amount, signature } = data;
  const index = state.validators.indexOf(pubkey);
  if (index < 0 && !isValidDepositSignature(state.spec, pubkey, withdrawalCredentials, amount, signature)) return;
  // [Modified in Electra:EIP7251] the amount waits in the queue
  if (state.fork >= Fork.electra) {
    if (index < 0) addValidatorToRegistry(state, pubkey, withdrawalCredentials, 0n);
    state.pendingDeposits.push({ pubkey, withdrawalCredentials, amount, signature, slot: GENESIS_SLOT });
  } else if (index < 0) {
    addValidatorToRegistry(state, pubkey, withdrawalCredentials, amount);
  } else {
    increaseBalance(state, index, amount);
  }
}
