/**
 * The swap-or-not shuffle, index by index and as a list.
 * https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/tests/formats/shuffling/README.md
 */
import assert from "node:assert/strict";
import { fromHex } from "../../src/base/bytes.ts";
import { computeShuffledIndex, computeShuffledIndices, shuffleList } from "../../src/crypto/shuffle.ts";
import { specOf } from "./chain.ts";
import { runVectors, type VectorCase } from "./vectors.ts";

runVectors("shuffling", {
  core: (vector: VectorCase) => {
    const { seed, count, mapping } = vector.yaml("mapping") as { seed: string; count: number; mapping: number[] };
    const rounds = specOf(vector).preset.SHUFFLE_ROUND_COUNT;
    const each = Array.from({ length: count }, (_, i) => computeShuffledIndex(i, count, fromHex(seed), rounds));
    assert.deepEqual(each, mapping);
    const atOnce = Uint32Array.from({ length: count }, (_, i) => i);
    if (count > 0) computeShuffledIndices(atOnce, count, count, fromHex(seed), rounds);
    assert.deepEqual(Array.from(atOnce), mapping);
    const list = Uint32Array.from({ length: count }, (_, i) => i);
    shuffleList(list, fromHex(seed), rounds);
    assert.deepEqual(Array.from(list), mapping);
  },
});
