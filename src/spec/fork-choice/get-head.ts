/**
 * LMD-GHOST over the block tree: one pass from the newest block to the oldest.
 *
 * @see https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/phase0/fork-choice.md
 */
import { GENESIS_EPOCH } from "../constants.ts";
import { computeStartSlotAtEpoch } from "../misc.ts";
import type { BalanceSource } from "./balance-source.ts";
import { ExecutionStatus, type ProtoArray } from "./proto-array.ts";
import { compareRoots } from "./root-index.ts";
import { getCurrentStoreEpoch, getVotingSourceEpoch, type Store } from "./store.ts";

/** The proposer's boost as a whole number of increments and a rest below one. */
interface Boost {
  /** 1 for the boosted block and each of its ancestors. */
  readonly path: Uint8Array;
  readonly increments: number;
  readonly hasRest: boolean;
}

/** The root of the head. @spec get_head (phase0) */
export function getHead(store: Store): Uint8Array {
  return store.array.rootAt(getHeadRow(store));
}

/**
 * The row of the head; the pass over the tree is only repeated after a change.
 * @spec get_head, filter_block_tree, get_weight (phase0)
 */
export function getHeadRow(store: Store): number {
  if (store.headRow < 0) {
    const balances = store.justifiedBalances();
    updateBest(store, getBoost(store, balances));
    const justified = store.rowOf(store.justifiedCheckpoint.root);
    store.headRow = store.array.bestDescendant[justified]!;
  }
  return store.headRow;
}

/** The block's weight in Gwei, with the proposer's boost. @spec get_weight (phase0) */
export function getWeight(store: Store, root: Uint8Array): bigint {
  const score = getAttestationScore(store, root);
  const boosted = getBoostedRow(store);
  const isBoosted = boosted >= 0 && store.array.isAncestor(boosted, store.rowOf(root));
  return isBoosted ? score + computeProposerScore(store, store.justifiedBalances()) : score;
}

/** `getWeight` of every row, in one pass. */
export function getWeights(store: Store): bigint[] {
  getHeadRow(store);
  const balances = store.justifiedBalances();
  const { path } = getBoost(store, balances);
  const boost = computeProposerScore(store, balances);
  const scores = Array.from(store.array.weight.subarray(0, store.array.length), (score) => balances.toGwei(score));
  return scores.map((score, row) => (path[row] === 1 ? score + boost : score));
}

/** Gwei of the votes for the block and its descendants, by the justified balances. @spec get_attestation_score (phase0) */
export function getAttestationScore(store: Store, root: Uint8Array): bigint {
  getHeadRow(store);
  return store.justifiedBalances().toGwei(store.array.weight[store.rowOf(root)]!);
}

/** Gwei. @spec compute_proposer_score (phase0) */
export function computeProposerScore(store: Store, balances: BalanceSource): bigint {
  const committeeWeight = balances.totalActiveBalance / BigInt(store.spec.preset.SLOTS_PER_EPOCH);
  return (committeeWeight * BigInt(store.spec.config.PROPOSER_SCORE_BOOST)) / 100n;
}

/** Roots of the leaves that could become head by votes alone. @spec get_filtered_block_tree (phase0) */
export function getViableLeaves(store: Store): Uint8Array[] {
  getHeadRow(store);
  const { array } = store;
  const justified = store.rowOf(store.justifiedCheckpoint.root);
  const leaves: Uint8Array[] = [];
  for (let row = justified; row < array.length; row++) {
    const isLeaf = array.viable[row] === 1 && array.bestChild[row] === -1;
    if (isLeaf && array.isAncestor(row, justified)) leaves.push(array.rootAt(row));
  }
  return leaves;
}

/** Recomputes weight, viability and best descendant of every block. */
function updateBest(store: Store, boost: Boost): void {
  const { array } = store;
  const { parent, weight, votes, bestChild, bestDescendant, viable, executionStatus, length } = array;
  const hasChild = new Uint8Array(length);
  const isViableLeaf = viabilityOfLeaves(store);
  weight.set(votes.subarray(0, length));
  bestChild.fill(-1, 0, length);
  viable.fill(0, 0, length);
  for (let row = length - 1; row >= 0; row--) {
    bestDescendant[row] = bestChild[row]! < 0 ? row : bestDescendant[bestChild[row]!]!;
    if (executionStatus[row] === ExecutionStatus.invalidated) {
      weight[row] = 0;
      continue;
    }
    // A block with children is viable through one of them, never by itself.
    if (hasChild[row] === 0 && isViableLeaf(row)) viable[row] = 1;
    const parentRow = parent[row]!;
    if (parentRow < 0) continue;
    hasChild[parentRow] = 1;
    weight[parentRow]! += weight[row]!;
    if (viable[row] === 0) continue;
    viable[parentRow] = 1;
    if (isBetter(array, row, bestChild[parentRow]!, boost)) bestChild[parentRow] = row;
  }
}

/** Whether a leaf's voting source and finalized block agree with the store. @spec filter_block_tree (phase0) */
function viabilityOfLeaves(store: Store): (row: number) => boolean {
  const currentEpoch = getCurrentStoreEpoch(store);
  const justified = store.justifiedCheckpoint.epoch;
  const { epoch: finalized, root } = store.finalizedCheckpoint;
  const hasFinalized = new Uint8Array(store.array.length);
  store.array.markCheckpoint(store.array.indexOf(root), computeStartSlotAtEpoch(store.spec, finalized), hasFinalized);
  return (row) => {
    const source = getVotingSourceEpoch(store, row, currentEpoch);
    const isSourceRecent = justified === GENESIS_EPOCH || source === justified || source + 2 >= currentEpoch;
    return isSourceRecent && (finalized === GENESIS_EPOCH || hasFinalized[row] === 1);
  };
}

function getBoost(store: Store, balances: BalanceSource): Boost {
  const { length, parent } = store.array;
  const path = new Uint8Array(length);
  for (let row = getBoostedRow(store); row >= 0; row = parent[row]!) path[row] = 1;
  const increment = balances.toGwei(1);
  const score = computeProposerScore(store, balances);
  return { path, increments: Number(score / increment), hasRest: score % increment > 0n };
}

/** Row of the boosted block, or -1. */
function getBoostedRow(store: Store): number {
  const row = store.array.indexOf(store.proposerBoostRoot);
  return row >= 0 && store.array.executionStatus[row] === ExecutionStatus.invalidated ? -1 : row;
}

/** By weight, then by root: of two siblings, the one that the spec's `max` takes. */
function isBetter(array: ProtoArray, row: number, other: number, boost: Boost): boolean {
  if (other < 0) return true;
  const isBoosted = boost.path[row] === 1;
  const isOtherBoosted = boost.path[other] === 1;
  const increments = array.weight[row]! + (isBoosted ? boost.increments : 0);
  const otherIncrements = array.weight[other]! + (isOtherBoosted ? boost.increments : 0);
  if (increments !== otherIncrements) return increments > otherIncrements;
  // Of siblings at most one is boosted, so that only it can have a rest.
  if (boost.hasRest && isBoosted !== isOtherBoosted) return isBoosted;
  return compareRoots(array.roots, row * 32, array.roots, other * 32) > 0;
}
