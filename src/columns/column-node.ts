import { hash64, zeroHash } from "../crypto/sha256.ts";
import type { Column } from "./column.ts";

/**
 * Root of the subtree of 2^height packed leaves that starts at leaf `index << height`.
 *
 * Whole pages come from the kept roots; at most a page's worth of hashing is done on the way.
 */
export function columnNode(column: Column, height: number, index: number): Uint8Array {
  column.dataRoot();
  return nodeOf(column, height, index);
}

function nodeOf(column: Column, height: number, index: number): Uint8Array {
  const usedLeaves = Math.ceil((column.length * column.itemBytes) / 32);
  if (index * 2 ** height >= usedLeaves) return zeroHash(height);
  const pageDepth = Math.log2(column.arena.pageBytes / 32);
  if (height === 0) return leafOf(column, index, pageDepth);
  if (height % pageDepth === 0) {
    const kept = column.pageRoot(height / pageDepth, index);
    if (kept !== null) return kept;
  }
  return hash64(nodeOf(column, height - 1, index * 2), nodeOf(column, height - 1, index * 2 + 1));
}

function leafOf(column: Column, index: number, pageDepth: number): Uint8Array {
  const leavesAPage = 2 ** pageDepth;
  const page = Math.floor(index / leavesAPage);
  const at = (index % leavesAPage) * 32;
  return column.arena.page(column.pages.table[page]!).slice(at, at + 32);
}
