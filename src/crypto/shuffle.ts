/**
 * The swap-or-not shuffle, of one index and of a whole list at once.
 * https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/phase0/beacon-chain.md
 */

import { sha256Native } from "./sha256-native.ts";

/**
 * Shuffles in place: afterwards `indices[i]` is what was at `computeShuffledIndex(i)`.
 * @param rounds SHUFFLE_ROUND_COUNT of the preset, at most 255
 * @cost every round swaps within the list once, and hashes one block for each 512 items
 */
export function shuffleList(indices: Uint32Array, seed: Uint8Array, rounds: number, threads = 1): void {
  sha256Native.shuffleList(indices, seed, rounds, threads);
}

/**
 * The place from which the shuffle takes item `index`.
 * @spec compute_shuffled_index (phase0)
 */
export function computeShuffledIndex(index: number, count: number, seed: Uint8Array, rounds: number): number {
  return sha256Native.computeShuffledIndex(index, count, seed, rounds);
}

/**
 * computeShuffledIndex() of the first `length` of several indices, in place.
 * @cost a fraction of one by one: the wide kernels hash for many at once
 */
export function computeShuffledIndices(
  indices: Uint32Array,
  length: number,
  count: number,
  seed: Uint8Array,
  rounds: number,
): void {
  sha256Native.computeShuffledIndices(indices, length, count, seed, rounds);
}
