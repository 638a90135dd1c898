/**
 * An append-only file of checksummed frames: each frame's checksum covers the one before it, so that nothing can be
 * changed, left out or moved unnoticed.
 *
 *     magic (16 bytes), then frames of: length u32, check of the length u32, body, checksum (16 bytes)
 */
import { type FileHandle, open } from "node:fs/promises";
import { bytesEqual } from "../base/bytes.ts";
import { StorageError } from "../base/errors.ts";
import { sha256 } from "../crypto/sha256.ts";
import { readAt, writeAt, writeDurably } from "../db/durable-file.ts";

const MAGIC = new TextEncoder().encode("cresset-slash-1\n");
const HEADER_BYTES = 8;
const CHECKSUM_BYTES = 16;
/** So many zeros at a frame's end mean that it was never written; one or two could be a checksum's own. */
const UNWRITTEN_BYTES = 4;
export const MAX_BODY_BYTES = 64 * 2 ** 20;
const MAX_FILE_BYTES = 2 ** 30;

interface Parsed {
  readonly bodies: Uint8Array[];
  /** Where the sound frames end. */
  readonly length: number;
  readonly checksum: Uint8Array;
}

export class SlashingLog {
  readonly path: string;
  #handle: FileHandle;
  #length: number;
  #checksum: Uint8Array;
  #failure: StorageError | undefined;

  private constructor(path: string, handle: FileHandle, end: { length: number; checksum: Uint8Array }) {
    this.path = path;
    this.#handle = handle;
    this.#length = end.length;
    this.#checksum = end.checksum;
  }

  get length(): number {
    return this.#length;
  }

  /** Writes a new file whole; replaces one of that name in one step. */
  static async write(path: string, bodies: readonly Uint8Array[]): Promise<void> {
    let checksum = startChecksum();
    await writeDurably(path, async (handle) => {
      await writeAt(handle, MAGIC, 0);
      let position = MAGIC.length;
      for (const body of bodies) {
        const frame = encodeFrame(body, checksum);
        await writeAt(handle, frame, position);
        position += frame.length;
        checksum = frame.slice(-CHECKSUM_BYTES);
      }
    });
  }

  /**
   * Opens the file for appending. A frame that was never wholly written is cut off the end: its write was never
   * acknowledged.
   * @throws StorageError when anything else is not as it was written
   */
  static async open(path: string): Promise<{ log: SlashingLog; bodies: readonly Uint8Array[]; tornBytes: number }> {
    const handle = await open(path, "r+");
    try {
      const { size } = await handle.stat();
      if (size > MAX_FILE_BYTES) throw new StorageError(`${path}: ${size} bytes are too many`);
      const bytes = await readAt(handle, 0, size);
      const { bodies, ...end } = parse(path, bytes);
      if (end.length < size) {
        await handle.truncate(end.length);
        await handle.sync();
      }
      return { log: new SlashingLog(path, handle, end), bodies, tornBytes: size - end.length };
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /**
   * Appends a frame; when the promise resolves it survives a power cut. One call at a time.
   * @throws StorageError when the disk refuses: then nothing was appended, or every later call throws too
   */
  async append(body: Uint8Array): Promise<void> {
    if (this.#failure) throw this.#failure;
    if (body.length > MAX_BODY_BYTES) throw new StorageError(`${this.path}: a frame of ${body.length} bytes`);
    const frame = encodeFrame(body, this.#checksum);
    try {
      await writeAt(this.#handle, frame, this.#length);
    } catch (error) {
      throw await this.#undo(error as Error);
    }
    try {
      await this.#handle.datasync();
    } catch (error) {
      // After a failed sync nobody knows what is on the disk, and the next one would not say.
      this.#failure = this.#error("cannot sync", error as Error);
      throw this.#failure;
    }
    this.#length += frame.length;
    this.#checksum = frame.slice(-CHECKSUM_BYTES);
  }

  async close(): Promise<void> {
    this.#failure ??= new StorageError(`${this.path} is closed`);
    await this.#handle.close();
  }

  /** A full disk: what was written of the frame is taken back, so that signing goes on when there is room again. */
  async #undo(cause: Error): Promise<StorageError> {
    try {
      await this.#handle.truncate(this.#length);
      await this.#handle.sync();
    } catch {
      this.#failure = this.#error("cannot write", cause);
    }
    return this.#error("cannot write", cause);
  }

  #error(what: string, cause: Error): StorageError {
    return new StorageError(`${what} ${this.path}: ${cause.message}; nothing is signed without it`, { cause });
  }
}

function startChecksum(): Uint8Array {
  return sha256(MAGIC).slice(0, CHECKSUM_BYTES);
}

function encodeFrame(body: Uint8Array, previous: Uint8Array): Uint8Array {
  const frame = new Uint8Array(HEADER_BYTES + body.length + CHECKSUM_BYTES);
  frame.set(encodeHeader(body.length));
  frame.set(body, HEADER_BYTES);
  frame.set(frameChecksum(frame.subarray(0, HEADER_BYTES + body.length), previous), HEADER_BYTES + body.length);
  return frame;
}

function encodeHeader(length: number): Uint8Array {
  const header = new Uint8Array(HEADER_BYTES);
  new DataView(header.buffer).setUint32(0, length, true);
  header.set(sha256(header.subarray(0, 4)).subarray(0, 4), 4);
  return header;
}

function frameChecksum(headerAndBody: Uint8Array, previous: Uint8Array): Uint8Array {
  return sha256(Buffer.concat([previous, headerAndBody])).slice(0, CHECKSUM_BYTES);
}

function parse(path: string, bytes: Uint8Array): Parsed {
  if (!bytesEqual(bytes.subarray(0, MAGIC.length), MAGIC)) throw damaged(path, 0, "it does not begin as it should");
  const bodies: Uint8Array[] = [];
  let checksum = startChecksum();
  let at = MAGIC.length;
  while (at < bytes.length) {
    const end = frameEnd(path, bytes, at, checksum);
    if (end === undefined) break;
    bodies.push(bytes.slice(at + HEADER_BYTES, end - CHECKSUM_BYTES));
    checksum = bytes.slice(end - CHECKSUM_BYTES, end);
    at = end;
  }
  return { bodies, length: at, checksum };
}

/**
 * Tells a frame that was being written when the process or the power went from one that was changed later: the former
 * stops short, or ends in zeros where the file grew before its content came.
 * @returns undefined for an unfinished frame
 */
function frameEnd(path: string, bytes: Uint8Array, at: number, previous: Uint8Array): number | undefined {
  const rest = bytes.subarray(at);
  if (rest.length < HEADER_BYTES || isZero(rest.subarray(HEADER_BYTES))) return undefined;
  const length = new DataView(rest.buffer, rest.byteOffset, 4).getUint32(0, true);
  if (!bytesEqual(rest.subarray(0, HEADER_BYTES), encodeHeader(length)) || length > MAX_BODY_BYTES) {
    throw damaged(path, at, "a length was changed");
  }
  const size = HEADER_BYTES + length + CHECKSUM_BYTES;
  if (rest.length < size) return undefined;
  const checksum = rest.subarray(size - CHECKSUM_BYTES, size);
  if (bytesEqual(checksum, frameChecksum(rest.subarray(0, size - CHECKSUM_BYTES), previous))) return at + size;
  if (rest.length === size && isZero(checksum.subarray(-UNWRITTEN_BYTES))) return undefined;
  throw damaged(path, at, "a checksum does not match");
}

function damaged(path: string, at: number, what: string): StorageError {
  return new StorageError(
    `${path} is damaged at byte ${at}: ${what}. Nothing is signed with it. Put back a copy of the file that is not ` +
      "older than the last signature, or move the folder away and import an interchange file that holds every signature",
  );
}

function isZero(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}
