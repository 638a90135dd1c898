/**
 * https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/phase0/beacon-chain.md
 */
import type { BeaconState } from "../state.ts";

/** @spec process_participation_record_updates (phase0) */
export function processParticipationRecordUpdates(state: BeaconState): void {
  state.previousEpochAttestations = state.currentEpochAttestations;
  state.currentEpochAttestations = [];
}
