/**
 * Generalized indices, proofs of small containers, and branches of which a fork changed the depth.
 * @see https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/altair/light-client/sync-protocol.md
 */
import { getNode, type Node } from "@chainsafe/persistent-merkle-tree";
import { bytesEqual, ZERO_BYTES32 } from "../base/bytes.ts";
import { uintToBytes } from "./misc.ts";
import { isValidMerkleBranch } from "./predicates.ts";

/** A container type, as far as proofs need it. */
interface ProvableType<V> {
  toView(value: V): { readonly node: Node };
  getPathInfo(path: (string | number)[]): { readonly gindex: bigint };
}

/** @spec floorlog2 (phase0), of a generalized index: its depth */
export function floorlog2(gindex: bigint): number {
  return gindex.toString(2).length - 1;
}

/** Hash tree root of a uint64: its bytes, little-endian, padded. */
export function uint64Root(value: number | bigint): Uint8Array {
  const root = new Uint8Array(32);
  root.set(uintToBytes(value));
  return root;
}

/** Position among the nodes of the same depth. @spec get_subtree_index (altair) */
export function getSubtreeIndex(gindex: bigint): number {
  return Number(gindex - (1n << BigInt(floorlog2(gindex))));
}

/**
 * The generalized index of a field or item.
 * @spec get_generalized_index (ssz/merkle-proofs)
 */
export function getGeneralizedIndex(type: ProvableType<never>, ...path: (string | number)[]): bigint {
  return type.getPathInfo(path).gindex;
}

/**
 * Sibling nodes from the leaf up, in a value small enough to be held as a tree (states have {@link BeaconState.proof}).
 * @spec compute_merkle_proof (altair)
 */
export function computeMerkleProof<V>(type: ProvableType<V>, value: V, gindex: bigint): Uint8Array[] {
  const root = type.toView(value).node;
  const proof: Uint8Array[] = [];
  for (let at = gindex; at > 1n; at >>= 1n) proof.push(getNode(root, at ^ 1n).root);
  return proof;
}

/** Lengthens a branch to the depth of a later fork's index. @spec normalize_merkle_branch (electra) */
export function normalizeMerkleBranch(branch: readonly Uint8Array[], gindex: bigint): Uint8Array[] {
  const extra = Math.max(0, floorlog2(gindex) - branch.length);
  return [...Array.from({ length: extra }, () => new Uint8Array(32)), ...branch];
}

/** @spec is_valid_normalized_merkle_branch (altair) */
export function isValidNormalizedMerkleBranch(
  leaf: Uint8Array,
  branch: readonly Uint8Array[],
  gindex: bigint,
  root: Uint8Array,
): boolean {
  const depth = floorlog2(gindex);
  const extra = branch.length - depth;
  if (extra < 0 || branch.slice(0, extra).some((node) => !bytesEqual(node, ZERO_BYTES32))) return false;
  return isValidMerkleBranch(leaf, branch.slice(extra), depth, getSubtreeIndex(gindex), root);
}
