/**
 * The Snappy block format. Our own, because npm's snappy for arm64 is built for ARMv8.1 and its first atomic instruction
 * kills the process on a Cortex-A72 (Raspberry Pi 4).
 * https://github.com/google/snappy/blob/main/format_description.txt
 */
import { DecodeError } from "./errors.ts";

const LITERAL = 0;
const NEAR_COPY = 1;
const COPY = 2;
const FAR_COPY = 3;

/** The longest copy, 64 bytes, takes 3: no block grows by more. */
const MAX_GROWTH = 22;

/** Matches are sought within fragments of this size, so that all distances fit two bytes. */
const FRAGMENT_BYTES = 65_536;
const HASH_BITS = 14;
const MIN_MATCH = 4;
/** The last bytes of a fragment are not searched: reading four at a time would pass its end. */
const TAIL_BYTES = 8;

/** The size that a block claims, and where its elements begin. */
export function readBlockHeader(block: Uint8Array): { size: number; start: number } {
  let size = 0;
  for (let i = 0; i < 5 && i < block.length; i++) {
    size += (block[i]! & 0x7f) * 2 ** (7 * i);
    if (block[i]! < 0x80) return { size, start: i + 1 };
  }
  throw new DecodeError("not a snappy block", "", 0);
}

/** Decompresses a block; the caller has bounded the size that its header claims. Offsets in errors are the block's. */
export function decodeBlock(block: Uint8Array): Uint8Array {
  const { size, start } = readBlockHeader(block);
  if (size > block.length * MAX_GROWTH) throw new DecodeError(`${block.length} bytes cannot hold ${size}`, "", 0);
  const out = new Uint8Array(size);
  let at = start;
  let end = 0;
  while (at < block.length) {
    const tag = block[at]!;
    const kind = tag & 3;
    const extra = kind === LITERAL ? Math.max(0, (tag >>> 2) - 59) : kind === FAR_COPY ? 4 : kind;
    if (at + 1 + extra > block.length) throw new DecodeError("snappy element cut short", "", at);
    const number = readNumber(block, at + 1, extra);
    const length = elementLength(kind, tag, number);
    if (length > size - end) throw new DecodeError("snappy block is longer than it claims", "", at);
    const next = at + 1 + extra;
    if (kind === LITERAL) {
      if (length > block.length - next) throw new DecodeError("snappy literal cut short", "", at);
      copyBytes(block, next, out, end, length);
      at = next + length;
    } else {
      const distance = kind === NEAR_COPY ? ((tag >>> 5) << 8) | number : number;
      if (distance === 0 || distance > end) throw new DecodeError("snappy copy from before the start", "", at);
      repeat(out, end, distance, length);
      at = next;
    }
    end += length;
  }
  if (end !== size) throw new DecodeError(`snappy block holds ${end} bytes and claims ${size}`, "", at);
  return out;
}

function elementLength(kind: number, tag: number, number: number): number {
  const short = tag >>> 2;
  if (kind === LITERAL) return short < 60 ? short + 1 : number + 1;
  return kind === NEAR_COPY ? 4 + (short & 7) : short + 1;
}

function readNumber(bytes: Uint8Array, at: number, count: number): number {
  let value = 0;
  for (let i = count - 1; i >= 0; i--) value = value * 256 + bytes[at + i]!;
  return value;
}

function copyBytes(from: Uint8Array, at: number, to: Uint8Array, end: number, length: number): void {
  if (length > 32) to.set(from.subarray(at, at + length), end);
  else for (let i = 0; i < length; i++) to[end + i] = from[at + i]!;
}

/** A copy may read what it has just written: then a short pattern repeats. */
function repeat(out: Uint8Array, end: number, distance: number, length: number): void {
  if (distance >= length && length > 32) out.copyWithin(end, end - distance, end - distance + length);
  else for (let i = end; i < end + length; i++) out[i] = out[i - distance]!;
}

/** Its capacity is the worst case of the format, so it never has to grow. */
interface Output {
  bytes: Uint8Array;
  at: number;
}

/** Compresses a block greedily, by the last place of each four bytes' hash. */
export function encodeBlock(bytes: Uint8Array): Uint8Array {
  const out: Output = { bytes: new Uint8Array(32 + bytes.length + Math.ceil(bytes.length / 6)), at: 0 };
  let size = bytes.length;
  for (; size >= 0x80; size = Math.floor(size / 128)) out.bytes[out.at++] = (size % 128) | 0x80;
  out.bytes[out.at++] = size;
  const places = new Uint16Array(1 << HASH_BITS);
  for (let from = 0; from < bytes.length; from += FRAGMENT_BYTES) {
    encodeFragment(bytes.subarray(from, from + FRAGMENT_BYTES), places.fill(0), out);
  }
  return out.bytes.slice(0, out.at);
}

function encodeFragment(bytes: Uint8Array, places: Uint16Array, out: Output): void {
  const limit = bytes.length - TAIL_BYTES;
  let written = 0;
  let at = 1;
  let misses = 0;
  while (at < limit) {
    const four = readFour(bytes, at);
    const slot = Math.imul(four, 0x9e3779b1) >>> (32 - HASH_BITS);
    const candidate = places[slot]!;
    places[slot] = at;
    if (candidate >= at || readFour(bytes, candidate) !== four) {
      // What does not compress is passed over in growing steps.
      at += 1 + (misses++ >>> 5);
      continue;
    }
    let length = MIN_MATCH;
    while (at + length < bytes.length && bytes[candidate + length] === bytes[at + length]) length++;
    writeLiteral(out, bytes, written, at);
    writeCopies(out, at - candidate, length);
    at += length;
    written = at;
    misses = 0;
  }
  writeLiteral(out, bytes, written, bytes.length);
}

function readFour(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
}

function writeLiteral(out: Output, bytes: Uint8Array, from: number, to: number): void {
  if (from === to) return;
  const last = to - from - 1;
  if (last < 60) {
    out.bytes[out.at++] = last << 2;
  } else {
    // A fragment's lengths take one byte or two.
    const wide = last > 0xff;
    out.bytes[out.at++] = (wide ? 61 : 60) << 2;
    out.bytes[out.at++] = last & 0xff;
    if (wide) out.bytes[out.at++] = last >>> 8;
  }
  copyBytes(bytes, from, out.bytes, out.at, to - from);
  out.at += to - from;
}

function writeCopies(out: Output, distance: number, length: number): void {
  for (let rest = length; rest > 0; ) {
    // No rest of less than four bytes may remain: the short form cannot say it.
    const part = rest <= 64 ? rest : rest >= 68 ? 64 : 60;
    if (part >= MIN_MATCH && part <= 11 && distance < 2048) {
      out.bytes[out.at++] = ((distance >>> 8) << 5) | ((part - 4) << 2) | NEAR_COPY;
      out.bytes[out.at++] = distance & 0xff;
    } else {
      out.bytes[out.at++] = ((part - 1) << 2) | COPY;
      out.bytes[out.at++] = distance & 0xff;
      out.bytes[out.at++] = distance >>> 8;
    }
    rest -= part;
  }
}
