import type { Arena } from "./arena.ts";
import { Column, type ColumnShape } from "./column.ts";
import { GroupedBlocks, type LeafBlocks } from "./leaf-blocks.ts";

const TWO_32 = 2 ** 32;
const TWO_64 = 2 ** 64;
const MAX_WORD = 0xffffffff;
/** High words from here on mean a value of 2^53 or more. */
const HUGE_WORD = 1 << 21;
const MAX_U64 = 2n ** 64n - 1n;

/** An integer below 2^52 is the mantissa of its sum with 2^52: two words, found without division. */
const TWO_52 = 2 ** 52;
const MANTISSA_WORD = 0xfffff;
const mantissas = new Float64Array(2048);
const mantissaWords = new Uint32Array(mantissas.buffer);

/** Thrown by add() past 2^64 - 1; the spec layer turns it into an invalid block. */
export class Uint64Overflow extends RangeError {}

/**
 * A column of uint64.
 *
 * Reads as numbers are exact up to 2^53; 2^64 - 1 reads as Infinity (and is written from it), other values
 * beyond 2^53 read as the nearest double and need getBig/setBig, which are exact over the whole range.
 */
export class U64Column extends Column {
  /** Items a page as hot loops see it, however the column is stored. */
  readonly itemsPerPage: number;
  readonly #shift: number;
  readonly #mask: number;
  readonly #wordShift: number;
  readonly #nodeArena: Arena;

  /** @param isScattered items change one by one all over the column, so it is stored in small pages */
  constructor(arena: Arena, shape: ColumnShape, isScattered = false, from?: U64Column) {
    super(isScattered ? arena.small : arena, 8, shape, from);
    this.#nodeArena = arena;
    this.itemsPerPage = arena.pageBytes / 8;
    if (this.storedPerPage > mantissas.length)
      throw new RangeError(`pages of ${this.storedPerPage} items are too long`);
    this.#shift = Math.log2(this.storedPerPage);
    this.#mask = this.storedPerPage - 1;
    this.#wordShift = this.#shift + 1;
  }

  override clone(): U64Column {
    return new U64Column(this.#nodeArena, this, this.arena !== this.#nodeArena, this);
  }

  protected override blocks(): LeafBlocks {
    return this.arena === this.#nodeArena ? super.blocks() : new GroupedBlocks(this.pages, this.#nodeArena);
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
    const sum = this.get(index) + Number(delta);
    // What rounds on the way is larger than that.
    if (sum <= Number.MAX_SAFE_INTEGER) this.set(index, sum);
    else this.setBig(index, this.getBig(index) + BigInt(delta));
  }

  /** Subtracts exactly, stopping at 0. */
  sub(index: number, delta: number | bigint): void {
    const value = this.get(index);
    if (value <= Number.MAX_SAFE_INTEGER) {
      // A delta that rounds is larger than the value.
      this.set(index, value > delta ? value - Number(delta) : 0);
      return;
    }
    const left = this.getBig(index) - BigInt(delta);
    this.setBig(index, left > 0n ? left : 0n);
  }

  get pageCount(): number {
    return Math.ceil(this.length / this.itemsPerPage);
  }

  /**
   * Equal for two pages only if they hold the same values: runs of equal pages are often stored once.
   * Never negative but in a scattered column, where it tells nothing.
   */
  pageId(p: number): number {
    return this.storedPerPage === this.itemsPerPage ? this.pages.table[p]! : -2 - p;
  }

  /** Items of page p in use. */
  pageLength(p: number): number {
    return Math.min(this.itemsPerPage, this.length - p * this.itemsPerPage);
  }

  /** Reads page p into out[0..n) and returns n. */
  readPage(p: number, out: Float64Array): number {
    return this.#readPage(p, out, true);
  }

  /** readPage() for loops that only compare: 2^64 - 1 reads as 2^64, the nearest double, and costs no second look. */
  readPageRounded(p: number, out: Float64Array): number {
    return this.#readPage(p, out, false);
  }

  #readPage(p: number, out: Float64Array, isExact: boolean): number {
    const { arena, table } = this.pages;
    const count = this.pageLength(p);
    let stored = (p * this.itemsPerPage) >>> this.#shift;
    for (let done = 0; done < count; done += this.storedPerPage) {
      const id = table[stored++]!;
      const words = arena.words[id >>> arena.slabShift]!;
      const at = (id & arena.slabMask) << this.#wordShift;
      const end = Math.min(count, done + this.storedPerPage);
      if (readWords(words, at, out, done, end) === -1 && isExact) markFar(words, at, out, done, end);
    }
    return count;
  }

  /** Reads items [start, start + count) into out. */
  readRange(start: number, count: number, out: Float64Array): void {
    this.checkRange(start, count);
    for (let k = 0; k < count; k++) out[k] = this.get(start + k);
  }

  /**
   * Writes values[0..count) over the first items of page p; storage is copied only where one differs.
   * A value must be a safe integer or Infinity.
   */
  writePage(p: number, values: Float64Array, count: number): void {
    const first = p * this.itemsPerPage;
    for (let done = 0; done < count; done += this.storedPerPage) {
      this.#writeStored((first + done) >>> this.#shift, values, done, Math.min(count, done + this.storedPerPage));
    }
  }

  /** Writes values[from..to) over the first items of one page of storage. */
  #writeStored(p: number, values: Float64Array, from: number, to: number): void {
    if (!toMantissas(values, from, to)) {
      const first = p * this.storedPerPage;
      for (let k = from; k < to; k++) this.set(first + k - from, values[k]!);
      return;
    }
    const { arena, table } = this.pages;
    const count = to - from;
    let words = arena.words[table[p]! >>> arena.slabShift]!;
    let at = (table[p]! & arena.slabMask) << this.#wordShift;
    if (equalsMantissas(words, at, count)) return;
    if (this.changes !== null) {
      const first = p * this.storedPerPage;
      for (let k = 0; k < count; k++) if (!equalsMantissa(words, at, k)) this.changes.add(first + k);
    }
    const id = count === this.storedPerPage ? this.pages.writableBlank(p) : this.pages.writable(p);
    words = arena.words[id >>> arena.slabShift]!;
    at = (id & arena.slabMask) << this.#wordShift;
    writeMantissas(words, at, count);
  }

  /** Whether page p holds a value of 2^53 or more other than 2^64 - 1, for which numbers are not exact. */
  hasHuge(p: number): boolean {
    const arena = this.pages.arena;
    const first = p * this.itemsPerPage;
    const count = this.pageLength(p);
    for (let done = 0; done < count; done += this.storedPerPage) {
      const id = this.pages.table[(first + done) >>> this.#shift]!;
      const words = arena.words[id >>> arena.slabShift]!;
      const base = (id & arena.slabMask) << this.#wordShift;
      const end = base + (Math.min(this.storedPerPage, count - done) << 1);
      for (let at = base; at < end; at += 2) {
        const high = words[at + 1]!;
        if (high >= HUGE_WORD && !(high === MAX_WORD && words[at] === MAX_WORD)) return true;
      }
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

/** Reads words as the nearest doubles; returns the bits that any high word has, all of them where 2^64 - 1 may be. */
function readWords(words: Uint32Array, from: number, out: Float64Array, start: number, end: number): number {
  let highBits = 0;
  for (let k = start, at = from; k < end; k++, at += 2) {
    const high = words[at + 1]!;
    highBits |= high;
    out[k] = high * TWO_32 + words[at]!;
  }
  return highBits;
}

/** Lets 2^64 - 1 be Infinity. Apart from readWords(), which a test an item would take twice as long. */
function markFar(words: Uint32Array, from: number, out: Float64Array, start: number, end: number): void {
  for (let k = start, at = from; k < end; k++, at += 2) {
    if (out[k] === TWO_64 && words[at] === MAX_WORD && words[at + 1] === MAX_WORD) out[k] = Number.POSITIVE_INFINITY;
  }
}

/** Prepares values[from..to) for the next three functions; false when one is 2^52 or more, or negative. */
function toMantissas(values: Float64Array, from: number, to: number): boolean {
  let areSmall = true;
  for (let k = from; k < to; k++) {
    const value = values[k]!;
    if (!(value >= 0 && value < TWO_52)) areSmall = false;
    mantissas[k - from] = value + TWO_52;
  }
  return areSmall;
}

function equalsMantissa(words: Uint32Array, at: number, k: number): boolean {
  const high = mantissaWords[2 * k + 1]! & MANTISSA_WORD;
  return words[at + 2 * k] === mantissaWords[2 * k] && words[at + 2 * k + 1] === high;
}

function equalsMantissas(words: Uint32Array, at: number, count: number): boolean {
  for (let k = 0; k < count; k++) if (!equalsMantissa(words, at, k)) return false;
  return true;
}

function writeMantissas(words: Uint32Array, at: number, count: number): void {
  for (let k = 0; k < 2 * count; k += 2) {
    words[at + k] = mantissaWords[k]!;
    words[at + k + 1] = mantissaWords[k + 1]! & MANTISSA_WORD;
  }
}
