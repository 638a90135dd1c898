/**
 * https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/phase0/beacon-chain.md
 */
import { hash64 } from "../../crypto/sha256.ts";
import { getCurrentEpoch } from "../accessors.ts";
import type { BeaconState } from "../state.ts";

/** Keeps the root of a full window of block and state roots. @spec process_historical_roots_update (phase0 to bellatrix) */
export function processHistoricalRootsUpdate(state: BeaconState): void {
  if (!isHistoryWindowFull(state)) return;
  // The root of a HistoricalBatch.
  state.historicalRoots.push(hash64(state.blockRoots.hashTreeRoot(), state.stateRoots.hashTreeRoot()));
}

/** Whether the vectors of block and state roots end with this epoch. */
export function isHistoryWindowFull(state: BeaconState): boolean {
  const { SLOTS_PER_HISTORICAL_ROOT, SLOTS_PER_EPOCH } = state.spec.preset;
  return (getCurrentEpoch(state) + 1) % Math.floor(SLOTS_PER_HISTORICAL_ROOT / SLOTS_PER_EPOCH) === 0;
}
