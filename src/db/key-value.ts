/**
 * Small hot entries in LevelDB: keys in buckets of one prefix byte, batches, bounded reads.
 *
 * A batch is atomic. Without `sync` it survives the end of the process but not a power cut, which may take back the
 * latest batches, never one of several.
 */
import { resolve } from "node:path";
import { ClassicLevel } from "classic-level";
import { StorageError } from "../base/errors.ts";

/** The first byte of every key. Numbers are on disk: never reused, never changed. */
export const Bucket = Object.freeze({
  /** kind, slot, root, index -> place in a segment file */
  recordsBySlot: 1,
  /** kind, root -> slot */
  slotsByRoot: 2,
  /** kind, segment -> bytes of it that are indexed */
  segments: 3,
  /** kind, segment -> nothing: a deletion that has begun */
  deletions: 4,
  /** slot -> root of the finalized block */
  canonicalRoots: 5,
  /** name -> value of the callers' own */
  values: 6,
});
export type Bucket = (typeof Bucket)[keyof typeof Bucket];

export type KeyValueOperation =
  | { type: "put"; bucket: Bucket; key: Uint8Array; value: Uint8Array }
  | { type: "del"; bucket: Bucket; key: Uint8Array };

export interface KeyRange {
  /** The first key; the bucket's first when absent. */
  from?: Uint8Array;
  /** The first key not wanted; the bucket's end when absent. */
  to?: Uint8Array;
  /** The most entries to read. */
  limit: number;
  reverse?: boolean;
}

/** Largest value that may be put: whatever is larger belongs into a file. */
const MAX_VALUE_BYTES = 1 << 20;

/**
 * Folders that this process has open. LevelDB's lock is the process's: merely trying to open a folder twice in one
 * process would let go of it.
 */
const openFolders = new Set<string>();

export class KeyValue {
  readonly #level: ClassicLevel<Uint8Array, Uint8Array>;
  readonly #folder: string;
  /** Bytes of keys and values handed to LevelDB, which writes each again when it merges its tables. */
  bytesWritten = 0;
  syncs = 0;

  private constructor(level: ClassicLevel<Uint8Array, Uint8Array>, folder: string) {
    this.#level = level;
    this.#folder = folder;
  }

  /**
   * Opens or creates a store, which no other process can have open at the time.
   * @throws StorageError when it is locked or damaged
   */
  static async open(path: string, options: { cacheBytes?: number; bufferBytes?: number } = {}): Promise<KeyValue> {
    const folder = resolve(path);
    if (openFolders.has(folder)) throw new StorageError(`${path} is in use by another part of this process`);
    openFolders.add(folder);
    const level = new ClassicLevel<Uint8Array, Uint8Array>(path, {
      keyEncoding: "view",
      valueEncoding: "view",
      cacheSize: options.cacheBytes ?? 4 << 20,
      writeBufferSize: options.bufferBytes ?? 2 << 20,
      maxOpenFiles: 64,
    });
    try {
      await level.open();
    } catch (error) {
      openFolders.delete(folder);
      throw openError(path, error);
    }
    return new KeyValue(level, folder);
  }

  async get(bucket: Bucket, key: Uint8Array): Promise<Uint8Array | undefined> {
    const value = await this.#guard(() => this.#level.get(keyOf(bucket, key)));
    return value === undefined ? undefined : plain(value);
  }

  /** @param options.sync whether a power cut may no longer take the batch back when the promise resolves */
  async batch(operations: readonly KeyValueOperation[], options: { sync: boolean }): Promise<void> {
    if (operations.length === 0) return;
    let bytes = 0;
    const list = operations.map((operation) => {
      const key = keyOf(operation.bucket, operation.key);
      bytes += key.length;
      if (operation.type === "del") return { type: "del" as const, key };
      if (operation.value.length > MAX_VALUE_BYTES) {
        throw new RangeError(`a value of ${operation.value.length} bytes exceeds ${MAX_VALUE_BYTES}`);
      }
      bytes += operation.value.length;
      return { type: "put" as const, key, value: operation.value };
    });
    await this.#guard(() => this.#level.batch(list, options));
    this.bytesWritten += bytes;
    if (options.sync) this.syncs++;
  }

  /** Entries in the order of their keys, as they were when the reading began. */
  async *entries(bucket: Bucket, range: KeyRange): AsyncGenerator<[key: Uint8Array, value: Uint8Array]> {
    const { from = new Uint8Array(0), to, limit, reverse = false } = range;
    const options = {
      gte: keyOf(bucket, from),
      lt: to === undefined ? Uint8Array.of(bucket + 1) : keyOf(bucket, to),
      limit,
      reverse,
    };
    try {
      for await (const [key, value] of this.#level.iterator(options)) yield [plain(key).subarray(1), plain(value)];
    } catch (error) {
      throw asStorageError(this.#level.location, error);
    }
  }

  /** Merges LevelDB's tables, which gives back what deleted entries took. */
  async compact(): Promise<void> {
    await this.#guard(() => this.#level.compactRange(Uint8Array.of(0), Uint8Array.of(255)));
  }

  /** LevelDB's own estimate of the bytes that a bucket's tables take on disk. */
  async sizeBytes(bucket: Bucket): Promise<number> {
    return this.#guard(() => this.#level.approximateSize(Uint8Array.of(bucket), Uint8Array.of(bucket + 1)));
  }

  async close(): Promise<void> {
    await this.#guard(() => this.#level.close());
    openFolders.delete(this.#folder);
  }

  async #guard<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw asStorageError(this.#level.location, error);
    }
  }
}

function keyOf(bucket: Bucket, key: Uint8Array): Uint8Array {
  const out = new Uint8Array(key.length + 1);
  out[0] = bucket;
  out.set(key, 1);
  return out;
}

/** A Buffer's slice() shares memory: hand out plain views. */
function plain(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function openError(path: string, error: unknown): StorageError {
  const cause = (error as Error).cause as (Error & { code?: string }) | undefined;
  if (cause?.code === "LEVEL_LOCKED") return new StorageError(`${path} is in use by another process`, { cause });
  if (cause?.code === "LEVEL_CORRUPTION") {
    const advice = "`cresset db check --rebuild-index` makes the index anew from the files beside it";
    return new StorageError(`${path} is damaged: ${cause.message}; ${advice}`, { cause });
  }
  return asStorageError(path, cause ?? error);
}

function asStorageError(path: string, error: unknown): StorageError {
  if (error instanceof StorageError) return error;
  return new StorageError(`${path}: ${(error as Error).message}`, { cause: error });
}
