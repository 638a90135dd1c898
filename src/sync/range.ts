/**
 * Catches up to a slot: batches are downloaded from several peers at once and imported in order. What a peer serves is
 * judged by what the next batch builds on.
 */
import { counter } from "../base/metrics.ts";
import { computeEpochAtSlot, computeStartSlotAtEpoch } from "../spec/misc.ts";
import { type Batch, type BatchParts, downloadBatch } from "./batch.ts";
import { fetchSidecars } from "./sidecars.ts";

const BATCH_EPOCHS = 2;
/** Batches downloaded ahead of the one that is imported: bounds what is held in memory. */
const AHEAD = 3;

const imported = counter("cresset_sync_range_blocks_total", "Blocks imported by range sync");

/** `broken`: the peers' chain does not continue ours; `refused`: a block is invalid or its data cannot be had. */
export type RangeResult = "done" | "no-peers" | "broken" | "refused" | "stopped" | "waiting";

export interface RangeOptions {
  readonly startSlot: number;
  /** The last slot wanted. */
  readonly targetSlot: number;
  readonly signal: AbortSignal;
  readonly onProgress?: (slot: number, blocks: number) => void;
}

export class RangeSync {
  readonly #parts: BatchParts;

  constructor(parts: BatchParts) {
    this.#parts = parts;
  }

  /** Everything imported stays, however the run ends: the next one goes on from there. */
  async run(options: RangeOptions): Promise<RangeResult> {
    const stop = new AbortController();
    const signal = AbortSignal.any([options.signal, stop.signal]);
    const queue: Promise<Batch | undefined>[] = [];
    let next = options.startSlot;
    // Who served the batches without blocks since the last block.
    let emptyFrom: string[] = [];
    try {
      for (;;) {
        while (queue.length < AHEAD && next <= options.targetSlot) {
          const count = Math.min(this.#batchSlots(next), options.targetSlot + 1 - next);
          queue.push(downloadBatch(this.#parts, { startSlot: next, count }, signal));
          next += count;
        }
        const batch = queue.shift();
        if (batch === undefined) return "done";
        const blocks = await batch;
        if (options.signal.aborted) return "stopped";
        if (blocks === undefined) return "no-peers";
        const result = await this.#take(blocks, emptyFrom, options);
        if (result !== "done") return result;
        emptyFrom = blocks.blocks.length === 0 ? [...emptyFrom, blocks.peer] : [];
      }
    } finally {
      stop.abort();
      await Promise.allSettled(queue);
    }
  }

  /** Two epochs, from a boundary on. */
  #batchSlots(startSlot: number): number {
    const { spec } = this.#parts.chain;
    const end = computeStartSlotAtEpoch(spec, computeEpochAtSlot(spec, startSlot) + BATCH_EPOCHS);
    return end - startSlot;
  }

  async #take(batch: Batch, emptyFrom: readonly string[], options: RangeOptions): Promise<RangeResult> {
    const { chain, network } = this.#parts;
    const unknown = batch.blocks.filter(({ root }) => chain.store.array.indexOf(root) < 0);
    if (!(await fetchSidecars(this.#parts, unknown, batch.peer))) return "refused";
    for (const block of unknown) {
      if (options.signal.aborted) return "stopped";
      const result = await chain.importBlock(block);
      if (result.status === "invalid") {
        network.reportPeer(batch.peer, "fatal", `an invalid block: ${result.error.code}`);
        return "refused";
      }
      if (result.status === "unknown-parent") {
        // Either those before kept blocks from us, or this one has made up its own.
        for (const peer of emptyFrom) network.reportPeer(peer, "mid", "an empty batch where there are blocks");
        return "broken";
      }
      if (result.status !== "imported" && result.status !== "known" && result.status !== "finalized") return "waiting";
      imported.inc();
    }
    options.onProgress?.(batch.startSlot + batch.count - 1, unknown.length);
    return "done";
  }
}
