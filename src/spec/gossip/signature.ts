/**
 * Signature checks of gossip rules: what is verified, and a verifier that may answer later so that checks can be batched.
 * @see https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/phase0/p2p-interface.md
 */
import type { SignatureSet } from "../../crypto/bls.ts";
import type { BeaconState } from "../state.ts";
import { reject, type Verdict } from "./verdict.ts";

export interface GossipVerifier {
  /** False for an invalid signature; a promise lets the verifier gather several messages into one batch. */
  verify(set: SignatureSet): boolean | Promise<boolean>;
}

/** The message signed by the aggregate of these validators' keys. */
export function signatureSet(
  state: BeaconState,
  validatorIndices: ArrayLike<number>,
  message: Uint8Array,
  signature: Uint8Array,
): SignatureSet {
  return { ...state.validators.keyRef(validatorIndices), message, signature };
}

/**
 * Rejects for the first check, in the order given, whose signature is wrong.
 * All are handed over before the first is awaited, so that a batching verifier sees them together.
 */
export async function rejectBadSignature(
  verifier: GossipVerifier,
  checks: readonly { readonly set: SignatureSet; readonly reason: string }[],
): Promise<Verdict | undefined> {
  const results = await Promise.all(checks.map(({ set }) => verifier.verify(set)));
  const bad = results.indexOf(false);
  return bad < 0 ? undefined : reject(checks[bad]!.reason);
}
