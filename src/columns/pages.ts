import { type Arena, ZERO_PAGE } from "./arena.ts";

/** Numbers every change of any pages in this process, so that a version names one content. */
let lastVersion = 0;

/**
 * A growable run of pages with copy-on-write and dirty marks: the storage under every column and every tree level.
 */
export class Pages {
  readonly arena: Arena;
  count: number;
  #table: Uint32Array;
  /** Clones share the table until one of them changes it. */
  #isTableShared = false;
  /** Changes with every change of content or length, to a number never used before; a clone keeps it. */
  version = 0;
  /** One flag a page, set when the page changed since the marks were last cleared; null while none is. */
  #dirty: Uint8Array | null = null;
  #dirtyCount = 0;

  constructor(arena: Arena, table: Uint32Array = new Uint32Array(0), count = 0) {
    this.arena = arena;
    this.#table = table;
    this.count = count;
  }

  /** Page numbers by position, the first `count` of them; only for reading. */
  get table(): Uint32Array {
    return this.#table;
  }

  /** Bytes of the table that no clone shares. */
  get tableBytes(): number {
    return this.#isTableShared ? 0 : this.#table.byteLength;
  }

  get dirtyCount(): number {
    return this.#dirtyCount;
  }

  clone(): Pages {
    this.arena.retainAll(this.#table, this.count);
    const copy = new Pages(this.arena, this.#table, this.count);
    this.#isTableShared = true;
    copy.#isTableShared = true;
    copy.version = this.version;
    if (this.#dirty !== null && this.#dirtyCount > 0) {
      copy.#dirty = this.#dirty.slice();
      copy.#dirtyCount = this.#dirtyCount;
    }
    return copy;
  }

  drop(): void {
    for (let p = 0; p < this.count; p++) this.arena.release(this.#table[p]!);
    this.count = 0;
    this.#table = new Uint32Array(0);
    this.#isTableShared = false;
    this.version = ++lastVersion;
    this.clearDirty();
  }

  /** Page number of the arena at position p, made private to this column and marked dirty. */
  writable(p: number): number {
    const arena = this.arena;
    this.version = ++lastVersion;
    const id = this.#table[p]!;
    this.markDirty(p);
    if (arena.isOwned(id)) return id;
    return this.#exchange(p, id === ZERO_PAGE ? arena.allocZeroed() : arena.allocCopy(id));
  }

  /** writable() for a caller that writes the whole page: what it holds before that is not defined. */
  writableBlank(p: number): number {
    if (this.arena.isOwned(this.#table[p]!)) return this.writable(p);
    this.version = ++lastVersion;
    this.markDirty(p);
    return this.#exchange(p, this.arena.alloc());
  }

  /** Lets position p be another page of the same bytes. */
  share(p: number, id: number): void {
    this.arena.retain(id);
    this.#exchange(p, id);
  }

  markDirty(p: number): void {
    if (this.#dirty === null || this.#dirty.length <= p) this.#growDirty(p + 1);
    if (this.#dirty![p] === 0) {
      this.#dirty![p] = 1;
      this.#dirtyCount++;
    }
  }

  isDirty(p: number): boolean {
    return this.#dirty !== null && p < this.#dirty.length && this.#dirty[p] === 1;
  }

  /** Positions of the dirty pages, ascending. */
  dirtyPositions(): Uint32Array {
    const out = new Uint32Array(this.#dirtyCount);
    let at = 0;
    const flags = this.#dirty;
    if (flags !== null) for (let p = 0; p < flags.length && at < out.length; p++) if (flags[p] === 1) out[at++] = p;
    return out;
  }

  clearDirty(): void {
    this.#dirty = null;
    this.#dirtyCount = 0;
  }

  /** Sets the number of pages: new ones are the shared zero page, cut ones are released. */
  resize(count: number): void {
    this.version = ++lastVersion;
    this.reserve(count);
    if (count > this.count) this.#own().fill(ZERO_PAGE, this.count, count);
    for (let p = this.count; p < count; p++) this.markDirty(p);
    for (let p = count; p < this.count; p++) {
      this.arena.release(this.#table[p]!);
      if (this.isDirty(p)) {
        this.#dirty![p] = 0;
        this.#dirtyCount--;
      }
    }
    this.count = count;
  }

  /** Appends a page that the caller has allocated; its reference moves here. */
  append(id: number): void {
    this.version = ++lastVersion;
    this.reserve(this.count + 1);
    this.#own()[this.count] = id;
    this.markDirty(this.count);
    this.count++;
  }

  reserve(count: number): void {
    if (this.#table.length >= count) return;
    const grown = new Uint32Array(Math.max(count, this.#table.length + (this.#table.length >>> 2)));
    grown.set(this.#table.subarray(0, this.count));
    this.#table = grown;
    this.#isTableShared = false;
  }

  /**
   * Pages that no other column shares, and pages that some other one does; the zero page is in neither, and a page that
   * stands for several equal ones counts once.
   */
  tally(): { owned: number; shared: number } {
    let owned = 0;
    const here = new Map<number, number>();
    for (let p = 0; p < this.count; p++) {
      const id = this.#table[p]!;
      if (id === ZERO_PAGE) continue;
      if (this.arena.refs(id) === 1) owned++;
      else here.set(id, (here.get(id) ?? 0) + 1);
    }
    let shared = 0;
    for (const [id, count] of here) {
      if (count === this.arena.refs(id)) owned++;
      else shared++;
    }
    return { owned, shared };
  }

  /** Puts a page at position p and gives up the one there; returns the new one. */
  #exchange(p: number, id: number): number {
    const table = this.#own();
    this.arena.release(table[p]!);
    table[p] = id;
    return id;
  }

  /** The table, no longer shared. */
  #own(): Uint32Array {
    if (this.#isTableShared) {
      this.#table = this.#table.slice();
      this.#isTableShared = false;
    }
    return this.#table;
  }

  #growDirty(length: number): void {
    const flags = new Uint8Array(Math.max(length + (length >>> 1), this.count, 8));
    if (this.#dirty !== null) flags.set(this.#dirty);
    this.#dirty = flags;
  }
}
