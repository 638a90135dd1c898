import assert from "node:assert/strict";
import { test } from "node:test";
import { BoundedMap, BoundedSet, IndexSet, WindowMap } from "../../../src/base/bounded.ts";

test("BoundedMap evicts the oldest entry and accounts for bytes", () => {
  const evicted: string[] = [];
  const map = new BoundedMap<string, number>({
    limit: 2,
    sizeOf: (value) => value,
    onEvict: (key) => evicted.push(key),
  });
  map.set("a", 10);
  map.set("b", 20);
  const twoEntries = map.bytes;
  map.set("a", 10); // now the newest
  assert.equal(map.bytes, twoEntries);
  map.set("c", 30);
  assert.deepEqual(evicted, ["b"]);
  assert.deepEqual([...map.keys()], ["a", "c"]);
  assert.equal(map.bytes, twoEntries + 10);
  assert.equal(map.delete("a"), true);
  assert.equal(map.delete("a"), false);
  map.delete("c");
  assert.equal(map.bytes, 0);
});

test("BoundedMap keeps entries whose value is undefined in its accounts", () => {
  const map = new BoundedMap<string, undefined>({ limit: 4 });
  map.set("a", undefined);
  assert.equal(map.has("a"), true);
  assert.equal(map.delete("a"), true);
  assert.equal(map.bytes, 0);
});

test("bounded collections refuse a limit below one", () => {
  assert.throws(() => new BoundedMap({ limit: 0 }), RangeError);
  assert.throws(() => new BoundedSet({ limit: Number.NaN }), RangeError);
});

test("IndexSet holds what a Set holds, in a bitmap", () => {
  const bits = new IndexSet(1000);
  const model = new Set<number>();
  for (let i = 0; i < 300; i++) {
    const index = (i * i * 7 + 3) % 1000;
    bits.add(index);
    model.add(index);
  }
  for (let i = 0; i < 1100; i++) assert.equal(bits.has(i), model.has(i), `index ${i}`);
  assert.equal(bits.size, model.size);
  assert.ok(bits.bytes <= 125);
  assert.throws(() => bits.add(1000), RangeError);
  assert.equal(bits.has(Number.POSITIVE_INFINITY), false);
  bits.clear();
  assert.equal(bits.size, 0);
  assert.equal(bits.has(3), false);
});

test("WindowMap forgets the lowest window first", () => {
  const windows = new WindowMap({ limit: 2, create: () => new IndexSet(100) });
  windows.open(5).add(1);
  windows.open(7).add(2);
  windows.open(6).add(3);
  assert.equal(windows.get(5), undefined);
  assert.equal(windows.get(6)?.has(3), true);
  windows.open(1).add(9); // lower than all that are kept: accepted, not kept
  assert.equal(windows.get(1), undefined);
  assert.equal(windows.size, 2);
  windows.prune(7);
  assert.equal(windows.size, 1);
  assert.equal(windows.get(7)?.has(2), true);
  assert.ok(windows.bytes > 0);
});
