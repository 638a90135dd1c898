/**
 * Forgets what finality has decided.
 *
 * @see https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/phase0/fork-choice.md
 */
import type { Store } from "./store.ts";

/**
 * Drops blocks that do not descend from the finalized block. What is still asked about stays: the justified block and
 * `rootsInUse`, with everything between them and the finalized block.
 * @param rootsInUse roots not in the tree any more are passed over
 * @returns roots of the dropped blocks, whose blocks and states the owner may drop too
 */
export function prune(store: Store, rootsInUse: readonly Uint8Array[] = []): Uint8Array[] {
  const { array } = store;
  let root = array.indexOf(store.finalizedCheckpoint.root);
  for (const used of [store.justifiedCheckpoint.root, store.unrealizedJustifiedCheckpoint.root, ...rootsInUse]) {
    const row = array.indexOf(used);
    while (row >= 0 && root >= 0 && !array.isAncestor(row, root)) root = array.parent[root]!;
  }
  if (root <= 0) return [];
  const roots = array.roots.slice(0, array.length * 32);
  const moved = array.pruneTo(root);
  store.messages.remap(moved);
  store.headRow = -1;
  const dropped: Uint8Array[] = [];
  for (let row = 0; row < moved.length; row++) {
    if (moved[row] === -1) dropped.push(roots.slice(row * 32, row * 32 + 32));
  }
  return dropped;
}
