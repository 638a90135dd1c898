/**
 * https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/phase0/beacon-chain.md
 */
import { getCurrentEpoch, getRandaoMix } from "../accessors.ts";
import type { BeaconState } from "../state.ts";

/** Starts the next epoch's mix from this epoch's. @spec process_randao_mixes_reset (phase0) */
export function processRandaoMixesReset(state: BeaconState): void {
  const currentEpoch = getCurrentEpoch(state);
  const position = (currentEpoch + 1) % state.spec.preset.EPOCHS_PER_HISTORICAL_VECTOR;
  state.randaoMixes.set(position, getRandaoMix(state, currentEpoch));
}
