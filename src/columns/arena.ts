import { MemoryBudgetError } from "../base/errors.ts";

/** Page 0 of every arena: all zero, shared by everybody, never written, never freed. */
export const ZERO_PAGE = 0;

const PAGES_PER_SLAB = 256;
/** Free slabs kept for the next state: giving 8 MiB back only to fault them in again costs an epoch's time. */
const SPARE_SLABS = 8;

/** Bytes that arenas may reserve together. */
interface Budget {
  readonly limitBytes: number;
  reservedBytes: number;
}

export interface ArenaOptions {
  /** Bytes a page; a power of two, at least 64. */
  pageBytes?: number;
  /** The most bytes of slabs that may exist at once; allocation past it throws MemoryBudgetError. */
  budgetBytes?: number;
}

/**
 * Reference-counted pages of plain bytes, carved from slabs: the memory of every column.
 *
 * A page is an integer. Columns hold tables of such integers, so that a clone copies numbers, not bytes,
 * and a million validators cost no JavaScript object. Slabs whose pages are all free go back to the system,
 * but for a few.
 */
export class Arena {
  readonly pageBytes: number;
  readonly pagesPerSlab = PAGES_PER_SLAB;
  /** Byte and 32-bit word views of the slabs; a returned slab leaves an empty view behind. */
  readonly slabs: Uint8Array[] = [];
  readonly words: Uint32Array[] = [];
  /** log2(pagesPerSlab) and its mask, for `slab = id >>> slabShift`. */
  readonly slabShift = Math.log2(PAGES_PER_SLAB);
  readonly slabMask = PAGES_PER_SLAB - 1;
  #refs = new Uint32Array(PAGES_PER_SLAB);
  /** For each slab: a stack of its free page numbers, and how many are on it. */
  readonly #freeStacks: Uint16Array[] = [];
  #freeCounts = new Uint16Array(16);
  /** Slabs that have a free page, the most recently freed last. */
  readonly #open: number[] = [];
  #isOpen = new Uint8Array(16);
  readonly #vacant: number[] = [];
  /** Slabs without a page in use. */
  #freeSlabs = 0;
  #pagesUsed = 0;

  readonly #budget: Budget;
  /** The arena of smaller pages beside this one, made when first asked for. */
  #small: Arena | null = null;

  constructor(options: ArenaOptions = {}, budget?: Budget) {
    this.pageBytes = options.pageBytes ?? 4096;
    this.#budget = budget ?? { limitBytes: options.budgetBytes ?? Number.POSITIVE_INFINITY, reservedBytes: 0 };
    if (!Number.isInteger(Math.log2(this.pageBytes)) || this.pageBytes < 64) {
      throw new RangeError(`page size ${this.pageBytes} is not a power of two of at least 64`);
    }
    const zero = this.alloc();
    if (zero !== ZERO_PAGE) throw new Error("the zero page must be the first");
  }

  /** An arena under the same budget whose pages are an eighth as large: for items that change one by one. */
  get small(): Arena {
    this.#small ??= new Arena({ pageBytes: Math.max(64, this.pageBytes / 8) }, this.#budget);
    return this.#small;
  }

  /** Pages in use, shared zero pages included; pages of the small arena count too. */
  get pagesUsed(): number {
    return this.#pagesUsed + (this.#small?.pagesUsed ?? 0);
  }

  /** Bytes of the pages in use, in this arena and the small one. */
  get bytesUsed(): number {
    return this.#pagesUsed * this.pageBytes + (this.#small?.bytesUsed ?? 0);
  }

  /** Bytes of all slabs under the budget: what the process pays, free pages included. */
  get bytesReserved(): number {
    return this.#budget.reservedBytes;
  }

  get budgetBytes(): number {
    return this.#budget.limitBytes;
  }

  /** A page with one reference. Its bytes are whatever was there before: the caller fills all of it. */
  alloc(): number {
    const slab = this.#open.at(-1) ?? this.#addSlab();
    const stack = this.#freeStacks[slab]!;
    if (this.#freeCounts[slab] === PAGES_PER_SLAB) this.#freeSlabs--;
    const left = --this.#freeCounts[slab]!;
    if (left === 0) {
      this.#open.pop();
      this.#isOpen[slab] = 0;
    }
    const id = slab * PAGES_PER_SLAB + stack[left]!;
    this.#refs[id] = 1;
    this.#pagesUsed++;
    return id;
  }

  allocZeroed(): number {
    const id = this.alloc();
    this.page(id).fill(0);
    return id;
  }

  allocCopy(source: number): number {
    const id = this.alloc();
    this.page(id).set(this.page(source));
    return id;
  }

  /** The bytes of a page; allocates a view, so not for inner loops. */
  page(id: number): Uint8Array {
    const at = (id & this.slabMask) * this.pageBytes;
    return this.slabs[id >>> this.slabShift]!.subarray(at, at + this.pageBytes);
  }

  refs(id: number): number {
    return this.#refs[id]!;
  }

  /** True when exactly one column holds the page, so that it may be written in place. */
  isOwned(id: number): boolean {
    return id !== ZERO_PAGE && this.#refs[id] === 1;
  }

  retain(id: number): void {
    if (id !== ZERO_PAGE) this.#refs[id]!++;
  }

  retainAll(table: Uint32Array, count: number): void {
    const refs = this.#refs;
    for (let i = 0; i < count; i++) refs[table[i]!]!++;
    // The zero page is never freed; its count carries no meaning, so keep it from overflowing.
    refs[ZERO_PAGE] = 1;
  }

  release(id: number): void {
    if (id === ZERO_PAGE) return;
    const left = --this.#refs[id]!;
    if (left > 0) return;
    const slab = id >>> this.slabShift;
    this.#freeStacks[slab]![this.#freeCounts[slab]!++] = id & this.slabMask;
    this.#pagesUsed--;
    if (this.#isOpen[slab] === 0) {
      this.#open.push(slab);
      this.#isOpen[slab] = 1;
    }
    if (this.#freeCounts[slab] < PAGES_PER_SLAB) return;
    if (this.#freeSlabs < SPARE_SLABS) this.#freeSlabs++;
    else this.#returnSlab(slab);
  }

  #addSlab(): number {
    const slabBytes = PAGES_PER_SLAB * this.pageBytes;
    if (this.bytesReserved + slabBytes > this.budgetBytes) {
      throw new MemoryBudgetError(
        `state pages need more than their budget of ${this.budgetBytes} bytes (${this.bytesReserved} in use)`,
      );
    }
    const slab = this.#vacant.pop() ?? this.slabs.length;
    const buffer = new ArrayBuffer(slabBytes);
    this.slabs[slab] = new Uint8Array(buffer);
    this.words[slab] = new Uint32Array(buffer);
    this.#reserveBookkeeping(slab + 1);
    // Lowest page number on top, so that a fresh column lies in order.
    this.#freeStacks[slab] = Uint16Array.from({ length: PAGES_PER_SLAB }, (_, i) => PAGES_PER_SLAB - 1 - i);
    this.#freeCounts[slab] = PAGES_PER_SLAB;
    this.#isOpen[slab] = 1;
    this.#open.push(slab);
    this.#freeSlabs++;
    this.#budget.reservedBytes += slabBytes;
    return slab;
  }

  #returnSlab(slab: number): void {
    this.slabs[slab] = new Uint8Array(0);
    this.words[slab] = new Uint32Array(0);
    this.#freeCounts[slab] = 0;
    if (this.#isOpen[slab] === 1) {
      this.#open.splice(this.#open.indexOf(slab), 1);
      this.#isOpen[slab] = 0;
    }
    this.#vacant.push(slab);
    this.#budget.reservedBytes -= PAGES_PER_SLAB * this.pageBytes;
  }

  #reserveBookkeeping(slabs: number): void {
    if (this.#refs.length < slabs * PAGES_PER_SLAB) {
      const refs = new Uint32Array(Math.max(this.#refs.length * 2, slabs * PAGES_PER_SLAB));
      refs.set(this.#refs);
      this.#refs = refs;
    }
    if (this.#freeCounts.length < slabs) {
      const counts = new Uint16Array(slabs * 2);
      counts.set(this.#freeCounts);
      this.#freeCounts = counts;
      const isOpen = new Uint8Array(slabs * 2);
      isOpen.set(this.#isOpen);
      this.#isOpen = isOpen;
    }
  }
}
