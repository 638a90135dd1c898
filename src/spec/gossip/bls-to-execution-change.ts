/**
 * Topic `bls_to_execution_change` (capella).
 * @see https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/capella/p2p-interface.md
 */
import { bytesEqual } from "../../base/bytes.ts";
import { sha256 } from "../../crypto/sha256.ts";
import { BLS_WITHDRAWAL_PREFIX } from "../constants.ts";
import type { SignedBLSToExecutionChange } from "../containers.ts";
import { computeEpochAtSlot } from "../misc.ts";
import { blsToExecutionChangeSignatureSet } from "../signature-sets.ts";
import type { BeaconState } from "../state.ts";
import type { Seen } from "./seen.ts";
import { type GossipVerifier, rejectBadSignature } from "./signature.ts";
import { ACCEPT, ignore, reject, type Verdict } from "./verdict.ts";

/**
 * @spec validate_bls_to_execution_change_gossip (capella)
 * @param state head state advanced to the current slot; not mutated
 */
export async function validateBlsToExecutionChangeGossip(
  seen: Seen,
  state: BeaconState,
  signedChange: SignedBLSToExecutionChange,
  nowMs: number,
  verifier: GossipVerifier,
): Promise<Verdict> {
  const change = signedChange.message;
  const { config } = state.spec;

  const currentSlot = Math.floor((nowMs - state.genesisTime * 1000) / config.SLOT_DURATION_MS);
  if (computeEpochAtSlot(state.spec, currentSlot) < config.CAPELLA_FORK_EPOCH) {
    return ignore("current epoch is pre-capella");
  }

  const alreadySeen = ignore("already seen BLS to execution change for this validator");
  if (seen.blsToExecutionChangeIndices.has(change.validatorIndex)) return alreadySeen;

  if (!(change.validatorIndex < state.validators.length)) return reject("validator index out of range");

  const credentials = state.validators.withdrawalCredentials.get(change.validatorIndex);
  if (credentials[0] !== BLS_WITHDRAWAL_PREFIX) return reject("validator does not have BLS withdrawal credentials");
  if (!bytesEqual(credentials.subarray(1), sha256(change.fromBlsPubkey).subarray(1))) {
    return reject("pubkey does not match validator withdrawal credentials");
  }

  const badSignature = await rejectBadSignature(verifier, [
    { set: blsToExecutionChangeSignatureSet(state, signedChange), reason: "invalid BLS to execution change signature" },
  ]);
  if (badSignature) return badSignature;

  // The verifier may have let another change through meanwhile.
  if (seen.blsToExecutionChangeIndices.has(change.validatorIndex)) return alreadySeen;
  seen.blsToExecutionChangeIndices.add(change.validatorIndex);
  return ACCEPT;
}
