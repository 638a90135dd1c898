import { hashPairs, merkleizePages } from "../crypto/sha256.ts";
import type { Arena } from "./arena.ts";
import type { Pages } from "./pages.ts";

/**
 * The bottom of a column's tree, in blocks of as many leaves as a page of the tree has roots.
 *
 * How a column lays out its items is its own matter; the tree asks for the roots of the blocks that changed.
 */
export interface LeafBlocks {
  /** Where the tree keeps its nodes. */
  readonly nodeArena: Arena;
  readonly blockCount: number;
  readonly dirtyCount: number;
  /** Changed blocks, ascending. */
  dirtyBlocks(): Uint32Array;
  markAllDirty(): void;
  clearDirty(): void;
  /**
   * Writes the root of each block of `blocks`, as a tree of 2^depth leaves, to out.
   * @param lastLeaves leaves of the last of these blocks that may be non-zero
   */
  hashBlocks(blocks: Uint32Array, depth: number, lastLeaves: number, out: Uint8Array, threads: number): void;
}

/** A block is a page: items packed as in SSZ. */
export class PageBlocks implements LeafBlocks {
  readonly #pages: Pages;

  constructor(pages: Pages) {
    this.#pages = pages;
  }

  get nodeArena(): Arena {
    return this.#pages.arena;
  }

  get blockCount(): number {
    return this.#pages.count;
  }

  get dirtyCount(): number {
    return this.#pages.dirtyCount;
  }

  dirtyBlocks(): Uint32Array {
    return this.#pages.dirtyPositions();
  }

  markAllDirty(): void {
    for (let p = 0; p < this.#pages.count; p++) this.#pages.markDirty(p);
  }

  clearDirty(): void {
    this.#pages.clearDirty();
  }

  hashBlocks(blocks: Uint32Array, depth: number, lastLeaves: number, out: Uint8Array, threads: number): void {
    const ids = new Uint32Array(blocks.length);
    for (let k = 0; k < blocks.length; k++) ids[k] = this.#pages.table[blocks[k]!]!;
    merkleizePages(this.#pages.arena, ids, ids.length, depth, lastLeaves, out, threads);
  }
}

/** A block is a group of smaller pages: for items that change one by one all over a column. */
export class GroupedBlocks implements LeafBlocks {
  readonly nodeArena: Arena;
  readonly #pages: Pages;
  /** Pages a block, a power of two. */
  readonly #group: number;

  constructor(pages: Pages, nodeArena: Arena) {
    this.#pages = pages;
    this.nodeArena = nodeArena;
    this.#group = nodeArena.pageBytes / pages.arena.pageBytes;
  }

  get blockCount(): number {
    return Math.ceil(this.#pages.count / this.#group);
  }

  get dirtyCount(): number {
    return this.#pages.dirtyCount;
  }

  dirtyBlocks(): Uint32Array {
    const positions = this.#pages.dirtyPositions();
    let count = 0;
    for (let k = 0; k < positions.length; k++) {
      const block = Math.floor(positions[k]! / this.#group);
      if (count === 0 || positions[count - 1] !== block) positions[count++] = block;
    }
    return positions.slice(0, count);
  }

  markAllDirty(): void {
    for (let p = 0; p < this.#pages.count; p++) this.#pages.markDirty(p);
  }

  clearDirty(): void {
    this.#pages.clearDirty();
  }

  hashBlocks(blocks: Uint32Array, depth: number, _lastLeaves: number, out: Uint8Array, threads: number): void {
    const { arena, table, count } = this.#pages;
    const pageDepth = Math.log2(arena.pageBytes / 32);
    if (depth !== pageDepth + Math.log2(this.#group)) throw new Error("a column in small pages needs a deeper tree");
    const ids = new Uint32Array(blocks.length * this.#group);
    for (let k = 0; k < ids.length; k++) {
      const p = blocks[Math.floor(k / this.#group)]! * this.#group + (k % this.#group);
      // Past the end lies the zero page, id 0.
      ids[k] = p < count ? table[p]! : 0;
    }
    let nodes = new Uint8Array(ids.length * 32);
    merkleizePages(arena, ids, ids.length, pageDepth, arena.pageBytes / 32, nodes, threads);
    for (let width = ids.length / 2; width > blocks.length; width /= 2) {
      const above = new Uint8Array(width * 32);
      hashPairs(nodes, above, width);
      nodes = above;
    }
    if (this.#group === 1) out.set(nodes);
    else hashPairs(nodes, out, blocks.length);
  }
}
