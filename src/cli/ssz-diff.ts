/**
 * Differences of two objects of one type: paths, both values and generalized indices.
 */
import type { Type } from "@chainsafe/ssz";
import { bytesEqual } from "../base/bytes.ts";
import { BytesColumn } from "../columns/bytes-column.ts";
import { RecordColumn } from "../columns/record-column.ts";
import { U64Column } from "../columns/u64-column.ts";
import { SmallValue } from "../spec/small-value.ts";
import { itemPlace } from "../spec/ssz-path.ts";
import { isBasicShape, mixesLength, shapeOf, treeDepth } from "../spec/ssz-shape.ts";
import type { BeaconState } from "../spec/state.ts";
import { fieldsOf } from "../spec/state-fields.ts";
import type { Paged, Part } from "../spec/state-parts.ts";
import { Validators } from "../spec/validators.ts";
import { type SszObject, StateObject, type ValueObject } from "./ssz-object.ts";

export interface Difference {
  readonly path: string;
  readonly gindex: bigint;
  /** JSON of both sides; undefined on the side that lacks the item. */
  readonly left: unknown;
  readonly right: unknown;
}

/**
 * Finds differences in the order of the fields.
 * @param limit stops after that many
 */
export function diffObjects(left: SszObject, right: SszObject, limit: number): { found: Difference[]; isCut: boolean } {
  const walk = new DiffWalk(limit);
  try {
    if (left instanceof StateObject && right instanceof StateObject) walk.states(left.state, right.state);
    else walk.values(left.type, (left as ValueObject).value, (right as ValueObject).value, "", 1n);
  } catch (error) {
    if (error !== CUT) throw error;
    return { found: walk.found, isCut: true };
  }
  return { found: walk.found, isCut: false };
}

const CUT = Symbol("enough differences");

class DiffWalk {
  readonly found: Difference[] = [];
  readonly #limit: number;

  constructor(limit: number) {
    this.#limit = limit;
  }

  values(type: Type<unknown>, left: unknown, right: unknown, path: string, gindex: bigint): void {
    const shape = shapeOf(type);
    if (shape.kind === "container") {
      const depth = BigInt(treeDepth(shape));
      shape.fields.forEach(({ name, jsonKey, type: field }, i) => {
        const [a, b] = [left, right].map((side) => (side as Record<string, unknown>)[name]);
        this.values(field, a, b, path === "" ? jsonKey : `${path}.${jsonKey}`, (gindex << depth) + BigInt(i));
      });
    } else if (shape.kind === "items") {
      const [a, b] = [left as unknown[], right as unknown[]];
      this.#items(type, a.length, b.length, path, gindex, (i, place) => {
        this.values(shape.element, a[i], b[i], `${path}[${i}]`, place);
      });
      this.#extra(type, path, gindex, [a.length, b.length], (side, i) => shape.element.toJson((side === 0 ? a : b)[i]));
    } else if (!type.equals(left, right)) {
      this.#add(path, gindex, type.toJson(left), type.toJson(right));
    }
  }

  /** Compares columns by their bytes; fields with equal roots are not looked at. */
  states(left: BeaconState, right: BeaconState): void {
    const type = left.containerType("exact") as unknown as Type<unknown>;
    const shape = shapeOf(type);
    if (shape.kind !== "container") throw new TypeError("a state is a container");
    const [a, b] = [left.fieldRoots(), right.fieldRoots()];
    fieldsOf(left.fork).forEach((field, i) => {
      if (bytesEqual(a.subarray(32 * i, 32 * i + 32), b.subarray(32 * i, 32 * i + 32))) return;
      const gindex = (1n << BigInt(treeDepth(shape))) + BigInt(i);
      const { jsonKey, type: fieldType } = shape.fields[i]!;
      this.#parts(fieldType, left.part(field.name), right.part(field.name), jsonKey, gindex);
    });
  }

  #parts(type: Type<unknown>, left: Part, right: Part, path: string, gindex: bigint): void {
    if (left instanceof SmallValue || right instanceof SmallValue) {
      this.values(type, (left as SmallValue).exactValue, (right as SmallValue).exactValue, path, gindex);
      return;
    }
    const shape = shapeOf(type);
    if (shape.kind !== "items") throw new TypeError(`${path} is not a list`);
    this.#items(type, left.length, right.length, path, gindex, (i, place) => {
      if (isSameItem(left, right, i)) return;
      const [a, b] = [itemOf(left, shape.element, i), itemOf(right, shape.element, i)];
      this.values(shape.element, a, b, `${path}[${i}]`, place);
    });
    this.#extra(type, path, gindex, [left.length, right.length], (side, i) =>
      shape.element.toJson(itemOf(side === 0 ? left : right, shape.element, i)),
    );
  }

  #items(
    type: Type<unknown>,
    left: number,
    right: number,
    path: string,
    gindex: bigint,
    compare: (i: number, place: bigint) => void,
  ): void {
    const first = itemPlaceIn(type, gindex, path);
    for (let i = 0; i < Math.min(left, right); i++) compare(i, first(i));
  }

  /** Items that only one side has, and the length. */
  #extra(
    type: Type<unknown>,
    path: string,
    gindex: bigint,
    [left, right]: [number, number],
    json: (side: 0 | 1, i: number) => unknown,
  ): void {
    if (left === right) return;
    if (mixesLength(shapeOf(type))) this.#add(`${path}.length`, gindex * 2n + 1n, left, right);
    const place = itemPlaceIn(type, gindex, path);
    for (let i = Math.min(left, right); i < Math.max(left, right); i++) {
      const item = json(left > right ? 0 : 1, i);
      this.#add(`${path}[${i}]`, place(i), left > right ? item : undefined, left > right ? undefined : item);
    }
  }

  #add(path: string, gindex: bigint, left: unknown, right: unknown): void {
    if (this.found.length >= this.#limit) throw CUT;
    this.found.push({ path, gindex, left, right });
  }
}

function itemPlaceIn(type: Type<unknown>, gindex: bigint, path: string): (i: number) => bigint {
  const shape = shapeOf(type);
  if (shape.kind !== "items") throw new TypeError(`${path} has no items`);
  const first = itemPlace(type, gindex, 0, path).gindex;
  const perChunk = isBasicShape(shapeOf(shape.element)) ? 32 / shape.element.fixedSize! : 1;
  return (i) => first + BigInt(Math.floor(i / perChunk));
}

/** One item of a column, exactly. */
function itemOf(part: Paged, element: Type<unknown>, index: number): unknown {
  if (part instanceof U64Column) return part.getBig(index);
  if (part instanceof BytesColumn) return part.get(index);
  if (part instanceof Validators) return element.deserialize(part.recordBytes(index));
  if (part instanceof RecordColumn) return element.deserialize(part.data.get(index));
  return part.get(index);
}

/** Compares the bytes, so that equal items of long lists need no decoding. */
function isSameItem(left: Paged, right: Paged, index: number): boolean {
  const [a, b] = [rawItem(left, index), rawItem(right, index)];
  return a instanceof Uint8Array && b instanceof Uint8Array ? bytesEqual(a, b) : a === b;
}

function rawItem(part: Paged, index: number): Uint8Array | bigint | number {
  if (part instanceof U64Column) return part.getBig(index);
  if (part instanceof Validators) return part.recordBytes(index);
  if (part instanceof RecordColumn) return part.data.get(index);
  return part.get(index);
}
