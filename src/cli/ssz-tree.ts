/**
 * Merkle trees of objects: roots down to a depth, where two of them part, and proofs.
 */
import type { Type } from "@chainsafe/ssz";
import { bytesEqual, toHex } from "../base/bytes.ts";
import { UsageError } from "../base/errors.ts";
import { hash64, zeroHash } from "../crypto/sha256.ts";
import { type NodeInfo, nodeInfo, placeOf } from "../spec/ssz-path.ts";
import type { SszObject } from "./ssz-object.ts";

export interface TreeLine {
  readonly gindex: bigint;
  readonly depth: number;
  readonly path: string;
  readonly kind: NodeInfo["kind"];
  readonly root: Uint8Array;
  /** The other object's root, where two are compared. */
  readonly other?: Uint8Array;
}

export interface MerkleProof {
  readonly gindex: bigint;
  readonly path: string;
  readonly leaf: Uint8Array;
  readonly branch: Uint8Array[];
  readonly root: Uint8Array;
}

/** A generalized index from `0x..`-less decimal digits, or from a path. */
export function parsePlace(type: Type<unknown>, text: string): bigint {
  if (!/^[0-9]+$/.test(text)) return placeOf(type, text).gindex;
  if (text.length > 77) throw new UsageError(`${text.slice(0, 80)} is not a generalized index`);
  const gindex = BigInt(text);
  if (gindex < 1n || nodeInfo(type, gindex) === undefined) {
    throw new UsageError(`${type.typeName} has no node at generalized index ${text}`);
  }
  return gindex;
}

/**
 * Lists nodes from `start` down to `depth` levels below it, parents first. With another object, nodes that are equal
 * in both are listed without what lies below them.
 */
export function* treeLines(object: SszObject, start: bigint, depth: number, other?: SszObject): Generator<TreeLine> {
  const pending: { gindex: bigint; depth: number }[] = [{ gindex: start, depth: 0 }];
  for (let next = pending.pop(); next; next = pending.pop()) {
    const info = nodeInfo(object.type, next.gindex);
    if (!info || info.kind === "padding") continue;
    const root = nodeOrAbsent(object, next.gindex);
    const otherRoot = other && nodeOrAbsent(other, next.gindex);
    if (!root || (other && !otherRoot)) continue;
    yield { ...next, path: info.path, kind: info.kind, root, ...(otherRoot && { other: otherRoot }) };
    const isEqual = otherRoot !== undefined && bytesEqual(root, otherRoot);
    const isEmpty = info.kind === "inner" && bytesEqual(root, zeroHash(info.height)) && (!otherRoot || isEqual);
    if (next.depth === depth || !info.hasChildren || isEqual || isEmpty) continue;
    pending.push({ gindex: next.gindex * 2n + 1n, depth: next.depth + 1 });
    pending.push({ gindex: next.gindex * 2n, depth: next.depth + 1 });
  }
}

/** The deepest node, first in order, in which two objects differ: where they part. */
export function firstDifferingNode(left: SszObject, right: SszObject): { gindex: bigint; info: NodeInfo } | undefined {
  let gindex = 1n;
  if (bytesEqual(left.nodeAt(gindex), right.nodeAt(gindex))) return undefined;
  for (;;) {
    const info = nodeInfo(left.type, gindex)!;
    const child = [gindex * 2n, gindex * 2n + 1n].find((place) => differsAt(left, right, place));
    if (!info.hasChildren || child === undefined) return { gindex, info };
    gindex = child;
  }
}

/** The proof of a node, computed and checked against the object's root. */
export function proveNode(object: SszObject, gindex: bigint): MerkleProof {
  const info = nodeInfo(object.type, gindex);
  if (!info) throw new UsageError(`${object.typeName} has no node at generalized index ${gindex}`);
  return {
    gindex,
    path: info.path,
    leaf: object.nodeAt(gindex),
    branch: object.proof(gindex),
    root: object.root(),
  };
}

/** Whether the branch leads from the leaf to the root. */
export function isValidProof({ gindex, leaf, branch, root }: MerkleProof): boolean {
  let node = leaf;
  let at = gindex;
  for (const sibling of branch) {
    node = at & 1n ? hash64(sibling, node) : hash64(node, sibling);
    at >>= 1n;
  }
  return at === 1n && bytesEqual(node, root);
}

export function treeText({ depth, gindex, path, kind, root, other }: TreeLine): string {
  const name = kind === "inner" ? "" : `  ${path === "" ? "(whole)" : path}`;
  const isSame = other === undefined || bytesEqual(root, other);
  const mark = other === undefined ? "" : isSame ? "= " : "≠ ";
  return `${"  ".repeat(depth)}${mark}${gindex} ${toHex(root)}${isSame ? "" : ` ${toHex(other)}`}${name}`;
}

function differsAt(left: SszObject, right: SszObject, gindex: bigint): boolean {
  const info = nodeInfo(left.type, gindex);
  if (!info || info.kind === "padding") return false;
  const [a, b] = [nodeOrAbsent(left, gindex), nodeOrAbsent(right, gindex)];
  return a !== undefined && b !== undefined && !bytesEqual(a, b);
}

/** Undefined below a list item that the object does not have. */
function nodeOrAbsent(object: SszObject, gindex: bigint): Uint8Array | undefined {
  try {
    return object.nodeAt(gindex);
  } catch (error) {
    if (error instanceof UsageError) return undefined;
    throw error;
  }
}
