/**
 * Topic `proposer_slashing`.
 * @see https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/phase0/p2p-interface.md
 */
import { getCurrentEpoch } from "../accessors.ts";
import type { ProposerSlashing } from "../containers.ts";
import { isSlashableValidator } from "../predicates.ts";
import { proposerSlashingSignatureSets } from "../signature-sets.ts";
import type { BeaconState } from "../state.ts";
import type { Seen } from "./seen.ts";
import { type GossipVerifier, rejectBadSignature } from "./signature.ts";
import { ACCEPT, ignore, reject, type Verdict } from "./verdict.ts";

/**
 * @spec validate_proposer_slashing_gossip (phase0)
 * @param state head state advanced to the current slot; not mutated
 */
export async function validateProposerSlashingGossip(
  seen: Seen,
  state: BeaconState,
  slashing: ProposerSlashing,
  verifier: GossipVerifier,
): Promise<Verdict> {
  const header1 = slashing.signedHeader1.message;
  const header2 = slashing.signedHeader2.message;
  const index = header1.proposerIndex;

  const alreadySeen = ignore("already seen proposer slashing for this proposer");
  if (seen.proposerSlashingIndices.has(index)) return alreadySeen;

  if (header1.slot !== header2.slot) return reject("header slots do not match");
  if (header1.proposerIndex !== header2.proposerIndex) return reject("header proposer indices do not match");
  if (state.spec.types.phase0.BeaconBlockHeaderBigint.equals(header1, header2))
    return reject("headers are not different");
  if (!(index < state.validators.length)) return reject("proposer index out of range");
  if (!isSlashableValidator(state, index, getCurrentEpoch(state))) return reject("proposer is not slashable");

  const reason = "invalid proposer slashing signature";
  const checks = proposerSlashingSignatureSets(state, slashing).map((set) => ({ set, reason }));
  const badSignature = await rejectBadSignature(verifier, checks);
  if (badSignature) return badSignature;

  // The verifier may have let another slashing through meanwhile.
  if (seen.proposerSlashingIndices.has(index)) return alreadySeen;
  seen.proposerSlashingIndices.add(index);
  return ACCEPT;
}
