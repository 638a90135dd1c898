/**
 * Which block to build on: the head, or its parent when the head came late and nobody voted for it.
 *
 * @see https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/phase0/fork-choice.md
 */
import { bytesEqual } from "../../base/bytes.ts";
import { assertValid } from "../../base/errors.ts";
import { getBeaconCommittee, getCommitteeCountPerSlot } from "../accessors.ts";
import { BASIS_POINTS } from "../constants.ts";
import { computeEpochAtSlot } from "../misc.ts";
import type { BalanceSource } from "./balance-source.ts";
import { getHeadRow } from "./get-head.ts";
import {
  checkpointsEqual,
  getCurrentSlot,
  getTimeIntoSlotMs,
  getUnrealizedJustification,
  type Store,
} from "./store.ts";

/** @spec is_head_late (phase0) */
export function isHeadLate(store: Store, headRow: number): boolean {
  return store.array.timely[headRow] === 0;
}

/** @spec is_ffg_competitive (phase0) */
export function isFfgCompetitive(store: Store, headRow: number, parentRow: number): boolean {
  return checkpointsEqual(getUnrealizedJustification(store, headRow), getUnrealizedJustification(store, parentRow));
}

/** @spec is_finalization_ok (phase0) */
export function isFinalizationOk(store: Store, slot: number): boolean {
  const epochs = computeEpochAtSlot(store.spec, slot) - store.finalizedCheckpoint.epoch;
  return epochs <= store.spec.config.REORG_MAX_EPOCHS_SINCE_FINALIZATION;
}

/** @spec is_proposing_on_time (phase0) */
export function isProposingOnTime(store: Store): boolean {
  const { PROPOSER_REORG_CUTOFF_BPS, SLOT_DURATION_MS } = store.spec.config;
  return getTimeIntoSlotMs(store) <= Math.floor((PROPOSER_REORG_CUTOFF_BPS * SLOT_DURATION_MS) / BASIS_POINTS);
}

/** Whether few voted for the head; equivocators of its slot count as if they had. @spec is_head_weak (phase0) */
export function isHeadWeak(store: Store, headRow: number): boolean {
  const balances = currentBalances(store);
  let increments = store.array.weight[headRow]!;
  if (store.messages.equivocatingCount > 0) increments += equivocatingWeight(store, headRow, balances);
  const { REORG_HEAD_WEIGHT_THRESHOLD } = store.spec.config;
  return balances.toGwei(increments) < calculateCommitteeFraction(store, balances, REORG_HEAD_WEIGHT_THRESHOLD);
}

/** Whether the votes missing at the head went to its parent. @spec is_parent_strong (phase0) */
export function isParentStrong(store: Store, headRow: number): boolean {
  const balances = currentBalances(store);
  const parentWeight = balances.toGwei(store.array.weight[store.array.parent[headRow]!]!);
  return parentWeight > calculateCommitteeFraction(store, balances, store.spec.config.REORG_PARENT_WEIGHT_THRESHOLD);
}

/** Whether the proposer made another block for the same slot. @spec is_proposer_equivocation (phase0) */
export function isProposerEquivocation(store: Store, row: number): boolean {
  const { slot, proposerIndex, length } = store.array;
  for (let other = 0; other < length; other++) {
    const isSame = slot[other] === slot[row] && proposerIndex[other] === proposerIndex[row];
    if (isSame && other !== row) return true;
  }
  return false;
}

/**
 * The block that a proposer of `slot` builds on.
 * @spec get_proposer_head (phase0)
 * @throws InvalidBlock while the head still has its boost: ask after the head's slot
 */
export function getProposerHead(store: Store, headRoot: Uint8Array, slot: number): Uint8Array {
  const { array } = store;
  const head = store.rowOf(headRoot);
  const parent = array.parent[head]!;
  if (parent < 0) return headRoot;
  assertValid(!bytesEqual(store.proposerBoostRoot, headRoot), "PROPOSER_BOOST_STILL_ON", { root: headRoot });
  if (array.slot[head]! + 1 !== slot) return headRoot;
  if (isSingleSlotReorgWanted(store, head, slot)) return array.rootAt(parent);
  // A proposer who equivocated deserves no patience, late or not.
  return isProposerEquivocation(store, head) && isHeadWeak(store, head) ? array.rootAt(parent) : headRoot;
}

/**
 * Whether to withhold the news of a late, weak head from the execution engine, because the block of the next slot, which
 * this node proposes, will be built on the head's parent.
 * @spec should_override_forkchoice_update (bellatrix); gone from the pinned version, which leaves the choice to clients
 * @param isProposing whether this node's validator proposes in the slot after the head's
 */
export function shouldOverrideForkchoiceUpdate(store: Store, headRoot: Uint8Array, isProposing: boolean): boolean {
  const { array } = store;
  const head = store.rowOf(headRoot);
  const parent = array.parent[head]!;
  const proposalSlot = array.slot[head]! + 1;
  if (!isProposing || parent < 0 || !isReorgOk(store, head, proposalSlot)) return false;
  const currentSlot = getCurrentSlot(store);
  // In the head's own slot its votes are still to come.
  if (currentSlot === array.slot[head]) return true;
  const isInTime = currentSlot === proposalSlot && isProposingOnTime(store);
  return isInTime && isHeadWeak(store, head) && isParentStrong(store, head);
}

function isSingleSlotReorgWanted(store: Store, head: number, slot: number): boolean {
  return (
    isReorgOk(store, head, slot) && isProposingOnTime(store) && isHeadWeak(store, head) && isParentStrong(store, head)
  );
}

/** What does not depend on votes or on the time of asking. */
function isReorgOk(store: Store, head: number, slot: number): boolean {
  const { array, spec } = store;
  const parent = array.parent[head]!;
  const isEpochBoundary = slot % spec.preset.SLOTS_PER_EPOCH === 0;
  return (
    isHeadLate(store, head) &&
    !isEpochBoundary &&
    isFfgCompetitive(store, head, parent) &&
    isFinalizationOk(store, slot) &&
    array.slot[parent]! + 1 === array.slot[head]
  );
}

/** Gwei. @spec calculate_committee_fraction (phase0) */
function calculateCommitteeFraction(store: Store, balances: BalanceSource, percent: number): bigint {
  return ((balances.totalActiveBalance / BigInt(store.spec.preset.SLOTS_PER_EPOCH)) * BigInt(percent)) / 100n;
}

/** The justified balances, after the tree's weights have been brought up to date with them. */
function currentBalances(store: Store): BalanceSource {
  getHeadRow(store);
  return store.justifiedBalances();
}

function equivocatingWeight(store: Store, headRow: number, balances: BalanceSource): number {
  const root = store.array.rootAt(headRow);
  const slot = store.array.slot[headRow]!;
  const state = store.blockStates.get(root);
  assertValid(state !== undefined, "BLOCK_STATE_UNKNOWN", { root });
  const committees = getCommitteeCountPerSlot(state, computeEpochAtSlot(store.spec, slot));
  let increments = 0;
  for (let index = 0; index < committees; index++) {
    for (const member of getBeaconCommittee(state, slot, index)) {
      if (store.messages.isEquivocating(member)) increments += balances.effectiveOf(member);
    }
  }
  return increments;
}
