import { hash64, zeroHash } from "../crypto/sha256.ts";
import type { Column } from "./column.ts";

/**
 * Root of the subtree of 2^height packed leaves that starts at leaf `index << height`.
 *
 * Whole blocks come from the kept roots; at most a block's worth of hashing is done on the way.
 */
export function columnNode(column: Column, height: number, index: number): Uint8Array {
  column.dataRoot();
  return nodeOf(column, height, index);
}

function nodeOf(column: Column, height: number, index: number): Uint8Array {
  const usedLeaves = Math.ceil((column.length * column.itemBytes) / 32);
  if (index * 2 ** height >= usedLeaves) return zeroHash(height);
  if (height === 0) return column.leaf(index);
  if (height % column.blockDepth === 0) {
    const kept = column.blockRoot(height / column.blockDepth, index);
    if (kept !== null) return kept;
  }
  return hash64(nodeOf(column, height - 1, index * 2), nodeOf(column, height - 1, index * 2 + 1));
}
