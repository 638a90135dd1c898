/**
 * https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/phase0/beacon-chain.md
 */
import { getCurrentEpoch } from "../accessors.ts";
import type { BeaconState } from "../state.ts";

/** Starts a new voting period without votes. @spec process_eth1_data_reset (phase0) */
export function processEth1DataReset(state: BeaconState): void {
  const nextEpoch = getCurrentEpoch(state) + 1;
  if (nextEpoch % state.spec.preset.EPOCHS_PER_ETH1_VOTING_PERIOD === 0) state.eth1DataVotes.replaceAll([]);
}
