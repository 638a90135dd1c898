import type { Arena } from "./arena.ts";
import type { ByteSource, Column, ColumnShape } from "./column.ts";
import { MAX_NIBBLE, NibbleColumn, NotANibble } from "./nibble-column.ts";
import { U8Column } from "./u8-column.ts";

/**
 * A list of flag bytes, half a byte each for as long as none uses the upper four bits.
 *
 * Blocks touch the flags of a random part of the registry, so all of these pages are copied at every block:
 * halving them halves most of what a block's state costs.
 */
export class FlagsColumn {
  readonly limit: number;
  readonly isVector = false;
  readonly itemBytes = 1;
  #column: NibbleColumn | U8Column;

  constructor(arena: Arena, shape: ColumnShape, column?: NibbleColumn | U8Column) {
    this.limit = shape.limit;
    this.#column = column ?? new NibbleColumn(arena, shape);
  }

  clone(): FlagsColumn {
    return new FlagsColumn(this.#column.arena, this, this.#column.clone());
  }

  drop(): void {
    this.#column.drop();
  }

  get arena(): Arena {
    return this.#column.arena;
  }

  get length(): number {
    return this.#column.length;
  }

  /** The column that holds the flags now; valid until the next write. */
  get column(): Column {
    return this.#column;
  }

  get(index: number): number {
    return this.#column.get(index);
  }

  set(index: number, value: number): void {
    if (value > MAX_NIBBLE) this.#widen();
    this.#column.set(index, value);
  }

  push(value: number): void {
    if (value > MAX_NIBBLE) this.#widen();
    this.#column.push(value);
  }

  /**
   * Sets bits of the items at `indices`.
   * @param indices ascending, so that each page is looked up once
   * @param before receives what the items held, in the order of `indices`
   */
  orEach(indices: Uint32Array, bits: number, before: Uint8Array): void {
    if (bits > MAX_NIBBLE) this.#widen();
    this.#column.orEach(indices, bits, before);
  }

  /** Reads items [start, start + count) into out[0..count). */
  readRange(start: number, count: number, out: Uint8Array): void {
    this.#column.readRange(start, count, out);
  }

  /** Writes values[0..count) over items from `start`; pages without a difference are left alone. */
  writeRange(start: number, count: number, values: Uint8Array): void {
    for (let k = 0; k < count; k++) if (values[k]! > MAX_NIBBLE) this.#widen();
    this.#column.writeRange(start, count, values);
  }

  resize(length: number): void {
    this.#column.resize(length);
  }

  /** Becomes `length` zeros, which take no memory until one is written. */
  resetTo(length: number): void {
    this.#column.resize(0);
    this.#column.resize(length);
  }

  hashTreeRoot(threads = 1): Uint8Array {
    return this.#column.hashTreeRoot(threads);
  }

  load(source: ByteSource, offset: number, byteLength: number): void {
    try {
      this.#column.load(source, offset, byteLength);
    } catch (error) {
      if (!(error instanceof NotANibble)) throw error;
      this.#widen();
      this.#column.load(source, offset, byteLength);
    }
  }

  store(sink: (bytes: Uint8Array) => void): void {
    this.#column.store(sink);
  }

  #widen(): void {
    if (this.#column instanceof U8Column) return;
    const packed = this.#column;
    const wide = new U8Column(packed.arena, packed);
    wide.resetTo(packed.length);
    const values = new Uint8Array(packed.length);
    packed.readRange(0, packed.length, values);
    wide.writeRange(0, values.length, values);
    packed.drop();
    this.#column = wide;
  }
}
