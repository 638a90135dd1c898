/**
 * Public keys by validator index, the same for every state: 48 bytes compressed for roots and lookup, 96 affine for
 * signatures, all in native memory.
 */
import { blsNative, type TableHandle } from "./bls-native.ts";

const KEY_BYTES = 48;
/** The most keys that any table can hold; the index keeps places in 24 bits. */
export const MAX_KEYS = 2 ** 24 - 2;

export interface KeyTableOptions {
  /** Most keys ever; address space for them is reserved, memory is not. */
  capacity?: number;
}

/**
 * An append-only table of public keys with lookup. Keys are not checked when appended: an invalid one may sit in the
 * table, and every signature check that uses it is false.
 */
export class KeyTable {
  /** For bls.ts. */
  readonly handle: TableHandle;
  private count: number;
  private view: Uint8Array | undefined;

  private constructor(handle: TableHandle) {
    this.handle = handle;
    this.count = blsNative.tableLength(handle);
  }

  /** An empty table in anonymous memory. */
  static create(options: KeyTableOptions = {}): KeyTable {
    return new KeyTable(blsNative.tableCreate(options.capacity ?? MAX_KEYS));
  }

  get length(): number {
    return this.count;
  }

  /** @param keys any number of compressed keys; copied */
  append(keys: Uint8Array): void {
    blsNative.tableAppend(this.handle, keys);
    this.count += keys.length / KEY_BYTES;
    this.view = undefined;
  }

  /** The first place of the key, or -1. @cost the first call after appends indexes the new keys, some 100 ns each */
  indexOf(key: Uint8Array): number {
    return blsNative.tableFind(this.handle, key);
  }

  /** A copy of key i. */
  get(i: number): Uint8Array {
    const key = new Uint8Array(KEY_BYTES);
    blsNative.tableRead(this.handle, i, key);
    return key;
  }

  /**
   * All keys there are now, without a copy. The view outlives the table and does not grow with it. Not to be written:
   * a write changes what this process believes the keys to be.
   */
  compressed(): Uint8Array {
    this.view ??= new Uint8Array(blsNative.tableCompressed(this.handle));
    return this.view;
  }

  /** How many of these keys are those of the table from `first` on, up to the first difference. */
  countMatching(first: number, keys: Uint8Array): number {
    return blsNative.tableCountMatching(this.handle, first, keys);
  }

  /** The sum of some keys, compressed; undefined when there are none or one is invalid. */
  aggregate(places: ArrayLike<number>): Uint8Array | undefined {
    const out = new Uint8Array(KEY_BYTES);
    const words = places instanceof Uint32Array ? places : Uint32Array.from(places);
    return blsNative.tableAggregate(this.handle, words, out) ? out : undefined;
  }

  /** Gives the memory back once views and running checks are done; the table cannot be used any more. */
  close(): void {
    blsNative.tableClose(this.handle);
    this.view = undefined;
    this.count = 0;
  }
}
