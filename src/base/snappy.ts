/**
 * Snappy blocks and the framing format around them, with sizes checked before anything is allocated.
 * https://github.com/google/snappy/blob/main/framing_format.txt
 */
import { concatBytes } from "./bytes.ts";
import { DecodeError } from "./errors.ts";
import { decodeBlock, encodeBlock, readBlockHeader } from "./snappy-block.ts";

const STREAM_IDENTIFIER = Uint8Array.of(0xff, 0x06, 0x00, 0x00, 0x73, 0x4e, 0x61, 0x50, 0x70, 0x59);
const MAX_FRAME_BYTES = 65_536;
const COMPRESSED = 0x00;
const UNCOMPRESSED = 0x01;
const FIRST_SKIPPABLE = 0x80;

/** Whether the bytes begin as a framed stream does. */
export function isFramed(bytes: Uint8Array): boolean {
  return STREAM_IDENTIFIER.every((byte, i) => bytes[i] === byte);
}

/** Decompresses one block; refuses one that claims more than `limit` bytes. */
export function uncompressBlock(block: Uint8Array, limit: number, offset = 0): Uint8Array {
  try {
    const { size } = readBlockHeader(block);
    if (size > limit) throw new DecodeError(`snappy block claims ${size} bytes, at most ${limit} are read`);
    return decodeBlock(block);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : "";
    throw new DecodeError(`not a valid snappy block: ${reason}`, "", offset, { cause });
  }
}

export function compressBlock(bytes: Uint8Array): Uint8Array {
  return encodeBlock(bytes);
}

/** Decompresses a framed stream; every checksum must hold and the stream must end with a whole chunk. */
export function uncompressFrames(stream: Uint8Array, limit: number): Uint8Array {
  if (!isFramed(stream)) throw new DecodeError("snappy stream lacks its identifier", "", 0);
  const parts: Uint8Array[] = [];
  let total = 0;
  let at = 0;
  while (at < stream.length) {
    if (stream.length - at < 4) throw new DecodeError("snappy chunk header cut short", "", at);
    const kind = stream[at]!;
    const size = stream[at + 1]! | (stream[at + 2]! << 8) | (stream[at + 3]! << 16);
    const body = stream.subarray(at + 4, at + 4 + size);
    if (body.length < size) throw new DecodeError(`snappy chunk of ${size} bytes cut short`, "", at);
    if (kind === COMPRESSED || kind === UNCOMPRESSED) {
      const part = readChunk(kind, body, Math.min(MAX_FRAME_BYTES, limit - total), at);
      parts.push(part);
      total += part.length;
    } else if (kind < FIRST_SKIPPABLE) {
      throw new DecodeError(`snappy chunk of unknown kind ${kind}`, "", at);
    }
    at += 4 + size;
  }
  return concatBytes(...parts);
}

export function compressFrames(bytes: Uint8Array): Uint8Array {
  const parts: Uint8Array[] = [STREAM_IDENTIFIER];
  for (let at = 0; at < bytes.length; at += MAX_FRAME_BYTES) {
    const data = bytes.subarray(at, at + MAX_FRAME_BYTES);
    const packed = compressBlock(data);
    const isSmaller = packed.length < data.length;
    const body = isSmaller ? packed : data;
    const header = new DataView(new ArrayBuffer(8));
    header.setUint32(0, ((body.length + 4) << 8) | (isSmaller ? COMPRESSED : UNCOMPRESSED), true);
    header.setUint32(4, maskedCrc(data), true);
    parts.push(new Uint8Array(header.buffer), body);
  }
  return concatBytes(...parts);
}

function readChunk(kind: number, body: Uint8Array, limit: number, offset: number): Uint8Array {
  if (body.length < 4) throw new DecodeError("snappy chunk without checksum", "", offset);
  const checksum = new DataView(body.buffer, body.byteOffset, 4).getUint32(0, true);
  const data = body.subarray(4);
  if (kind === UNCOMPRESSED && data.length > limit) throw new DecodeError("snappy stream too long", "", offset);
  const part = kind === COMPRESSED ? uncompressBlock(data, limit, offset) : data;
  if (maskedCrc(part) !== checksum) throw new DecodeError("snappy chunk fails its checksum", "", offset);
  return part;
}

const CRC32C = crcTable();

function crcTable(): Uint32Array {
  const table = new Uint32Array(256);
  for (let i = 0; i < 256; i++) {
    let value = i;
    for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0x82f63b78 : value >>> 1;
    table[i] = value >>> 0;
  }
  return table;
}

function maskedCrc(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (let i = 0; i < bytes.length; i++) crc = (crc >>> 8) ^ CRC32C[(crc ^ bytes[i]!) & 0xff]!;
  crc = ~crc;
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}
