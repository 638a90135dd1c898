import type { Arena } from "./arena.ts";
import { Column, type ColumnShape } from "./column.ts";

/** A column of single bytes: participation flags, booleans. */
export class U8Column extends Column {
  readonly #shift: number;
  readonly #mask: number;

  constructor(arena: Arena, shape: ColumnShape, from?: U8Column) {
    super(arena, 1, shape, from);
    this.#shift = Math.log2(this.storedPerPage);
    this.#mask = this.storedPerPage - 1;
  }

  override clone(): U8Column {
    return new U8Column(this.arena, this, this);
  }

  get(index: number): number {
    if (!(index >= 0 && index < this.length)) this.checkIndex(index);
    const arena = this.pages.arena;
    const id = this.pages.table[index >>> this.#shift]!;
    return arena.slabs[id >>> arena.slabShift]![((id & arena.slabMask) << this.#shift) + (index & this.#mask)]!;
  }

  set(index: number, value: number): void {
    this.checkIndex(index);
    if (!(value >= 0 && value <= 255)) throw new RangeError(`${value} is not a byte`);
    const arena = this.pages.arena;
    const p = index >>> this.#shift;
    let id = this.pages.table[p]!;
    const inPage = index & this.#mask;
    if (arena.slabs[id >>> arena.slabShift]![((id & arena.slabMask) << this.#shift) + inPage] === value) return;
    id = this.pages.writable(p);
    arena.slabs[id >>> arena.slabShift]![((id & arena.slabMask) << this.#shift) + inPage] = value;
    this.changes?.add(index);
  }

  push(value: number): void {
    const index = this.grow();
    this.set(index, value);
    this.changes?.add(index);
  }

  /** See FlagsColumn.orEach. */
  orEach(indices: Uint32Array, bits: number, before: Uint8Array): void {
    for (let k = 0; k < indices.length; k++) {
      const value = this.get(indices[k]!);
      before[k] = value;
      this.set(indices[k]!, value | bits);
    }
  }

  /** Reads items [start, start + count) into out[0..count). */
  readRange(start: number, count: number, out: Uint8Array): void {
    this.checkRange(start, count);
    for (let done = 0; done < count; ) {
      const index = start + done;
      const page = this.arena.page(this.pages.table[index >>> this.#shift]!);
      const from = index & this.#mask;
      const n = Math.min(count - done, this.storedPerPage - from);
      out.set(page.subarray(from, from + n), done);
      done += n;
    }
  }

  /** Writes values[0..count) over items from `start`; pages without a difference are left alone. */
  writeRange(start: number, count: number, values: Uint8Array): void {
    this.checkRange(start, count);
    for (let done = 0; done < count; ) {
      const index = start + done;
      const p = index >>> this.#shift;
      const from = index & this.#mask;
      const n = Math.min(count - done, this.storedPerPage - from);
      const wanted = values.subarray(done, done + n);
      const page = this.arena.page(this.pages.table[p]!).subarray(from, from + n);
      if (Buffer.compare(page, wanted) !== 0) {
        if (this.changes !== null) for (let k = 0; k < n; k++) if (page[k] !== wanted[k]) this.changes.add(index + k);
        this.arena.page(this.pages.writable(p)).set(wanted, from);
      }
      done += n;
    }
  }

  /** Becomes `length` zeros, which take no memory until one is written. */
  resetTo(length: number): void {
    this.resize(0);
    this.resize(length);
  }
}
