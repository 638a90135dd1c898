/**
 * What any SSZ type is made of, for code that walks types: errors that say where, JSON checks, paths, differences.
 * https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/ssz/simple-serialize.md
 */
import {
  BitListType,
  BitVectorType,
  BooleanType,
  ByteListType,
  ByteVectorType,
  ContainerType,
  ListBasicType,
  ListCompositeType,
  type Type,
  UintBigintType,
  UintNumberType,
  VectorBasicType,
  VectorCompositeType,
} from "@chainsafe/ssz";

export interface ShapeField {
  /** As in code. */
  readonly name: string;
  /** As in the spec and in JSON. */
  readonly jsonKey: string;
  readonly type: Type<unknown>;
}

export type Shape =
  | { readonly kind: "uint"; readonly bytes: number }
  | { readonly kind: "boolean" }
  /** `size` is the length, or the limit of a list. */
  | { readonly kind: "bytes"; readonly isList: boolean; readonly size: number }
  | { readonly kind: "bits"; readonly isList: boolean; readonly size: number }
  | { readonly kind: "items"; readonly isList: boolean; readonly size: number; readonly element: Type<unknown> }
  | { readonly kind: "container"; readonly fields: readonly ShapeField[] };

const shapes = new WeakMap<Type<unknown>, Shape>();

export function shapeOf(type: Type<unknown>): Shape {
  let shape = shapes.get(type);
  if (!shape) {
    shape = makeShape(type);
    shapes.set(type, shape);
  }
  return shape;
}

function makeShape(type: Type<unknown>): Shape {
  if (type instanceof UintNumberType || type instanceof UintBigintType) return { kind: "uint", bytes: type.byteLength };
  if (type instanceof BooleanType) return { kind: "boolean" };
  if (type instanceof ByteVectorType) return { kind: "bytes", isList: false, size: type.lengthBytes };
  if (type instanceof ByteListType) return { kind: "bytes", isList: true, size: type.limitBytes };
  if (type instanceof BitVectorType) return { kind: "bits", isList: false, size: type.lengthBits };
  if (type instanceof BitListType) return { kind: "bits", isList: true, size: type.limitBits };
  if (type instanceof ListBasicType || type instanceof ListCompositeType) {
    return { kind: "items", isList: true, size: type.limit, element: type.elementType };
  }
  if (type instanceof VectorBasicType || type instanceof VectorCompositeType) {
    return { kind: "items", isList: false, size: type.length, element: type.elementType };
  }
  if (type instanceof ContainerType) {
    const fields = (type as ContainerType<Record<string, Type<unknown>>>).fieldsEntries.map((entry) => ({
      name: String(entry.fieldName),
      jsonKey: entry.jsonKey,
      type: entry.fieldType,
    }));
    return { kind: "container", fields };
  }
  throw new TypeError(`no shape for ${type.typeName}`);
}

export function isBasicShape(shape: Shape): shape is Shape & { kind: "uint" | "boolean" } {
  return shape.kind === "uint" || shape.kind === "boolean";
}

/** Depth of the Merkle tree over a type's chunks, without the length that a list mixes in. */
export function treeDepth(shape: Shape): number {
  let chunks = 1;
  if (shape.kind === "container") chunks = shape.fields.length;
  else if (shape.kind === "bytes") chunks = Math.ceil(shape.size / 32);
  else if (shape.kind === "bits") chunks = Math.ceil(shape.size / 256);
  else if (shape.kind === "items") chunks = Math.ceil(shape.size / itemsPerChunk(shape.element));
  let depth = 0;
  while (2 ** depth < chunks) depth++;
  return depth;
}

/** Basic items share chunks; others have a subtree each. */
export function itemsPerChunk(element: Type<unknown>): number {
  const shape = shapeOf(element);
  return isBasicShape(shape) ? 32 / (element.fixedSize ?? 32) : 1;
}

/** Whether a list's length is mixed into the root. */
export function mixesLength(shape: Shape): boolean {
  return "isList" in shape && shape.isList;
}
