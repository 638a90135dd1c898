/**
 * The frame of a state's file: a header, then a snapshot (SSZ) or the differences from one (state-diff.ts).
 *
 *   0  magic, 8      8  1 = snapshot, 2 = differences, 1      9  fork, 1      16  slot, 8
 *   24 root of the state, 32      56  root of the state that differences start from, 32
 *   88 bytes of the payload, 8    96  checksum of the payload, 4    100  checksum of the header, 4    then zeros to 128
 */
import type { FileHandle } from "node:fs/promises";
import { crc32 } from "node:zlib";
import { StorageError } from "../base/errors.ts";
import type { ByteSource } from "../columns/column.ts";
import { FORK_NAMES, type Fork } from "../spec/fork.ts";
import { writeAt, writeDurably } from "./durable-file.ts";
import { FileSource } from "./file-source.ts";

export const STATE_HEADER_BYTES = 128;
const MAGIC = Buffer.from("CRESSTA1", "latin1");
const CHECK_BYTES = 1 << 20;
const FLUSH_BYTES = 1 << 20;

export interface StateEntry {
  readonly kind: "snapshot" | "diff";
  readonly fork: Fork;
  readonly slot: number;
  readonly root: Uint8Array;
  /** Root of the snapshot that differences start from; all zero for a snapshot. */
  readonly baseRoot: Uint8Array;
  /** Bytes of the payload. */
  readonly length: number;
  readonly checksum: number;
}

/**
 * Writes a state's file durably; the steps of `payload` hand over bytes, and between them others may run.
 * @returns bytes written
 */
export async function writeStateFile(
  path: string,
  entry: Omit<StateEntry, "length" | "checksum">,
  payload: (sink: (bytes: Uint8Array) => void) => Iterable<void>,
): Promise<number> {
  let length = 0;
  await writeDurably(path, async (handle) => {
    const writer = new BufferedWriter(handle, STATE_HEADER_BYTES);
    for (const _ of payload((bytes) => writer.add(bytes))) if (writer.isFull) await writer.flush();
    await writer.flush();
    length = writer.length;
    await writeAt(handle, encodeHeader({ ...entry, length, checksum: writer.checksum }), 0);
  });
  return STATE_HEADER_BYTES + length;
}

/** Reads and judges a file's header. @throws StorageError */
export function readStateEntry(path: string): StateEntry {
  const source = new FileSource(path);
  try {
    if (source.length < STATE_HEADER_BYTES) throw new StorageError(`${path} is too short for a state`);
    return decodeHeader(path, source.read(0, STATE_HEADER_BYTES), source.length);
  } finally {
    source.close();
  }
}

/** Reads the whole payload piece by piece and compares its checksum. @throws StorageError */
export function checkStateFile(path: string): StateEntry {
  const entry = readStateEntry(path);
  withPayload(path, (source) => {
    let checksum = 0;
    for (let at = 0; at < source.length; at += CHECK_BYTES) {
      checksum = crc32(source.read(at, Math.min(CHECK_BYTES, source.length - at)), checksum);
    }
    if (checksum !== entry.checksum) throw new StorageError(`${path} fails its checksum`);
  });
  return entry;
}

/** Hands the payload to `read` as a source that is valid during the call. */
export function withPayload<T>(path: string, read: (source: ByteSource) => T): T {
  const file = new FileSource(path);
  try {
    return read({
      length: file.length - STATE_HEADER_BYTES,
      read: (offset, length) => file.read(offset + STATE_HEADER_BYTES, length),
    });
  } finally {
    file.close();
  }
}

class BufferedWriter {
  length = 0;
  checksum = 0;
  readonly #handle: FileHandle;
  readonly #start: number;
  #parts: Uint8Array[] = [];
  #pending = 0;

  constructor(handle: FileHandle, start: number) {
    this.#handle = handle;
    this.#start = start;
  }

  get isFull(): boolean {
    return this.#pending >= FLUSH_BYTES;
  }

  add(bytes: Uint8Array): void {
    // The caller's bytes are valid during the call only.
    this.#parts.push(bytes.slice());
    this.#pending += bytes.length;
  }

  async flush(): Promise<void> {
    const bytes = this.#parts.length === 1 ? this.#parts[0]! : Buffer.concat(this.#parts);
    this.#parts = [];
    this.#pending = 0;
    await writeAt(this.#handle, bytes, this.#start + this.length);
    this.checksum = crc32(bytes, this.checksum);
    this.length += bytes.length;
  }
}

function encodeHeader(entry: StateEntry): Uint8Array {
  const out = new Uint8Array(STATE_HEADER_BYTES);
  const view = new DataView(out.buffer);
  out.set(MAGIC);
  out[8] = entry.kind === "snapshot" ? 1 : 2;
  out[9] = entry.fork;
  view.setBigUint64(16, BigInt(entry.slot), true);
  out.set(entry.root, 24);
  out.set(entry.baseRoot, 56);
  view.setBigUint64(88, BigInt(entry.length), true);
  view.setUint32(96, entry.checksum, true);
  view.setUint32(100, crc32(out.subarray(0, 100)), true);
  return out;
}

function decodeHeader(path: string, bytes: Uint8Array, size: number): StateEntry {
  const view = new DataView(bytes.buffer, bytes.byteOffset, STATE_HEADER_BYTES);
  if (MAGIC.some((byte, i) => bytes[i] !== byte)) throw new StorageError(`${path} is no state of this program`);
  if (view.getUint32(100, true) !== crc32(bytes.subarray(0, 100))) {
    throw new StorageError(`the header of ${path} fails its checksum`);
  }
  const [kind, fork] = [bytes[8], bytes[9]!];
  const length = Number(view.getBigUint64(88, true));
  if ((kind !== 1 && kind !== 2) || fork >= FORK_NAMES.length) throw new StorageError(`${path} has an unknown kind`);
  if (length !== size - STATE_HEADER_BYTES) {
    throw new StorageError(`${path} has ${size - STATE_HEADER_BYTES} bytes of payload, not ${length}`);
  }
  return {
    kind: kind === 1 ? "snapshot" : "diff",
    fork: fork as Fork,
    slot: Number(view.getBigUint64(16, true)),
    root: bytes.slice(24, 56),
    baseRoot: bytes.slice(56, 88),
    length,
    checksum: view.getUint32(96, true),
  };
}
