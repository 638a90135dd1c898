/**
 * https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/altair/beacon-chain.md
 */
import { getCurrentEpoch } from "../accessors.ts";
import type { BeaconState } from "../state.ts";
import { getNextSyncCommittee } from "../sync-committee.ts";

/** Moves the next committee up at the end of a period and chooses its successor. @spec process_sync_committee_updates (altair) */
export function processSyncCommitteeUpdates(state: BeaconState): void {
  const nextEpoch = getCurrentEpoch(state) + 1;
  if (nextEpoch % state.spec.preset.EPOCHS_PER_SYNC_COMMITTEE_PERIOD !== 0) return;
  state.currentSyncCommittee = state.nextSyncCommittee;
  state.nextSyncCommittee = getNextSyncCommittee(state);
}
