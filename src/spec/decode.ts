/**
 * Decoding of untrusted SSZ with errors that say where.
 * @see https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/ssz/simple-serialize.md#deserialization
 */
import { ContainerType, ListCompositeType, type Type, VectorCompositeType } from "@chainsafe/ssz";
import { DecodeError } from "../base/errors.ts";

const OFFSET_BYTES = 4;

/** A named piece of an input, of one type. */
interface Piece {
  type: Type<unknown>;
  path: string;
  start: number;
  end: number;
}

/**
 * Decodes a value of the type.
 * @param name what the value is called in errors
 * @throws DecodeError with the path of the innermost field that is wrong and its byte offset
 */
export function decodeSsz<T>(type: Type<T>, bytes: Uint8Array, name: string = type.typeName): T {
  if (bytes.length < type.minSize || bytes.length > type.maxSize) {
    throw new DecodeError(`${bytes.length} bytes given, ${sizeRange(type)} expected`, name, 0);
  }
  // A Buffer's slice() shares memory; the library's values must own theirs.
  const plain = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    return type.deserialize(plain);
  } catch (error) {
    throw locate({ type: type as Type<unknown>, path: name, start: 0, end: plain.length }, plain, error);
  }
}

function sizeRange(type: Type<unknown>): string {
  return type.fixedSize === null ? `${type.minSize} to ${type.maxSize}` : `${type.fixedSize}`;
}

/** The error of the innermost piece that does not decode. */
function locate(piece: Piece, bytes: Uint8Array, cause: unknown): DecodeError {
  const { type, path, start, end } = piece;
  const size = end - start;
  if (size < type.minSize || size > type.maxSize) {
    return new DecodeError(`${size} bytes given, ${sizeRange(type)} expected`, path, start, { cause });
  }
  const parts = piecesOf(piece, bytes);
  if (parts instanceof DecodeError) return parts;
  for (const part of parts) {
    try {
      part.type.deserialize(bytes.slice(part.start, part.end));
    } catch (error) {
      return locate(part, bytes, error);
    }
  }
  return new DecodeError((cause as Error).message, path, start, { cause });
}

function piecesOf(piece: Piece, bytes: Uint8Array): Piece[] | DecodeError {
  const { type } = piece;
  if (type instanceof ContainerType) return fieldsOf(piece, type, bytes);
  if (type instanceof ListCompositeType || type instanceof VectorCompositeType) {
    return itemsOf(piece, type.elementType as Type<unknown>, bytes);
  }
  return [];
}

function fieldsOf(
  piece: Piece,
  type: ContainerType<Record<string, Type<unknown>>>,
  bytes: Uint8Array,
): Piece[] | DecodeError {
  const fixed: Piece[] = [];
  const variable: { name: string; type: Type<unknown>; at: number }[] = [];
  let at = piece.start;
  for (const [name, field] of Object.entries(type.fields)) {
    const size = field.fixedSize ?? OFFSET_BYTES;
    if (field.fixedSize === null) variable.push({ name, type: field, at });
    else fixed.push({ type: field, path: `${piece.path}.${name}`, start: at, end: at + size });
    at += size;
  }
  const starts = variable.map((field) => piece.start + readOffset(bytes, field.at));
  for (const [i, field] of variable.entries()) {
    const start = starts[i]!;
    const path = `${piece.path}.${field.name}`;
    if (i === 0 && start !== at) {
      return new DecodeError(`the first offset is ${start - piece.start}, not ${at - piece.start}`, path, field.at);
    }
    const end = starts[i + 1] ?? piece.end;
    if (start > piece.end || end < start) {
      return new DecodeError(`the offset ${start - piece.start} is out of order or bounds`, path, field.at);
    }
    fixed.push({ type: field.type, path, start, end });
  }
  return fixed;
}

function itemsOf(piece: Piece, element: Type<unknown>, bytes: Uint8Array): Piece[] | DecodeError {
  const { start, end, path } = piece;
  const size = end - start;
  if (element.fixedSize !== null) {
    if (size % element.fixedSize !== 0) {
      return new DecodeError(`${size} bytes are not a whole number of items of ${element.fixedSize}`, path, start);
    }
    const count = size / element.fixedSize;
    return Array.from({ length: count }, (_, i) => ({
      type: element,
      path: `${path}[${i}]`,
      start: start + i * element.fixedSize!,
      end: start + (i + 1) * element.fixedSize!,
    }));
  }
  if (size === 0) return [];
  if (size < OFFSET_BYTES) return new DecodeError("the list ends inside its first offset", path, start);
  const first = readOffset(bytes, start);
  if (first === 0 || first % OFFSET_BYTES !== 0 || first > size) {
    return new DecodeError(`the first offset is ${first}, in a list of ${size} bytes`, path, start);
  }
  const count = first / OFFSET_BYTES;
  const pieces: Piece[] = [];
  for (let i = 0; i < count; i++) {
    const from = readOffset(bytes, start + i * OFFSET_BYTES);
    const to = i + 1 < count ? readOffset(bytes, start + (i + 1) * OFFSET_BYTES) : size;
    if (to < from || to > size) {
      return new DecodeError(`the offset ${from} is out of order or bounds`, `${path}[${i}]`, start + i * OFFSET_BYTES);
    }
    pieces.push({ type: element, path: `${path}[${i}]`, start: start + from, end: start + to });
  }
  return pieces;
}

function readOffset(bytes: Uint8Array, at: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(at, true);
}
