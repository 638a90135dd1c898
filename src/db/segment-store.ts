/**
 * Blocks or sidecars in segment files, with their index.
 *
 * An append goes: records into their segments, fsync of each, then the index, not synced: opening the store finds the
 * end of what the index knows and reads on from there, and cuts what a crash has torn. So an append costs one fsync a
 * segment, nearly always one; appends that wait for the disk share the next. A deletion goes: a note that it has
 * begun, the index entries, the file, the note; opening the store finishes one that was interrupted.
 */
import type { FileHandle } from "node:fs/promises";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { BoundedMap } from "../base/bounded.ts";
import { StorageError } from "../base/errors.ts";
import { readAt, syncFolder, writeAt } from "./durable-file.ts";
import type { KeyValue, KeyValueOperation } from "./key-value.ts";
import type { RecordKey, RecordKind, StoredRecord } from "./record.ts";
import { decodeRecordHeader, encodeRecordHeader, isPayloadOf, RECORD_HEADER_BYTES, RECORD_KINDS } from "./record.ts";
import { RecordIndex } from "./record-index.ts";
import { encodeSegmentHeader, openSegment, SEGMENT_HEADER_BYTES, type SegmentName } from "./segment-file.ts";
import { type RecoveryReport, recoverSegments, segmentFileName } from "./segment-recovery.ts";

const MAX_OPEN_FILES = 8;
const MAX_WAITING_BYTES = 1 << 27;
const DELETE_STEP = 4096;

interface Waiting {
  records: readonly StoredRecord[];
  resolve(): void;
  reject(error: unknown): void;
}

export interface SegmentStats {
  readonly kind: RecordKind;
  readonly segments: number;
  readonly bytes: number;
  /** Bytes written and fsyncs since the store was opened. */
  readonly bytesWritten: number;
  readonly syncs: number;
}

export class SegmentStore {
  readonly kind: RecordKind;
  readonly index: RecordIndex;
  readonly #folder: string;
  readonly #secret: number;
  readonly #keyValue: KeyValue;
  /** Bytes of each segment that are durable and indexed. */
  readonly #lengths: Map<number, number>;
  readonly #handles: BoundedMap<number, Promise<FileHandle>>;
  #waiting: Waiting[] = [];
  #waitingBytes = 0;
  /** Ends when nothing is being written or deleted. */
  #work: Promise<void> = Promise.resolve();
  #failure: StorageError | undefined;
  #bytesWritten = 0;
  #syncs = 0;

  private constructor(parts: { index: RecordIndex; folder: string; secret: number; keyValue: KeyValue }) {
    this.index = parts.index;
    this.kind = parts.index.kind;
    this.#folder = parts.folder;
    this.#secret = parts.secret;
    this.#keyValue = parts.keyValue;
    this.#lengths = new Map();
    this.#handles = new BoundedMap({ limit: MAX_OPEN_FILES, onEvict: (_, handle) => closeLater(handle) });
  }

  /** Opens the store of a kind in its folder and repairs what a crash has left. */
  static async open(parts: {
    kind: RecordKind;
    folder: string;
    secret: number;
    keyValue: KeyValue;
  }): Promise<{ store: SegmentStore; report: RecoveryReport }> {
    const { kind, folder, secret, keyValue } = parts;
    await mkdir(folder, { recursive: true });
    const index = new RecordIndex(kind, keyValue);
    const store = new SegmentStore({ index, folder, secret, keyValue });
    const { deleted } = await index.segments();
    for (const segment of deleted) await store.#finishDeletion(segment);
    const { lengths, report } = await recoverSegments({ index, folder, secret, keyValue });
    for (const [segment, length] of lengths) store.#lengths.set(segment, length);
    return { store, report };
  }

  /**
   * Appends records; those that the store has already are left out. When the promise resolves they survive a power cut.
   * @throws StorageError when the disk refuses; after a failed fsync every later append is refused too
   */
  async append(records: readonly StoredRecord[]): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    let bytes = 0;
    for (const record of records) bytes += RECORD_HEADER_BYTES + this.#checkedLength(record);
    if (this.#waitingBytes + bytes > MAX_WAITING_BYTES) {
      throw new StorageError(`${this.#folder}: more than ${MAX_WAITING_BYTES} bytes wait for the disk`);
    }
    this.#waitingBytes += bytes;
    try {
      await new Promise<void>((resolve, reject) => {
        this.#waiting.push({ records, resolve, reject });
        if (this.#waiting.length === 1) void this.#exclusive(() => this.#writeWaiting());
      });
    } finally {
      this.#waitingBytes -= bytes;
    }
  }

  /** @throws StorageError when the record is damaged on disk */
  async read(key: RecordKey): Promise<StoredRecord | undefined> {
    const place = await this.index.find(key);
    if (place === undefined) return undefined;
    const where = `slot ${key.slot} in ${this.#folder}`;
    if (place.length > RECORD_HEADER_BYTES + RECORD_KINDS[this.kind].maxBytes) {
      throw new StorageError(`the index has ${place.length} bytes for ${where}`);
    }
    const handle = await this.#handle(this.#segmentOf(key.slot));
    const bytes = await readAt(handle, place.offset, place.length);
    const header = decodeRecordHeader(this.kind, bytes, this.#secret);
    const frames = bytes.subarray(RECORD_HEADER_BYTES);
    const isSame = header !== undefined && header.slot === key.slot && header.index === key.index;
    if (!isSame || Buffer.compare(header.root, key.root) !== 0 || !isPayloadOf(header, frames, this.#secret)) {
      throw new StorageError(`the record of ${where} is damaged: \`cresset db check --repair\` takes it out`);
    }
    return { slot: key.slot, root: key.root, index: key.index, fork: header.fork, sszLength: header.sszLength, frames };
  }

  /** The record of a block's root, whatever its slot. */
  async readByRoot(root: Uint8Array, index = 0): Promise<StoredRecord | undefined> {
    const slot = await this.index.slotOf(root);
    return slot === undefined ? undefined : this.read({ slot, root, index });
  }

  /** Deletes the segments that lie wholly before a slot. @returns how many */
  async expire(beforeSlot: number): Promise<number> {
    let count = 0;
    await this.#exclusive(async () => {
      const end = Math.floor(beforeSlot / RECORD_KINDS[this.kind].slotsPerSegment);
      for (const segment of [...this.#lengths.keys()].filter((number) => number < end).sort((a, b) => a - b)) {
        await this.#keyValue.batch([this.index.deletionOperation(segment, true)], { sync: true });
        await this.#finishDeletion(segment);
        count++;
      }
    });
    return count;
  }

  stats(): SegmentStats {
    let bytes = 0;
    for (const length of this.#lengths.values()) bytes += length;
    const { kind } = this;
    return { kind, segments: this.#lengths.size, bytes, bytesWritten: this.#bytesWritten, syncs: this.#syncs };
  }

  /** Segments in order, with their files. */
  segments(): { name: SegmentName; path: string; length: number }[] {
    const numbers = [...this.#lengths].sort(([a], [b]) => a - b);
    return numbers.map(([segment, length]) => ({ name: this.#name(segment), path: this.#path(segment), length }));
  }

  /** Waits for what is being written and closes the files. */
  async close(): Promise<void> {
    await this.#exclusive(async () => {
      this.#failure ??= new StorageError(`${this.#folder} is closed`);
      const handles = [...this.#handles.values()];
      this.#handles.clear();
      for (const handle of handles) await (await handle).close();
    });
  }

  /** Runs work after all work begun before. */
  #exclusive(work: () => Promise<void>): Promise<void> {
    const done = this.#work.then(work);
    this.#work = done.catch(() => {});
    return done;
  }

  #checkedLength(record: StoredRecord): number {
    const { frames, root, slot, index } = record;
    const { maxBytes } = RECORD_KINDS[this.kind];
    if (frames.length > maxBytes) {
      throw new StorageError(`a record of ${frames.length} bytes for slot ${slot}: at most ${maxBytes} are stored`);
    }
    if (root.length !== 32 || !Number.isSafeInteger(slot) || slot < 0 || !(index >= 0 && index < 65536)) {
      throw new RangeError(`no record can have slot ${slot}, index ${index} and a root of ${root.length} bytes`);
    }
    return frames.length;
  }

  async #writeWaiting(): Promise<void> {
    const group = this.#waiting;
    this.#waiting = [];
    try {
      if (this.#failure !== undefined) throw this.#failure;
      await this.#write(group.flatMap(({ records }) => records));
      for (const { resolve } of group) resolve();
    } catch (error) {
      for (const { reject } of group) reject(error);
    }
  }

  async #write(records: readonly StoredRecord[]): Promise<void> {
    const bySegment = new Map<number, Map<string, StoredRecord>>();
    for (const record of records) {
      if ((await this.index.find(record)) !== undefined) continue;
      const segment = this.#segmentOf(record.slot);
      const group = bySegment.get(segment) ?? new Map<string, StoredRecord>();
      bySegment.set(segment, group);
      group.set(`${record.slot} ${record.index} ${Buffer.from(record.root).toString("hex")}`, record);
    }
    const operations: KeyValueOperation[] = [];
    const lengths = new Map<number, number>();
    for (const [segment, group] of bySegment) {
      const { end, added } = await this.#writeSegment(segment, [...group.values()]);
      operations.push(...added, this.index.segmentOperation(segment, end));
      lengths.set(segment, end);
    }
    await this.#keyValue.batch(operations, { sync: false });
    for (const [segment, length] of lengths) this.#lengths.set(segment, length);
  }

  /** Writes records behind the segment's end and makes them durable. */
  async #writeSegment(segment: number, records: StoredRecord[]) {
    const known = this.#lengths.get(segment);
    const start = known ?? SEGMENT_HEADER_BYTES;
    const parts: Uint8Array[] = known === undefined ? [encodeSegmentHeader(this.#name(segment))] : [];
    const added: KeyValueOperation[] = [];
    let end = start;
    for (const record of records) {
      parts.push(encodeRecordHeader(this.kind, record, this.#secret), record.frames);
      const header = { ...record, length: record.frames.length, checksum: 0 };
      added.push(...this.index.putOperations({ header, offset: end }));
      end += RECORD_HEADER_BYTES + record.frames.length;
    }
    const handle = await this.#handle(segment, known === undefined);
    try {
      const bytes = Buffer.concat(parts);
      await writeAt(handle, bytes, known === undefined ? 0 : start);
      this.#bytesWritten += bytes.length;
    } catch (error) {
      throw await this.#withdraw(handle, segment, known ?? 0, error);
    }
    await this.#sync(handle, segment, known === undefined);
    return { end, added };
  }

  /** After a failed write (a full disk): cuts the file back, so that the next append begins where this one did. */
  async #withdraw(handle: FileHandle, segment: number, length: number, cause: unknown): Promise<StorageError> {
    try {
      await handle.truncate(length);
    } catch {
      this.#failure = new StorageError(`${this.#path(segment)} can no longer be written`, { cause });
    }
    return new StorageError(`cannot write ${this.#path(segment)}: ${(cause as Error).message}`, { cause });
  }

  async #sync(handle: FileHandle, segment: number, isNew: boolean): Promise<void> {
    try {
      await handle.datasync();
      if (isNew) await syncFolder(this.#folder);
      this.#syncs += isNew ? 2 : 1;
    } catch (cause) {
      // What the disk holds now is unknown, and a second fsync would not tell: only opening anew reads it back.
      this.#failure = new StorageError(`fsync of ${this.#path(segment)} failed: ${(cause as Error).message}`, {
        cause,
      });
      throw this.#failure;
    }
  }

  async #finishDeletion(segment: number): Promise<void> {
    const { slotsPerSegment } = RECORD_KINDS[this.kind];
    const range = { from: segment * slotsPerSegment, to: (segment + 1) * slotsPerSegment, limit: DELETE_STEP };
    for (;;) {
      const operations: KeyValueOperation[] = [];
      for await (const [key] of this.index.entries(range)) operations.push(...this.index.removeOperations(key, true));
      if (operations.length === 0) break;
      await this.#keyValue.batch(operations, { sync: true });
    }
    await this.#keyValue.batch([this.index.segmentOperation(segment, undefined)], { sync: true });
    const handle = this.#handles.get(segment);
    if (handle !== undefined) {
      this.#handles.delete(segment);
      await (await handle).close();
    }
    await rm(this.#path(segment), { force: true });
    await syncFolder(this.#folder);
    this.#lengths.delete(segment);
    // Durable before the segment can be written again: else a crash would delete the new one.
    await this.#keyValue.batch([this.index.deletionOperation(segment, false)], { sync: true });
  }

  #handle(segment: number, isNew = false): Promise<FileHandle> {
    const known = this.#handles.get(segment);
    if (known !== undefined) {
      this.#handles.set(segment, known);
      return known;
    }
    const opening = openSegment(this.#path(segment), isNew ? "w+" : "r+");
    this.#handles.set(segment, opening);
    opening.catch(() => this.#handles.delete(segment));
    return opening;
  }

  #segmentOf(slot: number): number {
    return Math.floor(slot / RECORD_KINDS[this.kind].slotsPerSegment);
  }

  #name(segment: number): SegmentName {
    return { kind: this.kind, segment, secret: this.#secret };
  }

  #path(segment: number): string {
    return join(this.#folder, segmentFileName(segment));
  }
}

/** The handle waits for reads that run. */
function closeLater(handle: Promise<FileHandle>): void {
  handle.then((file) => file.close()).catch(() => {});
}
