/** What follows when a checkpoint becomes final: history is written down, and what can no longer matter is dropped. */

import { StorageError } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import { gauge } from "../base/metrics.ts";
import type { Database } from "../db/database.ts";
import { prune } from "../spec/fork-choice/prune.ts";
import { getCurrentStoreEpoch, type Store } from "../spec/fork-choice/store.ts";
import { computeStartSlotAtEpoch } from "../spec/misc.ts";
import { computeMinEpochsForBlockRequests } from "../spec/p2p.ts";
import type { BeaconState } from "../spec/state.ts";
import type { States } from "./states.ts";

const finalizedEpoch = gauge("beacon_finalized_epoch", "Epoch of the finalized checkpoint");

export interface FinalizerParts {
  readonly store: Store;
  readonly states: States;
  readonly database: Database;
  readonly log: Logger;
  /** Epochs between two whole states on disk; between them stand differences. */
  readonly snapshotEpochs: number;
}

/** Snapshots kept, so that a damaged one does not mean a sync from a checkpoint. */
const SNAPSHOTS_KEPT = 2;
/** Differences kept: the last, and the one before it for the time while the last is written. */
const DIFFS_KEPT = 2;

export class Finalizer {
  readonly #parts: FinalizerParts;
  /** The state of the newest snapshot: what differences start from. It shares most pages with the head's. */
  #base: BeaconState | undefined;

  constructor(parts: FinalizerParts) {
    this.#parts = parts;
  }

  /**
   * Writes the newly finalized chain into the index and its state to disk, then prunes: what is dropped was replaced
   * before, so that a crash at any moment leaves enough to start from.
   * @returns roots of the blocks that left the tree
   */
  async finalize(): Promise<Uint8Array[]> {
    const { store, database, states } = this.#parts;
    const { root, epoch } = store.finalizedCheckpoint;
    finalizedEpoch.set(epoch);
    await database.canonical.add(finalizedChain(store));
    const state = (await states.load(root))?.clone();
    if (state !== undefined) await this.writeState(state).finally(() => state.drop());
    const dropped = prune(store);
    states.remove(dropped);
    await database.prune({ before: expiry(store) });
    return dropped;
  }

  /** Writes a finalized state: whole, or what differs from the last whole one. */
  async writeState(state: BeaconState): Promise<void> {
    const { log, snapshotEpochs, database } = this.#parts;
    const base = this.#latestSnapshot(state);
    const slotsApart = snapshotEpochs * state.spec.preset.SLOTS_PER_EPOCH;
    if (base !== undefined && base.fork === state.fork && state.slot - base.slot < slotsApart) {
      await database.states.writeDiff(base, state);
      const diffs = database.states.list().filter(({ kind }) => kind === "diff");
      await database.states.remove(diffs.slice(0, Math.max(0, diffs.length - DIFFS_KEPT)).map((entry) => entry.root));
      return;
    }
    await database.states.writeSnapshot(state);
    await database.states.prune(SNAPSHOTS_KEPT);
    this.#base?.drop();
    this.#base = state.clone();
    log.debug({ slot: state.slot }, "wrote a whole finalized state");
  }

  drop(): void {
    this.#base?.drop();
    this.#base = undefined;
  }

  /** After a start it is read back once; one that cannot be read is followed by a new one. */
  #latestSnapshot(state: BeaconState): BeaconState | undefined {
    const { database, log } = this.#parts;
    const entry = database.states.list().findLast(({ kind }) => kind === "snapshot");
    if (this.#base !== undefined || entry === undefined) return this.#base;
    try {
      const { arena } = state.validators.roots;
      this.#base = database.states.load(entry.root, { arena, keys: state.validators.keys.table });
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      log.warn({ err: error, slot: entry.slot }, "a stored state cannot be used: a new one is written");
    }
    return this.#base;
  }
}

/** Blocks from the oldest in the tree to the finalized one. */
function finalizedChain(store: Store): { slot: number; root: Uint8Array }[] {
  const { array } = store;
  const blocks: { slot: number; root: Uint8Array }[] = [];
  for (let row = array.indexOf(store.finalizedCheckpoint.root); row >= 0; row = array.parent[row]!) {
    blocks.push({ slot: array.slot[row]!, root: array.rootAt(row) });
  }
  return blocks.reverse();
}

/** Slots before which peers may no longer ask. @spec MIN_EPOCHS_FOR_BLOCK_REQUESTS and the like */
function expiry(store: Store): { blobSidecar: number; dataColumnSidecar: number; block: number } {
  const { config } = store.spec;
  const current = getCurrentStoreEpoch(store);
  const before = (epochs: number): number => computeStartSlotAtEpoch(store.spec, Math.max(0, current - epochs));
  return {
    block: before(computeMinEpochsForBlockRequests(store.spec)),
    blobSidecar: before(config.MIN_EPOCHS_FOR_BLOB_SIDECARS_REQUESTS),
    dataColumnSidecar: before(config.MIN_EPOCHS_FOR_DATA_COLUMN_SIDECARS_REQUESTS),
  };
}
