/**
 * https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/phase0/beacon-chain.md
 */
import { getCurrentEpoch } from "../accessors.ts";
import type { BeaconState } from "../state.ts";

/** Forgets the slashings that the next epoch's will replace. @spec process_slashings_reset (phase0) */
export function processSlashingsReset(state: BeaconState): void {
  const nextEpoch = getCurrentEpoch(state) + 1;
  state.slashings.set(nextEpoch % state.spec.preset.EPOCHS_PER_SLASHINGS_VECTOR, 0);
}
