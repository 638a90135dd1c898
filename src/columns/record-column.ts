import { hashRecords } from "../crypto/sha256.ts";
import type { Arena } from "./arena.ts";
import { BytesColumn } from "./bytes-column.ts";
import type { ColumnShape } from "./column.ts";
import { ItemSet } from "./item-set.ts";

/** How records of fixed size become values and back, and where their fields lie. */
export interface RecordCodec<T> {
  readonly recordBytes: number;
  /** Byte length of each field in order; a field of up to 32 bytes is one leaf of the record's tree. */
  readonly layout: Uint8Array;
  encode(value: T): Uint8Array;
  decode(bytes: Uint8Array): T;
}

/** A list of fixed-size records: their bytes, and a column of their roots, re-hashed only where they changed. */
export class RecordColumn<T> {
  readonly codec: RecordCodec<T>;
  readonly data: BytesColumn;
  readonly roots: BytesColumn;

  constructor(arena: Arena, codec: RecordCodec<T>, shape: ColumnShape, from?: RecordColumn<T>) {
    this.codec = codec;
    this.data = from?.data.clone() ?? new BytesColumn(arena, codec.recordBytes, shape);
    this.roots = from?.roots.clone() ?? new BytesColumn(arena, 32, shape);
    this.data.changes = from?.data.changes?.clone() ?? new ItemSet();
  }

  clone(): RecordColumn<T> {
    return new RecordColumn(this.data.arena, this.codec, this.data, this);
  }

  drop(): void {
    this.data.drop();
    this.roots.drop();
  }

  get length(): number {
    return this.data.length;
  }

  get(index: number): T {
    return this.codec.decode(this.data.get(index));
  }

  set(index: number, value: T): void {
    this.data.set(index, this.codec.encode(value));
  }

  push(value: T): void {
    this.data.push(this.codec.encode(value));
  }

  slice(from = 0, to = this.length): T[] {
    const out: T[] = [];
    for (let i = from; i < Math.min(to, this.length); i++) out.push(this.get(i));
    return out;
  }

  *[Symbol.iterator](): Generator<T> {
    for (let i = 0; i < this.length; i++) yield this.get(i);
  }

  /** Removes the first `count` records; the roots of the others move along and are not computed again. */
  dropFront(count: number): void {
    if (count === 0) return;
    this.hashRecords(1);
    shiftDown(this.data, count);
    shiftDown(this.roots, count);
    this.data.changes!.clear();
  }

  replaceAll(values: readonly T[]): void {
    this.resize(0);
    for (const value of values) this.push(value);
  }

  resize(length: number): void {
    const before = this.length;
    this.hashRecords(1);
    this.data.resize(length);
    this.roots.resize(length);
    if (length > before) this.data.changes!.addRange(before, length);
  }

  /** Marks every record as changed: after a bulk load of `data`. */
  markAll(): void {
    this.roots.resize(this.length);
    this.data.changes!.addRange(0, this.length);
  }

  hashTreeRoot(threads = 1): Uint8Array {
    this.hashRecords(threads);
    return this.roots.hashTreeRoot(threads);
  }

  /** Brings the column of roots up to date. */
  hashRecords(threads: number): void {
    const changes = this.data.changes!;
    if (this.roots.length !== this.data.length) this.roots.resize(this.data.length);
    if (changes.size === 0) return;
    const indices = changes.toIndices(this.data.length);
    const { codec, data, roots } = this;
    makeWritable(roots, indices);
    const table = roots.pages.table;
    hashRecords(
      data.arena,
      data.pages.table,
      codec.recordBytes,
      codec.layout,
      table,
      indices,
      0,
      indices.length,
      indices.length > 4096 ? threads : 1,
    );
    changes.clear();
    data.pages.clearDirty();
  }
}

/** Makes the pages of the given items of a column private, before native code writes into them. */
export function makeWritable(column: BytesColumn, indices: Uint32Array): void {
  let last = -1;
  for (let k = 0; k < indices.length; k++) {
    const p = Math.floor(indices[k]! / column.storedPerPage);
    if (p === last) continue;
    column.pages.writable(p);
    last = p;
  }
}

function shiftDown(column: BytesColumn, count: number): void {
  const kept = column.length - count;
  const scratch = new Uint8Array(column.itemBytes);
  for (let i = 0; i < kept; i++) {
    column.read(i + count, scratch);
    column.set(i, scratch);
  }
  column.resize(kept);
}
