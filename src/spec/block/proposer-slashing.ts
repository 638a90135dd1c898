/**
 * Punishment for two blocks in one slot. https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/phase0/beacon-chain.md#proposer-slashings
 */
import { assertValid } from "../../base/errors.ts";
import { getCurrentEpoch } from "../accessors.ts";
import type { ProposerSlashing } from "../containers.ts";
import { forkTypes } from "../fork-types.ts";
import { slashValidator } from "../mutators.ts";
import { isSlashableValidator } from "../predicates.ts";
import { proposerSlashingSignatureSets, type Verifier } from "../signature-sets.ts";
import type { BeaconState } from "../state.ts";

/**
 * Slashes a proposer that signed two different headers of the same slot.
 * @spec process_proposer_slashing (phase0)
 */
export function processProposerSlashing(state: BeaconState, slashing: ProposerSlashing, verifier: Verifier): void {
  const header1 = slashing.signedHeader1.message;
  const header2 = slashing.signedHeader2.message;
  assertValid(header1.slot === header2.slot, "PROPOSER_SLASHING_SLOTS_DIFFER", {
    slot1: header1.slot,
    slot2: header2.slot,
  });
  assertValid(header1.proposerIndex === header2.proposerIndex, "PROPOSER_SLASHING_PROPOSERS_DIFFER", {
    index1: header1.proposerIndex,
    index2: header2.proposerIndex,
  });
  const type = forkTypes(state).ProposerSlashing.fields.signedHeader1.fields.message;
  assertValid(!type.equals(header1, header2), "PROPOSER_SLASHING_SAME_HEADER");
  // Headers hold exact integers: only an index that exists becomes a number.
  const exists = header1.proposerIndex < state.validators.length;
  assertValid(exists, "PROPOSER_SLASHING_UNKNOWN_PROPOSER", { index: header1.proposerIndex });
  const proposerIndex = Number(header1.proposerIndex);
  assertValid(isSlashableValidator(state, proposerIndex, getCurrentEpoch(state)), "PROPOSER_SLASHING_NOT_SLASHABLE", {
    proposerIndex,
  });
  for (const set of proposerSlashingSignatureSets(state, slashing)) {
    assertValid(verifier.verify(set), "PROPOSER_SLASHING_BAD_SIGNATURE", { proposerIndex });
  }
  slashValidator(state, proposerIndex);
}
