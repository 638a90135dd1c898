/**
 * One object in a segment file: a header of 64 bytes, then its SSZ as framed snappy, as peers are sent it.
 *
 *   0  magic, 4     4  kind, 1      5  fork, 1     6  index, 2     8  slot, 8     16  root of the block, 32
 *   48 bytes of the payload, 4      52 bytes of the SSZ, 4         56 checksum of the payload, 4
 *   60 checksum of the header, 4
 *
 * Checksums are CRC-32 begun with a secret of the database, so that no object that a peer made up can contain
 * something that passes for a record. Numbers are little-endian.
 */
import { crc32 } from "node:zlib";
import { FORK_NAMES, type Fork } from "../spec/fork.ts";

export const RECORD_HEADER_BYTES = 64;
export const RECORD_MAGIC = Buffer.from("CrR1", "latin1");

/** What segment files hold, a folder a kind. Codes are on disk. */
export const RECORD_KINDS = Object.freeze({
  block: { code: 1, folder: "blocks", slotsPerSegment: 8192, maxBytes: 1 << 24 },
  blobSidecar: { code: 2, folder: "blobs", slotsPerSegment: 2048, maxBytes: 1 << 20 },
  dataColumnSidecar: { code: 3, folder: "columns", slotsPerSegment: 2048, maxBytes: 1 << 24 },
});
export type RecordKind = keyof typeof RECORD_KINDS;

export interface RecordKey {
  readonly slot: number;
  /** Root of the block, or of the block that a sidecar belongs to. */
  readonly root: Uint8Array;
  /** Index of the sidecar; 0 for a block. */
  readonly index: number;
}

export interface StoredRecord extends RecordKey {
  readonly fork: Fork;
  /** Bytes of the SSZ that `frames` hold: the number that precedes them on the wire. */
  readonly sszLength: number;
  /** The SSZ as framed snappy. */
  readonly frames: Uint8Array;
}

export interface RecordHeader extends Omit<StoredRecord, "frames"> {
  /** Bytes of the payload. */
  readonly length: number;
  readonly checksum: number;
}

export function encodeRecordHeader(kind: RecordKind, record: StoredRecord, secret: number): Uint8Array {
  const out = new Uint8Array(RECORD_HEADER_BYTES);
  const view = new DataView(out.buffer);
  out.set(RECORD_MAGIC);
  out[4] = RECORD_KINDS[kind].code;
  out[5] = record.fork;
  view.setUint16(6, record.index, true);
  view.setBigUint64(8, BigInt(record.slot), true);
  out.set(record.root, 16);
  view.setUint32(48, record.frames.length, true);
  view.setUint32(52, record.sszLength, true);
  view.setUint32(56, crc32(record.frames, secret), true);
  view.setUint32(60, crc32(out.subarray(0, 60), secret), true);
  return out;
}

/** The header at the start of the bytes, or undefined where there is no sound one of this kind. */
export function decodeRecordHeader(kind: RecordKind, bytes: Uint8Array, secret: number): RecordHeader | undefined {
  if (bytes.length < RECORD_HEADER_BYTES) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, RECORD_HEADER_BYTES);
  if (RECORD_MAGIC.some((byte, i) => bytes[i] !== byte)) return undefined;
  if (view.getUint32(60, true) !== crc32(bytes.subarray(0, 60), secret)) return undefined;
  const length = view.getUint32(48, true);
  const fork = bytes[5]!;
  const slot = Number(view.getBigUint64(8, true));
  if (bytes[4] !== RECORD_KINDS[kind].code || fork >= FORK_NAMES.length) return undefined;
  if (length > RECORD_KINDS[kind].maxBytes || !Number.isSafeInteger(slot)) return undefined;
  return {
    slot,
    root: bytes.slice(16, 48),
    index: view.getUint16(6, true),
    fork: fork as Fork,
    length,
    sszLength: view.getUint32(52, true),
    checksum: view.getUint32(56, true),
  };
}

/** Whether the payload is the one that the header was written for. */
export function isPayloadOf(header: RecordHeader, payload: Uint8Array, secret: number): boolean {
  return payload.length === header.length && crc32(payload, secret) === header.checksum;
}
