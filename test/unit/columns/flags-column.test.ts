import assert from "node:assert/strict";
import { test } from "node:test";
import { Arena } from "../../../src/columns/arena.ts";
import { FlagsColumn } from "../../../src/columns/flags-column.ts";
import { seededRandom } from "../../property/random.ts";

test("orEach sets bits in both layouts, tells what was there, and leaves clones alone", () => {
  const random = seededRandom(7);
  const length = 20_001;
  const column = new FlagsColumn(new Arena(), { limit: 2 ** 40, isVector: false });
  column.resetTo(length);
  const model = new Uint8Array(length);
  for (let round = 0; round < 60; round++) {
    const clone = column.clone();
    const frozen = model.slice();
    const indices = Uint32Array.from({ length: random.below(3000) }, () => random.below(length)).sort();
    // Beyond the fourth bit, from some round on, the column must become one of whole bytes.
    const bits = round < 40 ? random.below(16) : random.below(256);
    const before = new Uint8Array(indices.length);
    column.orEach(indices, bits, before);
    for (let k = 0; k < indices.length; k++) {
      assert.equal(before[k], model[indices[k]!]);
      model[indices[k]!]! |= bits;
    }
    const actual = new Uint8Array(length);
    column.readRange(0, length, actual);
    assert.deepEqual(actual, model);
    clone.readRange(0, length, actual);
    assert.deepEqual(actual, frozen);
    clone.drop();
  }
  assert.throws(() => column.orEach(Uint32Array.of(length), 1, new Uint8Array(1)), RangeError);
});
