/**
 * Blocks whose payload the execution engine has not judged yet, and what follows once it does.
 *
 * @see https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/sync/optimistic.md
 */
import { bytesEqual } from "../../base/bytes.ts";
import { SAFE_SLOTS_TO_IMPORT_OPTIMISTICALLY } from "../constants.ts";
import type { BeaconBlock } from "../containers.ts";
import { getHeadRow } from "./get-head.ts";
import { ExecutionStatus } from "./proto-array.ts";
import { isZero, type Store } from "./store.ts";

/** The rows that a verdict of the engine changed. */
export interface InvalidationResult {
  /** Roots of blocks that are out of the tree for good, oldest first. */
  readonly invalidated: Uint8Array[];
  /** The engine now rejects what it had called valid: nothing was changed, and the operator must look. */
  readonly contradiction: Uint8Array | undefined;
}

/** @spec is_optimistic (optimistic sync) */
export function isOptimistic(store: Store, root: Uint8Array): boolean {
  return store.array.executionStatus[store.rowOf(root)] === ExecutionStatus.notValidated;
}

/** The block itself or its latest ancestor that is fully verified. @spec latest_verified_ancestor (optimistic sync) */
export function latestVerifiedAncestor(store: Store, root: Uint8Array): Uint8Array {
  const { array } = store;
  let row = store.rowOf(root);
  while (array.executionStatus[row] === ExecutionStatus.notValidated && array.parent[row]! >= 0)
    row = array.parent[row]!;
  return array.rootAt(row);
}

/**
 * Whether a block may be imported before the engine has judged its payload.
 * @spec is_optimistic_candidate_block (optimistic sync)
 * @param safeSlots the operator may change it to get out of a poisoned tree
 */
export function isOptimisticCandidateBlock(
  store: Store,
  currentSlot: number,
  block: BeaconBlock,
  safeSlots: number = SAFE_SLOTS_TO_IMPORT_OPTIMISTICALLY,
): boolean {
  const parent = store.rowOf(block.parentRoot);
  if (store.array.executionStatus[parent] !== ExecutionStatus.irrelevant) return true;
  return block.slot + safeSlots <= currentSlot;
}

/** Whether nothing may be signed on this store's head: it is not verified, or no viable branch is left. */
export function isOptimisticNode(store: Store): boolean {
  const { array } = store;
  const head = getHeadRow(store);
  const status = array.executionStatus[head];
  const isUnverified = status === ExecutionStatus.notValidated || status === ExecutionStatus.invalidated;
  return isUnverified || array.viable[head] === 0;
}

/**
 * The engine found the block's payload valid, and so every ancestor's.
 * @returns roots that became valid, newest first; if the last one is the merge block, the owner must now run
 * `validateMergeBlock` on it and call `onInvalidPayload` where that fails
 */
export function onValidPayload(store: Store, root: Uint8Array): Uint8Array[] {
  const { array } = store;
  const validated: Uint8Array[] = [];
  for (let row = store.rowOf(root); row >= 0; row = array.parent[row]!) {
    if (array.executionStatus[row] !== ExecutionStatus.notValidated) break;
    array.executionStatus[row] = ExecutionStatus.valid;
    validated.push(array.rootAt(row));
  }
  return validated;
}

/**
 * The engine found a payload invalid: the first bad block of its chain and everything after it leave the tree.
 * @spec how to apply latestValidHash when payload status is INVALID (optimistic sync)
 * @param block.root may be unknown: a block that was refused on import condemns its ancestors all the same
 * @param latestValidHash undefined where the engine answered null
 */
export function onInvalidPayload(
  store: Store,
  block: { readonly root: Uint8Array; readonly parentRoot: Uint8Array },
  latestValidHash: Uint8Array | undefined,
): InvalidationResult {
  const { array } = store;
  const own = array.indexOf(block.root);
  const first = findInvalidRow(
    store,
    own,
    own >= 0 ? array.parent[own]! : array.indexOf(block.parentRoot),
    latestValidHash,
  );
  if (first < 0) return { invalidated: [], contradiction: undefined };
  const rows = descendantsOf(store, first);
  const contradiction = rows.find((row) => array.executionStatus[row] === ExecutionStatus.valid);
  if (contradiction !== undefined) return { invalidated: [], contradiction: array.rootAt(contradiction) };
  const fresh = rows.filter((row) => array.executionStatus[row] !== ExecutionStatus.invalidated);
  for (const row of fresh) array.executionStatus[row] = ExecutionStatus.invalidated;
  if (fresh.length > 0) store.headRow = -1;
  return { invalidated: fresh.map((row) => array.rootAt(row)), contradiction: undefined };
}

/** Row of the first invalid block in the chain of the judged one; -1 when that is only the judged one, not in the tree. */
function findInvalidRow(store: Store, own: number, parent: number, latestValidHash: Uint8Array | undefined): number {
  const { array } = store;
  if (latestValidHash === undefined) return own;
  const wantsFirstPayload = isZero(latestValidHash);
  let child = own;
  for (let row = parent; row >= 0; row = array.parent[row]!) {
    const hash = array.executionBlockHashes.subarray(row * 32, row * 32 + 32);
    const isLastValid = wantsFirstPayload ? isZero(hash) : bytesEqual(hash, latestValidHash);
    if (isLastValid) return child;
    child = row;
  }
  // The tree has no such block. With all zeros every payload in it is bad; otherwise trust only the verdict itself.
  return wantsFirstPayload ? child : own;
}

function descendantsOf(store: Store, first: number): number[] {
  const { array } = store;
  const isBelow = new Uint8Array(array.length);
  isBelow[first] = 1;
  const rows = [first];
  for (let row = first + 1; row < array.length; row++) {
    const parent = array.parent[row]!;
    if (parent < 0 || isBelow[parent] === 0) continue;
    isBelow[row] = 1;
    rows.push(row);
  }
  return rows;
}
