/**
 * A block enters the tree: rules before the transition, the transition, and what follows from the post-state.
 *
 * @see https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/fulu/fork-choice.md
 */
import { bytesEqual } from "../../base/bytes.ts";
import { assertValid } from "../../base/errors.ts";
import { acceptingEngine, type ExecutionEngine } from "../block/execution-payload.ts";
import { BASIS_POINTS } from "../constants.ts";
import type { BeaconBlock, SignedBeaconBlock } from "../containers.ts";
import { processJustificationAndFinalization } from "../epoch/justification-and-finalization.ts";
import type { Fork } from "../fork.ts";
import { computeEpochAtSlot, computeStartSlotAtEpoch } from "../misc.ts";
import type { Verifier } from "../signature-sets.ts";
import type { BeaconState } from "../state.ts";
import { stateTransition } from "../transition.ts";
import type { Checkpoint } from "./checkpoint-states.ts";
import { getHeadRow } from "./get-head.ts";
import { type GetPowBlock, isMergeTransitionBlock, validateMergeBlock } from "./merge-block.ts";
import { ExecutionStatus } from "./proto-array.ts";
import {
  executionBlockHash,
  getCheckpointRow,
  getCurrentSlot,
  getCurrentStoreEpoch,
  getTimeIntoSlotMs,
  isZero,
  type Store,
  updateCheckpoints,
  updateUnrealizedCheckpoints,
} from "./store.ts";

/** A block as it travels through the node: decoded once, hashed once. */
export interface ReceivedBlock {
  readonly signedBlock: SignedBeaconBlock;
  /** hash_tree_root of the message. */
  readonly root: Uint8Array;
  /** The fork at the block's slot, whose container it was decoded as. */
  readonly fork: Fork;
}

/** What `onBlock` asks of the world outside. */
export interface OnBlockParts {
  readonly verifier: Verifier;
  readonly executionEngine?: ExecutionEngine;
  /** @spec is_data_available (deneb, fulu): asked from deneb on */
  readonly isDataAvailable: (block: ReceivedBlock) => boolean;
  /** Asked for bellatrix's merge transition block only. */
  readonly getPowBlock?: GetPowBlock;
  /** Status of a payload that the engine did not refuse; `valid` unless told. */
  readonly executionStatus?: () => ExecutionStatus;
}

/**
 * Checks a block in full and adds it.
 * @spec on_block (phase0, bellatrix, capella, deneb, fulu)
 * @returns the post-state, for the owner to keep under the block's root; undefined when the block was known
 */
export function onBlock(store: Store, received: ReceivedBlock, parts: OnBlockParts): BeaconState | undefined {
  if (store.array.indexOf(received.root) >= 0) return undefined;
  const block = received.signedBlock.message;
  validateOnBlock(store, block);
  const preState = store.blockStates.get(block.parentRoot);
  assertValid(preState !== undefined, "PARENT_STATE_UNKNOWN", { parentRoot: block.parentRoot });
  // A block whose data is not here yet may be offered again.
  assertValid(parts.isDataAvailable(received), "DATA_UNAVAILABLE", { root: received.root });
  const state = stateTransition(preState.clone(), received.signedBlock, {
    validateResult: true,
    verifier: parts.verifier,
    executionEngine: parts.executionEngine ?? acceptingEngine,
  });
  if (isMergeTransitionBlock(preState, state, block)) validateMergeBlock(store.spec, block, parts.getPowBlock);
  addBlock(store, received, state, parts.executionStatus?.() ?? ExecutionStatus.valid);
  return state;
}

/**
 * The rules that need neither the state nor the block's data; cheap, and worth asking before both.
 * @spec on_block (phase0)
 */
export function validateOnBlock(store: Store, block: BeaconBlock): void {
  const { array, spec, finalizedCheckpoint } = store;
  const parentRow = array.indexOf(block.parentRoot);
  assertValid(parentRow >= 0, "PARENT_UNKNOWN", { parentRoot: block.parentRoot });
  const isParentInvalidated = array.executionStatus[parentRow] === ExecutionStatus.invalidated;
  assertValid(!isParentInvalidated, "PARENT_PAYLOAD_INVALIDATED", { parentRoot: block.parentRoot });
  const currentSlot = getCurrentSlot(store);
  assertValid(currentSlot >= block.slot, "BLOCK_FROM_FUTURE", { slot: block.slot, currentSlot });
  const finalizedSlot = computeStartSlotAtEpoch(spec, finalizedCheckpoint.epoch);
  assertValid(block.slot > finalizedSlot, "BLOCK_NOT_AFTER_FINALIZED", { slot: block.slot, finalizedSlot });
  const checkpointRow = getCheckpointRow(store, parentRow, finalizedCheckpoint.epoch);
  const descends = checkpointRow >= 0 && checkpointRow === array.indexOf(finalizedCheckpoint.root);
  assertValid(descends, "BLOCK_NOT_FROM_FINALIZED", { slot: block.slot, finalized: finalizedCheckpoint.root });
}

/**
 * Adds a block that passed every check elsewhere.
 * @spec on_block, compute_pulled_up_tip (phase0)
 * @param state the post-state; only read
 */
export function addBlock(store: Store, received: ReceivedBlock, state: BeaconState, status: ExecutionStatus): void {
  const { root, fork } = received;
  const block = received.signedBlock.message;
  const isTimely = isBlockTimely(store, block);
  const head = isTimely && isZero(store.proposerBoostRoot) ? store.array.rootAt(getHeadRow(store)) : undefined;
  const payloadHash = executionBlockHash(block, fork);
  const unrealized = computePulledUpTip(state);
  store.array.append({
    ...{ root, parentRoot: block.parentRoot, stateRoot: block.stateRoot },
    ...{ slot: block.slot, proposerIndex: block.proposerIndex, isTimely },
    executionBlockHash: payloadHash,
    executionStatus: isZero(payloadHash) ? ExecutionStatus.irrelevant : status,
    justifiedEpoch: state.currentJustifiedCheckpoint.epoch,
    finalizedEpoch: state.finalizedCheckpoint.epoch,
    unrealizedJustified: unrealized.justified,
    unrealizedFinalizedEpoch: unrealized.finalized.epoch,
  });
  store.headRow = -1;
  if (head) updateProposerBoostRoot(store, head, root);
  updateCheckpoints(store, state.currentJustifiedCheckpoint, state.finalizedCheckpoint);
  updateUnrealizedCheckpoints(store, unrealized.justified, unrealized.finalized);
  const isFromPriorEpoch = computeEpochAtSlot(store.spec, block.slot) < getCurrentStoreEpoch(store);
  if (isFromPriorEpoch) updateCheckpoints(store, unrealized.justified, unrealized.finalized);
}

/** Whether the block came in its own slot, before attesters had to vote. @spec record_block_timeliness (phase0) */
function isBlockTimely(store: Store, block: BeaconBlock): boolean {
  const { ATTESTATION_DUE_BPS, SLOT_DURATION_MS } = store.spec.config;
  const dueMs = Math.floor((ATTESTATION_DUE_BPS * SLOT_DURATION_MS) / BASIS_POINTS);
  return getCurrentSlot(store) === block.slot && getTimeIntoSlotMs(store) < dueMs;
}

/** Justification and finality as if the epoch ended with this block. @spec compute_pulled_up_tip (phase0) */
function computePulledUpTip(state: BeaconState): { justified: Checkpoint; finalized: Checkpoint } {
  const pulledUp = state.clone();
  try {
    processJustificationAndFinalization(pulledUp);
    return { justified: pulledUp.currentJustifiedCheckpoint, finalized: pulledUp.finalizedCheckpoint };
  } finally {
    pulledUp.drop();
  }
}

/**
 * Boosts a timely block, the first of its slot, if its proposer was drawn from the same shuffling as the head's.
 * @spec update_proposer_boost_root (phase0)
 */
function updateProposerBoostRoot(store: Store, head: Uint8Array, root: Uint8Array): void {
  const epoch = getCurrentStoreEpoch(store);
  const headDependent = getShufflingDependentRow(store, head, epoch);
  if (headDependent === getShufflingDependentRow(store, root, epoch)) store.proposerBoostRoot = root;
}

/** -1 for genesis' parent and for whatever is older than the tree. @spec get_shuffling_dependent_root (phase0) */
function getShufflingDependentRow(store: Store, root: Uint8Array, epoch: number): number {
  const { MIN_SEED_LOOKAHEAD } = store.spec.preset;
  if (epoch <= MIN_SEED_LOOKAHEAD) return -1;
  const dependentSlot = computeStartSlotAtEpoch(store.spec, epoch - MIN_SEED_LOOKAHEAD) - 1;
  return store.array.ancestorAt(store.rowOf(root), dependentSlot);
}

/**
 * Whether the finalized chain holds the block that the operator trusts; true while that epoch is not final yet.
 * @spec weak subjectivity sync procedure (phase0)
 */
export function isConsistentWithWeakSubjectivity(store: Store, trusted: Checkpoint): boolean {
  const { epoch, root } = store.finalizedCheckpoint;
  if (epoch < trusted.epoch) return true;
  const row = getCheckpointRow(store, store.rowOf(root), trusted.epoch);
  // What is older than the tree was checked when it was still in it.
  return row < 0 || bytesEqual(store.array.rootAt(row), trusted.root);
}
