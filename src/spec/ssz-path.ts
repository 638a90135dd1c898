/**
 * Between paths such as `validators[3].exit_epoch` and generalized indices.
 * https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/ssz/merkle-proofs.md
 */
import type { Type } from "@chainsafe/ssz";
import { UsageError } from "../base/errors.ts";
import { isBasicShape, itemsPerChunk, mixesLength, type Shape, shapeOf, treeDepth } from "./ssz-shape.ts";

const MAX_PATH_STEPS = 64;

export interface Place {
  readonly gindex: bigint;
  /** Undefined for a list's length. */
  readonly type: Type<unknown> | undefined;
}

/** Finds `a.b[3].c`, by the spec's names or those in code; `length` of a list is its length node. */
export function placeOf(type: Type<unknown>, path: string): Place {
  let place: Place = { gindex: 1n, type };
  for (const step of parsePath(path)) {
    if (!place.type) throw new UsageError(`${path}: a length has no parts`);
    place = typeof step === "number" ? itemPlace(place.type, place.gindex, step, path) : namedPlace(place, step, path);
  }
  return place;
}

function parsePath(path: string): (string | number)[] {
  if (path === "") return [];
  if (!/^\.?[A-Za-z_]\w*(\.[A-Za-z_]\w*|\[\d{1,15}\])*$|^(\[\d{1,15}\])(\.[A-Za-z_]\w*|\[\d{1,15}\])*$/.test(path)) {
    throw new UsageError(`${JSON.stringify(path.slice(0, 80))} is no path such as body.deposits[0].data`);
  }
  const steps = [...path.matchAll(/[A-Za-z_]\w*|\[\d+\]/g)].map(([step]) => step);
  if (steps.length > MAX_PATH_STEPS) throw new UsageError(`${path.slice(0, 80)}: too many steps`);
  return steps.map((step) => (step.startsWith("[") ? Number(step.slice(1, -1)) : step));
}

function namedPlace(place: Place, name: string, path: string): Place {
  const shape = shapeOf(place.type!);
  if (mixesLength(shape) && name === "length") return { gindex: place.gindex * 2n + 1n, type: undefined };
  const index =
    shape.kind === "container" ? shape.fields.findIndex((field) => field.name === name || field.jsonKey === name) : -1;
  if (shape.kind !== "container" || index < 0) throw new UsageError(`${path}: ${place.type!.typeName} has no ${name}`);
  return { gindex: (place.gindex << BigInt(treeDepth(shape))) + BigInt(index), type: shape.fields[index]!.type };
}

/** Where an item lies; items that share a chunk share an index. */
export function itemPlace(type: Type<unknown>, gindex: bigint, index: number, path: string): Place {
  const shape = shapeOf(type);
  if (shape.kind !== "items") throw new UsageError(`${path}: ${type.typeName} has no items`);
  if (index >= shape.size) throw new UsageError(`${path}: ${index} is past the last of ${shape.size} items`);
  const chunk = Math.floor(index / itemsPerChunk(shape.element));
  return { gindex: (dataRoot(shape, gindex) << BigInt(treeDepth(shape))) + BigInt(chunk), type: shape.element };
}

/** The root of the chunks: below a list's own root, beside its length. */
function dataRoot(shape: Shape, gindex: bigint): bigint {
  return mixesLength(shape) ? gindex * 2n : gindex;
}

export interface NodeInfo {
  /** The nearest named part above or at the node. */
  readonly path: string;
  /** `part`: the root of a field or item; `chunk`: 32 bytes of one; `length`; `inner`; `padding`: past the last part. */
  readonly kind: "part" | "chunk" | "length" | "inner" | "padding";
  readonly hasChildren: boolean;
  /** Levels between the node and the chunks or parts below it. */
  readonly height: number;
}

/** What a node of the type's Merkle tree stands for; undefined where the tree has no such node. */
export function nodeInfo(type: Type<unknown>, gindex: bigint): NodeInfo | undefined {
  const bits = gindex.toString(2).slice(1);
  return describe(type, bits, "");
}

function describe(type: Type<unknown>, bits: string, path: string): NodeInfo | undefined {
  const shape = shapeOf(type);
  const depth = treeDepth(shape);
  const isLeaf = depth === 0 && !mixesLength(shape) && shape.kind !== "container" && shape.kind !== "items";
  if (bits === "") {
    return { path, kind: "part", hasChildren: !isLeaf, height: depth + (mixesLength(shape) ? 1 : 0) };
  }
  if (isLeaf || isBasicShape(shape)) return undefined;
  if (!mixesLength(shape)) return describeBelow(shape, depth, bits, path);
  if (bits[0] === "1") {
    return bits.length === 1 ? { path: `${path}.length`, kind: "length", hasChildren: false, height: 0 } : undefined;
  }
  return describeBelow(shape, depth, bits.slice(1), path);
}

function describeBelow(shape: Shape, depth: number, bits: string, path: string): NodeInfo | undefined {
  if (bits.length < depth) return { path, kind: "inner", hasChildren: true, height: depth - bits.length };
  const index = depth === 0 ? 0 : Number.parseInt(bits.slice(0, depth), 2);
  const rest = bits.slice(depth);
  if (shape.kind === "container") {
    const field = shape.fields[index];
    if (field) return describe(field.type, rest, path === "" ? field.jsonKey : `${path}.${field.jsonKey}`);
    return rest === "" ? { path, kind: "padding", hasChildren: false, height: 0 } : undefined;
  }
  if (shape.kind === "items" && !isBasicShape(shapeOf(shape.element))) {
    if (index >= shape.size) return rest === "" ? { path, kind: "padding", hasChildren: false, height: 0 } : undefined;
    return describe(shape.element, rest, `${path}[${index}]`);
  }
  if (rest !== "") return undefined;
  const first = shape.kind === "items" ? index * itemsPerChunk(shape.element) : index;
  const name = shape.kind === "items" ? `${path}[${first}]` : path;
  return { path: name, kind: "chunk", hasChildren: false, height: 0 };
}
