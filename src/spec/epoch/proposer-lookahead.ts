/**
 * https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/fulu/beacon-chain.md
 */
import { getBeaconProposerIndices, getCurrentEpoch } from "../accessors.ts";
import type { BeaconState } from "../state.ts";

/** Drops this epoch's proposers and appends those of the last epoch whose seed is known. @spec process_proposer_lookahead (fulu) */
export function processProposerLookahead(state: BeaconState): void {
  const { MIN_SEED_LOOKAHEAD, SLOTS_PER_EPOCH } = state.spec.preset;
  const lastEpoch = getCurrentEpoch(state) + MIN_SEED_LOOKAHEAD + 1;
  state.proposerLookahead = [
    ...state.proposerLookahead.slice(SLOTS_PER_EPOCH),
    ...getBeaconProposerIndices(state, lastEpoch),
  ];
}
