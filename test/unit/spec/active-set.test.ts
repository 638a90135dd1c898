import assert from "node:assert/strict";
import { test } from "node:test";
import { ActiveSet, activeSetWords } from "../../../src/spec/active-set.ts";
import { seededRandom } from "../../property/random.ts";

function activeSet(length: number, members: Iterable<number>): ActiveSet {
  const bits = new Uint32Array(activeSetWords(length));
  for (const i of members) bits[i >>> 5]! |= 1 << (i & 31);
  return new ActiveSet(bits);
}

test("counts, finds and lists its members", () => {
  const random = seededRandom(11);
  for (const [length, chance] of [
    [0, 2],
    [1, 1],
    [31, 2],
    [32, 1],
    [513, 40],
    [5000, 2],
    [5000, 1],
    [9000, 900],
  ] as const) {
    const members = Array.from({ length }, (_, i) => i).filter(() => random.below(chance) === 0);
    const set = activeSet(length, members);
    assert.equal(set.count, members.length);
    assert.deepEqual(Array.from(set.toIndices()), members);
    for (let k = 0; k < members.length; k++) assert.equal(set.select(k), members[k]);
    const known = new Set(members);
    for (let i = 0; i < length + 70; i++) assert.equal(set.has(i), known.has(i));
    assert.throws(() => set.select(members.length), RangeError);
    assert.throws(() => set.select(-1), RangeError);
  }
});

test("is equal to a set of the same members, whatever the length of the registry", () => {
  const set = activeSet(600, [3, 511, 599]);
  assert.ok(set.equals(activeSet(4000, [3, 511, 599])));
  assert.ok(activeSet(4000, [3, 511, 599]).equals(set));
  assert.ok(!set.equals(activeSet(600, [3, 511])));
  assert.ok(!set.equals(activeSet(600, [3, 510, 599])));
  assert.ok(!set.equals(activeSet(4000, [3, 511, 3599])));
});
