/**
 * https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/altair/beacon-chain.md
 */
import type { BeaconState } from "../state.ts";

/** @spec process_participation_flag_updates (altair) */
export function processParticipationFlagUpdates(state: BeaconState): void {
  const { length } = state.validators;
  state.rotateParticipation();
  if (state.currentEpochParticipation.length !== length) state.currentEpochParticipation.resetTo(length);
}
