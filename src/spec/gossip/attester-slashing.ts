/**
 * Topic `attester_slashing`.
 * @see https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/phase0/p2p-interface.md
 */
import { getCurrentEpoch, getDomain } from "../accessors.ts";
import { DOMAIN_BEACON_ATTESTER } from "../constants.ts";
import type { AttesterSlashing } from "../containers.ts";
import { computeSigningRoot } from "../misc.ts";
import { isSlashableAttestationData, isSlashableValidator } from "../predicates.ts";
import type { BeaconState } from "../state.ts";
import type { Seen } from "./seen.ts";
import { type GossipVerifier, rejectBadSignature, signatureSet } from "./signature.ts";
import { ACCEPT, ignore, reject, type Verdict } from "./verdict.ts";

type IndexedAttestation = AttesterSlashing["attestation1"];

/**
 * @spec validate_attester_slashing_gossip (phase0)
 * @param state head state advanced to the current slot; not mutated
 */
export async function validateAttesterSlashingGossip(
  seen: Seen,
  state: BeaconState,
  slashing: AttesterSlashing,
  verifier: GossipVerifier,
): Promise<Verdict> {
  const { attestation1, attestation2 } = slashing;
  const attesters1 = new Set(attestation1.attestingIndices);
  const slashable = [...new Set(attestation2.attestingIndices)].filter((index) => attesters1.has(index));

  const allSeen = (): boolean => slashable.every((index) => seen.attesterSlashingIndices.has(index));
  const alreadySeen = ignore("all attester slashing indices already seen");
  if (allSeen()) return alreadySeen;

  if (!isSlashableAttestationData(attestation1.data, attestation2.data)) {
    return reject("attestation data is not slashable");
  }
  for (const [number, attestation] of [attestation1, attestation2].entries()) {
    const invalid = await checkIndexedAttestation(state, attestation, number + 1, verifier);
    if (invalid) return invalid;
  }
  const currentEpoch = getCurrentEpoch(state);
  if (!slashable.some((index) => isSlashableValidator(state, index, currentEpoch))) {
    return reject("no slashable validators in intersection");
  }

  // The verifier may have let another slashing through meanwhile.
  if (allSeen()) return alreadySeen;
  for (const index of slashable) seen.attesterSlashingIndices.add(index);
  return ACCEPT;
}

/** The rules of is_valid_indexed_attestation, with the signature left to a verifier that may answer later. */
async function checkIndexedAttestation(
  state: BeaconState,
  attestation: IndexedAttestation,
  number: number,
  verifier: GossipVerifier,
): Promise<Verdict | undefined> {
  const indices = attestation.attestingIndices;
  if (indices.some((index) => !(index < state.validators.length))) {
    return reject(`validator index out of range in indexed attestation ${number}`);
  }
  const reason = `invalid indexed attestation ${number}`;
  const ascending = indices.every((index, i) => i === 0 || indices[i - 1]! < index);
  if (indices.length === 0 || !ascending) return reject(reason);

  const domain = getDomain(state, DOMAIN_BEACON_ATTESTER, attestation.data.target.epoch);
  const root = state.spec.types.phase0.AttestationDataBigint.hashTreeRoot(attestation.data);
  const message = computeSigningRoot(root, domain);
  return rejectBadSignature(verifier, [{ set: signatureSet(state, indices, message, attestation.signature), reason }]);
}
