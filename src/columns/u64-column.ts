import type { Arena } from "./arena.ts";
import { Column, type ColumnShape } from "./column.ts";

const TWO_32 = 2 ** 32;
const MAX_WORD = 0xffffffff;
/** High words from here on mean a value of 2^53 or more. */
const HUGE_WORD = 1 << 21;
const MAX_U64 = 2n ** 64n - 1n;

/** Thrown by add() past 2^64 - 1; the spec layer turns it into an invalid block. */
export class Uint64Overflow extends RangeError {}

/**
 * A column of uint64.
 *
 * Reads as numbers are exact up to 2^53; 2^64 - 1 reads as Infinity (and is written from it), other values
 * beyond 2^53 read as the nearest double and need getBig/setBig, which are exact over the whole range.
 */
export class U64Column extends Column {
  readonly #shift: number;
  readonly #mask: number;
  readonly #wordShift: number;

  constructor(arena: Arena, shape: ColumnShape, from?: U64Column) {
    super(arena, 8, shape, from);
    this.#shift = Math.log2(this.itemsPerPage);
    this.#mask = this.itemsPerPage - 1;
    this.#wordShift = this.#shift + 1;
  }

  override clone(): U64Column {
    return new U64Column(this.arena, this, this);
  }

  get(index: number): number {
    if (!(index >= 0 && index < this.length)) this.checkIndex(index);
    const arena = this.pages.arena;
    const id = this.pages.table[index >>> this.#shift]!;
    const words = arena.words[id >>> arena.slabShift]!;
    const at = ((id & arena.slabMask) << this.#wordShift) + ((index & this.#mask) << 1);
    return toNumber(words[at]!, words[at + 1]!);
  }

  getBig(index: number): bigint {
    this.checkIndex(index);
    const arena = this.pages.arena;
    const id = this.pages.table[index >>> this.#shift]!;
    const words = arena.words[id >>> arena.slabShift]!;
    const at = ((id & arena.slabMask) << this.#wordShift) + ((index & this.#mask) << 1);
    return (BigInt(words[at + 1]!) << 32n) | BigInt(words[at]!);
  }

  /** @param value a safe integer, or Infinity for 2^64 - 1 */
  set(index: number, value: number): void {
    this.checkIndex(index);
    if (value === Number.POSITIVE_INFINITY) this.#write(index, MAX_WORD, MAX_WORD);
    else if (Number.isSafeInteger(value) && value >= 0) this.#write(index, value >>> 0, Math.floor(value / TWO_32));
    else throw new RangeError(`${value} is not a uint64 that a number holds exactly`);
  }

  setBig(index: number, value: bigint): void {
    this.checkIndex(index);
    if (value < 0n || value > MAX_U64) throw new Uint64Overflow(`${value} is not a uint64`);
    this.#write(index, Number(value & 0xffffffffn), Number(value >> 32n));
  }

  push(value: number | bigint): void {
    const index = this.grow();
    if (typeof value === "bigint") this.setBig(index, value);
    else this.set(index, value);
    this.changes?.add(index);
  }

  /** Adds exactly; throws Uint64Overflow past 2^64 - 1. */
  add(index: number, delta: number | bigint): void {
    const value = this.get(index);
    if (typeof delta === "number" && value + delta <= Number.MAX_SAFE_INTEGER) this.set(index, value + delta);
    else this.setBig(index, this.getBig(index) + BigInt(delta));
  }

  /** Subtracts exactly, stopping at 0. */
  sub(index: number, delta: number | bigint): void {
    const value = this.get(index);
    if (typeof delta === "number" && value <= Number.MAX_SAFE_INTEGER) {
      this.set(index, value > delta ? value - delta : 0);
      return;
    }
    const left = this.getBig(index) - BigInt(delta);
    this.setBig(index, left > 0n ? left : 0n);
  }

  get pageCount(): number {
    return this.pages.count;
  }

  /** Equal for two positions only if their pages hold the same bytes: runs of equal pages are often stored once. */
  pageId(p: number): number {
    return this.pages.table[p]!;
  }

  /** Items of page p in use. */
  pageLength(p: number): number {
    return Math.min(this.itemsPerPage, this.length - p * this.itemsPerPage);
  }

  /** Reads page p into out[0..n) and returns n. */
  readPage(p: number, out: Float64Array): number {
    const arena = this.pages.arena;
    const id = this.pages.table[p]!;
    const count = this.pageLength(p);
    const words = arena.words[id >>> arena.slabShift]!;
    let at = (id & arena.slabMask) << this.#wordShift;
    for (let k = 0; k < count; k++, at += 2) {
      const high = words[at + 1]!;
      out[k] = high < MAX_WORD ? high * TWO_32 + words[at]! : toNumber(words[at]!, high);
    }
    return count;
  }

  /** Reads items [start, start + count) into out. */
  readRange(start: number, count: number, out: Float64Array): void {
    if (start < 0 || count < 0 || start + count > this.length) {
      throw new RangeError(`items ${start} to ${start + count} are outside a column of ${this.length}`);
    }
    for (let k = 0; k < count; k++) out[k] = this.get(start + k);
  }

  /**
   * Writes values[0..count) over the first items of page p; copies the page only if one differs.
   * A value must be a safe integer or Infinity.
   */
  writePage(p: number, values: Float64Array, count: number): void {
    const arena = this.pages.arena;
    let id = this.pages.table[p]!;
    let words = arena.words[id >>> arena.slabShift]!;
    let base = (id & arena.slabMask) << this.#wordShift;
    let owned = false;
    const changes = this.changes;
    const first = p * this.itemsPerPage;
    for (let k = 0; k < count; k++) {
      const value = values[k]!;
      const high = value < TWO_32 * TWO_32 ? Math.floor(value / TWO_32) : MAX_WORD;
      const low = high === MAX_WORD ? MAX_WORD : value - high * TWO_32;
      const at = base + (k << 1);
      if (words[at] === low && words[at + 1] === high) continue;
      if (!owned) {
        id = this.pages.writable(p);
        words = arena.words[id >>> arena.slabShift]!;
        base = (id & arena.slabMask) << this.#wordShift;
        owned = true;
      }
      words[base + (k << 1)] = low;
      words[base + (k << 1) + 1] = high;
      if (changes !== null) changes.add(first + k);
    }
  }

  /** Whether page p holds a value of 2^53 or more other than 2^64 - 1, for which numbers are not exact. */
  hasHuge(p: number): boolean {
    const arena = this.pages.arena;
    const id = this.pages.table[p]!;
    const words = arena.words[id >>> arena.slabShift]!;
    const base = (id & arena.slabMask) << this.#wordShift;
    const end = base + (this.pageLength(p) << 1);
    for (let at = base; at < end; at += 2) {
      const high = words[at + 1]!;
      if (high >= HUGE_WORD && !(high === MAX_WORD && words[at] === MAX_WORD)) return true;
    }
    return false;
  }

  /** Becomes `length` items of one value. */
  fill(value: number, length: number): void {
    this.resize(0);
    this.resize(length);
    if (value !== 0) for (let i = 0; i < length; i++) this.set(i, value);
  }

  #write(index: number, low: number, high: number): void {
    const arena = this.pages.arena;
    const p = index >>> this.#shift;
    let id = this.pages.table[p]!;
    const inPage = (index & this.#mask) << 1;
    let at = ((id & arena.slabMask) << this.#wordShift) + inPage;
    let words = arena.words[id >>> arena.slabShift]!;
    if (words[at] === low && words[at + 1] === high) return;
    id = this.pages.writable(p);
    words = arena.words[id >>> arena.slabShift]!;
    at = ((id & arena.slabMask) << this.#wordShift) + inPage;
    words[at] = low;
    words[at + 1] = high;
    this.changes?.add(index);
  }
}

function toNumber(low: number, high: number): number {
  if (high === MAX_WORD && low === MAX_WORD) return Number.POSITIVE_INFINITY;
  return high * TWO_32 + low;
}
