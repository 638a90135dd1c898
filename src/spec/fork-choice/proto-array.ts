/**
 * The block tree as columns: one row a block, parents always before children.
 *
 * @see https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/phase0/fork-choice.md
 */
import { MemoryBudgetError } from "../../base/errors.ts";
import { RootIndex } from "./root-index.ts";

/** What the execution engine has said of a block's payload. Blocks without a payload are `irrelevant`. */
export const ExecutionStatus = Object.freeze({ irrelevant: 0, valid: 1, notValidated: 2, invalidated: 3 });
export type ExecutionStatus = (typeof ExecutionStatus)[keyof typeof ExecutionStatus];

/** What fork choice keeps of a block and its post-state. */
export interface BlockRecord {
  readonly root: Uint8Array;
  readonly parentRoot: Uint8Array;
  readonly stateRoot: Uint8Array;
  readonly slot: number;
  readonly proposerIndex: number;
  /** All zeros where the block has no execution payload. */
  readonly executionBlockHash: Uint8Array;
  readonly executionStatus: ExecutionStatus;
  readonly isTimely: boolean;
  /** Checkpoints of the post-state, as it is and as it would be at the next epoch boundary. */
  readonly justifiedEpoch: number;
  readonly finalizedEpoch: number;
  readonly unrealizedJustified: { readonly epoch: number; readonly root: Uint8Array };
  readonly unrealizedFinalizedEpoch: number;
}

/** Enough for 36 days without finality and without a missed slot; about 60 MiB. */
export const DEFAULT_MAX_BLOCKS: number = 1 << 18;
const INITIAL_ROWS = 128;

type Column = Uint8Array | Int32Array | Float64Array;

/** Columns are public for the passes over them; only this class changes them, except `votes` and `executionStatus`. */
export class ProtoArray {
  length = 0;
  readonly maxBlocks: number;
  roots = new Uint8Array(INITIAL_ROWS * 32);
  stateRoots = new Uint8Array(INITIAL_ROWS * 32);
  executionBlockHashes = new Uint8Array(INITIAL_ROWS * 32);
  unrealizedJustifiedRoots = new Uint8Array(INITIAL_ROWS * 32);
  /** Row of the parent, always smaller than the own; -1 for the oldest block kept. */
  parent = new Int32Array(INITIAL_ROWS);
  slot = new Float64Array(INITIAL_ROWS);
  proposerIndex = new Float64Array(INITIAL_ROWS);
  justifiedEpoch = new Float64Array(INITIAL_ROWS);
  finalizedEpoch = new Float64Array(INITIAL_ROWS);
  unrealizedJustifiedEpoch = new Float64Array(INITIAL_ROWS);
  unrealizedFinalizedEpoch = new Float64Array(INITIAL_ROWS);
  executionStatus = new Uint8Array(INITIAL_ROWS);
  timely = new Uint8Array(INITIAL_ROWS);
  /** Latest messages for exactly this block, in effective balance increments. */
  votes = new Float64Array(INITIAL_ROWS);
  /** Latest messages for this block or a descendant; like the next three, valid after `updateBest`. */
  weight = new Float64Array(INITIAL_ROWS);
  bestChild = new Int32Array(INITIAL_ROWS);
  bestDescendant = new Int32Array(INITIAL_ROWS);
  /** 1 where the block or a leaf below it is viable for the head. */
  viable = new Uint8Array(INITIAL_ROWS);
  readonly #index = new RootIndex();

  constructor(maxBlocks: number = DEFAULT_MAX_BLOCKS) {
    this.maxBlocks = maxBlocks;
  }

  /** The row of a block, or -1. */
  indexOf(root: Uint8Array): number {
    return this.#index.find(this.roots, root);
  }

  /** A copy of the root of a row. */
  rootAt(row: number): Uint8Array {
    return this.roots.slice(row * 32, row * 32 + 32);
  }

  /**
   * Adds a block that is not in the tree yet. An unknown parent makes it a root of its own.
   * @throws MemoryBudgetError when the tree is full
   */
  append(block: BlockRecord): number {
    if (this.length >= this.maxBlocks) {
      throw new MemoryBudgetError(`fork choice already holds ${this.length} blocks without finality`);
    }
    if (this.length === this.parent.length) this.#resize(Math.min(this.maxBlocks, this.length * 2));
    const row = this.length++;
    this.parent[row] = this.indexOf(block.parentRoot);
    this.roots.set(block.root, row * 32);
    this.stateRoots.set(block.stateRoot, row * 32);
    this.executionBlockHashes.set(block.executionBlockHash, row * 32);
    this.unrealizedJustifiedRoots.set(block.unrealizedJustified.root, row * 32);
    this.slot[row] = block.slot;
    this.proposerIndex[row] = block.proposerIndex;
    this.justifiedEpoch[row] = block.justifiedEpoch;
    this.finalizedEpoch[row] = block.finalizedEpoch;
    this.unrealizedJustifiedEpoch[row] = block.unrealizedJustified.epoch;
    this.unrealizedFinalizedEpoch[row] = block.unrealizedFinalizedEpoch;
    this.executionStatus[row] = block.executionStatus;
    this.timely[row] = block.isTimely ? 1 : 0;
    this.votes[row] = this.weight[row] = this.viable[row] = 0;
    this.bestChild[row] = -1;
    this.bestDescendant[row] = row;
    this.#index.add(this.roots, row);
    return row;
  }

  /** The block itself or its latest ancestor at or before `slot`; -1 when that is older than the tree. */
  ancestorAt(row: number, slot: number): number {
    let at = row;
    while (at >= 0 && this.slot[at]! > slot) at = this.parent[at]!;
    return at;
  }

  /** Whether `ancestor` is `row` itself or one of its ancestors. */
  isAncestor(row: number, ancestor: number): boolean {
    return ancestor >= 0 && this.ancestorAt(row, this.slot[ancestor]!) === ancestor;
  }

  /**
   * Sets `out[row]` to 1 for each block whose checkpoint block at the epoch that starts at `startSlot` is
   * `checkpoint`, to 0 for all others.
   */
  markCheckpoint(checkpoint: number, startSlot: number, out: Uint8Array): void {
    out.fill(0, 0, this.length);
    if (checkpoint < 0 || this.slot[checkpoint]! > startSlot) return;
    out[checkpoint] = 1;
    for (let row = checkpoint + 1; row < this.length; row++) {
      const parent = this.parent[row]!;
      if (parent >= 0 && out[parent] === 1 && this.slot[row]! > startSlot) out[row] = 1;
    }
  }

  /**
   * Drops every block that is not `row` or a descendant of it, moving the others to the front.
   * @returns for each old row the new one, or -1 where the block is gone
   */
  pruneTo(row: number): Int32Array {
    const moved = new Int32Array(this.length).fill(-1);
    let kept = 0;
    for (let from = row; from < this.length; from++) {
      const parent = this.parent[from]!;
      const newParent = from === row || parent < 0 ? -1 : moved[parent]!;
      if (from !== row && newParent < 0) continue;
      this.#move(from, kept);
      this.parent[kept] = newParent;
      moved[from] = kept++;
    }
    this.length = kept;
    const rows = Math.max(INITIAL_ROWS, 2 ** Math.ceil(Math.log2(kept + 1)));
    if (rows * 4 <= this.parent.length) this.#resize(rows);
    this.#index.rebuild(this.roots, kept, Math.max(64, rows * 4));
    return moved;
  }

  /** Bytes of all columns and of the root index. */
  get sizeBytes(): number {
    return this.#columns().reduce((sum, [column]) => sum + column.byteLength, this.#index.sizeBytes);
  }

  #move(from: number, to: number): void {
    if (from === to) return;
    for (const [column, width] of this.#columns()) column.copyWithin(to * width, from * width, (from + 1) * width);
  }

  #columns(): [Column, number][] {
    const wide = [this.roots, this.stateRoots, this.executionBlockHashes, this.unrealizedJustifiedRoots];
    const narrow = [
      ...[this.parent, this.slot, this.proposerIndex, this.justifiedEpoch, this.finalizedEpoch],
      ...[this.unrealizedJustifiedEpoch, this.unrealizedFinalizedEpoch, this.executionStatus, this.timely],
      ...[this.votes, this.weight, this.bestChild, this.bestDescendant, this.viable],
    ];
    return [...wide.map((c): [Column, number] => [c, 32]), ...narrow.map((c): [Column, number] => [c, 1])];
  }

  #resize(rows: number): void {
    this.roots = resized(this.roots, rows * 32);
    this.stateRoots = resized(this.stateRoots, rows * 32);
    this.executionBlockHashes = resized(this.executionBlockHashes, rows * 32);
    this.unrealizedJustifiedRoots = resized(this.unrealizedJustifiedRoots, rows * 32);
    this.parent = resized(this.parent, rows);
    this.slot = resized(this.slot, rows);
    this.proposerIndex = resized(this.proposerIndex, rows);
    this.justifiedEpoch = resized(this.justifiedEpoch, rows);
    this.finalizedEpoch = resized(this.finalizedEpoch, rows);
    this.unrealizedJustifiedEpoch = resized(this.unrealizedJustifiedEpoch, rows);
    this.unrealizedFinalizedEpoch = resized(this.unrealizedFinalizedEpoch, rows);
    this.executionStatus = resized(this.executionStatus, rows);
    this.timely = resized(this.timely, rows);
    this.votes = resized(this.votes, rows);
    this.weight = resized(this.weight, rows);
    this.bestChild = resized(this.bestChild, rows);
    this.bestDescendant = resized(this.bestDescendant, rows);
    this.viable = resized(this.viable, rows);
  }
}

/** A copy of a column with `items` items: cut, or padded with zeros. */
export function resized<T extends Column | Uint16Array | Uint32Array>(column: T, items: number): T {
  const copy = new (column.constructor as new (length: number) => T)(items);
  copy.set(column.length > items ? column.subarray(0, items) : column);
  return copy;
}
