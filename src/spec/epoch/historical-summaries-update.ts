/**
 * https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/capella/beacon-chain.md
 */
import type { BeaconState } from "../state.ts";
import { isHistoryWindowFull } from "./historical-roots-update.ts";

/** Keeps the two roots of a full window of block and state roots. @spec process_historical_summaries_update (capella) */
export function processHistoricalSummariesUpdate(state: BeaconState): void {
  if (!isHistoryWindowFull(state)) return;
  state.historicalSummaries.push({
    blockSummaryRoot: state.blockRoots.hashTreeRoot(),
    stateSummaryRoot: state.stateRoots.hashTreeRoot(),
  });
}
