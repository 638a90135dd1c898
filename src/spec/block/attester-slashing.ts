/**
 * Punishment for contradictory votes. https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/phase0/beacon-chain.md#attester-slashings
 */
import { assertValid } from "../../base/errors.ts";
import { getCurrentEpoch } from "../accessors.ts";
import { isValidIndexedAttestation } from "../attestations.ts";
import type { AttesterSlashing } from "../containers.ts";
import { slashValidator } from "../mutators.ts";
import { isSlashableAttestationData, isSlashableValidator } from "../predicates.ts";
import type { Verifier } from "../signature-sets.ts";
import type { BeaconState } from "../state.ts";

/**
 * Slashes every validator that signed both of two attestations that no honest validator signs together.
 * @spec process_attester_slashing (phase0)
 */
export function processAttesterSlashing(state: BeaconState, slashing: AttesterSlashing, verifier: Verifier): void {
  const { attestation1, attestation2 } = slashing;
  assertValid(isSlashableAttestationData(attestation1.data, attestation2.data), "ATTESTER_SLASHING_NOT_CONTRADICTORY");
  assertValid(isValidIndexedAttestation(state, attestation1, verifier), "ATTESTER_SLASHING_INVALID_ATTESTATION_1");
  assertValid(isValidIndexedAttestation(state, attestation2, verifier), "ATTESTER_SLASHING_INVALID_ATTESTATION_2");
  const epoch = getCurrentEpoch(state);
  let slashed = 0;
  for (const index of commonIndices(attestation1.attestingIndices, attestation2.attestingIndices)) {
    if (!isSlashableValidator(state, index, epoch)) continue;
    slashValidator(state, index);
    slashed++;
  }
  assertValid(slashed > 0, "ATTESTER_SLASHING_NOBODY_SLASHED");
}

/** The intersection of two ascending lists, ascending. */
function commonIndices(left: readonly number[], right: readonly number[]): number[] {
  const common: number[] = [];
  for (let i = 0, j = 0; i < left.length && j < right.length; ) {
    if (left[i] === right[j]) common.push(left[i]!);
    if (left[i]! <= right[j]!) i++;
    else j++;
  }
  return common;
}
