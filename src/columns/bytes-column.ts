import type { Arena } from "./arena.ts";
import { Column, type ColumnShape } from "./column.ts";

/** A column of byte strings of one size, 32 where it has a root of its own. */
export class BytesColumn extends Column {
  constructor(arena: Arena, itemBytes: number, shape: ColumnShape, from?: BytesColumn) {
    super(arena, itemBytes, shape, from);
  }

  override clone(): BytesColumn {
    return new BytesColumn(this.arena, this.itemBytes, this, this);
  }

  /** A copy of an item. */
  get(index: number): Uint8Array {
    return this.#view(index).slice();
  }

  read(index: number, out: Uint8Array, at = 0): void {
    out.set(this.#view(index), at);
  }

  set(index: number, bytes: Uint8Array): void {
    if (bytes.length !== this.itemBytes) throw new RangeError(`${bytes.length} bytes given, ${this.itemBytes} wanted`);
    if (Buffer.compare(this.#view(index), bytes) === 0) return;
    const p = Math.floor(index / this.storedPerPage);
    this.arena.page(this.pages.writable(p)).set(bytes, (index % this.storedPerPage) * this.itemBytes);
    this.changes?.add(index);
  }

  push(bytes: Uint8Array): void {
    const index = this.grow();
    this.set(index, bytes);
    this.changes?.add(index);
  }

  /** True when the item starts with this byte; cheaper than get(). */
  firstByte(index: number): number {
    this.checkIndex(index);
    const p = Math.floor(index / this.storedPerPage);
    const id = this.pages.table[p]!;
    const at = (id & this.arena.slabMask) * this.arena.pageBytes + (index - p * this.storedPerPage) * this.itemBytes;
    return this.arena.slabs[id >>> this.arena.slabShift]![at]!;
  }

  #view(index: number): Uint8Array {
    this.checkIndex(index);
    const p = Math.floor(index / this.storedPerPage);
    const at = (index - p * this.storedPerPage) * this.itemBytes;
    return this.arena.page(this.pages.table[p]!).subarray(at, at + this.itemBytes);
  }
}
