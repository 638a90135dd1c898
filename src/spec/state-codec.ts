/**
 * SSZ of a BeaconState, field by field, streaming: no second copy of the state exists at any time.
 */
import { DecodeError } from "../base/errors.ts";
import type { ByteSource } from "../columns/column.ts";
import { RecordColumn } from "../columns/record-column.ts";
import type { ChainSpec } from "./chain-spec.ts";
import type { Fork } from "./fork.ts";
import { SmallValue } from "./small-value.ts";
import { hasField, STATE_FIELDS, type StateField } from "./state-fields.ts";
import { fieldType, type Part, shapeOf } from "./state-parts.ts";
import { findBadSlashedByte, VALIDATOR_BYTES, Validators } from "./validators.ts";

const OFFSET_BYTES = 4;
/** A small field of variable size (the payload header, phase0's attestations) is never larger than this. */
const MAX_SMALL_BYTES = 1 << 23;

interface Span {
  position: number;
  field: StateField;
  start: number;
  end: number;
}

/**
 * Fills the parts (defaults of the fork) from SSZ bytes.
 * @throws DecodeError naming the field and the offset
 */
export function decodeParts(spec: ChainSpec, fork: Fork, parts: (Part | undefined)[], source: ByteSource): void {
  for (const span of readLayout(spec, fork, source)) {
    const { position, field, start, end } = span;
    const part = parts[position]!;
    if (part instanceof SmallValue) {
      if (end - start > MAX_SMALL_BYTES) {
        throw new DecodeError(`${end - start} bytes are too many for this field`, field.name, start);
      }
      const bytes = source.read(start, end - start);
      parts[position] = SmallValue.decode(part.type, part.exactType, bytes, field.name, start);
    } else loadPaged(spec, fork, part, span, source);
  }
}

/** Hands the SSZ bytes of the parts to `sink` in order; after each step of a few MB at most the caller may pause. */
export function* encodeSteps(
  fork: Fork,
  parts: (Part | undefined)[],
  sink: (bytes: Uint8Array) => void,
): Generator<void> {
  const present = presentParts(fork, parts);
  let offset = present.reduce((sum, part) => sum + (isVariable(part) ? OFFSET_BYTES : encodedLength(part)), 0);
  for (const part of present) {
    if (isVariable(part)) {
      sink(uint32Bytes(offset));
      offset += encodedLength(part);
    } else yield* store(part, sink);
  }
  for (const part of present) if (isVariable(part)) yield* store(part, sink);
}

/** Bytes of the whole state in SSZ. */
export function encodedSize(fork: Fork, parts: (Part | undefined)[]): number {
  const size = (part: Part) => encodedLength(part) + (isVariable(part) ? OFFSET_BYTES : 0);
  return presentParts(fork, parts).reduce((sum, part) => sum + size(part), 0);
}

function presentParts(fork: Fork, parts: (Part | undefined)[]): Part[] {
  return STATE_FIELDS.flatMap((field, i) => (hasField(field, fork) ? [parts[i]!] : []));
}

/** Bytes of a part in SSZ. */
export function encodedLength(part: Part): number {
  if (part instanceof SmallValue) return part.sizeBytes;
  if (part instanceof Validators) return part.length * VALIDATOR_BYTES;
  if (part instanceof RecordColumn) return part.length * part.codec.recordBytes;
  return part.length * part.itemBytes;
}

/** Where each field's bytes lie; every offset is checked against its neighbours and the input's size. */
function readLayout(spec: ChainSpec, fork: Fork, source: ByteSource): Span[] {
  const fixed: Span[] = [];
  const variable: { position: number; field: StateField; at: number }[] = [];
  let at = 0;
  STATE_FIELDS.forEach((field, position) => {
    if (!hasField(field, fork)) return;
    const size = fieldType(spec, fork, field.name, "number").fixedSize;
    if (size === null) variable.push({ position, field, at });
    else fixed.push({ position, field, start: at, end: at + size });
    at += size ?? OFFSET_BYTES;
    if (at > source.length) {
      throw new DecodeError(
        `the input ends after ${source.length} bytes, inside the fixed part`,
        field.name,
        at - (size ?? OFFSET_BYTES),
      );
    }
  });
  const starts = variable.map(({ field, at: offsetAt }, i) => {
    const view = source.read(offsetAt, OFFSET_BYTES);
    const start = new DataView(view.buffer, view.byteOffset).getUint32(0, true);
    if (i === 0 && start !== at) throw new DecodeError(`the first offset is ${start}, not ${at}`, field.name, offsetAt);
    if (start > source.length) {
      throw new DecodeError(`offset ${start} is past the input's ${source.length} bytes`, field.name, offsetAt);
    }
    return start;
  });
  const spans = variable.map(({ position, field, at: offsetAt }, i) => {
    const start = starts[i]!;
    const end = starts[i + 1] ?? source.length;
    if (end < start)
      throw new DecodeError(`the offset after this field's is ${end}, before ${start}`, field.name, offsetAt);
    return { position, field, start, end };
  });
  // In input order, so that a pipe can serve as the source.
  return [...fixed, ...spans];
}

function loadPaged(spec: ChainSpec, fork: Fork, part: Exclude<Part, SmallValue>, span: Span, source: ByteSource): void {
  const { field, start, end } = span;
  const bytes = end - start;
  const itemBytes = itemBytesOf(part);
  if (bytes % itemBytes !== 0) {
    throw new DecodeError(`${bytes} bytes are not a whole number of items of ${itemBytes}`, field.name, start);
  }
  const { limit } = shapeOf(fieldType(spec, fork, field.name, "number"));
  if (bytes / itemBytes > limit) {
    throw new DecodeError(`${bytes / itemBytes} items exceed the limit of ${limit}`, field.name, start);
  }
  if (part instanceof Validators) part.load(checkedRecords(source, start, field.name), start, bytes);
  else if (part instanceof RecordColumn) {
    part.data.load(source, start, bytes);
    part.markAll();
  } else part.load(source, start, bytes);
}

/** Checks the one byte of a Validator that can be wrong. */
function checkedRecords(source: ByteSource, start: number, name: string): ByteSource {
  return {
    length: source.length,
    read(offset, length) {
      const bytes = source.read(offset, length);
      const bad = findBadSlashedByte(bytes);
      if (bad >= 0) {
        const index = (offset - start) / VALIDATOR_BYTES + bad;
        throw new DecodeError("not a boolean", `${name}[${index}].slashed`, start + index * VALIDATOR_BYTES + 88);
      }
      return bytes;
    },
  };
}

function itemBytesOf(part: Exclude<Part, SmallValue>): number {
  if (part instanceof Validators) return VALIDATOR_BYTES;
  return part instanceof RecordColumn ? part.codec.recordBytes : part.itemBytes;
}

function isVariable(part: Part): boolean {
  if (part instanceof SmallValue) return part.type.fixedSize === null;
  if (part instanceof Validators || part instanceof RecordColumn) return true;
  return !part.isVector;
}

function* store(part: Part, sink: (bytes: Uint8Array) => void): Generator<void> {
  if (part instanceof Validators) {
    yield* part.storeSteps(sink);
    return;
  }
  if (part instanceof SmallValue) sink(part.bytes);
  else if (part instanceof RecordColumn) part.data.store(sink);
  else part.store(sink);
  yield;
}

function uint32Bytes(value: number): Uint8Array {
  const out = new Uint8Array(OFFSET_BYTES);
  new DataView(out.buffer).setUint32(0, value, true);
  return out;
}
