import assert from "node:assert/strict";
import { test } from "node:test";
import {
  ByteVectorType,
  ContainerType,
  ListBasicType,
  ListCompositeType,
  UintBigintType,
  UintNumberType,
} from "@chainsafe/ssz";
import { Arena } from "../../src/columns/arena.ts";
import { BytesColumn } from "../../src/columns/bytes-column.ts";
import { columnNode } from "../../src/columns/column-node.ts";
import { FlagsColumn } from "../../src/columns/flags-column.ts";
import { RecordColumn } from "../../src/columns/record-column.ts";
import { U64Column } from "../../src/columns/u64-column.ts";
import { type Random, seededRandom } from "./random.ts";

const LIMIT = 1 << 20;
const SEED = Number(process.env.SEED ?? 20);
const STEPS = 400;

/** A column under test, the plain array that it must equal, and how to change one item of both. */
interface Subject<C, T> {
  make(arena: Arena): C;
  clone(column: C): C;
  drop(column: C): void;
  mutate(column: C, model: T[], random: Random): void;
  read(column: C): T[];
  root(column: C): Uint8Array;
  modelRoot(model: T[]): Uint8Array;
}

/** Random edits of a family of clones; every member must keep its own content and root, and no page may leak. */
function checkSubject<C, T>(subject: Subject<C, T>, pageBytes: number): void {
  const random = seededRandom(SEED);
  const arena = new Arena({ pageBytes });
  const family = [{ column: subject.make(arena), model: [] as T[] }];
  for (let step = 0; step < STEPS; step++) {
    const member = family[random.below(family.length)]!;
    const action = random.below(20);
    if (action === 0 && family.length < 6) {
      family.push({ column: subject.clone(member.column), model: member.model.slice() });
    } else if (action === 1 && family.length > 1) {
      subject.drop(member.column);
      family.splice(family.indexOf(member), 1);
    } else if (action < 5) {
      assert.deepEqual(subject.root(member.column), subject.modelRoot(member.model), `seed ${SEED} step ${step}`);
    } else subject.mutate(member.column, member.model, random);
  }
  for (const { column, model } of family) {
    assert.deepEqual(subject.read(column), model);
    assert.deepEqual(subject.root(column), subject.modelRoot(model));
    subject.drop(column);
  }
  assert.ok(arena.pagesUsed <= 2, "only zero pages are left");
}

const u64Type = new ListBasicType(new UintBigintType(8), LIMIT);
const u64Subject = (isScattered: boolean): Subject<U64Column, bigint> => ({
  make: (arena) => new U64Column(arena, { limit: LIMIT, isVector: false }, isScattered),
  clone: (column) => column.clone(),
  drop: (column) => column.drop(),
  mutate(column, model, random) {
    const value = random.uint64();
    const action = random.below(10);
    if (action < 3 || model.length === 0) {
      for (let i = random.below(900); i >= 0; i--) {
        column.push(value + BigInt(i) > 2n ** 64n - 1n ? value : value + BigInt(i));
        model.push(value + BigInt(i) > 2n ** 64n - 1n ? value : value + BigInt(i));
      }
    } else if (action === 3) {
      const length = random.below(model.length + 1);
      column.resize(length);
      model.length = length;
    } else if (action === 4) {
      const grown = model.length + random.below(700);
      column.resize(grown);
      while (model.length < grown) model.push(0n);
    } else if (action === 5) {
      const p = random.below(column.pageCount);
      const values = new Float64Array(column.itemsPerPage);
      const count = column.readPage(p, values);
      if (column.hasHuge(p)) return;
      for (let k = 0; k < count; k += 1 + random.below(64)) {
        values[k] = random.below(1000);
        model[p * column.itemsPerPage + k] = BigInt(values[k]!);
      }
      column.writePage(p, values, count);
    } else {
      const index = random.below(model.length);
      if (action === 6 && value < 2n ** 53n) {
        column.sub(index, Number(value));
        model[index] = model[index]! > value ? model[index]! - value : 0n;
      } else if (action === 7 && model[index]! + value < 2n ** 64n) {
        column.add(index, value);
        model[index] = model[index]! + value;
      } else {
        column.setBig(index, value);
        model[index] = value;
      }
    }
  },
  read: (column) => Array.from({ length: column.length }, (_, i) => column.getBig(i)),
  root: (column) => column.hashTreeRoot(),
  modelRoot: (model) => u64Type.hashTreeRoot(model),
});

const u8Type = new ListBasicType(new UintNumberType(1), LIMIT);
const flagsSubject = (maxValue: number): Subject<FlagsColumn, number> => ({
  make: (arena) => new FlagsColumn(arena, { limit: LIMIT, isVector: false }),
  clone: (column) => column.clone(),
  drop: (column) => column.drop(),
  mutate(column, model, random) {
    const action = random.below(8);
    if (action < 2 || model.length === 0) {
      for (let i = random.below(3000); i >= 0; i--) {
        column.push(i & 7);
        model.push(i & 7);
      }
    } else if (action === 2) {
      const start = random.below(model.length);
      const values = new Uint8Array(random.below(model.length - start + 1));
      column.readRange(start, values.length, values);
      for (let k = 0; k < values.length; k += 1 + random.below(9)) values[k] = random.below(maxValue + 1);
      column.writeRange(start, values.length, values);
      for (let k = 0; k < values.length; k++) model[start + k] = values[k]!;
    } else if (action === 4) {
      const length = random.below(model.length + 50);
      column.resize(length);
      while (model.length < length) model.push(0);
      model.length = length;
    } else if (action === 3 && random.below(4) === 0) {
      const length = random.below(5000);
      column.resetTo(length);
      model.splice(0, model.length, ...new Array(length).fill(0));
    } else {
      const index = random.below(model.length);
      const value = random.below(maxValue + 1);
      column.set(index, value);
      model[index] = value;
    }
  },
  read: (column) => Array.from({ length: column.length }, (_, i) => column.get(i)),
  root: (column) => column.hashTreeRoot(),
  modelRoot: (model) => u8Type.hashTreeRoot(model),
});

const rootType = new ListCompositeType(new ByteVectorType(32), LIMIT);
const rootsSubject: Subject<BytesColumn, Uint8Array> = {
  make: (arena) => new BytesColumn(arena, 32, { limit: LIMIT, isVector: false }),
  clone: (column) => column.clone(),
  drop: (column) => column.drop(),
  mutate(column, model, random) {
    if (random.below(3) === 0 || model.length === 0) {
      for (let i = random.below(200); i >= 0; i--) {
        const bytes = random.bytes(32);
        column.push(bytes);
        model.push(bytes);
      }
    } else {
      const index = random.below(model.length);
      const bytes = random.bytes(32);
      column.set(index, bytes);
      model[index] = bytes;
    }
  },
  read: (column) => Array.from({ length: column.length }, (_, i) => column.get(i)),
  root: (column) => column.hashTreeRoot(),
  modelRoot: (model) => rootType.hashTreeRoot(model),
};

interface Deposit {
  key: Uint8Array;
  amount: bigint;
  signature: Uint8Array;
}
const recordType = new ContainerType({
  key: new ByteVectorType(48),
  amount: new UintBigintType(8),
  signature: new ByteVectorType(96),
});
const recordsType = new ListCompositeType(recordType, LIMIT);
const recordsSubject: Subject<RecordColumn<Deposit>, Deposit> = {
  make: (arena) =>
    new RecordColumn(
      arena,
      {
        recordBytes: 152,
        layout: Uint8Array.of(48, 8, 96),
        encode: (value: Deposit) => recordType.serialize(value),
        decode: (bytes) => recordType.deserialize(bytes),
      },
      { limit: LIMIT, isVector: false },
    ),
  clone: (column) => column.clone(),
  drop: (column) => column.drop(),
  mutate(column, model, random) {
    const deposit = () => ({ key: random.bytes(48), amount: random.uint64(), signature: random.bytes(96) });
    const action = random.below(6);
    if (action < 2 || model.length === 0) {
      for (let i = random.below(60); i >= 0; i--) {
        const value = deposit();
        column.push(value);
        model.push(value);
      }
    } else if (action === 2) {
      const count = random.below(model.length + 1);
      column.dropFront(count);
      model.splice(0, count);
    } else if (action === 3 && random.below(8) === 0) {
      const values = Array.from({ length: random.below(40) }, deposit);
      column.replaceAll(values);
      model.splice(0, model.length, ...values);
    } else {
      const index = random.below(model.length);
      const value = deposit();
      column.set(index, value);
      model[index] = value;
    }
  },
  read: (column) => column.slice(),
  root: (column) => column.hashTreeRoot(),
  modelRoot: (model) => recordsType.hashTreeRoot(model),
};

for (const pageBytes of [512, 4096]) {
  test(`uint64 columns equal a plain array, pages of ${pageBytes}`, () => checkSubject(u64Subject(false), pageBytes));
  test(`scattered uint64 columns equal a plain array, pages of ${pageBytes}`, () =>
    checkSubject(u64Subject(true), pageBytes));
  test(`flag columns equal a plain array, pages of ${pageBytes}`, () => checkSubject(flagsSubject(15), pageBytes));
  test(`wide flag columns equal a plain array, pages of ${pageBytes}`, () =>
    checkSubject(flagsSubject(255), pageBytes));
  test(`root columns equal a plain array, pages of ${pageBytes}`, () => checkSubject(rootsSubject, pageBytes));
  test(`record columns equal a plain array, pages of ${pageBytes}`, () => checkSubject(recordsSubject, pageBytes));
}

test("any node of a column is the one a full tree has", () => {
  const random = seededRandom(SEED);
  const column = new BytesColumn(new Arena({ pageBytes: 256 }), 32, { limit: 1 << 12, isVector: false });
  for (let i = 0; i < 700; i++) column.push(random.bytes(32));
  const type = new ListCompositeType(new ByteVectorType(32), 1 << 12);
  const view = type.toViewDU(Array.from({ length: 700 }, (_, i) => column.get(i)));
  for (let k = 0; k < 300; k++) {
    const height = random.below(13);
    const index = random.below(2 ** (12 - height));
    let node = view.node.left;
    for (let bit = 12 - height - 1; bit >= 0; bit--) node = (index >>> bit) & 1 ? node.right : node.left;
    assert.deepEqual(columnNode(column, height, index), node.root, `height ${height} index ${index}`);
  }
});
