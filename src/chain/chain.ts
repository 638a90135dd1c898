/**
 * The beacon chain of one node: everything that changes it goes through here, one thing at a time.
 * @see https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/phase0/fork-choice.md
 */
import { toHex } from "../base/bytes.ts";
import type { SlotClock } from "../base/clock.ts";
import { UsageError } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import { SerialQueue } from "../base/task-queue.ts";
import type { Database } from "../db/database.ts";
import type { ChainSpec } from "../spec/chain-spec.ts";
import type { AttestationData } from "../spec/containers.ts";
import { CheckpointStates } from "../spec/fork-choice/checkpoint-states.ts";
import { onTickMs } from "../spec/fork-choice/on-tick.ts";
import { isOptimisticNode } from "../spec/fork-choice/optimistic.ts";
import { getForkchoiceStore, type Store } from "../spec/fork-choice/store.ts";
import { ForkChoiceView } from "../spec/gossip/fork-choice-view.ts";
import { Seen } from "../spec/gossip/seen.ts";
import { computeStartSlotAtEpoch } from "../spec/misc.ts";
import type { BeaconState } from "../spec/state.ts";
import type { Anchor } from "./anchor.ts";
import { Availability } from "./availability.ts";
import type { ChainOptions, ChainParts } from "./chain-parts.ts";
import type { ExecutionEngine } from "./engine/port.ts";
import { EngineFollower } from "./engine-follower.ts";
import { EngineLink } from "./engine-link.ts";
import { ChainEvents } from "./events.ts";
import { Finalizer } from "./finalize.ts";
import { type HeadInfo, HeadTracker } from "./head.ts";
import { checkEarly, type ImportResult, importBlock } from "./import-block.ts";
import { type IncomingBlock, recordBytes } from "./incoming-block.ts";
import { type BlockFetcher, Parking } from "./parking.ts";
import { blocksAfter, rebuildState, storedAnchor, writeAnchor } from "./replay.ts";
import { States } from "./states.ts";
import { Votes } from "./votes.ts";

export interface SyncStatus {
  readonly headSlot: number;
  /** In slots. */
  readonly distance: number;
  readonly isSyncing: boolean;
  readonly isOptimistic: boolean;
  readonly isEngineOffline: boolean;
}

/** Imports that may wait: more than a batch of sync. */
const IMPORT_LIMIT = 512;

export class Chain {
  readonly spec: ChainSpec;
  readonly slotClock: SlotClock;
  readonly store: Store;
  readonly view: ForkChoiceView;
  readonly seen: Seen = new Seen();
  readonly database: Database;
  readonly states: States;
  readonly availability: Availability;
  readonly engine: EngineLink;
  readonly execution: ExecutionEngine | undefined;
  readonly following: EngineFollower;
  readonly events: ChainEvents;
  readonly votes: Votes;
  readonly log: Logger;
  readonly genesisTime: number;
  readonly genesisValidatorsRoot: Uint8Array;
  blockFetcher: BlockFetcher = { fetchBlock: () => {} };
  /** Makes data that a block lacks, where there is a way; given by whoever puts the node together. */
  recoverData: (block: IncomingBlock) => Promise<unknown> = () => Promise.resolve();
  /**
   * Whether some peer is known to be far ahead; told by whoever syncs. A head that is old is no sign of it: after an
   * outage of the whole network somebody has to go on.
   */
  isSyncing: () => boolean = () => false;
  /** Whether a validator of this node proposes at a slot; told by whoever knows them. */
  isProposing: (slot: number) => boolean = () => false;
  readonly #options: ChainOptions;
  readonly #head: HeadTracker;
  readonly #finalizer: Finalizer;
  readonly #parking: Parking;
  readonly #imports = new SerialQueue(IMPORT_LIMIT);
  readonly #checkpoints: CheckpointStates;
  readonly #cancels: (() => void)[] = [];
  #finalizedEpoch: number;
  #isFollowing = false;

  private constructor(parts: ChainParts, anchor: Anchor) {
    const { spec, database, slotClock, log } = parts;
    this.spec = spec;
    this.database = database;
    this.slotClock = slotClock;
    this.log = log.child({ part: "chain" });
    this.#options = parts.options;
    this.events = new ChainEvents((error) => this.log.error({ err: error }, "a listener failed"));
    this.execution = parts.engine;
    this.engine = new EngineLink(parts.engine, this.log);
    this.genesisTime = anchor.state.genesisTime;
    this.genesisValidatorsRoot = anchor.state.genesisValidatorsRoot;
    this.states = new States(parts.options.maxStates === undefined ? {} : { maxStates: parts.options.maxStates });
    this.#checkpoints = new CheckpointStates({ blockStates: this.states });
    const { states, events } = this;
    this.store = getForkchoiceStore({
      ...{ anchorState: anchor.state, anchorBlock: anchor.block },
      ...{ blockStates: states, checkpoints: this.#checkpoints },
    });
    states.add(anchor.root, anchor.state);
    states.pin([anchor.root]);
    const { store } = this;
    states.useRegeneration((root) => rebuildState({ store, states, database, options: parts.stateOptions }, root));
    this.view = new ForkChoiceView({ store });
    this.votes = new Votes(store);
    this.availability = new Availability({
      ...{ spec, database, custodyColumns: parts.options.custodyColumns },
      currentEpoch: () => slotClock.currentEpoch(),
    });
    this.following = new EngineFollower({
      ...{ spec, store, database, engine: this.engine, log: this.log },
      head: () => this.head,
      updateHead: () => this.updateHead(),
      isProposing: (slot) => this.isProposing(slot),
    });
    this.#parking = new Parking({
      ...{ slotClock, view: this.view, availability: this.availability },
      importAgain: (block) => this.#inBackground(this.importBlock(block), "a parked block could not be imported"),
      fetchBlock: (root) => this.blockFetcher.fetchBlock(root),
    });
    this.#finalizedEpoch = store.finalizedCheckpoint.epoch;
    this.#finalizer = new Finalizer({
      store,
      states,
      database,
      log: this.log,
      snapshotEpochs: parts.options.snapshotEpochs ?? 64,
    });
    this.tick();
    this.#head = new HeadTracker(store, states, events);
  }

  /**
   * Begins where the database ends, or at the anchor when it is new.
   * @throws UsageError when there is neither, StorageError when the database is damaged
   */
  static async start(parts: ChainParts): Promise<Chain> {
    const stored = await storedAnchor(parts);
    const anchor = stored ?? parts.anchor;
    if (anchor === undefined)
      throw new UsageError("the database is empty, and no genesis or checkpoint state was given");
    if (stored !== undefined) parts.anchor?.state.drop();
    else await writeAnchor(parts.spec, parts.database, anchor);
    const chain = new Chain(parts, anchor);
    await chain.#replay(anchor.state.slot);
    chain.#follow();
    return chain;
  }

  get head(): HeadInfo {
    return this.#head.current;
  }

  /** Post-state of the head; not to be changed, nor kept over an await without a clone. */
  headState(): BeaconState {
    const state = this.states.get(this.head.root);
    if (state === undefined) throw new Error(`the head's state ${toHex(this.head.root)} is not in memory`);
    return state;
  }

  /** The head's state at a slot, the head's own or a later one; as headState. */
  headStateAt(slot: number): BeaconState {
    return this.states.advanced(this.head.root, this.headState(), slot);
  }

  /** Of the attester duties of an epoch in the head's chain. */
  dependentRoot(epoch: number): Uint8Array {
    return this.#head.dependentRoot(epoch);
  }

  syncStatus(): SyncStatus {
    const headSlot = this.head.slot;
    return {
      headSlot,
      distance: Math.max(0, this.slotClock.currentSlot() - headSlot),
      isSyncing: this.isSyncing(),
      isOptimistic: isOptimisticNode(this.store),
      isEngineOffline: this.engine.isOffline,
    };
  }

  /** Takes a block in. When it is answered with `imported` it survives a crash. */
  async importBlock(block: IncomingBlock): Promise<ImportResult> {
    this.tick();
    const early = checkEarly(this, block);
    if (early !== undefined) return this.#afterImport(block, early);
    await this.#waitForData(block);
    const result = await this.#imports.run(() => this.#import(block));
    return this.#afterImport(block, result);
  }

  /** Counts a vote whose signature was checked. */
  addVote(data: AttestationData, indices: ArrayLike<number>): void {
    this.votes.add(data, indices);
  }

  /** Gossip first; what it has not brought after a third of the time is made here, if it can be. */
  async #waitForData(block: IncomingBlock): Promise<void> {
    const timeoutMs = this.#options.availabilityTimeoutMs ?? this.slotClock.slotMs / 2;
    if (await this.availability.waitFor(block, timeoutMs / 3)) return;
    this.#inBackground(this.recoverData(block), "the missing data of a block could not be made");
    await this.availability.waitFor(block, (timeoutMs * 2) / 3);
  }

  /** Brings fork choice's clock up to date. */
  tick(): void {
    const nowMs = this.slotClock.nowMs();
    if (nowMs >= this.store.genesisTime * 1000) onTickMs(this.store, nowMs);
  }

  /** Recomputes the head and tells engine and listeners when it is another one. */
  updateHead(): void {
    const hasChanged = this.#head.update();
    if (this.#head.awaited !== undefined)
      this.#inBackground(this.#loadHead(this.#head.awaited), "no state of the head");
    if (!hasChanged) return;
    this.#pinStates();
    if (this.#isFollowing) this.#inBackground(this.following.tellHead(), "the engine did not hear of the head");
  }

  /** SSZ of a block that the node holds. */
  async blockBytes(root: Uint8Array): Promise<Uint8Array | undefined> {
    const record = await this.database.blocks.readByRoot(root);
    return record === undefined ? undefined : recordBytes(record);
  }

  /** The block at a slot of the head's chain, or undefined where there is none. */
  async canonicalRootAt(slot: number): Promise<Uint8Array | undefined> {
    const { array } = this.store;
    const row = array.ancestorAt(array.indexOf(this.head.root), slot);
    if (row >= 0) return array.slot[row] === slot ? array.rootAt(row) : undefined;
    return this.database.canonical.root(slot);
  }

  /** Ends when everything begun is on disk. */
  async stop(): Promise<void> {
    for (const cancel of this.#cancels) cancel();
    await this.#imports.idle();
    this.#finalizer.drop();
    this.#checkpoints.clear();
    this.states.drop();
  }

  async #import(block: IncomingBlock): Promise<ImportResult> {
    this.tick();
    const { store, states, database, availability, engine } = this;
    const result = await importBlock(
      { store, states, database, availability, engine, log: this.log, threads: this.#options.threads ?? 2 },
      block,
    );
    // A refused payload may have taken ancestors with it.
    if (result.status === "imported" || result.status === "invalid") this.updateHead();
    if (result.status !== "imported") return result;
    if (block.source !== "replay") await this.#finalizeIfDue();
    return result;
  }

  #afterImport(block: IncomingBlock, result: ImportResult): ImportResult {
    const { slot } = block.signedBlock.message;
    const at = { slot, root: toHex(block.root).slice(0, 18), source: block.source };
    if (result.status === "imported") {
      this.log.debug(at, "imported a block");
      this.events.emit("block", { slot, root: block.root, isOptimistic: result.isOptimistic });
    } else if (result.status === "invalid") this.log.warn({ ...at, err: result.error }, "refused a block");
    else if (result.status !== "known") this.log.debug({ ...at, status: result.status }, "did not import a block");
    this.#parking.settle(block, result);
    return result;
  }

  async #loadHead(root: Uint8Array): Promise<void> {
    if ((await this.states.load(root)) !== undefined) this.updateHead();
    else this.log.error({ root: toHex(root) }, "the state of the block that should be head cannot be rebuilt");
  }

  async #finalizeIfDue(): Promise<void> {
    const { epoch, root } = this.store.finalizedCheckpoint;
    if (epoch <= this.#finalizedEpoch) return;
    this.#finalizedEpoch = epoch;
    const row = this.store.array.indexOf(root);
    const stateRoot = this.store.array.stateRoots.slice(row * 32, row * 32 + 32);
    await this.#finalizer.finalize();
    const finalizedSlot = computeStartSlotAtEpoch(this.spec, epoch);
    this.seen.prune(finalizedSlot);
    this.#parking.prune(finalizedSlot);
    this.#pinStates();
    this.log.info({ epoch, root: toHex(root).slice(0, 18) }, "finalized a checkpoint");
    this.events.emit("finalized_checkpoint", { epoch, root, stateRoot, isOptimistic: this.head.isOptimistic });
  }

  #pinStates(): void {
    const { justifiedCheckpoint, finalizedCheckpoint, unrealizedJustifiedCheckpoint } = this.store;
    // What will be justified is weighed with its balances then.
    const checkpoints = [justifiedCheckpoint, finalizedCheckpoint, unrealizedJustifiedCheckpoint];
    this.states.pin([this.head.root, ...checkpoints.map(({ root }) => root)]);
  }

  /** Imports what the database holds after the anchor, without signatures. */
  async #replay(afterSlot: number): Promise<void> {
    let count = 0;
    for await (const block of blocksAfter(this.spec, this.database, afterSlot)) {
      await this.availability.recall(block);
      const result = await this.#import(block);
      if (result.status === "imported") count++;
      else this.log.debug({ slot: block.signedBlock.message.slot, status: result.status }, "left a stored block out");
      if (count % 256 === 255) this.log.info({ slot: block.signedBlock.message.slot }, "reading stored blocks");
    }
    this.#finalizedEpoch = this.store.finalizedCheckpoint.epoch;
    this.#pinStates();
    if (count > 0) this.log.info({ blocks: count, headSlot: this.head.slot }, "read stored blocks back");
  }

  /** From now on the clock drives the chain too. */
  #follow(): void {
    this.#cancels.push(this.slotClock.onSlot((slot) => this.#onSlot(slot)));
    const stopListening = this.execution?.onChange((change) => {
      if (change.isOnlineAgain) this.#inBackground(this.following.catchUp(), "could not catch up with the engine");
    });
    if (stopListening !== undefined) this.#cancels.push(stopListening);
    this.#isFollowing = true;
    this.availability.onSidecar = (root) => this.#parking.onSidecar(root);
    this.#inBackground(this.following.catchUp(), "could not catch up with the engine");
  }

  #onSlot(slot: number): void {
    this.tick();
    this.votes.onSlot(slot);
    this.updateHead();
    this.#inBackground(this.following.onSlot(), "could not catch up with the engine");
    // A tick can finalize what no import has.
    if (this.store.finalizedCheckpoint.epoch <= this.#finalizedEpoch) return;
    const finalized = this.#imports.run(() => this.#finalizeIfDue());
    this.#inBackground(finalized, "could not write what is final");
  }

  /** Work that nobody waits for: when it fails the log says so. */
  #inBackground(work: Promise<unknown>, what: string): void {
    work.catch((error: unknown) => this.log.error({ err: error }, what));
  }
}
