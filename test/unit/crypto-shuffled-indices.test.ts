import assert from "node:assert/strict";
import { test } from "node:test";
import { implementation, implementations, useImplementation } from "../../src/crypto/sha256.ts";
import { computeShuffledIndex, computeShuffledIndices, shuffleList } from "../../src/crypto/shuffle.ts";
import { seededRandom } from "../property/random.ts";

const random = seededRandom(3);

test("many indices at once come out as one by one, and as the shuffled list, by every implementation", () => {
  const before = implementation();
  for (const name of implementations()) {
    useImplementation(name);
    for (const [count, rounds] of [
      [1, 10],
      [2, 90],
      [255, 10],
      [257, 90],
      [70_000, 90],
    ] as const) {
      const seed = random.bytes(32);
      const picked = Uint32Array.from({ length: 130 }, () => random.below(count));
      const atOnce = picked.slice();
      computeShuffledIndices(atOnce, 129, count, seed, rounds);
      const list = Uint32Array.from({ length: count }, (_, i) => i);
      shuffleList(list, seed, rounds);
      for (let k = 0; k < 129; k++) {
        assert.equal(atOnce[k], computeShuffledIndex(picked[k]!, count, seed, rounds), `${name}, ${count} items`);
        assert.equal(atOnce[k], list[picked[k]!]);
      }
      assert.equal(atOnce[129], picked[129], "beyond the length nothing changes");
    }
  }
  useImplementation(before);
});

test("indices outside the list are refused", () => {
  const seed = new Uint8Array(32);
  assert.throws(() => computeShuffledIndices(Uint32Array.of(0, 5), 2, 5, seed, 10), RangeError);
  assert.throws(() => computeShuffledIndices(Uint32Array.of(0), 2, 5, seed, 10), RangeError);
  assert.throws(() => computeShuffledIndices(Uint32Array.of(0), 1, 0, seed, 10), RangeError);
  assert.throws(() => computeShuffledIndices(Uint32Array.of(0), 1, 5, new Uint8Array(31), 10));
});
