/** Decides what to fetch: nothing, single blocks, or ranges, until the head is where the network's is. */
import { gauge } from "../base/metrics.ts";
import type { Chain } from "../chain/chain.ts";
import type { Status } from "../spec/containers.ts";
import { computeEpochAtSlot, computeStartSlotAtEpoch } from "../spec/misc.ts";
import { ByRootFetcher } from "./by-root.ts";
import { type PeerSource, SyncPeers } from "./peer-source.ts";
import { type RangeResult, RangeSync } from "./range.ts";
import type { VerifyCells } from "./sidecars.ts";

/** A peer is ahead only when its head is further on than gossip and single blocks may be late. */
const TOLERANCE_SLOTS = 4;
const CHECK_MS = 1_000;
const MAX_WAIT_MS = 16_000;

const stateGauge = gauge("cresset_sync_state", "0 synced, 1 finalized range, 2 head");
const distanceGauge = gauge("cresset_sync_distance_slots", "Slots between the head and the best peer's head");

/** Without a peer ahead of us we are as synced as we can know. */
export type SyncState = "synced" | "finalized-range" | "head";
const STATE_NUMBERS: Readonly<Record<SyncState, number>> = { synced: 0, "finalized-range": 1, head: 2 };

export interface SyncProgress {
  readonly state: SyncState;
  readonly headSlot: number;
  /** Where the sync goes; the head's slot when synced. */
  readonly targetSlot: number;
  readonly slotsPerSecond: number;
  /** Undefined until the speed is known. */
  readonly secondsLeft: number | undefined;
  readonly peers: number;
}

export type SyncChain = Pick<
  Chain,
  "spec" | "slotClock" | "store" | "availability" | "importBlock" | "head" | "log" | "blockFetcher"
>;

export interface SyncParts {
  readonly chain: SyncChain;
  readonly network: PeerSource;
  /** On this thread unless told. */
  readonly verifyCells?: VerifyCells;
}

export class Sync {
  readonly #parts: SyncParts;
  readonly #peers = new SyncPeers();
  readonly #range: RangeSync;
  readonly #byRoot: ByRootFetcher;
  readonly #stop = new AbortController();
  #state: SyncState = "synced";
  #targetSlot = 0;
  #startedMs = 0;
  #startSlot = 0;
  /** How many epochs before the head the next run begins: more each time that the head is on another chain. */
  #stepBack = 0;
  #waitMs = CHECK_MS;
  #timer: NodeJS.Timeout | undefined;
  #work: Promise<void> = Promise.resolve();

  constructor(parts: SyncParts) {
    this.#parts = parts;
    const inner = { ...parts, peers: this.#peers };
    this.#range = new RangeSync(inner);
    this.#byRoot = new ByRootFetcher(inner);
  }

  /** From now on unknown parents are fetched, and peers that are ahead caught up with. */
  start(): void {
    this.#parts.chain.blockFetcher = this.#byRoot;
    this.#schedule();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    clearTimeout(this.#timer);
    this.#byRoot.stop();
    this.#parts.chain.blockFetcher = { fetchBlock: () => {} };
    await this.#work;
  }

  onPeerStatus(peer: string, status: Status): void {
    this.#peers.set(peer, status);
  }

  onPeerGone(peer: string): void {
    this.#peers.delete(peer);
  }

  /** Fetches a block that somebody refers to. */
  fetchBlock(root: Uint8Array): void {
    this.#byRoot.fetchBlock(root);
  }

  progress(): SyncProgress {
    const headSlot = this.#parts.chain.head.slot;
    const isSynced = this.#state === "synced";
    const seconds = (performance.now() - this.#startedMs) / 1000;
    const done = headSlot - this.#startSlot;
    const slotsPerSecond = isSynced || done <= 0 ? 0 : done / seconds;
    const left = Math.max(0, this.#targetSlot - headSlot);
    const secondsLeft = isSynced ? 0 : slotsPerSecond > 0 ? Math.ceil(left / slotsPerSecond) : undefined;
    const targetSlot = isSynced ? headSlot : this.#targetSlot;
    return { state: this.#state, headSlot, targetSlot, slotsPerSecond, secondsLeft, peers: this.#peers.size };
  }

  #schedule(): void {
    if (this.#stop.signal.aborted) return;
    this.#timer = setTimeout(() => {
      this.#work = this.#check().finally(() => this.#schedule());
    }, this.#waitMs);
  }

  async #check(): Promise<void> {
    try {
      await this.#catchUp();
    } catch (error) {
      this.#parts.chain.log.error({ err: error }, "synchronization failed");
      this.#waitMs = MAX_WAIT_MS;
    }
    stateGauge.set(STATE_NUMBERS[this.#state]);
  }

  async #catchUp(): Promise<void> {
    const { chain } = this.#parts;
    const best = this.#peers.best();
    const currentSlot = chain.slotClock.currentSlot();
    const target = Math.min(best?.status.headSlot ?? 0, Math.max(0, currentSlot));
    const headSlot = chain.head.slot;
    distanceGauge.set(Math.max(0, target - headSlot));
    if (best === undefined || target <= headSlot + TOLERANCE_SLOTS) {
      this.#enter("synced", headSlot);
      this.#stepBack = 0;
      this.#waitMs = CHECK_MS;
      return;
    }
    const isFinalized = best.status.finalizedEpoch > chain.store.finalizedCheckpoint.epoch + 1;
    this.#enter(isFinalized ? "finalized-range" : "head", target);
    const { signal } = this.#stop;
    const startSlot = this.#nextSlot(headSlot);
    const result = await this.#range.run({ startSlot, targetSlot: target, signal });
    this.#conclude(result, best.peer, headSlot);
  }

  /** After the head; when that is not on the peers' chain, further back, but never before what is final. */
  #nextSlot(headSlot: number): number {
    const { spec, store } = this.#parts.chain;
    const finalizedSlot = computeStartSlotAtEpoch(spec, store.finalizedCheckpoint.epoch);
    if (this.#stepBack === 0) return Math.max(headSlot, finalizedSlot) + 1;
    const epoch = Math.max(0, computeEpochAtSlot(spec, headSlot) - this.#stepBack);
    return Math.max(computeStartSlotAtEpoch(spec, epoch), finalizedSlot) + 1;
  }

  #conclude(result: RangeResult, peer: string, headBefore: number): void {
    const { chain } = this.#parts;
    const { slot } = chain.head;
    const hasMoved = slot > headBefore;
    if (result === "stopped") return;
    chain.log.debug({ result, headSlot: slot, targetSlot: this.#targetSlot }, "a range sync ended");
    if (hasMoved) {
      this.#stepBack = 0;
      this.#waitMs = CHECK_MS;
      return;
    }
    if (result === "broken" || result === "done") {
      const { spec, store } = chain;
      const depth = computeEpochAtSlot(spec, headBefore) - store.finalizedCheckpoint.epoch;
      // Asked from the last final block on: what the peer claims, it cannot show.
      if (this.#stepBack > depth) {
        this.#peers.disbelieve(peer);
        this.#stepBack = 0;
      } else {
        this.#stepBack = Math.max(1, this.#stepBack * 2);
      }
    } else if (result === "refused") {
      this.#peers.rest(peer);
    }
    this.#waitMs = Math.min(this.#waitMs * 2, MAX_WAIT_MS);
  }

  #enter(state: SyncState, targetSlot: number): void {
    const { log, head } = this.#parts.chain;
    this.#targetSlot = targetSlot;
    if (state === this.#state) return;
    if (state === "synced") log.info({ headSlot: head.slot }, "synced");
    else if (this.#state === "synced") {
      this.#startedMs = performance.now();
      this.#startSlot = head.slot;
      log.info({ headSlot: head.slot, targetSlot, peers: this.#peers.size }, "catching up");
    }
    this.#state = state;
  }
}
