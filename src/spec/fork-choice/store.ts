/**
 * The fork-choice store and the questions that all its handlers ask.
 *
 * @see https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/phase0/fork-choice.md
 */
import { bytesEqual, ZERO_BYTES32 } from "../../base/bytes.ts";
import { assertValid } from "../../base/errors.ts";
import { getCurrentEpoch } from "../accessors.ts";
import type { ChainSpec } from "../chain-spec.ts";
import type { BeaconBlock } from "../containers.ts";
import { Fork } from "../fork.ts";
import { forkTypes } from "../fork-types.ts";
import { computeEpochAtSlot, computeStartSlotAtEpoch } from "../misc.ts";
import type { BeaconState } from "../state.ts";
import type { BalanceSource } from "./balance-source.ts";
import { type BlockStates, type Checkpoint, CheckpointStates, type Checkpoints } from "./checkpoint-states.ts";
import { LatestMessages } from "./latest-messages.ts";
import { ExecutionStatus, ProtoArray } from "./proto-array.ts";

/**
 * Everything that fork choice knows. Blocks are rows of `array`, post-states stay with their owner, votes and
 * balances are columns over validator indices.
 */
export class Store {
  readonly spec: ChainSpec;
  readonly genesisTime: number;
  readonly array: ProtoArray;
  readonly messages: LatestMessages = new LatestMessages();
  readonly blockStates: BlockStates;
  readonly checkpoints: Checkpoints;
  /** Unix time in milliseconds; the spec's `time` is whole seconds. */
  timeMs: number;
  justifiedCheckpoint: Checkpoint;
  finalizedCheckpoint: Checkpoint;
  unrealizedJustifiedCheckpoint: Checkpoint;
  unrealizedFinalizedCheckpoint: Checkpoint;
  /** All zeros when no block is boosted. */
  proposerBoostRoot: Uint8Array = ZERO_BYTES32;
  /** Row of the head, or -1 when something changed since it was computed. */
  headRow = -1;
  #balances: BalanceSource | undefined;

  constructor(parts: {
    spec: ChainSpec;
    genesisTime: number;
    timeMs: number;
    anchor: Checkpoint;
    array: ProtoArray;
    blockStates: BlockStates;
    checkpoints: Checkpoints;
  }) {
    this.spec = parts.spec;
    this.genesisTime = parts.genesisTime;
    this.timeMs = parts.timeMs;
    this.array = parts.array;
    this.blockStates = parts.blockStates;
    this.checkpoints = parts.checkpoints;
    this.justifiedCheckpoint = this.finalizedCheckpoint = parts.anchor;
    this.unrealizedJustifiedCheckpoint = this.unrealizedFinalizedCheckpoint = parts.anchor;
  }

  /** Unix time in seconds. */
  get time(): number {
    return Math.floor(this.timeMs / 1000);
  }

  /** Balances that votes are weighed with, if they were already counted; until `justifiedBalances` counts them, none. */
  get countedBalances(): BalanceSource | undefined {
    return this.#balances;
  }

  /** Balances of the justified checkpoint; counts every vote with them when they are new. */
  justifiedBalances(): BalanceSource {
    if (!this.#balances) {
      this.#balances = this.checkpoints.balancesAt(this.justifiedCheckpoint);
      this.messages.count(this.#balances, this.array.votes);
    }
    return this.#balances;
  }

  setJustified(checkpoint: Checkpoint): void {
    this.justifiedCheckpoint = checkpoint;
    this.#balances = undefined;
    this.headRow = -1;
  }

  /** The row of a block that must be known. */
  rowOf(root: Uint8Array): number {
    const row = this.array.indexOf(root);
    assertValid(row >= 0, "BLOCK_UNKNOWN", { root });
    return row;
  }
}

/**
 * A store that trusts one block and its state: genesis, or a checkpoint within the weak subjectivity period.
 * @spec get_forkchoice_store (phase0)
 * @param parts.states must answer for the anchor block too
 */
export function getForkchoiceStore(parts: {
  anchorState: BeaconState;
  anchorBlock: BeaconBlock;
  blockStates: BlockStates;
  checkpoints?: Checkpoints;
  maxBlocks?: number;
}): Store {
  const { anchorState, anchorBlock, blockStates } = parts;
  const { spec } = anchorState;
  assertValid(bytesEqual(anchorBlock.stateRoot, anchorState.hashTreeRoot()), "ANCHOR_STATE_ROOT_MISMATCH");
  const root = forkTypes(anchorState).BeaconBlock.hashTreeRoot(anchorBlock);
  const anchor = { epoch: getCurrentEpoch(anchorState), root };
  const array = new ProtoArray(parts.maxBlocks);
  const payload = executionBlockHash(anchorBlock, anchorState.fork);
  array.append({
    ...{ root, parentRoot: anchorBlock.parentRoot, stateRoot: anchorBlock.stateRoot },
    ...{ slot: anchorBlock.slot, proposerIndex: anchorBlock.proposerIndex, isTimely: false },
    executionBlockHash: payload,
    // The anchor is trusted, its payload too.
    executionStatus: isZero(payload) ? ExecutionStatus.irrelevant : ExecutionStatus.valid,
    ...{ justifiedEpoch: anchorState.currentJustifiedCheckpoint.epoch, unrealizedJustified: anchor },
    ...{ finalizedEpoch: anchorState.finalizedCheckpoint.epoch, unrealizedFinalizedEpoch: anchor.epoch },
  });
  const slotMs = spec.config.SLOT_DURATION_MS;
  const time = anchorState.genesisTime + Math.floor((slotMs * anchorState.slot) / 1000);
  const checkpoints = parts.checkpoints ?? new CheckpointStates({ blockStates });
  return new Store({
    ...{ spec, genesisTime: anchorState.genesisTime, timeMs: time * 1000 },
    ...{ anchor, array, blockStates, checkpoints },
  });
}

/** The hash of the block's payload; all zeros where it has none. */
export function executionBlockHash(block: BeaconBlock, fork: Fork): Uint8Array {
  return fork >= Fork.bellatrix ? block.body.executionPayload.blockHash : ZERO_BYTES32;
}

export function isZero(root: Uint8Array): boolean {
  return bytesEqual(root, ZERO_BYTES32);
}

/** @spec get_current_slot (phase0) */
export function getCurrentSlot(store: Store): number {
  return slotAtTime(store, store.timeMs);
}

/** @spec get_current_store_epoch (phase0) */
export function getCurrentStoreEpoch(store: Store): number {
  return computeEpochAtSlot(store.spec, getCurrentSlot(store));
}

/** Milliseconds since the current slot began. */
export function getTimeIntoSlotMs(store: Store): number {
  return (store.timeMs - store.genesisTime * 1000) % store.spec.config.SLOT_DURATION_MS;
}

/** The slot at a Unix time in milliseconds, which must not lie before genesis. */
export function slotAtTime(store: Store, timeMs: number): number {
  return Math.floor((timeMs - store.genesisTime * 1000) / store.spec.config.SLOT_DURATION_MS);
}

/** Slots since the epoch of `slot` began. @spec compute_slots_since_epoch_start (phase0) */
export function computeSlotsSinceEpochStart(spec: ChainSpec, slot: number): number {
  return slot - computeStartSlotAtEpoch(spec, computeEpochAtSlot(spec, slot));
}

/** Row of the checkpoint block at `epoch` in the chain of `row`; -1 when older than the tree. @spec get_checkpoint_block */
export function getCheckpointRow(store: Store, row: number, epoch: number): number {
  return store.array.ancestorAt(row, computeStartSlotAtEpoch(store.spec, epoch));
}

/** @spec get_checkpoint_block (phase0) */
export function getCheckpointBlock(store: Store, root: Uint8Array, epoch: number): Uint8Array {
  const row = getCheckpointRow(store, store.rowOf(root), epoch);
  assertValid(row >= 0, "CHECKPOINT_OLDER_THAN_TREE", { root, epoch });
  return store.array.rootAt(row);
}

/** @spec get_ancestor (phase0) */
export function getAncestor(store: Store, root: Uint8Array, slot: number): Uint8Array {
  const row = store.array.ancestorAt(store.rowOf(root), slot);
  assertValid(row >= 0, "ANCESTOR_OLDER_THAN_TREE", { root, slot });
  return store.array.rootAt(row);
}

/** Whether `ancestor` is `root` itself or one of its ancestors. @spec is_ancestor (phase0) */
export function isAncestor(store: Store, root: Uint8Array, ancestor: Uint8Array): boolean {
  return store.array.isAncestor(store.rowOf(root), store.rowOf(ancestor));
}

/** The justified checkpoint at the next epoch boundary after the block. @spec unrealized_justifications (phase0) */
export function getUnrealizedJustification(store: Store, row: number): Checkpoint {
  const root = store.array.unrealizedJustifiedRoots.slice(row * 32, row * 32 + 32);
  return { epoch: store.array.unrealizedJustifiedEpoch[row]!, root };
}

/** Epoch of the justified checkpoint that votes for this block as head would start from. @spec get_voting_source */
export function getVotingSourceEpoch(store: Store, row: number, currentEpoch: number): number {
  const { array } = store;
  const isPulledUp = currentEpoch > computeEpochAtSlot(store.spec, array.slot[row]!);
  return isPulledUp ? array.unrealizedJustifiedEpoch[row]! : array.justifiedEpoch[row]!;
}

/** @spec update_checkpoints (phase0) */
export function updateCheckpoints(store: Store, justified: Checkpoint, finalized: Checkpoint): void {
  if (justified.epoch > store.justifiedCheckpoint.epoch) store.setJustified(justified);
  if (finalized.epoch > store.finalizedCheckpoint.epoch) {
    store.finalizedCheckpoint = finalized;
    store.headRow = -1;
  }
}

/** @spec update_unrealized_checkpoints (phase0) */
export function updateUnrealizedCheckpoints(store: Store, justified: Checkpoint, finalized: Checkpoint): void {
  if (justified.epoch > store.unrealizedJustifiedCheckpoint.epoch) store.unrealizedJustifiedCheckpoint = justified;
  if (finalized.epoch > store.unrealizedFinalizedCheckpoint.epoch) store.unrealizedFinalizedCheckpoint = finalized;
}

export function checkpointsEqual(a: Checkpoint, b: Checkpoint): boolean {
  return a.epoch === b.epoch && bytesEqual(a.root, b.root);
}
