/**
 * Collections that never grow past a stated limit. Each says what it evicts and how many bytes it holds, so that every
 * long-lived set in the program can be summed up.
 */

/** Estimated bytes of one entry of a Map or Set beside what the entry itself refers to. */
const ENTRY_BYTES = 48;

/** A map that forgets its oldest entry once it holds `limit` of them; setting a key again makes it the newest. */
export class BoundedMap<K, V> {
  readonly limit: number;
  readonly #entries = new Map<K, V>();
  readonly #sizeOf: (value: V, key: K) => number;
  readonly #onEvict: ((key: K, value: V) => void) | undefined;
  #bytes = 0;

  constructor(options: {
    limit: number;
    /** Bytes that an entry refers to; 0 unless told. */
    sizeOf?: (value: V, key: K) => number;
    /** Called for entries dropped because of the limit, not for deleted or replaced ones. */
    onEvict?: (key: K, value: V) => void;
  }) {
    if (!(options.limit >= 1)) throw new RangeError(`limit of a bounded map must be at least 1, not ${options.limit}`);
    this.limit = options.limit;
    this.#sizeOf = options.sizeOf ?? (() => 0);
    this.#onEvict = options.onEvict;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Estimated bytes held. Values must not change size while they are in the map. */
  get bytes(): number {
    return this.#bytes;
  }

  has(key: K): boolean {
    return this.#entries.has(key);
  }

  get(key: K): V | undefined {
    return this.#entries.get(key);
  }

  set(key: K, value: V): void {
    this.delete(key);
    while (this.#entries.size >= this.limit) this.#evictOldest();
    this.#entries.set(key, value);
    this.#bytes += ENTRY_BYTES + this.#sizeOf(value, key);
  }

  delete(key: K): boolean {
    if (!this.#entries.has(key)) return false;
    this.#bytes -= ENTRY_BYTES + this.#sizeOf(this.#entries.get(key) as V, key);
    return this.#entries.delete(key);
  }

  clear(): void {
    this.#entries.clear();
    this.#bytes = 0;
  }

  /** Oldest first. */
  keys(): MapIterator<K> {
    return this.#entries.keys();
  }

  values(): MapIterator<V> {
    return this.#entries.values();
  }

  entries(): MapIterator<[K, V]> {
    return this.#entries.entries();
  }

  #evictOldest(): void {
    for (const [key, value] of this.#entries) {
      this.delete(key);
      this.#onEvict?.(key, value);
      return;
    }
  }
}

/** A set that forgets its oldest member once it holds `limit` of them. */
export class BoundedSet<K> {
  readonly #map: BoundedMap<K, true>;

  constructor(options: { limit: number; sizeOf?: (key: K) => number }) {
    const { limit, sizeOf } = options;
    this.#map = new BoundedMap({ limit, sizeOf: sizeOf && ((_, key) => sizeOf(key)) });
  }

  get size(): number {
    return this.#map.size;
  }

  get bytes(): number {
    return this.#map.bytes;
  }

  has(key: K): boolean {
    return this.#map.has(key);
  }

  add(key: K): void {
    this.#map.set(key, true);
  }

  delete(key: K): boolean {
    return this.#map.delete(key);
  }

  clear(): void {
    this.#map.clear();
  }
}

/** A set of integers below `maxIndex` as a bitmap that grows to the highest member. */
export class IndexSet {
  readonly maxIndex: number;
  #bits = new Uint8Array(0);
  #size = 0;

  constructor(maxIndex: number) {
    this.maxIndex = maxIndex;
  }

  get size(): number {
    return this.#size;
  }

  get bytes(): number {
    return this.#bits.length;
  }

  has(index: number): boolean {
    const byte = Math.floor(index / 8);
    return byte < this.#bits.length && (this.#bits[byte]! & (1 << (index % 8))) !== 0;
  }

  add(index: number): void {
    if (!(index >= 0 && index < this.maxIndex)) throw new RangeError(`index ${index} is not below ${this.maxIndex}`);
    if (this.has(index)) return;
    const byte = Math.floor(index / 8);
    if (byte >= this.#bits.length) this.#grow(byte + 1);
    this.#bits[byte]! |= 1 << (index % 8);
    this.#size++;
  }

  clear(): void {
    this.#bits = new Uint8Array(0);
    this.#size = 0;
  }

  #grow(neededBytes: number): void {
    const length = Math.min(Math.max(neededBytes, this.#bits.length * 2, 64), Math.ceil(this.maxIndex / 8));
    const grown = new Uint8Array(length);
    grown.set(this.#bits);
    this.#bits = grown;
  }
}

/** What {@link WindowMap} needs of the collection that it keeps for each window. */
interface Sized {
  readonly bytes: number;
}

/** One collection a slot or epoch; holds `limit` of them and forgets the lowest numbers first. */
export class WindowMap<T extends Sized> {
  readonly limit: number;
  readonly #create: () => T;
  readonly #windows = new Map<number, T>();

  constructor(options: { limit: number; create: () => T }) {
    this.limit = options.limit;
    this.#create = options.create;
  }

  get size(): number {
    return this.#windows.size;
  }

  get bytes(): number {
    let sum = 0;
    for (const window of this.#windows.values()) sum += ENTRY_BYTES + window.bytes;
    return sum;
  }

  get(number: number): T | undefined {
    return this.#windows.get(number);
  }

  /**
   * The collection of this window, made when absent. When the limit is reached the lowest window goes, and a number below
   * every one kept gets a collection that is not kept.
   */
  open(number: number): T {
    const existing = this.#windows.get(number);
    if (existing) return existing;
    const created = this.#create();
    this.#windows.set(number, created);
    if (this.#windows.size > this.limit) this.#windows.delete(this.#lowest());
    return created;
  }

  #lowest(): number {
    let lowest = Number.POSITIVE_INFINITY;
    for (const number of this.#windows.keys()) if (number < lowest) lowest = number;
    return lowest;
  }

  /** Forgets every window below this number. */
  prune(below: number): void {
    for (const number of this.#windows.keys()) if (number < below) this.#windows.delete(number);
  }
}
