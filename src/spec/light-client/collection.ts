/**
 * Collects, while blocks are imported, what light clients will ask for. Holds branches and headers, never states.
 * @see https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/altair/light-client/full-node.md
 */

import { BoundedMap } from "../../base/bounded.ts";
import { toHex, ZERO_BYTES32 } from "../../base/bytes.ts";
import { assertValid } from "../../base/errors.ts";
import type { ChainSpec } from "../chain-spec.ts";
import { GENESIS_EPOCH } from "../constants.ts";
import type {
  Checkpoint,
  LightClientBootstrap,
  LightClientFinalityUpdate,
  LightClientHeader,
  LightClientOptimisticUpdate,
  LightClientUpdate,
  SignedBeaconBlock,
  SyncAggregate,
  SyncCommittee,
} from "../containers.ts";
import { Fork } from "../fork.ts";
import { forkTypes } from "../fork-types.ts";
import { computeEpochAtSlot, computeSyncCommitteePeriodAtSlot } from "../misc.ts";
import type { BeaconState } from "../state.ts";
import {
  blockToLightClientHeader,
  currentSyncCommitteeGindexAtSlot,
  finalizedRootGindexAtSlot,
  nextSyncCommitteeGindexAtSlot,
} from "./header.ts";
import { createLightClientOptimisticUpdate } from "./server.ts";
import { isBetterUpdate } from "./update-ranking.ts";
import { upgradeLcHeader, upgradeLcUpdate } from "./upgrade.ts";

/** An object of light-client data and the fork of its container. */
export interface Forked<T> {
  readonly fork: Fork;
  readonly data: T;
}

/** What is kept of a block and its post-state. */
interface BlockData {
  readonly root: string;
  readonly slot: number;
  readonly parentRoot: string;
  readonly fork: Fork;
  readonly header: LightClientHeader;
  /** Undefined for the block that the collection starts from. */
  readonly syncAggregate: SyncAggregate | undefined;
  readonly currentSyncCommittee: SyncCommittee;
  readonly currentSyncCommitteeBranch: Uint8Array[];
  readonly nextSyncCommittee: SyncCommittee;
  readonly nextSyncCommitteeBranch: Uint8Array[];
  readonly finalizedCheckpoint: Checkpoint;
  readonly finalityBranch: Uint8Array[];
  /** Best update of the block's sync committee period on this block's chain. */
  readonly bestUpdate: Forked<LightClientUpdate> | undefined;
}

const GENESIS_ROOT = toHex(ZERO_BYTES32);

export interface CollectionOptions {
  readonly spec: ChainSpec;
  /** Post-state of a finalized block, of altair or later, and the block. */
  readonly state: BeaconState;
  readonly block: SignedBeaconBlock;
  /** Most bootstraps kept, some 60 KB each where committees differ. */
  readonly maxBootstraps?: number;
  /** Most sync committee periods of which the best update is kept. */
  readonly maxPeriods?: number;
}

export class LightClientCollection {
  readonly #spec: ChainSpec;
  readonly #tailSlot: number;
  /** The finalized block and those after it, on all branches. */
  readonly #blocks = new Map<string, BlockData>();
  readonly #finalizedHeaders = new BoundedMap<string, Forked<LightClientHeader>>({ limit: 64 });
  readonly #bootstraps: BoundedMap<string, Forked<LightClientBootstrap>>;
  readonly #bestUpdates: BoundedMap<number, Forked<LightClientUpdate>>;
  #finalized: { slot: number; epoch: number; root: string };
  #latest: Forked<LightClientFinalityUpdate> | undefined;

  constructor({ spec, state, block, maxBootstraps = 1024, maxPeriods = 256 }: CollectionOptions) {
    assertValid(state.fork >= Fork.altair, "LC_BEFORE_ALTAIR", { slot: state.slot });
    this.#spec = spec;
    this.#tailSlot = state.slot;
    this.#bootstraps = new BoundedMap({ limit: maxBootstraps });
    this.#bestUpdates = new BoundedMap({ limit: maxPeriods });
    const { epoch, root } = state.finalizedCheckpoint;
    this.#finalized = { slot: epoch * spec.preset.SLOTS_PER_EPOCH, epoch, root: toHex(root) };
    const data = { ...this.#read(state, block), syncAggregate: undefined };
    this.#blocks.set(data.root, data);
    this.#addBootstrap(data);
  }

  /** Across all branches; the root is zeros before anything was finalized. */
  get finalizedCheckpoint(): { epoch: number; root: string } {
    return { epoch: this.#finalized.epoch, root: this.#finalized.root };
  }

  get latestFinalityUpdate(): Forked<LightClientFinalityUpdate> | undefined {
    return this.#latest;
  }

  get latestOptimisticUpdate(): Forked<LightClientOptimisticUpdate> | undefined {
    if (!this.#latest) return undefined;
    const { fork, data } = this.#latest;
    return { fork, data: createLightClientOptimisticUpdate(data as LightClientUpdate) };
  }

  bestUpdate(period: number): Forked<LightClientUpdate> | undefined {
    return this.#bestUpdates.get(period);
  }

  /** @param blockRoot in hexadecimal, of a finalized epoch-boundary block */
  bootstrap(blockRoot: string): Forked<LightClientBootstrap> | undefined {
    return this.#bootstraps.get(blockRoot);
  }

  /**
   * Takes in a block whose parent was taken in before.
   * @param state its post-state; only read
   */
  importBlock(state: BeaconState, block: SignedBeaconBlock): void {
    const data = this.#read(state, block);
    const parent = this.#blocks.get(data.parentRoot);
    assertValid(parent !== undefined, "LC_PARENT_UNKNOWN", { parentRoot: data.parentRoot });
    this.#blocks.set(data.root, { ...data, bestUpdate: this.#bestAfter(parent, data) });
  }

  /** Makes the data of this block's chain the current one, and takes note of what its state finalizes. */
  setHead(root: string): void {
    const head = this.#blocks.get(root);
    assertValid(head !== undefined, "LC_HEAD_UNKNOWN", { root });
    const lowSlot = Math.max(this.#tailSlot, this.#finalized.slot);
    const chain = this.#chainDownTo(head, lowSlot);
    this.#setBestUpdates(chain, lowSlot);
    this.#setLatest(chain, lowSlot);
    const { epoch, root: finalizedRoot } = head.finalizedCheckpoint;
    if (epoch !== GENESIS_EPOCH) this.#finalize(epoch, toHex(finalizedRoot));
  }

  /** Newest first: the block and its ancestors of at least this slot. */
  #chainDownTo(head: BlockData, slot: number): BlockData[] {
    const chain: BlockData[] = [];
    for (let at: BlockData | undefined = head; at && at.slot >= slot; at = this.#blocks.get(at.parentRoot))
      chain.push(at);
    return chain;
  }

  #setBestUpdates(chain: readonly BlockData[], lowSlot: number): void {
    const period = (slot: number): number => computeSyncCommitteePeriodAtSlot(this.#spec, slot);
    const bestByPeriod = new Map<number, Forked<LightClientUpdate> | undefined>();
    for (const { slot, bestUpdate } of chain) {
      if (!bestByPeriod.has(period(slot))) bestByPeriod.set(period(slot), bestUpdate);
    }
    for (let at = period(lowSlot); at <= period(chain[0]!.slot); at++) {
      const best = bestByPeriod.get(at);
      if (best) this.#bestUpdates.set(at, best);
      else this.#bestUpdates.delete(at);
    }
  }

  #setLatest(chain: readonly BlockData[], lowSlot: number): void {
    const position = chain.findIndex(({ syncAggregate }) => this.#hasParticipants(syncAggregate));
    const signing = chain[position];
    const attested = chain[position + 1];
    this.#latest =
      signing && attested && signing.slot > lowSlot
        ? { fork: attested.fork, data: this.#finalityUpdate(attested, signing) }
        : undefined;
  }

  #finalize(epoch: number, root: string): void {
    const finalized = this.#blocks.get(root);
    if (!finalized || finalized.slot <= this.#finalized.slot) return;
    const firstNewSlot = Math.max(this.#finalized.slot + 1, this.#tailSlot);
    const { SLOTS_PER_EPOCH } = this.#spec.preset;
    let boundaryEpoch = Number.POSITIVE_INFINITY;
    for (const data of this.#chainDownTo(finalized, firstNewSlot)) {
      // The newest block up to an epoch's first slot is what that epoch's checkpoint names.
      const ownEpoch = computeEpochAtSlot(this.#spec, data.slot + SLOTS_PER_EPOCH - 1);
      if (ownEpoch < boundaryEpoch) this.#addBootstrap(data);
      boundaryEpoch = ownEpoch;
    }
    this.#finalized = { slot: finalized.slot, epoch, root };
    for (const [key, { slot }] of this.#blocks) if (slot < finalized.slot) this.#blocks.delete(key);
  }

  #addBootstrap(data: BlockData): void {
    const { fork, header, currentSyncCommittee, currentSyncCommitteeBranch } = data;
    this.#finalizedHeaders.set(data.root, { fork, data: header });
    this.#bootstraps.set(data.root, { fork, data: { header, currentSyncCommittee, currentSyncCommitteeBranch } });
  }

  #hasParticipants(syncAggregate: SyncAggregate | undefined): boolean {
    const count = syncAggregate?.syncCommitteeBits.getTrueBitIndexes().length ?? 0;
    return count >= this.#spec.preset.MIN_SYNC_COMMITTEE_PARTICIPANTS;
  }

  #bestAfter(attested: BlockData, signing: BlockData): Forked<LightClientUpdate> | undefined {
    const period = (slot: number): number => computeSyncCommitteePeriodAtSlot(this.#spec, slot);
    if (period(attested.slot) !== period(signing.slot)) return undefined;
    const best = attested.bestUpdate;
    if (!this.#hasParticipants(signing.syncAggregate)) return best;
    const { fork, nextSyncCommittee, nextSyncCommitteeBranch } = attested;
    const update = { ...this.#finalityUpdate(attested, signing), nextSyncCommittee, nextSyncCommitteeBranch };
    const isBetter = !best || isBetterUpdate(this.#spec, update, upgradeLcUpdate(this.#spec, fork, best.data));
    return isBetter ? { fork, data: update } : best;
  }

  #finalityUpdate(attested: BlockData, signing: BlockData): LightClientFinalityUpdate {
    const spec = this.#spec;
    const { fork } = attested;
    const empty = forkTypes({ spec, fork }).LightClientFinalityUpdate.defaultValue();
    const finalizedRoot = toHex(attested.finalizedCheckpoint.root);
    const finalized = this.#finalizedHeaders.get(finalizedRoot)?.data ?? this.#blocks.get(finalizedRoot)?.header;
    // Finality is told whenever the header is at hand; genesis has an empty one.
    const isKnown = finalized !== undefined || finalizedRoot === GENESIS_ROOT;
    return {
      attestedHeader: attested.header,
      finalizedHeader: finalized ? upgradeLcHeader(spec, fork, finalized) : empty.finalizedHeader,
      finalityBranch: isKnown ? attested.finalityBranch : empty.finalityBranch,
      syncAggregate: signing.syncAggregate!,
      signatureSlot: signing.slot,
    };
  }

  #read(state: BeaconState, block: SignedBeaconBlock): BlockData {
    const spec = this.#spec;
    const { fork, slot } = state;
    const header = blockToLightClientHeader(spec, fork, block);
    return {
      root: toHex(spec.types.phase0.BeaconBlockHeader.hashTreeRoot(header.beacon)),
      slot: block.message.slot,
      parentRoot: toHex(block.message.parentRoot),
      fork,
      header,
      syncAggregate: block.message.body.syncAggregate,
      currentSyncCommittee: state.currentSyncCommittee,
      currentSyncCommitteeBranch: state.proof(currentSyncCommitteeGindexAtSlot(spec, slot)),
      nextSyncCommittee: state.nextSyncCommittee,
      nextSyncCommitteeBranch: state.proof(nextSyncCommitteeGindexAtSlot(spec, slot)),
      finalizedCheckpoint: state.finalizedCheckpoint,
      finalityBranch: state.proof(finalizedRootGindexAtSlot(spec, slot)),
      bestUpdate: undefined,
    };
  }
}
