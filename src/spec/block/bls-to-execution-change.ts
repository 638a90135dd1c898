/**
 * From withdrawal keys to withdrawal addresses. https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/capella/beacon-chain.md#new-process_bls_to_execution_change
 */
import { assertValid } from "../../base/errors.ts";
import { sha256 } from "../../crypto/sha256.ts";
import { BLS_WITHDRAWAL_PREFIX, ETH1_ADDRESS_WITHDRAWAL_PREFIX } from "../constants.ts";
import type { SignedBLSToExecutionChange } from "../containers.ts";
import { blsToExecutionChangeSignatureSet, type Verifier } from "../signature-sets.ts";
import type { BeaconState } from "../state.ts";

/**
 * Replaces a validator's BLS withdrawal credentials by an execution address that their key signed for.
 * @spec process_bls_to_execution_change (capella)
 */
export function processBlsToExecutionChange(
  state: BeaconState,
  signedChange: SignedBLSToExecutionChange,
  verifier: Verifier,
): void {
  const { validatorIndex, fromBlsPubkey, toExecutionAddress } = signedChange.message;
  assertValid(validatorIndex < state.validators.length, "BLS_CHANGE_UNKNOWN_VALIDATOR", { validatorIndex });
  const credentials = state.validators.withdrawalCredentials.get(validatorIndex);
  assertValid(credentials[0] === BLS_WITHDRAWAL_PREFIX, "BLS_CHANGE_NOT_BLS_CREDENTIALS", { validatorIndex });
  const keyHash = sha256(fromBlsPubkey);
  const isTheirKey = Buffer.compare(credentials.subarray(1), keyHash.subarray(1)) === 0;
  assertValid(isTheirKey, "BLS_CHANGE_WRONG_KEY", { validatorIndex });
  const set = blsToExecutionChangeSignatureSet(state, signedChange);
  assertValid(verifier.verify(set), "BLS_CHANGE_BAD_SIGNATURE", { validatorIndex });
  const replaced = new Uint8Array(32);
  replaced[0] = ETH1_ADDRESS_WITHDRAWAL_PREFIX;
  replaced.set(toExecutionAddress, 12);
  state.validators.withdrawalCredentials.set(validatorIndex, replaced);
}
