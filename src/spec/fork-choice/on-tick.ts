/**
 * Time passes: the boost wears off each slot, unrealized justification becomes real each epoch.
 *
 * @see https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/phase0/fork-choice.md
 */
import { ZERO_BYTES32 } from "../../base/bytes.ts";
import { assertValid } from "../../base/errors.ts";
import { computeEpochAtSlot } from "../misc.ts";
import { getCurrentSlot, type Store, slotAtTime, updateCheckpoints } from "./store.ts";

/** @param time Unix time in whole seconds. @spec on_tick (phase0) */
export function onTick(store: Store, time: number): void {
  onTickMs(store, time * 1000);
}

/**
 * Moves the store's clock. Skipped slots need no visit of their own: nothing in between depends on them.
 * @spec on_tick, on_tick_per_slot (phase0)
 */
export function onTickMs(store: Store, timeMs: number): void {
  const isInRange = Number.isSafeInteger(timeMs) && timeMs >= store.genesisTime * 1000;
  assertValid(isInRange, "TICK_OUT_OF_RANGE", { timeMs, genesisTime: store.genesisTime });
  const previousSlot = getCurrentSlot(store);
  const slot = slotAtTime(store, timeMs);
  store.timeMs = timeMs;
  if (slot === previousSlot) return;
  store.headRow = -1;
  if (slot < previousSlot) return;
  store.proposerBoostRoot = ZERO_BYTES32;
  if (computeEpochAtSlot(store.spec, slot) > computeEpochAtSlot(store.spec, previousSlot)) {
    updateCheckpoints(store, store.unrealizedJustifiedCheckpoint, store.unrealizedFinalizedCheckpoint);
  }
}
