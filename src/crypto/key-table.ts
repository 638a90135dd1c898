/**
 * Public keys by validator index, the same for every state: 48 bytes compressed for roots and lookup, 96 affine for
 * signatures, all in native memory, a prefix of them mapped from disk. native/bls/src/key_log.h has the file format.
 */
import { availableParallelism } from "node:os";
import { asStorageError, blsNative, type TableHandle } from "./bls-native.ts";

const KEY_BYTES = 48;
/** The most keys that any table can hold; the index keeps places in 24 bits. */
export const MAX_KEYS = 2 ** 24 - 2;
/** Keys checked between two calls of a progress function, and between two commits to disk. */
const KEYS_PER_STEP = 8192;
const STEPS_PER_FLUSH = 8;

export interface KeyTableOptions {
  /** Most keys ever; address space for them is reserved, memory is not. */
  capacity?: number;
}

export interface KeyTableFileOptions extends KeyTableOptions {
  /** Takes the writer's lock, and creates the table if there is none. Without it the file is only read. */
  write?: boolean;
  /** Compares every block with its checksum now, not when it is first used. */
  check?: boolean;
  threads?: number;
}

export interface CheckOptions {
  /** All cores by default. */
  threads?: number;
  onProgress?: (done: number, total: number) => void;
}

/**
 * An append-only table of public keys with lookup. Keys are not checked when appended: an invalid one may sit in the
 * table, and every signature check that uses it is false. Keys appended to a table on disk stay in memory until they
 * are flushed.
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

  /**
   * Maps the table in a folder. A tail that a crash tore, or damaged blocks and all after them, are left out (see
   * `dropped`). Throws StorageError when it is no key table, of another version, or locked by another writer.
   */
  static open(path: string, options: KeyTableFileOptions = {}): KeyTable {
    const { capacity = MAX_KEYS, write = false, check = false, threads = availableParallelism() } = options;
    try {
      return new KeyTable(blsNative.tableOpen(path, capacity, write ? 1 : 0, check ? 1 : 0, threads));
    } catch (error) {
      throw asStorageError(error, `key table ${path}`);
    }
  }

  get length(): number {
    return this.count;
  }

  /** Keys [0, durableLength) are on disk. */
  get durableLength(): number {
    return this.facts()[0]!;
  }

  /** How many keys were left out when opening, because they were damaged or missing. */
  get dropped(): number {
    return this.facts()[1]!;
  }

  /** Bytes in anonymous memory, and bytes that are pages of files. */
  memory(): { anonymous: number; mapped: number } {
    const facts = this.facts();
    return { anonymous: facts[3]!, mapped: facts[4]! };
  }

  /** @param keys any number of compressed keys; copied, not checked */
  append(keys: Uint8Array): void {
    blsNative.tableAppend(this.handle, keys);
    this.count += keys.length / KEY_BYTES;
    this.view = undefined;
  }

  /**
   * Appends keys, checks each, and makes them durable if the table is open for writing. Interrupted, it leaves the keys
   * flushed so far. @returns how many are invalid
   */
  async appendValidated(keys: Uint8Array, options: CheckOptions = {}): Promise<number> {
    const { threads = availableParallelism(), onProgress } = options;
    const total = keys.length / KEY_BYTES;
    const isWritable = this.facts()[2] === 1;
    let invalid = 0;
    for (let done = 0, steps = 1; done < total; steps++) {
      const count = Math.min(KEYS_PER_STEP, total - done);
      this.append(keys.subarray(done * KEY_BYTES, (done + count) * KEY_BYTES));
      invalid += await blsNative.tableValidateAsync(this.handle, this.count - count, count, threads);
      done += count;
      if (isWritable && (steps % STEPS_PER_FLUSH === 0 || done === total)) await this.flush(threads);
      onProgress?.(done, total);
    }
    return invalid;
  }

  /** Checks all keys that nobody has checked, and all blocks on disk. @returns how many keys are invalid */
  validate(options: CheckOptions = {}): number {
    const { threads = availableParallelism(), onProgress } = options;
    let invalid = 0;
    for (let done = 0; done < this.count; ) {
      const count = Math.min(KEYS_PER_STEP, this.count - done);
      try {
        invalid += blsNative.tableValidate(this.handle, done, count, threads);
      } catch (error) {
        throw asStorageError(error, `keys ${done} to ${done + count}`);
      }
      done += count;
      onProgress?.(done, this.count);
    }
    return invalid;
  }

  /** Checks and writes all keys that are not on disk; when it returns they survive a power cut. */
  async flush(threads: number = availableParallelism()): Promise<void> {
    try {
      await blsNative.tableFlushAsync(this.handle, threads);
    } catch (error) {
      throw asStorageError(error, "key table");
    }
  }

  /** As flush, on the calling thread. */
  flushSync(threads: number = availableParallelism()): void {
    try {
      blsNative.tableFlush(this.handle, threads);
    } catch (error) {
      throw asStorageError(error, "key table");
    }
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
   * a write changes what this process believes the keys to be, though never the file.
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
  aggregate(places: Uint32Array): Uint8Array | undefined {
    const out = new Uint8Array(KEY_BYTES);
    return blsNative.tableAggregate(this.handle, places, out) ? out : undefined;
  }

  /** Lets go of lock and memory; views and running checks keep theirs until they end. Keys not flushed are lost. */
  close(): void {
    blsNative.tableClose(this.handle);
    this.view = undefined;
    this.count = 0;
  }

  private facts(): Float64Array {
    const facts = new Float64Array(5);
    blsNative.tableFacts(this.handle, facts);
    return facts;
  }
}
