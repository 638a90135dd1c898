import { hash64, zeroHash } from "../crypto/sha256.ts";
import type { Arena } from "./arena.ts";
import { type LeafBlocks, PageBlocks } from "./leaf-blocks.ts";
import { Pages } from "./pages.ts";

const CHUNK = 32;

/**
 * The Merkle tree over the items of a column.
 *
 * Only roots of whole blocks are kept: they are 32-byte items of pages, whose roots are kept in turn, until one
 * page is left. A root re-hashes the dirty blocks of each level and nothing else.
 */
export class PageTree {
  /** levels[0] holds the roots of the leaf blocks, levels[k] those of the pages of levels[k - 1]. */
  readonly levels: Pages[];
  #root: Uint8Array | null = null;
  /** How many roots each level holds: a level that shrinks must blank its end. */
  #counts: number[] = [];
  /** log2 of the leaves that the tree's limit allows. */
  readonly depth: number;

  constructor(depth: number, levels: Pages[] = []) {
    this.depth = depth;
    this.levels = levels;
  }

  clone(): PageTree {
    const levels = this.levels.map((level) => level.clone());
    const copy = new PageTree(this.depth, levels);
    copy.#root = this.#root;
    copy.#counts = this.#counts.slice();
    return copy;
  }

  drop(): void {
    for (const level of this.levels) level.drop();
    this.levels.length = 0;
    this.#counts.length = 0;
    this.#root = null;
  }

  /**
   * Root of the leaves as a tree of 2^depth.
   * @param leaves leaves in use; those after them in the last block are zero
   */
  root(bottom: LeafBlocks, leaves: number, threads: number): Uint8Array {
    if (bottom.blockCount === 0) return zeroHash(this.depth);
    if (this.#root !== null && bottom.dirtyCount === 0) return this.#root;
    const arena = bottom.nodeArena;
    const blockDepth = Math.log2(arena.pageBytes / CHUNK);
    let below = bottom;
    let used = leaves;
    let level = 0;
    while (below.blockCount > 1) {
      this.#hashLevel(below, used, level, blockDepth, threads);
      used = below.blockCount;
      below = new PageBlocks(this.levels[level]!);
      level++;
    }
    for (const unused of this.levels.splice(level)) unused.drop();
    this.#counts.length = level;
    const root = this.#top(below, used, level, blockDepth);
    this.#root = root;
    return root;
  }

  /** Root of block p of leaves (level 1), or of the page of such roots (2), and so on; valid right after root(). */
  blockRoot(level: number, p: number): Uint8Array | null {
    const nodes = this.levels[level - 1];
    if (nodes === undefined) return null;
    const fan = nodes.arena.pageBytes / CHUNK;
    const page = Math.floor(p / fan);
    if (page >= nodes.count) return null;
    const at = (p % fan) * CHUNK;
    return nodes.arena.page(nodes.table[page]!).slice(at, at + CHUNK);
  }

  /** Writes the roots of the dirty blocks of `below` into levels[level]. */
  #hashLevel(below: LeafBlocks, used: number, level: number, blockDepth: number, threads: number): void {
    const nodes = this.#nodesFor(level, below, blockDepth);
    const blocks = below.dirtyBlocks();
    if (blocks.length > 0) {
      const fan = 2 ** blockDepth;
      // Pages of roots are padded with the hash of an empty page below, so all of their leaves count.
      const isTail = level === 0 && blocks.at(-1) === below.blockCount - 1;
      const lastLeaves = isTail ? used - (below.blockCount - 1) * fan : fan;
      const roots = new Uint8Array(blocks.length * CHUNK);
      below.hashBlocks(blocks, blockDepth, lastLeaves, roots, threads);
      writeRoots(nodes, blocks, roots, fan);
    }
    below.clearDirty();
  }

  #nodesFor(level: number, below: LeafBlocks, blockDepth: number): Pages {
    const arena = below.nodeArena;
    let nodes = this.levels[level];
    if (nodes === undefined) {
      nodes = new Pages(arena);
      this.levels[level] = nodes;
      below.markAllDirty();
    }
    const fan = 2 ** blockDepth;
    const wanted = Math.ceil(below.blockCount / fan);
    const filler = zeroHash((level + 1) * blockDepth);
    if (nodes.count > wanted) nodes.resize(wanted);
    while (nodes.count < wanted) nodes.append(allocFilled(arena, filler));
    if (below.blockCount < (this.#counts[level] ?? 0)) padTail(nodes, below.blockCount - (wanted - 1) * fan, filler);
    this.#counts[level] = below.blockCount;
    return nodes;
  }

  #top(top: LeafBlocks, used: number, level: number, blockDepth: number): Uint8Array {
    const root = new Uint8Array(CHUNK);
    const depthHere = Math.min(blockDepth, this.depth - level * blockDepth);
    const lastLeaves = level === 0 ? Math.min(used, 2 ** depthHere) : 2 ** depthHere;
    top.hashBlocks(Uint32Array.of(0), depthHere, lastLeaves, root, 1);
    top.clearDirty();
    let out: Uint8Array = root;
    for (let depth = level * blockDepth + depthHere; depth < this.depth; depth++) out = hash64(out, zeroHash(depth));
    return out;
  }
}

function writeRoots(nodes: Pages, blocks: Uint32Array, roots: Uint8Array, fan: number): void {
  let page = -1;
  let bytes: Uint8Array = roots;
  for (let k = 0; k < blocks.length; k++) {
    const p = blocks[k]!;
    const wanted = Math.floor(p / fan);
    if (wanted !== page) {
      page = wanted;
      bytes = nodes.arena.page(nodes.writable(page));
    }
    bytes.set(roots.subarray(k * CHUNK, k * CHUNK + CHUNK), (p % fan) * CHUNK);
  }
}

function allocFilled(arena: Arena, filler: Uint8Array): number {
  const id = arena.alloc();
  const bytes = arena.page(id);
  for (let at = 0; at < bytes.length; at += CHUNK) bytes.set(filler, at);
  return id;
}

/** After the level below has shrunk, roots of blocks that are gone become the empty one again. */
function padTail(nodes: Pages, used: number, filler: Uint8Array): void {
  const last = nodes.count - 1;
  let bytes = nodes.arena.page(nodes.table[last]!);
  for (let at = used * CHUNK; at < bytes.length; at += CHUNK) {
    if (Buffer.compare(bytes.subarray(at, at + CHUNK), filler) === 0) continue;
    bytes = nodes.arena.page(nodes.writable(last));
    bytes.set(filler, at);
  }
}
