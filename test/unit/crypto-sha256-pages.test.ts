import assert from "node:assert/strict";
import { createHash, randomBytes, randomInt } from "node:crypto";
import { afterEach, describe, test } from "node:test";
import {
  gatherValidators,
  hashRecords,
  hashValidators,
  implementation,
  implementations,
  merkleizePages,
  type PageArena,
  scatterValidators,
  useImplementation,
} from "../../src/crypto/sha256.ts";

const preferred = implementation();
afterEach(() => useImplementation(preferred));

const VALIDATOR_LAYOUT = [48, 32, 8, 1, 8, 8, 8, 8];
const COLUMN_BYTES = VALIDATOR_LAYOUT.slice(1);

function reference(left: Uint8Array, right: Uint8Array): Uint8Array {
  return new Uint8Array(createHash("sha256").update(left).update(right).digest());
}

function rootOf(chunks: Uint8Array[]): Uint8Array {
  let level = chunks.slice();
  while ((level.length & (level.length - 1)) !== 0) level.push(new Uint8Array(32));
  while (level.length > 1)
    level = level.filter((_, i) => i % 2 === 0).map((left, i) => reference(left, level[2 * i + 1]!));
  return level[0]!;
}

function chunksOf(bytes: Uint8Array): Uint8Array[] {
  return Array.from({ length: Math.ceil(bytes.length / 32) }, (_, i) => {
    const chunk = new Uint8Array(32);
    chunk.set(bytes.subarray(32 * i, 32 * i + 32));
    return chunk;
  });
}

function recordRoot(record: Uint8Array, layout: readonly number[]): Uint8Array {
  let at = 0;
  return rootOf(
    layout.map((bytes) => {
      at += bytes;
      return rootOf(chunksOf(record.subarray(at - bytes, at)));
    }),
  );
}

/** Pages in random order over several slabs, as an arena looks after a while. */
class TestArena implements PageArena {
  readonly slabs: Uint8Array[];
  readonly pageBytes: number;
  readonly pagesPerSlab: number;
  readonly free: number[];

  constructor(pageBytes: number, pagesPerSlab: number, slabs: number) {
    this.pageBytes = pageBytes;
    this.pagesPerSlab = pagesPerSlab;
    this.slabs = Array.from({ length: slabs }, () => new Uint8Array(pageBytes * pagesPerSlab));
    this.free = Array.from({ length: pagesPerSlab * slabs }, (_, i) => i);
    for (let i = this.free.length - 1; i > 0; i--) {
      const j = randomInt(i + 1);
      [this.free[i], this.free[j]] = [this.free[j]!, this.free[i]!];
    }
  }

  page(id: number): Uint8Array {
    const at = (id % this.pagesPerSlab) * this.pageBytes;
    return this.slabs[Math.floor(id / this.pagesPerSlab)]!.subarray(at, at + this.pageBytes);
  }

  table(items: number, itemBytes: number): Uint32Array {
    const pages = Math.ceil(items / Math.floor(this.pageBytes / itemBytes));
    return Uint32Array.from({ length: pages }, () => this.free.pop()!);
  }

  item(table: Uint32Array, itemBytes: number, index: number): Uint8Array {
    const perPage = Math.floor(this.pageBytes / itemBytes);
    const at = (index % perPage) * itemBytes;
    return this.page(table[Math.floor(index / perPage)]!).subarray(at, at + itemBytes);
  }
}

interface Registry {
  arena: TestArena;
  tables: Uint32Array[];
  roots: Uint32Array;
  tail: Uint32Array;
  keys: Uint8Array;
  base: number;
  records: Uint8Array[];
}

/** Validators of which many share their numbers, and the last have their keys in the tail. */
function registryOf(count: number, base: number, pageBytes = 4096): Registry {
  const arena = new TestArena(pageBytes, 8, Math.ceil((count * 220) / (pageBytes * 8)) + 4);
  const common = randomBytes(40);
  const records = Array.from({ length: count }, () => {
    const record = new Uint8Array(randomBytes(121));
    if (randomInt(4) !== 0) record.set(common, 121 - 40);
    record[88] = randomInt(8) === 0 ? 1 : 0;
    return record;
  });
  const tables = COLUMN_BYTES.map((bytes) => arena.table(count, bytes));
  const tail = arena.table(count - base, 48);
  const keys = new Uint8Array(48 * base);
  const source = Buffer.concat([new Uint8Array(5), ...records]);
  const allKeys = new Uint8Array(48 * count);
  scatterValidators(arena, tables, source, 5, 0, count, allKeys);
  keys.set(allKeys.subarray(0, 48 * base));
  for (let i = base; i < count; i++) arena.item(tail, 48, i - base).set(allKeys.subarray(48 * i, 48 * i + 48));
  return { arena, tables, roots: arena.table(count, 32), tail, keys, base, records };
}

describe("every implementation against a naive model", () => {
  for (const name of implementations()) {
    test(`${name}: roots of pages`, () => {
      useImplementation(name);
      for (const pageBytes of [64, 1024, 4096, 16384]) {
        const arena = new TestArena(pageBytes, 16, 5);
        for (const slab of arena.slabs) slab.set(randomBytes(slab.length));
        for (const [count, threads] of [
          [0, 1],
          [1, 1],
          [5, 1],
          [70, 3],
        ] as const) {
          const ids = Uint32Array.from({ length: count + 1 }, () => arena.free[randomInt(arena.free.length)]!);
          for (let depth = 0; 32 * 2 ** depth <= pageBytes; depth += depth === 0 ? 1 : 2) {
            const last = randomInt(2 ** depth + 1);
            if (count > 0) arena.page(ids[count - 1]!).fill(0, 32 * last);
            const output = new Uint8Array(32 * count + 1).fill(7);
            merkleizePages(arena, ids, count, depth, last, output, threads);
            for (let k = 0; k < count; k++) {
              const expected = rootOf(chunksOf(arena.page(ids[k]!).subarray(0, 32 * 2 ** depth)));
              assert.deepEqual(output.subarray(32 * k, 32 * k + 32), expected, `page ${k} of ${count}, depth ${depth}`);
            }
            assert.equal(output[32 * count], 7);
          }
        }
      }
    });

    test(`${name}: roots of records`, () => {
      useImplementation(name);
      const layouts = [
        [8],
        [32, 32],
        [48, 32, 8, 96, 8],
        [8, 8],
        [8, 8, 8],
        [1, 33, 64, 65, 200, 3],
        Array(64).fill(2),
      ];
      for (const layout of layouts) {
        const bytes = layout.reduce((sum, field) => sum + field, 0);
        for (const count of [1, 63, 64, 65, 2500]) {
          const arena = new TestArena(1024, 8, Math.ceil((count * (bytes + 32)) / 4096) + 2);
          const data = arena.table(count, bytes);
          const roots = arena.table(count, 32);
          const records = Array.from({ length: count }, () => new Uint8Array(randomBytes(bytes)));
          for (const [i, record] of records.entries()) arena.item(data, bytes, i).set(record);
          const first = randomInt(count);
          hashRecords(arena, data, bytes, Uint8Array.from(layout), roots, null, first, count - first, 2);
          const some = Uint32Array.from({ length: first }, (_, i) => first - 1 - i);
          hashRecords(arena, data, bytes, Uint8Array.from(layout), roots, some, 0, some.length);
          for (const [i, record] of records.entries()) {
            assert.deepEqual(
              arena.item(roots, 32, i),
              recordRoot(record, layout),
              `record ${i} of ${count}, ${layout}`,
            );
          }
        }
      }
    });

    test(`${name}: roots of validators, and there and back again`, () => {
      useImplementation(name);
      for (const [count, base, pageBytes] of [
        [1, 0, 4096],
        [64, 64, 64],
        [129, 100, 256],
        [3000, 2900, 4096],
      ] as const) {
        const r = registryOf(count, base, pageBytes);
        const first = randomInt(count);
        hashValidators(r.arena, r.tables, r.keys, base, r.tail, r.roots, null, first, count - first, 3);
        const some = Uint32Array.from({ length: first }, (_, i) => first - 1 - i);
        hashValidators(r.arena, r.tables, r.keys, base, r.tail, r.roots, some, 0, first);
        for (const [i, record] of r.records.entries()) {
          const expected = recordRoot(record, VALIDATOR_LAYOUT);
          assert.deepEqual(r.arena.item(r.roots, 32, i), expected, `validator ${i} of ${count}`);
        }
        const back = new Uint8Array(121 * (count - first) + 3);
        gatherValidators(r.arena, r.tables, r.keys, base, r.tail, first, count - first, back, 3);
        assert.deepEqual(Buffer.from(back.subarray(3)), Buffer.concat(r.records.slice(first)));
      }
    });
  }
});

test("a slashed byte that is no boolean is refused, with the validator's index, before anything is written", () => {
  const { arena, tables, records } = registryOf(10, 10);
  const before = arena.slabs.map((slab) => slab.slice());
  const source = Buffer.concat(records.slice(0, 4));
  source[121 * 2 + 88] = 2;
  const error = { name: "RangeError", message: /validator 8: slashed/ };
  assert.throws(() => scatterValidators(arena, tables, source, 0, 6, 4, new Uint8Array(48 * 4)), error);
  assert.deepEqual(arena.slabs, before);
});

describe("misuse throws", () => {
  const r = registryOf(200, 150);
  const layout = Uint8Array.of(48, 32);

  function everyCall(arena: PageArena, change: Partial<Registry> = {}): (() => void)[] {
    const { tables, keys, tail, roots } = { ...r, ...change };
    return [
      () => merkleizePages(arena, roots, 1, 7, 128, new Uint8Array(32)),
      () => hashRecords(arena, roots, 80, layout, tail, null, 0, 1),
      () => hashValidators(arena, tables, keys, 150, tail, roots, null, 0, 1),
      () => scatterValidators(arena, tables, new Uint8Array(121), 0, 0, 1, new Uint8Array(48)),
      () => gatherValidators(arena, tables, keys, 150, tail, 0, 1, new Uint8Array(121), 0),
    ];
  }

  test("arenas of the wrong shape", () => {
    const { slabs } = r.arena;
    const range = [
      { slabs, pageBytes: 4095, pagesPerSlab: 8 },
      { slabs, pageBytes: 32, pagesPerSlab: 8 },
      { slabs, pageBytes: 2 ** 17, pagesPerSlab: 8 },
      { slabs, pageBytes: 4096, pagesPerSlab: 7 },
      { slabs, pageBytes: 4096, pagesPerSlab: 16 },
      { slabs, pageBytes: 4096, pagesPerSlab: 2 ** 30 },
      { slabs, pageBytes: Number.NaN, pagesPerSlab: 8 },
      { slabs, pageBytes: 4096, pagesPerSlab: -8 },
      { slabs: [], pageBytes: 4096, pagesPerSlab: 8 },
      { slabs: slabs.map((slab) => slab.subarray(1)), pageBytes: 4096, pagesPerSlab: 8 },
    ];
    for (const arena of range) for (const call of everyCall(arena)) assert.throws(call, RangeError);
    for (const bad of [undefined, null, {}, "slabs", new Uint8Array(8), slabs.map(() => 1), slabs.map(() => [])]) {
      const arena = { slabs: bad as unknown as Uint8Array[], pageBytes: 4096, pagesPerSlab: 8 };
      for (const call of everyCall(arena)) assert.throws(call, TypeError);
    }
  });

  test("page tables that lead nowhere, are short, or are none", () => {
    const wild = Uint32Array.of(0xffffffff);
    const wildTables = r.tables.map(() => wild);
    for (const call of everyCall(r.arena, { roots: wild, tables: wildTables })) assert.throws(call, RangeError);
    const none = new Uint32Array();
    const noTables = r.tables.map(() => none);
    for (const call of everyCall(r.arena, { roots: none, tables: noTables })) assert.throws(call, RangeError);
    const typed = new Int32Array(8) as unknown as Uint32Array;
    for (const call of everyCall(r.arena, { roots: typed, tables: r.tables.map(() => typed) })) {
      assert.throws(call, TypeError);
    }
    for (const call of everyCall(r.arena, { tables: r.tables.slice(1) }).slice(2)) assert.throws(call, RangeError);
    assert.throws(() => merkleizePages(r.arena, r.roots, r.roots.length + 1, 7, 128, new Uint8Array(9999)), RangeError);
  });

  test("indices, counts and offsets out of range", () => {
    const { arena, tables, keys, tail, roots } = r;
    const hash = (indices: Uint32Array | null, first: number, count: number, base = 150) =>
      hashValidators(arena, tables, keys, base, tail, roots, indices, first, count);
    for (const bad of [-1, 0.5, Number.NaN, 2 ** 33, 2 ** 53, Number.POSITIVE_INFINITY]) {
      assert.throws(() => hash(null, bad, 1), RangeError);
      assert.throws(() => hash(null, 0, bad), RangeError);
      assert.throws(() => hash(null, 0, 1, bad), RangeError);
      assert.throws(() => gatherValidators(arena, tables, keys, 150, tail, 0, 1, new Uint8Array(121), bad), RangeError);
      assert.throws(
        () => scatterValidators(arena, tables, new Uint8Array(121), bad, 0, 1, new Uint8Array(48)),
        RangeError,
      );
      assert.throws(() => merkleizePages(arena, roots, bad, 7, 0, new Uint8Array(32)), RangeError);
      assert.throws(() => merkleizePages(arena, roots, 1, bad, 0, new Uint8Array(32)), RangeError);
      assert.throws(() => merkleizePages(arena, roots, 1, 7, bad, new Uint8Array(32)), RangeError);
    }
    assert.throws(() => hash(null, 2 ** 32 - 1, 2), RangeError);
    assert.throws(() => hash(null, 0, 2 ** 32), RangeError);
    assert.throws(() => hash(Uint32Array.of(1), 0, 2), RangeError);
    assert.throws(() => hash(Uint32Array.of(1, 0xffffffff), 0, 2), RangeError);
    assert.throws(() => hash(undefined as unknown as null, 0, 1), TypeError);
    assert.throws(() => hash(null, 0, 1, 151), RangeError, "more keys than there are");
    assert.throws(() => merkleizePages(arena, roots, 1, 8, 0, new Uint8Array(32)), RangeError, "deeper than a page");
    assert.throws(() => merkleizePages(arena, roots, 1, 7, 129, new Uint8Array(32)), RangeError);
    assert.throws(() => merkleizePages(arena, roots, 2, 7, 0, new Uint8Array(63)), RangeError);
    assert.throws(() => scatterValidators(arena, tables, new Uint8Array(121), 1, 0, 1, new Uint8Array(48)), RangeError);
    assert.throws(() => scatterValidators(arena, tables, new Uint8Array(121), 0, 0, 1, new Uint8Array(47)), RangeError);
    assert.throws(() => gatherValidators(arena, tables, keys, 150, tail, 0, 2, new Uint8Array(241), 0), RangeError);
  });

  test("layouts that do not cover the record", () => {
    const { arena, roots, tail } = r;
    const hash = (bytes: number, fields: Uint8Array) => hashRecords(arena, roots, bytes, fields, tail, null, 0, 1);
    assert.throws(() => hash(81, layout), RangeError);
    assert.throws(() => hash(0, new Uint8Array()), RangeError);
    assert.throws(() => hash(8, Uint8Array.of(8, 0)), RangeError);
    assert.throws(() => hash(65, new Uint8Array(65).fill(1)), RangeError);
    assert.throws(() => hash(4097, layout), RangeError);
    assert.throws(() => hash(80, [48, 32] as unknown as Uint8Array), TypeError);
  });

  test("detached slabs, also when reading another detaches them", () => {
    const arena = new TestArena(4096, 8, 2);
    const [first] = arena.slabs as [Uint8Array<ArrayBuffer>];
    structuredClone(first.buffer, { transfer: [first.buffer] });
    assert.throws(() => merkleizePages(arena, Uint32Array.of(0), 1, 7, 128, new Uint8Array(32)), RangeError);

    const slabs = [new Uint8Array(32768), new Uint8Array(32768)];
    const ids = Uint32Array.of(0, 8);
    Object.defineProperty(slabs, 1, {
      get() {
        for (const held of [slabs[0]!, ids]) structuredClone(held.buffer, { transfer: [held.buffer as ArrayBuffer] });
        return new Uint8Array(32768);
      },
    });
    const trap = { slabs, pageBytes: 4096, pagesPerSlab: 8 };
    assert.throws(() => merkleizePages(trap, ids, 2, 7, 128, new Uint8Array(64)), RangeError);
    const failing = [new Uint8Array(32768)];
    Object.defineProperty(failing, 0, {
      get() {
        throw new SyntaxError("no slab");
      },
    });
    const other = { slabs: failing, pageBytes: 4096, pagesPerSlab: 8 };
    assert.throws(() => merkleizePages(other, Uint32Array.of(0), 1, 7, 128, new Uint8Array(32)), SyntaxError);
  });
});
