/**
 * Exits asked for by the validator's signing key. https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/electra/beacon-chain.md#voluntary-exits
 */
import { assertValid } from "../../base/errors.ts";
import { getCurrentEpoch, getPendingBalanceToWithdraw } from "../accessors.ts";
import { FAR_FUTURE_EPOCH } from "../constants.ts";
import type { SignedVoluntaryExit } from "../containers.ts";
import { Fork } from "../fork.ts";
import { initiateValidatorExit } from "../mutators.ts";
import { isActiveValidator } from "../predicates.ts";
import { type Verifier, voluntaryExitSignatureSet } from "../signature-sets.ts";
import type { BeaconState } from "../state.ts";

/**
 * Starts the exit of an active validator that signed for it.
 * @spec process_voluntary_exit (phase0, deneb, electra)
 */
export function processVoluntaryExit(state: BeaconState, signedExit: SignedVoluntaryExit, verifier: Verifier): void {
  const { validatorIndex, epoch } = signedExit.message;
  const { validators } = state;
  const currentEpoch = getCurrentEpoch(state);
  assertValid(validatorIndex < validators.length, "VOLUNTARY_EXIT_UNKNOWN_VALIDATOR", { validatorIndex });
  assertValid(isActiveValidator(state, validatorIndex, currentEpoch), "VOLUNTARY_EXIT_NOT_ACTIVE", { validatorIndex });
  const exitEpoch = validators.exitEpoch.get(validatorIndex);
  assertValid(exitEpoch === FAR_FUTURE_EPOCH, "VOLUNTARY_EXIT_ALREADY_EXITING", { validatorIndex, exitEpoch });
  assertValid(currentEpoch >= epoch, "VOLUNTARY_EXIT_FROM_THE_FUTURE", { validatorIndex, epoch });
  const earliest = validators.activationEpoch.get(validatorIndex) + state.spec.config.SHARD_COMMITTEE_PERIOD;
  assertValid(currentEpoch >= earliest, "VOLUNTARY_EXIT_TOO_YOUNG", { validatorIndex, earliest });
  // [New in Electra:EIP7251]
  if (state.fork >= Fork.electra) {
    const pending = getPendingBalanceToWithdraw(state, validatorIndex);
    assertValid(pending === 0n, "VOLUNTARY_EXIT_PENDING_WITHDRAWALS", { validatorIndex, pending });
  }
  const set = voluntaryExitSignatureSet(state, signedExit);
  assertValid(verifier.verify(set), "VOLUNTARY_EXIT_BAD_SIGNATURE", { validatorIndex });
  initiateValidatorExit(state, validatorIndex);
}
