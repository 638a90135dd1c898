/**
 * Decodes SSZ and, where the bytes are wrong, says in which field and at which offset.
 * https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/ssz/simple-serialize.md
 */
import type { Type } from "@chainsafe/ssz";
import { DecodeError } from "../base/errors.ts";
import { type Shape, type ShapeField, shapeOf } from "./ssz-shape.ts";

const OFFSET_BYTES = 4;

/** @throws DecodeError with the path and the offset of the first fault */
export function decodeSsz<T>(type: Type<T>, bytes: Uint8Array): T {
  try {
    // Fields must not share memory with the input: a Buffer's slices do.
    return type.deserialize(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  } catch (cause) {
    new FaultFinder(bytes).check(type as Type<unknown>, 0, bytes.length, "");
    throw new DecodeError(`not a ${type.typeName}: ${(cause as Error).message}`, "", -1, { cause });
  }
}

/** Walks the bytes as a decoder would, one type at a time, and throws at the first that is wrong. */
class FaultFinder {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  check(type: Type<unknown>, start: number, end: number, path: string): void {
    const size = end - start;
    if (type.fixedSize !== null && size !== type.fixedSize) {
      throw new DecodeError(`${type.typeName} of ${size} bytes, ${type.fixedSize} expected`, path, start);
    }
    const shape = shapeOf(type);
    if (shape.kind === "container") this.#checkFields(shape.fields, start, end, path);
    else if (shape.kind === "items") this.#checkItems(shape, start, end, path);
    else this.#checkLeaf(type, start, end, path);
  }

  #checkLeaf(type: Type<unknown>, start: number, end: number, path: string): void {
    const size = end - start;
    if (size < type.minSize || size > type.maxSize) {
      throw new DecodeError(
        `${type.typeName} of ${size} bytes, ${type.minSize} to ${type.maxSize} allowed`,
        path,
        start,
      );
    }
    try {
      type.deserialize(this.#bytes.subarray(start, end));
    } catch (cause) {
      throw new DecodeError(`${type.typeName}: ${(cause as Error).message}`, path, start, { cause });
    }
  }

  #checkFields(fields: readonly ShapeField[], start: number, end: number, path: string): void {
    const fixedEnd = start + fields.reduce((sum, { type }) => sum + (type.fixedSize ?? OFFSET_BYTES), 0);
    if (fixedEnd > end) throw new DecodeError(`${end - start} bytes are too few for the fixed part`, path, start);
    const variable: { field: ShapeField; at: number }[] = [];
    let at = start;
    for (const field of fields) {
      const size = field.type.fixedSize;
      if (size === null) variable.push({ field, at });
      else this.check(field.type, at, at + size, join(path, field.jsonKey));
      at += size ?? OFFSET_BYTES;
    }
    const places = variable.map((entry) => entry.at);
    const starts = this.#readOffsets(places, start, end, fixedEnd, (i) => join(path, variable[i]!.field.jsonKey));
    variable.forEach(({ field }, i) => {
      this.check(field.type, starts[i]!, starts[i + 1] ?? end, join(path, field.jsonKey));
    });
  }

  #checkItems(shape: Shape & { kind: "items" }, start: number, end: number, path: string): void {
    const { element, isList, size: limit } = shape;
    const size = element.fixedSize;
    if (size === null) {
      this.#checkVariableItems(shape, start, end, path);
      return;
    }
    if ((end - start) % size !== 0) {
      throw new DecodeError(`${end - start} bytes are not a multiple of ${size}`, path, start);
    }
    const count = (end - start) / size;
    if (isList ? count > limit : count !== limit) {
      throw new DecodeError(`${count} items, ${isList ? "at most " : ""}${limit} allowed`, path, start);
    }
    // Any bytes are a number.
    if (shapeOf(element).kind === "uint") return;
    for (let i = 0; i < count; i++) this.check(element, start + i * size, start + (i + 1) * size, `${path}[${i}]`);
  }

  #checkVariableItems(shape: Shape & { kind: "items" }, start: number, end: number, path: string): void {
    if (start === end) return;
    if (end - start < OFFSET_BYTES) throw new DecodeError("first offset cut short", path, start);
    const first = this.#view.getUint32(start, true);
    const count = first / OFFSET_BYTES;
    if (!Number.isInteger(count) || count === 0 || first > end - start) {
      throw new DecodeError(`first offset ${first} is out of bounds`, path, start);
    }
    if (shape.isList ? count > shape.size : count !== shape.size) {
      throw new DecodeError(`${count} items, ${shape.isList ? "at most " : ""}${shape.size} allowed`, path, start);
    }
    const places = Array.from({ length: count }, (_, i) => start + i * OFFSET_BYTES);
    const starts = this.#readOffsets(places, start, end, start + first, (i) => `${path}[${i}]`);
    starts.forEach((from, i) => {
      this.check(shape.element, from, starts[i + 1] ?? end, `${path}[${i}]`);
    });
  }

  /** Offsets must begin where the fixed part ends, never go back and stay inside. */
  #readOffsets(
    places: number[],
    start: number,
    end: number,
    fixedEnd: number,
    pathOf: (i: number) => string,
  ): number[] {
    let previous = fixedEnd;
    return places.map((place, i) => {
      const offset = start + this.#view.getUint32(place, true);
      if (i === 0 ? offset !== fixedEnd : offset < previous || offset > end) {
        const expected = i === 0 ? `${fixedEnd - start} expected` : `${previous - start} to ${end - start} allowed`;
        throw new DecodeError(`offset ${offset - start} is wrong, ${expected}`, pathOf(i), place);
      }
      previous = offset;
      return offset;
    });
  }
}

function join(path: string, key: string): string {
  return path === "" ? key : `${path}.${key}`;
}
