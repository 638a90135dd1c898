import { mixInLength } from "../crypto/sha256.ts";
import { type Arena, ZERO_PAGE } from "./arena.ts";
import type { ItemSet } from "./item-set.ts";
import { type LeafBlocks, PageBlocks } from "./leaf-blocks.ts";
import { PageTree } from "./page-tree.ts";
import { Pages } from "./pages.ts";

/** A place to read a file's or message's bytes from, in order, without holding all of them. */
export interface ByteSource {
  readonly length: number;
  /** Bytes [offset, offset + length), which the caller has checked to exist; valid until the next read. */
  read(offset: number, length: number): Uint8Array;
}

export interface ColumnShape {
  /** The most items; also the tree's size. */
  limit: number;
  /** A vector has exactly `limit` items and mixes in no length. */
  isVector: boolean;
}

const LOAD_BYTES = 1 << 20;

/**
 * A list or vector of equal-sized items in pages: the part that all columns share.
 *
 * Items never straddle pages. Columns whose items are not SSZ-packed leaves (records) hold no tree of their own.
 */
export abstract class Column {
  readonly itemBytes: number;
  /** Items in a page of storage. */
  readonly storedPerPage: number;
  readonly limit: number;
  readonly isVector: boolean;
  pages: Pages;
  /** Owners that derive something an item (a record's root) learn here which items changed. */
  changes: ItemSet | null = null;
  readonly #storedBytes: number;
  #length: number;
  #tree: PageTree;

  /** @param storedBytes bytes of an item in a page, where they differ from those in SSZ */
  constructor(arena: Arena, itemBytes: number, shape: ColumnShape, from?: Column, storedBytes = itemBytes) {
    this.itemBytes = itemBytes;
    this.#storedBytes = storedBytes;
    this.storedPerPage = Math.floor(arena.pageBytes / storedBytes);
    this.limit = shape.limit;
    this.isVector = shape.isVector;
    if (from !== undefined) {
      this.pages = from.pages.clone();
      this.#tree = from.#tree.clone();
      this.#length = from.#length;
      return;
    }
    this.pages = new Pages(arena);
    this.#tree = new PageTree(ceilLog2(Math.ceil((shape.limit * itemBytes) / 32)));
    this.#length = 0;
    if (shape.isVector) this.resize(shape.limit);
  }

  abstract clone(): Column;

  get arena(): Arena {
    return this.pages.arena;
  }

  get length(): number {
    return this.#length;
  }

  /** Equal for two columns only if their items are equal: a key for what is derived from them. */
  get version(): number {
    return this.pages.version;
  }

  /** log2 of the leaves of the tree over the items (the length not mixed in). */
  get treeDepth(): number {
    return this.#tree.depth;
  }

  drop(): void {
    this.pages.drop();
    this.#tree.drop();
    this.#length = 0;
  }

  /** Root of the items as packed leaves, with the length mixed in for a list. */
  hashTreeRoot(threads = 1): Uint8Array {
    const root = this.dataRoot(threads);
    return this.isVector ? root : mixInLength(root, this.#length);
  }

  dataRoot(threads = 1): Uint8Array {
    return this.#tree.root(this.blocks(), Math.ceil((this.#length * this.itemBytes) / 32), threads);
  }

  /** The kept root of a block-aligned subtree (see PageTree.blockRoot); call after dataRoot(). */
  blockRoot(level: number, p: number): Uint8Array | null {
    return this.#tree.blockRoot(level, p);
  }

  /** log2 of the leaves of a block of the tree. */
  get blockDepth(): number {
    return Math.log2(this.blocks().nodeArena.pageBytes / 32);
  }

  /** A 32-byte leaf of the tree. */
  leaf(index: number): Uint8Array {
    const leavesAPage = this.arena.pageBytes / 32;
    const page = this.arena.page(this.pages.table[Math.floor(index / leavesAPage)]!);
    const at = (index % leavesAPage) * 32;
    return page.slice(at, at + 32);
  }

  /** The items as the tree sees them. */
  protected blocks(): LeafBlocks {
    return new PageBlocks(this.pages);
  }

  /** Cuts the column or extends it by zero items. */
  resize(length: number): void {
    if (length > this.limit) throw new RangeError(`${length} items exceed the limit of ${this.limit}`);
    const pages = Math.ceil(length / this.storedPerPage);
    const cutsPage = length < this.#length && length % this.storedPerPage !== 0;
    this.pages.resize(pages);
    this.#length = length;
    if (cutsPage) {
      this.#clearFrom(pages - 1, (length % this.storedPerPage) * this.#storedBytes);
    } else if (pages > 0) {
      // The number of leaves in use may have changed within the last page.
      this.pages.markDirty(pages - 1);
    }
  }

  /** Replaces all items by SSZ bytes from a source; the caller has checked bounds, divisibility and limit. */
  load(source: ByteSource, offset: number, byteLength: number): void {
    const arena = this.arena;
    const pageBytes = this.storedPerPage * this.itemBytes;
    const step = Math.max(1, Math.floor(LOAD_BYTES / pageBytes)) * pageBytes;
    this.resetPages(byteLength / this.itemBytes);
    for (let at = 0; at < byteLength; at += step) {
      const chunk = source.read(offset + at, Math.min(step, byteLength - at));
      for (let from = 0; from < chunk.length; from += pageBytes) {
        this.pages.append(this.#pageFor(arena, chunk.subarray(from, from + pageBytes)));
      }
    }
  }

  /** Hands the SSZ bytes of all items to `sink`, page by page; the bytes are valid during the call only. */
  store(sink: (bytes: Uint8Array) => void): void {
    const bytesIn = this.storedPerPage * this.itemBytes;
    let left = this.#length * this.itemBytes;
    for (let p = 0; p < this.pages.count; p++) {
      sink(this.arena.page(this.pages.table[p]!).subarray(0, Math.min(bytesIn, left)));
      left -= bytesIn;
    }
  }

  /** Lets page p be the zero page, or the page before it, if their bytes are equal. */
  shareIfEqual(p: number): void {
    const { arena, pages } = this;
    const id = pages.table[p]!;
    for (const other of p > 0 ? [ZERO_PAGE, pages.table[p - 1]!] : [ZERO_PAGE]) {
      if (id === other) return;
      if (Buffer.compare(arena.page(id), arena.page(other)) !== 0) continue;
      pages.share(p, other);
      return;
    }
  }

  /** Pages of the tree's inner nodes, a run a level. */
  nodePages(): readonly Pages[] {
    return this.#tree.levels;
  }

  /** Drops all pages and sets the length that the pages appended next will have. */
  protected resetPages(length: number): void {
    if (length > this.limit) throw new RangeError(`${length} items exceed the limit of ${this.limit}`);
    this.pages.drop();
    this.pages.reserve(Math.ceil(length / this.storedPerPage));
    this.#length = length;
    this.#tree.drop();
  }

  /** Makes room for one more item and returns its index. */
  protected grow(): number {
    const index = this.#length;
    this.resize(index + 1);
    return index;
  }

  protected checkRange(start: number, count: number): void {
    if (!(start >= 0 && count >= 0 && start + count <= this.#length)) {
      throw new RangeError(`items ${start} to ${start + count} are outside a column of ${this.#length}`);
    }
  }

  protected checkIndex(index: number): void {
    if (!(index >= 0 && index < this.#length && Number.isInteger(index))) {
      throw new RangeError(`index ${index} is outside a column of ${this.#length} items`);
    }
  }

  #clearFrom(p: number, byte: number): void {
    const page = this.arena.page(this.pages.writable(p));
    page.fill(0, Math.ceil(byte));
    // Half a byte stays in use where items are half a byte.
    if (byte % 1 !== 0) page[Math.floor(byte)]! &= 15;
  }

  /** A page holding these bytes; runs of equal pages (zeros, FAR_FUTURE epochs) are stored once. */
  #pageFor(arena: Arena, bytes: Uint8Array): number {
    const previous = this.pages.count > 0 ? this.pages.table[this.pages.count - 1]! : ZERO_PAGE;
    const isWhole = bytes.length === this.storedPerPage * this.itemBytes;
    for (const candidate of isWhole && previous !== ZERO_PAGE ? [ZERO_PAGE, previous] : [ZERO_PAGE]) {
      if (Buffer.compare(arena.page(candidate).subarray(0, bytes.length), bytes) !== 0) continue;
      arena.retain(candidate);
      return candidate;
    }
    const id = arena.alloc();
    const page = arena.page(id);
    page.set(bytes);
    page.fill(0, bytes.length);
    return id;
  }
}

export function ceilLog2(n: number): number {
  return n <= 1 ? 0 : Math.ceil(Math.log2(n));
}
