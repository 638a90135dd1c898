/**
 * Leaving a late and weak head out, when a validator of this node proposes the next block.
 * @see https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/phase0/fork-choice.md
 */

import { getProposerHead, shouldOverrideForkchoiceUpdate } from "../spec/fork-choice/proposer-head.ts";
import { getCurrentSlot, type Store } from "../spec/fork-choice/store.ts";
import type { HeadInfo } from "./head.ts";

/**
 * The block that a proposal of the slot after the head's is expected to build on: the head, or its parent. While the
 * head's own slot lasts, its votes are not known, and a late head is expected to stay weak.
 * @param isProposing asked only when all else speaks for the parent: it may cost a walk to the slot
 */
export function expectedParent(store: Store, head: HeadInfo, slot: number, isProposing: () => boolean): Uint8Array {
  if (slot !== head.slot + 1) return head.root;
  if (!shouldOverrideForkchoiceUpdate(store, head.root, true) || !isProposing()) return head.root;
  const { array } = store;
  return array.rootAt(array.parent[array.indexOf(head.root)]!);
}

/** The block to build on, now that the slot has begun. */
export function proposalParent(store: Store, head: HeadInfo, slot: number): Uint8Array {
  // Asked for earlier, the head of the slot before still has its boost.
  const isNow = slot > head.slot && getCurrentSlot(store) === slot;
  return isNow ? getProposerHead(store, head.root, slot) : head.root;
}
