import { hash64, merkleizePages, zeroHash } from "../crypto/sha256.ts";
import type { Arena } from "./arena.ts";
import { Pages } from "./pages.ts";

const CHUNK = 32;

/**
 * The Merkle tree over the bytes of a column.
 *
 * Only roots of whole pages are kept: they are 32-byte items of pages of their own, whose roots are kept in turn,
 * until one page is left. A root re-hashes the dirty pages of each level and nothing else.
 */
export class PageTree {
  /** levels[k] holds the roots of the pages of the level below (level 0's are the data pages). */
  readonly levels: Pages[];
  #root: Uint8Array | null;
  /** log2 of the chunks that the tree's limit allows. */
  readonly depth: number;

  constructor(depth: number, levels: Pages[] = [], root: Uint8Array | null = null) {
    this.depth = depth;
    this.levels = levels;
    this.#root = root;
  }

  clone(): PageTree {
    return new PageTree(
      this.depth,
      this.levels.map((level) => level.clone()),
      this.#root,
    );
  }

  drop(): void {
    for (const level of this.levels) level.drop();
    this.levels.length = 0;
    this.#root = null;
  }

  /**
   * Root of the data as a tree of 2^depth chunks.
   * @param byteLength bytes of `data` in use; those after it in the last page are zero
   */
  root(data: Pages, byteLength: number, threads: number): Uint8Array {
    if (data.count === 0) return zeroHash(this.depth);
    if (this.#root !== null && data.dirtyCount === 0) return this.#root;
    const pageDepth = Math.log2(data.arena.pageBytes / CHUNK);
    let below = data;
    let chunks = Math.ceil(byteLength / CHUNK);
    let level = 0;
    while (below.count > 1 && this.depth - level * pageDepth > pageDepth) {
      this.#hashLevel(below, chunks, level, pageDepth, threads);
      below.clearDirty();
      chunks = below.count;
      below = this.levels[level]!;
      level++;
    }
    for (const unused of this.levels.splice(level)) unused.drop();
    const root = this.#top(below, chunks, level, pageDepth);
    below.clearDirty();
    this.#root = root;
    return root;
  }

  /** Root of a whole-page node: position p at `level` (1 = roots of data pages), valid right after root(). */
  pageRoot(level: number, p: number): Uint8Array | null {
    const nodes = this.levels[level - 1];
    if (nodes === undefined) return null;
    const fan = nodes.arena.pageBytes / CHUNK;
    const page = Math.floor(p / fan);
    if (page >= nodes.count) return null;
    const at = (p % fan) * CHUNK;
    return nodes.arena.page(nodes.table[page]!).slice(at, at + CHUNK);
  }

  /** Writes the roots of the dirty pages of `below` into levels[level]. */
  #hashLevel(below: Pages, chunks: number, level: number, pageDepth: number, threads: number): void {
    const arena = below.arena;
    const nodes = this.#nodesFor(level, below, pageDepth);
    const positions = below.dirtyPositions();
    if (positions.length === 0) return;
    const fan = 1 << pageDepth;
    const ids = new Uint32Array(positions.length);
    for (let k = 0; k < positions.length; k++) ids[k] = below.table[positions[k]!]!;
    // Pages of roots are padded with the hash of an empty page below, so all of their chunks count.
    const lastIsTail = level === 0 && positions.at(-1) === below.count - 1;
    const tailChunks = lastIsTail ? chunks - (below.count - 1) * fan : fan;
    const roots = new Uint8Array(positions.length * CHUNK);
    merkleizePages(arena, ids, ids.length, pageDepth, tailChunks, roots, threads);
    writeRoots(nodes, positions, roots, fan);
  }

  #nodesFor(level: number, below: Pages, pageDepth: number): Pages {
    const arena = below.arena;
    let nodes = this.levels[level];
    if (nodes === undefined) {
      nodes = new Pages(arena);
      this.levels[level] = nodes;
      // The level is new: every page below counts as changed.
      for (let p = 0; p < below.count; p++) below.markDirty(p);
    }
    const fan = 1 << pageDepth;
    const wanted = Math.ceil(below.count / fan);
    const filler = zeroHash((level + 1) * pageDepth);
    if (nodes.count > wanted) nodes.resize(wanted);
    while (nodes.count < wanted) nodes.append(allocFilled(arena, filler));
    padTail(nodes, below.count - (wanted - 1) * fan, filler);
    return nodes;
  }

  #top(top: Pages, chunks: number, level: number, pageDepth: number): Uint8Array {
    const root = new Uint8Array(CHUNK);
    const depthHere = Math.min(pageDepth, this.depth - level * pageDepth);
    const used = level === 0 ? Math.min(chunks, 1 << depthHere) : 1 << depthHere;
    merkleizePages(top.arena, top.table.subarray(0, 1), 1, depthHere, used, root, 1);
    let out: Uint8Array = root;
    for (let depth = level * pageDepth + depthHere; depth < this.depth; depth++) out = hash64(out, zeroHash(depth));
    return out;
  }
}

function writeRoots(nodes: Pages, positions: Uint32Array, roots: Uint8Array, fan: number): void {
  let page = -1;
  let bytes: Uint8Array = roots;
  for (let k = 0; k < positions.length; k++) {
    const p = positions[k]!;
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

/** After the level below has shrunk, roots of pages that are gone become the empty one again. */
function padTail(nodes: Pages, used: number, filler: Uint8Array): void {
  if (nodes.count === 0) return;
  const last = nodes.count - 1;
  let bytes = nodes.arena.page(nodes.table[last]!);
  for (let at = used * CHUNK; at < bytes.length; at += CHUNK) {
    if (equalsAt(bytes, at, filler)) continue;
    bytes = nodes.arena.page(nodes.writable(last));
    bytes.set(filler, at);
  }
}

function equalsAt(bytes: Uint8Array, at: number, filler: Uint8Array): boolean {
  for (let i = 0; i < CHUNK; i++) if (bytes[at + i] !== filler[i]) return false;
  return true;
}
