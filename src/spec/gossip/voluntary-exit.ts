/**
 * Topic `voluntary_exit`.
 * @see https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/deneb/p2p-interface.md
 */
import { getCurrentEpoch } from "../accessors.ts";
import { FAR_FUTURE_EPOCH } from "../constants.ts";
import type { SignedVoluntaryExit } from "../containers.ts";
import { isActiveValidator } from "../predicates.ts";
import { voluntaryExitSignatureSet } from "../signature-sets.ts";
import type { BeaconState } from "../state.ts";
import type { Seen } from "./seen.ts";
import { type GossipVerifier, rejectBadSignature } from "./signature.ts";
import { ACCEPT, ignore, reject, type Verdict } from "./verdict.ts";

/**
 * @spec validate_voluntary_exit_gossip (phase0, deneb)
 * @param state head state advanced to the current slot; not mutated
 */
export async function validateVoluntaryExitGossip(
  seen: Seen,
  state: BeaconState,
  signedExit: SignedVoluntaryExit,
  verifier: GossipVerifier,
): Promise<Verdict> {
  const exit = signedExit.message;
  const index = exit.validatorIndex;

  const alreadySeen = ignore("already seen voluntary exit for this validator");
  if (seen.voluntaryExitIndices.has(index)) return alreadySeen;

  const ineligible = checkValidator(state, index, exit.epoch);
  if (ineligible) return ineligible;

  const badSignature = await rejectBadSignature(verifier, [
    { set: voluntaryExitSignatureSet(state, signedExit), reason: "invalid voluntary exit signature" },
  ]);
  if (badSignature) return badSignature;

  // The verifier may have let another exit through meanwhile.
  if (seen.voluntaryExitIndices.has(index)) return alreadySeen;
  seen.voluntaryExitIndices.add(index);
  return ACCEPT;
}

function checkValidator(state: BeaconState, index: number, exitEpoch: number): Verdict | undefined {
  const { validators } = state;
  if (!(index < validators.length)) return reject("validator index out of range");

  const currentEpoch = getCurrentEpoch(state);
  if (!isActiveValidator(state, index, currentEpoch)) return reject("validator is not active");
  if (validators.exitEpoch.get(index) !== FAR_FUTURE_EPOCH) {
    return reject("validator has already initiated exit");
  }
  if (currentEpoch < exitEpoch) return reject("voluntary exit epoch is in the future");
  if (currentEpoch < validators.activationEpoch.get(index) + state.spec.config.SHARD_COMMITTEE_PERIOD) {
    return reject("validator has not been active long enough");
  }
  return undefined;
}
