/** Fetches single blocks that others refer to, with their data, and imports them. */
import { BoundedMap } from "../base/bounded.ts";
import { bytesEqual, toHex } from "../base/bytes.ts";
import { DecodeError, RequestFailed } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import { counter } from "../base/metrics.ts";
import type { Chain } from "../chain/chain.ts";
import type { ImportResult } from "../chain/import-block.ts";
import { decodeIncomingBlock, type IncomingBlock } from "../chain/incoming-block.ts";
import { computeStartSlotAtEpoch } from "../spec/misc.ts";
import type { PeerSource, SyncPeers } from "./peer-source.ts";
import { fetchSidecars, type SidecarChain } from "./sidecars.ts";

/** Fetches at the same time. */
const MAX_RUNNING = 8;
const MAX_WAITING = 128;
const MAX_PEERS_ASKED = 4;
const TIMEOUT_MS = 15_000;
/** A root that nobody had is not asked for again so soon: votes for made-up roots are cheap to make. */
const FORGET_MS = 12_000;
const MAX_FAILED = 1024;

const fetched = counter("cresset_sync_by_root_total", "Blocks fetched by root", ["result"]);

export type ByRootChain = SidecarChain &
  Pick<Chain, "spec" | "slotClock" | "store" | "importBlock"> & { readonly log: Logger };

export interface ByRootParts {
  readonly chain: ByRootChain;
  readonly network: PeerSource;
  readonly peers: SyncPeers;
}

export class ByRootFetcher {
  readonly #parts: ByRootParts;
  readonly #waiting = new BoundedMap<string, Uint8Array>({ limit: MAX_WAITING, sizeOf: () => 128 });
  readonly #running = new Set<string>();
  readonly #failedAtMs = new BoundedMap<string, number>({ limit: MAX_FAILED, sizeOf: () => 80 });
  #isStopped = false;

  constructor(parts: ByRootParts) {
    this.#parts = parts;
  }

  /** How many are being fetched or wait. */
  get size(): number {
    return this.#running.size + this.#waiting.size;
  }

  /** Begins to fetch a block, unless that is going on or has just failed. Its parents follow by themselves. */
  fetchBlock(root: Uint8Array): void {
    const key = toHex(root);
    if (this.#isStopped || this.#running.has(key) || this.#waiting.has(key)) return;
    const failedAtMs = this.#failedAtMs.get(key);
    if (failedAtMs !== undefined && performance.now() - failedAtMs < FORGET_MS) return;
    this.#waiting.set(key, root.slice());
    this.#next();
  }

  stop(): void {
    this.#isStopped = true;
    this.#waiting.clear();
  }

  #next(): void {
    for (const [key, root] of [...this.#waiting.entries()]) {
      if (this.#running.size >= MAX_RUNNING) return;
      this.#waiting.delete(key);
      this.#running.add(key);
      void this.#run(key, root);
    }
  }

  async #run(key: string, root: Uint8Array): Promise<void> {
    let result: ImportResult["status"] | "not-found" | "failed" = "failed";
    try {
      result = await this.#fetch(root);
    } catch (error) {
      this.#parts.chain.log.error({ err: error, root: key }, "fetching a block failed");
    } finally {
      if (result !== "imported" && result !== "known") this.#failedAtMs.set(key, performance.now());
      fetched.inc({ result });
      this.#running.delete(key);
      this.#next();
    }
  }

  async #fetch(root: Uint8Array): Promise<ImportResult["status"] | "not-found"> {
    const { chain, peers } = this.#parts;
    for (const peer of peers.having(0).slice(0, MAX_PEERS_ASKED)) {
      if (this.#isStopped) break;
      if (chain.store.array.indexOf(root) >= 0) return "known";
      const block = await this.#ask(peer, root);
      if (block === undefined) continue;
      if (!this.#isNear(block)) return "finalized";
      await fetchSidecars(this.#parts, [block], peer);
      const { status } = await chain.importBlock(block);
      if (status === "invalid") this.#parts.network.reportPeer(peer, "mid", "an invalid block by root");
      return status;
    }
    return "not-found";
  }

  /** Old blocks are no use, and what is far ahead is for the range sync. */
  #isNear(block: IncomingBlock): boolean {
    const { spec, store, slotClock } = this.#parts.chain;
    const { slot } = block.signedBlock.message;
    const finalizedSlot = computeStartSlotAtEpoch(spec, store.finalizedCheckpoint.epoch);
    return slot > finalizedSlot && slot <= slotClock.currentSlot() + 1;
  }

  async #ask(peer: string, root: Uint8Array): Promise<IncomingBlock | undefined> {
    const { chain, network, peers } = this.#parts;
    try {
      const signal = AbortSignal.timeout(TIMEOUT_MS);
      for await (const { bytes } of network.request(peer, "beacon_blocks_by_root", [root], { signal })) {
        const seenAtMs = chain.slotClock.nowMs();
        const block = decodeIncomingBlock(chain.spec, bytes, { source: "by-root", seenAtMs });
        if (!bytesEqual(block.root, root)) throw new DecodeError("a block that was not asked for");
        return block;
      }
      return undefined;
    } catch (error) {
      if (error instanceof DecodeError) network.reportPeer(peer, "high", error.message);
      else if (!(error instanceof RequestFailed)) throw error;
      else if (error.code === "MALFORMED") network.reportPeer(peer, "mid", error.message);
      else if (error.code === "TIMEOUT") peers.rest(peer);
      return undefined;
    }
  }
}
