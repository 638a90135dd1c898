/**
 * One append-only file of records: those of a range of slots, in the order of their arrival.
 *
 *   0  magic, 8     8  kind, 4     12  slots of a segment, 4     16  number of the segment, 8
 *   24 checksum, 4  28 zeros, 36   then the records (record.ts)
 */
import { type FileHandle, open } from "node:fs/promises";
import { crc32 } from "node:zlib";
import { StorageError } from "../base/errors.ts";
import { readAt } from "./durable-file.ts";
import {
  decodeRecordHeader,
  isPayloadOf,
  RECORD_HEADER_BYTES,
  RECORD_KINDS,
  RECORD_MAGIC,
  type RecordHeader,
  type RecordKind,
} from "./record.ts";

export const SEGMENT_HEADER_BYTES = 64;
const MAGIC = Buffer.from("CRESSEG1", "latin1");
const SEARCH_BYTES = 1 << 20;

/** A sound record and where it lies. */
export interface FoundRecord {
  readonly header: RecordHeader;
  readonly offset: number;
}

export interface SegmentName {
  readonly kind: RecordKind;
  readonly segment: number;
  /** The database's secret, with which checksums begin. */
  readonly secret: number;
}

export function encodeSegmentHeader(name: SegmentName): Uint8Array {
  const out = new Uint8Array(SEGMENT_HEADER_BYTES);
  const view = new DataView(out.buffer);
  out.set(MAGIC);
  view.setUint32(8, RECORD_KINDS[name.kind].code, true);
  view.setUint32(12, RECORD_KINDS[name.kind].slotsPerSegment, true);
  view.setBigUint64(16, BigInt(name.segment), true);
  view.setUint32(24, crc32(out.subarray(0, 24), name.secret), true);
  return out;
}

/** Whether the file begins as this segment's must. */
export async function hasSegmentHeader(handle: FileHandle, name: SegmentName): Promise<boolean> {
  const found = await readAt(handle, 0, SEGMENT_HEADER_BYTES);
  return Buffer.compare(found, encodeSegmentHeader(name)) === 0;
}

/** Opens a segment's file for reading and writing. @throws StorageError */
export async function openSegment(path: string, flags: "r+" | "w+"): Promise<FileHandle> {
  try {
    return await open(path, flags);
  } catch (error) {
    throw new StorageError(`cannot open ${path}: ${(error as Error).message}`, { cause: error });
  }
}

/**
 * The sound records from `start` on. What lies between them (torn or damaged) is skipped: the search goes on at the
 * next header whose checksums hold.
 * @cost reads every byte from `start` on; holds one record
 */
export async function* scanSegment(handle: FileHandle, name: SegmentName, start: number): AsyncGenerator<FoundRecord> {
  const { size } = await handle.stat();
  let at = Math.max(start, SEGMENT_HEADER_BYTES);
  while (at + RECORD_HEADER_BYTES <= size) {
    const header = await soundRecord(handle, name, at, size);
    if (header !== undefined) {
      yield { header, offset: at };
      at += RECORD_HEADER_BYTES + header.length;
    } else at = await nextMagic(handle, at + 1, size);
  }
}

async function soundRecord(handle: FileHandle, name: SegmentName, at: number, size: number) {
  const { kind, segment, secret } = name;
  const header = decodeRecordHeader(kind, await readAt(handle, at, RECORD_HEADER_BYTES), secret);
  if (header === undefined || at + RECORD_HEADER_BYTES + header.length > size) return undefined;
  if (Math.floor(header.slot / RECORD_KINDS[kind].slotsPerSegment) !== segment) return undefined;
  const payload = await readAt(handle, at + RECORD_HEADER_BYTES, header.length);
  return isPayloadOf(header, payload, secret) ? header : undefined;
}

async function nextMagic(handle: FileHandle, from: number, size: number): Promise<number> {
  for (let at = from; at < size; at += SEARCH_BYTES) {
    // Overlapping by three bytes finds a magic across two pieces.
    const piece = await readAt(handle, at, Math.min(SEARCH_BYTES + 3, size - at));
    const found = Buffer.from(piece.buffer, piece.byteOffset, piece.length).indexOf(RECORD_MAGIC);
    if (found >= 0) return at + found;
  }
  return size;
}
