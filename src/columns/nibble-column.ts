import { merkleizeChunks } from "../crypto/sha256.ts";
import type { Arena } from "./arena.ts";
import { type ByteSource, Column, type ColumnShape } from "./column.ts";
import type { LeafBlocks } from "./leaf-blocks.ts";
import type { Pages } from "./pages.ts";

/** Values that fit. */
export const MAX_NIBBLE = 15;

/** Two packed values, unpacked to two bytes: 0xBA -> 0x0B0A as a little-endian pair. */
const UNPACKED = Uint16Array.from({ length: 256 }, (_, byte) => (byte & 15) | ((byte >>> 4) << 8));

/** A column of bytes that are all below 16, stored two in a byte; its SSZ and its tree are those of whole bytes. */
export class NibbleColumn extends Column {
  readonly #shift: number;
  readonly #mask: number;

  constructor(arena: Arena, shape: ColumnShape, from?: NibbleColumn) {
    super(arena, 1, shape, from, 0.5);
    this.#shift = Math.log2(this.storedPerPage);
    this.#mask = this.storedPerPage - 1;
  }

  override clone(): NibbleColumn {
    return new NibbleColumn(this.arena, this, this);
  }

  get(index: number): number {
    if (!(index >= 0 && index < this.length)) this.checkIndex(index);
    const arena = this.pages.arena;
    const id = this.pages.table[index >>> this.#shift]!;
    const at = (id & arena.slabMask) * arena.pageBytes + ((index & this.#mask) >>> 1);
    return (arena.slabs[id >>> arena.slabShift]![at]! >>> ((index & 1) << 2)) & 15;
  }

  set(index: number, value: number): void {
    this.checkIndex(index);
    const arena = this.pages.arena;
    const p = index >>> this.#shift;
    const inPage = (index & this.#mask) >>> 1;
    const shift = (index & 1) << 2;
    let id = this.pages.table[p]!;
    const byte = arena.slabs[id >>> arena.slabShift]![(id & arena.slabMask) * arena.pageBytes + inPage]!;
    const changed = (byte & ~(15 << shift)) | (value << shift);
    if (changed === byte) return;
    id = this.pages.writable(p);
    arena.slabs[id >>> arena.slabShift]![(id & arena.slabMask) * arena.pageBytes + inPage] = changed;
  }

  push(value: number): void {
    this.set(this.grow(), value);
  }

  /** See FlagsColumn.orEach. */
  orEach(indices: Uint32Array, bits: number, before: Uint8Array): void {
    if (indices.length > 0) this.checkIndex(indices.at(-1)!);
    const arena = this.pages.arena;
    let bytes = arena.slabs[0]!;
    let base = 0;
    for (let k = 0, p = -1, isOwned = false; k < indices.length; k++) {
      const index = indices[k]!;
      if (index >>> this.#shift !== p) {
        this.checkIndex(index);
        p = index >>> this.#shift;
        const id = this.pages.table[p]!;
        bytes = arena.slabs[id >>> arena.slabShift]!;
        base = (id & arena.slabMask) * arena.pageBytes;
        isOwned = false;
      }
      const inPage = (index & this.#mask) >>> 1;
      const shift = (index & 1) << 2;
      const byte = bytes[base + inPage]!;
      before[k] = (byte >>> shift) & 15;
      const changed = byte | (bits << shift);
      if (changed === byte) continue;
      if (!isOwned) {
        const id = this.pages.writable(p);
        bytes = arena.slabs[id >>> arena.slabShift]!;
        base = (id & arena.slabMask) * arena.pageBytes;
        isOwned = true;
      }
      bytes[base + inPage] = changed;
    }
  }

  /** Reads items [start, start + count) into out[0..count). */
  readRange(start: number, count: number, out: Uint8Array): void {
    this.checkRange(start, count);
    let k = 0;
    if ((start & 1) === 1 && count > 0) out[k++] = this.get(start);
    const arena = this.pages.arena;
    while (k < count) {
      const index = start + k;
      const id = this.pages.table[index >>> this.#shift]!;
      const bytes = arena.slabs[id >>> arena.slabShift]!;
      let at = (id & arena.slabMask) * arena.pageBytes + ((index & this.#mask) >>> 1);
      const end = Math.min(count, k + this.storedPerPage - (index & this.#mask));
      for (; k + 1 < end; k += 2) {
        const byte = bytes[at++]!;
        out[k] = byte & 15;
        out[k + 1] = byte >>> 4;
      }
      if (k < end) out[k++] = bytes[at]! & 15;
    }
  }

  /** Writes values[0..count), all below 16, over items from `start`; pages without a difference are left alone. */
  writeRange(start: number, count: number, values: Uint8Array): void {
    this.checkRange(start, count);
    for (let k = 0; k < count; k++) this.set(start + k, values[k]!);
  }

  override load(source: ByteSource, offset: number, byteLength: number): void {
    this.resize(0);
    this.resize(byteLength);
    const step = this.storedPerPage;
    for (let at = 0; at < byteLength; at += step) {
      const bytes = source.read(offset + at, Math.min(step, byteLength - at));
      for (let k = 0; k < bytes.length; k++) if (bytes[k]! > MAX_NIBBLE) throw new NotANibble();
      this.writeRange(at, bytes.length, bytes);
      const p = at >>> this.#shift;
      if (bytes.length === step) this.shareIfEqual(p);
    }
  }

  override store(sink: (bytes: Uint8Array) => void): void {
    const bytes = new Uint8Array(Math.min(this.length, this.storedPerPage));
    for (let at = 0; at < this.length; at += bytes.length) {
      const count = Math.min(bytes.length, this.length - at);
      this.readRange(at, count, bytes);
      sink(bytes.subarray(0, count));
    }
  }

  override leaf(index: number): Uint8Array {
    const out = new Uint8Array(32);
    this.readRange(index * 32, Math.min(32, this.length - index * 32), out);
    return out;
  }

  protected override blocks(): LeafBlocks {
    return new NibbleBlocks(this.pages);
  }
}

/** Thrown by load() at a byte of 16 or more. */
export class NotANibble extends RangeError {}

/** Half a page of nibbles is a block of whole bytes. */
class NibbleBlocks implements LeafBlocks {
  readonly nodeArena: Arena;
  readonly #pages: Pages;

  constructor(pages: Pages) {
    this.nodeArena = pages.arena;
    this.#pages = pages;
  }

  get blockCount(): number {
    return this.#pages.count * 2;
  }

  get dirtyCount(): number {
    return this.#pages.dirtyCount;
  }

  dirtyBlocks(): Uint32Array {
    const positions = this.#pages.dirtyPositions();
    const blocks = new Uint32Array(positions.length * 2);
    for (let k = 0; k < blocks.length; k++) blocks[k] = positions[k >>> 1]! * 2 + (k & 1);
    return blocks;
  }

  markAllDirty(): void {
    for (let p = 0; p < this.#pages.count; p++) this.#pages.markDirty(p);
  }

  clearDirty(): void {
    this.#pages.clearDirty();
  }

  hashBlocks(blocks: Uint32Array, depth: number, _lastLeaves: number, out: Uint8Array): void {
    const { arena, table } = this.#pages;
    const half = arena.pageBytes / 2;
    const pairs = new Uint16Array(half);
    const bytes = new Uint8Array(pairs.buffer);
    for (let k = 0; k < blocks.length; k++) {
      const packed = arena.page(table[blocks[k]! >>> 1]!);
      const from = (blocks[k]! & 1) * half;
      for (let i = 0; i < half; i++) pairs[i] = UNPACKED[packed[from + i]!]!;
      out.set(merkleizeChunks(bytes, depth), k * 32);
    }
  }
}
