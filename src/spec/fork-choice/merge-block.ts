/**
 * The one block that carried the chain from proof of work to proof of stake.
 *
 * @see https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/bellatrix/fork-choice.md
 */
import { bytesEqual } from "../../base/bytes.ts";
import { assertValid } from "../../base/errors.ts";
import type { ChainSpec } from "../chain-spec.ts";
import type { BeaconBlock, PowBlock } from "../containers.ts";
import { Fork } from "../fork.ts";
import { forkTypes } from "../fork-types.ts";
import { computeEpochAtSlot } from "../misc.ts";
import { isMergeTransitionComplete } from "../predicates.ts";
import type { BeaconState } from "../state.ts";
import { isZero } from "./store.ts";

/** Finds a block of the proof-of-work chain; undefined while the execution layer does not have it. */
export type GetPowBlock = (blockHash: Uint8Array) => PowBlock | undefined;

/**
 * Whether this block brings the first payload of its chain.
 * @spec is_merge_transition_block (bellatrix); from capella on the merge is history
 * @param preState the parent's post-state, perhaps of an earlier fork
 */
export function isMergeTransitionBlock(preState: BeaconState, postState: BeaconState, block: BeaconBlock): boolean {
  if (postState.fork !== Fork.bellatrix) return false;
  if (preState.fork === Fork.bellatrix && isMergeTransitionComplete(preState)) return false;
  return isExecutionBlock(postState, block);
}

/** Whether the block has a payload. @spec is_execution_block (optimistic sync) */
export function isExecutionBlock(state: BeaconState, block: BeaconBlock): boolean {
  if (state.fork < Fork.bellatrix) return false;
  const type = forkTypes(state).ExecutionPayload;
  return !type.equals(block.body.executionPayload, type.defaultValue());
}

/**
 * Checks that the payload's parent is a terminal proof-of-work block.
 * @spec validate_merge_block (bellatrix)
 * @param isOptimistic an unknown proof-of-work block is let through, to be checked once the engine knows it
 */
export function validateMergeBlock(
  spec: ChainSpec,
  block: BeaconBlock,
  getPowBlock: GetPowBlock = () => undefined,
  isOptimistic = false,
): void {
  const { TERMINAL_BLOCK_HASH, TERMINAL_BLOCK_HASH_ACTIVATION_EPOCH, TERMINAL_TOTAL_DIFFICULTY } = spec.config;
  const { parentHash } = block.body.executionPayload;
  if (!isZero(TERMINAL_BLOCK_HASH)) {
    const epoch = computeEpochAtSlot(spec, block.slot);
    assertValid(epoch >= TERMINAL_BLOCK_HASH_ACTIVATION_EPOCH, "MERGE_BLOCK_TOO_EARLY", { epoch });
    assertValid(bytesEqual(parentHash, TERMINAL_BLOCK_HASH), "MERGE_BLOCK_WRONG_PARENT", { parentHash });
    return;
  }
  const powBlock = getPowBlock(parentHash);
  if (powBlock === undefined && isOptimistic) return;
  assertValid(powBlock !== undefined, "MERGE_BLOCK_PARENT_UNKNOWN", { parentHash });
  const powParent = getPowBlock(powBlock.parentHash);
  assertValid(powParent !== undefined, "MERGE_BLOCK_GRANDPARENT_UNKNOWN", { parentHash: powBlock.parentHash });
  const isTerminal =
    powBlock.totalDifficulty >= TERMINAL_TOTAL_DIFFICULTY && powParent.totalDifficulty < TERMINAL_TOTAL_DIFFICULTY;
  assertValid(isTerminal, "MERGE_BLOCK_PARENT_NOT_TERMINAL", { parentHash });
}
