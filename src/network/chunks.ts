/**
 * The bytes of requests and answers: a length, then the SSZ as framed snappy.
 * https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/phase0/p2p-interface.md
 */
import { concatBytes } from "../base/bytes.ts";
import { RequestFailed } from "../base/errors.ts";
import { compressFrames, uncompressFrames } from "../base/snappy.ts";
import { readBlockHeader } from "../base/snappy-block.ts";
import { maxCompressedLen } from "../spec/p2p.ts";
import type { StreamReader } from "./stream-reader.ts";

const FRAME_HEADER_BYTES = 4;
const CHECKSUM_BYTES = 4;
const MAX_FRAME_CONTENT = 65_536;
const IDENTIFIER = 0xff;
const IDENTIFIER_BYTES = 10;
const COMPRESSED = 0x00;
const UNCOMPRESSED = 0x01;
const FIRST_SKIPPABLE = 0x80;
/** The most frames with nothing in them that a payload is read through. */
const MAX_EMPTY_FRAMES = 16;

export interface SizeBounds {
  readonly minSize: number;
  readonly maxSize: number;
}

/** A payload as it came and its SSZ. */
export interface Payload {
  readonly bytes: Uint8Array;
  readonly frames: Uint8Array;
}

/** Length and frames of an SSZ object. */
export function encodePayload(ssz: Uint8Array): Uint8Array {
  return concatBytes(encodeVarint(ssz.length), compressFrames(ssz));
}

export function encodeVarint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80);
  return Uint8Array.of(...bytes, rest);
}

/**
 * Reads one payload. Its length is checked against the bounds before anything else is read, and no more is buffered
 * than snappy can need for that length.
 * @throws RequestFailed
 */
export async function readPayload(reader: StreamReader, bounds: SizeBounds, deadlineMs: number): Promise<Payload> {
  const length = await readVarint(reader, deadlineMs);
  if (length < bounds.minSize || length > bounds.maxSize) {
    throw malformed(`a length of ${length}, not ${bounds.minSize} to ${bounds.maxSize}`);
  }
  const frames = await readFrames(reader, length, deadlineMs);
  try {
    const bytes = length === 0 ? new Uint8Array(0) : uncompressFrames(frames, length);
    if (bytes.length !== length) throw malformed(`${bytes.length} bytes where ${length} were announced`);
    return { bytes, frames };
  } catch (cause) {
    if (cause instanceof RequestFailed) throw cause;
    throw new RequestFailed("MALFORMED", (cause as Error).message, { cause });
  }
}

async function readVarint(reader: StreamReader, deadlineMs: number): Promise<number> {
  let value = 0;
  for (let i = 0; i < 10; i++) {
    const [byte] = await reader.read(1, deadlineMs);
    value += (byte! & 0x7f) * 2 ** (7 * i);
    if (byte! < 0x80) {
      if (byte === 0 && i > 0) throw malformed("a length with redundant bytes");
      return value;
    }
  }
  throw malformed("a length of more than 10 bytes");
}

/** Frames up to the one that completes `length` bytes. */
async function readFrames(reader: StreamReader, length: number, deadlineMs: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let budget = maxFramedLen(length);
  let missing = length;
  let empty = 0;
  while (missing > 0) {
    const header = await reader.read(FRAME_HEADER_BYTES, deadlineMs);
    const kind = header[0]!;
    const size = header[1]! | (header[2]! << 8) | (header[3]! << 16);
    budget -= FRAME_HEADER_BYTES + size;
    if (budget < 0) throw malformed(`more bytes than ${length} compress to`);
    if (parts.length === 0 && kind !== IDENTIFIER) throw malformed("no snappy stream");
    const body = await reader.read(size, deadlineMs);
    const content = contentOf(kind, body);
    if (content > missing) throw malformed(`a frame of ${content} bytes where ${missing} are missing`);
    if (content === 0 && ++empty > MAX_EMPTY_FRAMES) throw malformed("too many empty frames");
    missing -= content;
    parts.push(header, body);
  }
  return concatBytes(...parts);
}

/** What a frame says that it holds; nothing is decompressed for it. */
function contentOf(kind: number, body: Uint8Array): number {
  if (kind === UNCOMPRESSED || kind === COMPRESSED) {
    if (body.length < CHECKSUM_BYTES) throw malformed("a frame without checksum");
    const content = kind === UNCOMPRESSED ? body.length - CHECKSUM_BYTES : claimedSize(body.subarray(CHECKSUM_BYTES));
    if (content > MAX_FRAME_CONTENT) throw malformed(`a frame of ${content} bytes`);
    return content;
  }
  if (kind >= FIRST_SKIPPABLE) return 0;
  throw malformed(`a frame of unknown kind ${kind}`);
}

function claimedSize(block: Uint8Array): number {
  try {
    return readBlockHeader(block).size;
  } catch (cause) {
    throw new RequestFailed("MALFORMED", "a frame that is no snappy", { cause });
  }
}

/** The spec's bound is for the compressed bytes; the frames' own headers come on top. */
function maxFramedLen(length: number): number {
  const frames = Math.ceil(length / MAX_FRAME_CONTENT) + MAX_EMPTY_FRAMES;
  return maxCompressedLen(length) + IDENTIFIER_BYTES + frames * (FRAME_HEADER_BYTES + CHECKSUM_BYTES);
}

function malformed(message: string): RequestFailed {
  return new RequestFailed("MALFORMED", message);
}
