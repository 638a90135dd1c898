/** Where each record lies: keys and values of the index in the key-value store. */
import { StorageError } from "../base/errors.ts";
import { Bucket, type KeyValue, type KeyValueOperation } from "./key-value.ts";
import { RECORD_HEADER_BYTES, RECORD_KINDS, type RecordKey, type RecordKind } from "./record.ts";
import type { FoundRecord } from "./segment-file.ts";

export interface RecordPlace {
  readonly offset: number;
  /** Bytes of header and payload. */
  readonly length: number;
}

const SLOT_KEY_BYTES = 1 + 8 + 32 + 2;

/** Index entries of one kind of record. */
export class RecordIndex {
  readonly kind: RecordKind;
  readonly #code: number;
  readonly #keyValue: KeyValue;

  constructor(kind: RecordKind, keyValue: KeyValue) {
    this.kind = kind;
    this.#code = RECORD_KINDS[kind].code;
    this.#keyValue = keyValue;
  }

  async find(key: RecordKey): Promise<RecordPlace | undefined> {
    const value = await this.#keyValue.get(Bucket.recordsBySlot, this.#slotKey(key));
    return value === undefined ? undefined : decodePlace(value);
  }

  /** The slot of the block with this root, if a record of this kind belongs to it. */
  async slotOf(root: Uint8Array): Promise<number | undefined> {
    const value = await this.#keyValue.get(Bucket.slotsByRoot, this.#rootKey(root));
    if (value === undefined) return undefined;
    if (value.length !== 8) throw new StorageError(`the index has ${value.length} bytes for a slot`);
    return Number(viewOf(value).getBigUint64(0));
  }

  /** Records by slot, then root, then index. */
  async *entries(range: { from: number; to: number; limit: number }): AsyncGenerator<[RecordKey, RecordPlace]> {
    const bounds = { from: this.#slotPrefix(range.from), to: this.#slotPrefix(range.to), limit: range.limit };
    for await (const [key, value] of this.#keyValue.entries(Bucket.recordsBySlot, bounds)) {
      yield [decodeSlotKey(key), decodePlace(value)];
    }
  }

  /** Roots that the index has a slot for. */
  async *roots(limit = Number.POSITIVE_INFINITY): AsyncGenerator<[root: Uint8Array, slot: number]> {
    const bounds = { from: Uint8Array.of(this.#code), to: Uint8Array.of(this.#code + 1), limit };
    for await (const [key, value] of this.#keyValue.entries(Bucket.slotsByRoot, bounds)) {
      yield [key.slice(1), Number(viewOf(value).getBigUint64(0))];
    }
  }

  putOperations({ header, offset }: FoundRecord): KeyValueOperation[] {
    const place = new Uint8Array(12);
    viewOf(place).setBigUint64(0, BigInt(offset));
    viewOf(place).setUint32(8, RECORD_HEADER_BYTES + header.length);
    return [
      { type: "put", bucket: Bucket.recordsBySlot, key: this.#slotKey(header), value: place },
      { type: "put", bucket: Bucket.slotsByRoot, key: this.#rootKey(header.root), value: uint64(header.slot) },
    ];
  }

  removeOperations(key: RecordKey, alsoRoot: boolean): KeyValueOperation[] {
    const operations: KeyValueOperation[] = [{ type: "del", bucket: Bucket.recordsBySlot, key: this.#slotKey(key) }];
    if (alsoRoot) operations.push(this.removeRoot(key.root));
    return operations;
  }

  removeRoot(root: Uint8Array): KeyValueOperation {
    return { type: "del", bucket: Bucket.slotsByRoot, key: this.#rootKey(root) };
  }

  /** Indexed bytes of each segment, and the segments whose deletion has begun. */
  async segments(): Promise<{ indexed: Map<number, number>; deleted: number[] }> {
    const bounds = {
      from: Uint8Array.of(this.#code),
      to: Uint8Array.of(this.#code + 1),
      limit: Number.POSITIVE_INFINITY,
    };
    const indexed = new Map<number, number>();
    const numberOf = (bytes: Uint8Array, at: number) => Number(viewOf(bytes).getBigUint64(at));
    for await (const [key, value] of this.#keyValue.entries(Bucket.segments, bounds)) {
      indexed.set(numberOf(key, 1), numberOf(value, 0));
    }
    const deleted: number[] = [];
    for await (const [key] of this.#keyValue.entries(Bucket.deletions, bounds)) deleted.push(numberOf(key, 1));
    return { indexed, deleted };
  }

  /** The operation that says how many bytes of a segment are indexed; undefined takes the segment out. */
  segmentOperation(segment: number, indexedBytes: number | undefined): KeyValueOperation {
    const key = this.#segmentKey(segment);
    if (indexedBytes === undefined) return { type: "del", bucket: Bucket.segments, key };
    return { type: "put", bucket: Bucket.segments, key, value: uint64(indexedBytes) };
  }

  deletionOperation(segment: number, isRunning: boolean): KeyValueOperation {
    const key = this.#segmentKey(segment);
    if (!isRunning) return { type: "del", bucket: Bucket.deletions, key };
    return { type: "put", bucket: Bucket.deletions, key, value: new Uint8Array(0) };
  }

  #slotKey(key: RecordKey): Uint8Array {
    const out = new Uint8Array(SLOT_KEY_BYTES);
    const view = viewOf(out);
    out[0] = this.#code;
    view.setBigUint64(1, BigInt(key.slot));
    out.set(key.root, 9);
    view.setUint16(41, key.index);
    return out;
  }

  #slotPrefix(slot: number): Uint8Array {
    if (!Number.isSafeInteger(slot)) return Uint8Array.of(this.#code + 1);
    return this.#segmentKey(slot);
  }

  #segmentKey(segment: number): Uint8Array {
    const out = new Uint8Array(9);
    out[0] = this.#code;
    viewOf(out).setBigUint64(1, BigInt(segment));
    return out;
  }

  #rootKey(root: Uint8Array): Uint8Array {
    const out = new Uint8Array(33);
    out[0] = this.#code;
    out.set(root, 1);
    return out;
  }
}

function decodeSlotKey(key: Uint8Array): RecordKey {
  if (key.length !== SLOT_KEY_BYTES) throw new StorageError(`the index has a key of ${key.length} bytes for a record`);
  const view = viewOf(key);
  return { slot: Number(view.getBigUint64(1)), root: key.slice(9, 41), index: view.getUint16(41) };
}

function decodePlace(value: Uint8Array): RecordPlace {
  if (value.length !== 12) throw new StorageError(`the index has ${value.length} bytes for a place`);
  const view = viewOf(value);
  return { offset: Number(view.getBigUint64(0)), length: view.getUint32(8) };
}

/** Big-endian, so that keys sort by number. */
export function uint64(value: number): Uint8Array {
  const out = new Uint8Array(8);
  viewOf(out).setBigUint64(0, BigInt(value));
  return out;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}
