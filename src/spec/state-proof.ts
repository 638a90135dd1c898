/**
 * Merkle nodes and proofs of a BeaconState for any generalized index.
 * @see https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/ssz/merkle-proofs.md
 */
import { getNode, type Node } from "@chainsafe/persistent-merkle-tree";
import { type CompositeType, type ContainerType, isBasicType, type Type } from "@chainsafe/ssz";
import { UsageError } from "../base/errors.ts";
import { type Column, ceilLog2 } from "../columns/column.ts";
import { columnNode } from "../columns/column-node.ts";
import { FlagsColumn } from "../columns/flags-column.ts";
import { RecordColumn } from "../columns/record-column.ts";
import { hash64, zeroHash } from "../crypto/sha256.ts";
import type { ChainSpec } from "./chain-spec.ts";
import type { Fork } from "./fork.ts";
import { SmallValue } from "./small-value.ts";
import { fieldsOf } from "./state-fields.ts";
import { fieldType, type Part } from "./state-parts.ts";
import { Validators } from "./validators.ts";

const ROOT_GINDEX = 1n;

/** What a proof needs of a BeaconState. */
interface ProvableState {
  readonly spec: ChainSpec;
  readonly fork: Fork;
  part(name: string): Part;
  fieldRoots(): Uint8Array;
}

/** Sibling nodes of a generalized index, from the leaf up. */
export function getStateProof(state: ProvableState, gindex: bigint): Uint8Array[] {
  checkGindex(gindex);
  const nodes = new StateNodes(state);
  const proof: Uint8Array[] = [];
  for (let at = gindex; at > ROOT_GINDEX; at >>= 1n) proof.push(nodes.get(at ^ 1n));
  return proof;
}

/** The node at a generalized index. */
export function getStateNode(state: ProvableState, gindex: bigint): Uint8Array {
  checkGindex(gindex);
  return new StateNodes(state).get(gindex);
}

class StateNodes {
  readonly #state: ProvableState;
  readonly #fieldRoots: Uint8Array;
  readonly #depth: number;

  constructor(state: ProvableState) {
    this.#state = state;
    this.#fieldRoots = state.fieldRoots();
    this.#depth = ceilLog2(fieldsOf(state.fork).length);
  }

  get(gindex: bigint): Uint8Array {
    const depth = depthOf(gindex);
    if (depth <= this.#depth) return this.#top(depth, Number(gindex) - 2 ** depth);
    const below = depth - this.#depth;
    const position = Number(gindex >> BigInt(below)) - 2 ** this.#depth;
    const field = fieldsOf(this.#state.fork)[position];
    if (field === undefined) throw new UsageError(`generalized index ${gindex} lies below an empty leaf of the state`);
    const inField = (1n << BigInt(below)) | (gindex & ((1n << BigInt(below)) - 1n));
    const type = fieldType(this.#state.spec, this.#state.fork, field.name, "exact");
    return partNode(this.#state.part(field.name), type, inField);
  }

  #top(depth: number, index: number): Uint8Array {
    const height = this.#depth - depth;
    const first = index * 2 ** height;
    if (first * 32 >= this.#fieldRoots.length) return zeroHash(height);
    if (height === 0) return this.#fieldRoots.slice(first * 32, first * 32 + 32);
    return hash64(this.#top(depth + 1, index * 2), this.#top(depth + 1, index * 2 + 1));
  }
}

/** A node of a field, counted from the field's own root. */
function partNode(part: Part, type: Type<unknown>, gindex: bigint): Uint8Array {
  if (gindex === ROOT_GINDEX) return part instanceof SmallValue ? part.root : part.hashTreeRoot();
  if (part instanceof SmallValue) return valueNode(part.exactType, part.exactValue, gindex);
  if (part instanceof Validators) {
    part.hashRecords(1);
    return listNode(part.roots, gindex, (index, inRecord) => {
      const exact = elementType(type);
      return valueNode(exact, exact.deserialize(part.recordBytes(index)), inRecord);
    });
  }
  if (part instanceof RecordColumn) {
    part.hashRecords(1);
    return listNode(part.roots, gindex, (index, inRecord) => {
      const exact = elementType(type);
      return valueNode(exact, exact.deserialize(part.data.get(index)), inRecord);
    });
  }
  return listNode(part instanceof FlagsColumn ? part.column : part, gindex, () => {
    throw new UsageError("the generalized index goes below a leaf");
  });
}

/** A node of a list or vector whose leaves are a column's bytes; `below` continues inside of a leaf's record. */
function listNode(column: Column, gindex: bigint, below: (index: number, gindex: bigint) => Uint8Array): Uint8Array {
  let path = gindex;
  if (!column.isVector) {
    const depth = depthOf(path);
    const isLength = ((path >> BigInt(depth - 1)) & 1n) === 1n;
    if (isLength && depth > 1) throw new UsageError("the generalized index goes below a list's length");
    if (isLength) return lengthLeaf(column.length);
    path = (1n << BigInt(depth - 1)) | (path & ((1n << BigInt(depth - 1)) - 1n));
    if (path === ROOT_GINDEX) return column.dataRoot();
  }
  const depth = depthOf(path);
  if (depth <= column.treeDepth) {
    return columnNode(column, column.treeDepth - depth, Number(path - (1n << BigInt(depth))));
  }
  const rest = BigInt(depth - column.treeDepth);
  const index = Number((path >> rest) - (1n << BigInt(column.treeDepth)));
  if (index >= column.length)
    throw new UsageError(`the generalized index goes below item ${index} of ${column.length}`);
  return below(index, (1n << rest) | (path & ((1n << rest) - 1n)));
}

function valueNode(type: Type<unknown>, value: unknown, gindex: bigint): Uint8Array {
  if (isBasicType(type)) throw new UsageError("the generalized index goes below a basic value");
  // biome-ignore lint/suspicious/noExplicitAny: the library's composite types are generic in three parameters
  const composite = type as CompositeType<unknown, any, any>;
  const node: Node = composite.toView(value as never).node;
  try {
    return getNode(node, gindex).root;
  } catch (error) {
    throw new UsageError(`no node at generalized index ${gindex} of ${type.typeName}`, { cause: error });
  }
}

function elementType(type: Type<unknown>): ContainerType<Record<string, Type<unknown>>> {
  return (type as unknown as { elementType: ContainerType<Record<string, Type<unknown>>> }).elementType;
}

function lengthLeaf(length: number): Uint8Array {
  const leaf = new Uint8Array(32);
  new DataView(leaf.buffer).setBigUint64(0, BigInt(length), true);
  return leaf;
}

function depthOf(gindex: bigint): number {
  return gindex.toString(2).length - 1;
}

function checkGindex(gindex: bigint): void {
  if (gindex < ROOT_GINDEX || gindex >= 1n << 256n) throw new UsageError(`${gindex} is not a generalized index`);
}
