import assert from "node:assert/strict";
import { copyFileSync, existsSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { StorageError } from "../../../src/base/errors.ts";
import { KeyValue } from "../../../src/db/key-value.ts";
import { encodeRecordHeader, RECORD_HEADER_BYTES, type RecordKind, type StoredRecord } from "../../../src/db/record.ts";
import { SegmentStore } from "../../../src/db/segment-store.ts";
import { recordOf, temporaryFolder } from "./fixtures.ts";

const SECRET = 0x1234567;

class Fixture {
  readonly folder = temporaryFolder();
  readonly kind: RecordKind;
  keyValue!: KeyValue;
  store!: SegmentStore;
  constructor(kind: RecordKind = "block") {
    this.kind = kind;
  }
  async open() {
    this.keyValue = await KeyValue.open(join(this.folder, "index"));
    const parts = { kind: this.kind, folder: join(this.folder, "s"), secret: SECRET, keyValue: this.keyValue };
    const { store, report } = await SegmentStore.open(parts);
    this.store = store;
    return report;
  }
  async close() {
    await this.store.close();
    await this.keyValue.close();
  }
  file(segment = 0) {
    return join(this.folder, "s", `${String(segment).padStart(8, "0")}.segment`);
  }
}

async function assertThere(store: SegmentStore, records: readonly StoredRecord[]) {
  for (const record of records) assert.deepEqual(await store.read(record), record);
}

test("what is appended is read back, by key and by root, before and after opening anew", async () => {
  const fixture = new Fixture();
  await fixture.open();
  const records = [
    recordOf(1),
    recordOf(2),
    recordOf(3, { slot: 2 }),
    recordOf(4, { slot: 8191 }),
    recordOf(5, { slot: 8192 }),
  ];
  await fixture.store.append(records);
  await fixture.store.append(records.slice(1, 3));
  await assertThere(fixture.store, records);
  assert.equal(fixture.store.stats().segments, 2);
  await fixture.close();
  assert.deepEqual(await fixture.open(), { reindexed: 0, cutBytes: 0, lost: 0, removedFiles: 0 });
  await assertThere(fixture.store, records);
  assert.deepEqual(await fixture.store.readByRoot(records[3]!.root), records[3]);
  assert.equal(await fixture.store.readByRoot(new Uint8Array(32)), undefined);
  const slots: number[] = [];
  for await (const [key] of fixture.store.index.entries({ from: 2, to: 8192, limit: 9 })) slots.push(key.slot);
  assert.deepEqual(slots, [2, 2, 8191]);
  await fixture.close();
});

test("appends that wait for the disk share an fsync", async () => {
  const fixture = new Fixture();
  await fixture.open();
  await fixture.store.append([recordOf(0)]);
  const before = fixture.store.stats().syncs;
  const records = Array.from({ length: 40 }, (_, i) => recordOf(i + 1));
  await Promise.all(records.map((record) => fixture.store.append([record])));
  await assertThere(fixture.store, records);
  assert.ok(fixture.store.stats().syncs - before <= 2, `${fixture.store.stats().syncs - before} fsyncs`);
  await fixture.close();
});

test("sidecars of one block lie beside each other by index", async () => {
  const fixture = new Fixture("dataColumnSidecar");
  await fixture.open();
  const block = recordOf(7);
  const columns = [127, 0, 5].map((index) => ({ ...recordOf(7, { index }), root: block.root }));
  await fixture.store.append(columns);
  await assertThere(fixture.store, columns);
  const indices: number[] = [];
  for await (const [key] of fixture.store.index.entries({ from: 7, to: 8, limit: 128 })) indices.push(key.index);
  assert.deepEqual(indices, [0, 5, 127]);
  await fixture.close();
});

test("a record too large for its kind is refused before anything is written", async () => {
  const fixture = new Fixture("blobSidecar");
  await fixture.open();
  const large = { ...recordOf(1), frames: new Uint8Array((1 << 20) + 1) };
  await assert.rejects(fixture.store.append([recordOf(2), large]), StorageError);
  assert.equal(fixture.store.stats().bytesWritten, 0);
  await fixture.close();
});

test("a tail torn at any offset is cut, and what was before it is kept", async () => {
  const fixture = new Fixture();
  await fixture.open();
  const first = recordOf(1, { bytes: 90 });
  await fixture.store.append([first]);
  await fixture.close();
  copyFileSync(fixture.file(), `${fixture.file()}.before`);
  const acknowledged = readFileSync(fixture.file());
  const second = recordOf(2, { bytes: 90 });
  const tail = Buffer.concat([encodeRecordHeader("block", second, SECRET), second.frames]);
  for (let cut = 0; cut <= tail.length; cut += 5) {
    const zeroed = Buffer.concat([tail.subarray(0, cut), Buffer.alloc(tail.length - cut)]);
    const flipped = Buffer.from(tail);
    flipped[Math.min(cut, tail.length - 1)]! ^= 0x10;
    for (const torn of [tail.subarray(0, cut), zeroed, flipped]) {
      writeFileSync(fixture.file(), Buffer.concat([acknowledged, torn]));
      const report = await fixture.open();
      const isWhole = Buffer.compare(torn, tail) === 0;
      assert.equal(report.reindexed, isWhole ? 1 : 0, `cut ${cut}`);
      assert.equal(report.cutBytes, isWhole ? 0 : torn.length);
      await assertThere(fixture.store, [first]);
      if (isWhole) await assertThere(fixture.store, [second]);
      else assert.equal(await fixture.store.read(second), undefined);
      await fixture.close();
      if (isWhole) break;
    }
  }
});

test("an index that is lost is made anew from the files, past damage in their middle", async () => {
  const fixture = new Fixture();
  await fixture.open();
  const records = Array.from({ length: 50 }, (_, i) => recordOf(i, { slot: i * 400 }));
  await fixture.store.append(records);
  const { offset } = (await fixture.store.index.find(records[3]!))!;
  await fixture.close();
  rmSync(join(fixture.folder, "index"), { recursive: true });
  const bytes = readFileSync(fixture.file());
  bytes[offset + RECORD_HEADER_BYTES + 20]! ^= 1;
  writeFileSync(fixture.file(), bytes);
  const report = await fixture.open();
  assert.equal(report.reindexed, 49);
  await assertThere(fixture.store, records.toSpliced(3, 1));
  assert.equal(await fixture.store.read(records[3]!), undefined);
  await fixture.close();
});

test("a record inside of a payload is not taken for one when its maker does not know the secret", async () => {
  const fixture = new Fixture();
  await fixture.open();
  const fake = recordOf(9);
  const inner = Buffer.concat([encodeRecordHeader("block", fake, 0), fake.frames]);
  await fixture.store.append([{ ...recordOf(1), frames: inner }, recordOf(2)]);
  await fixture.close();
  rmSync(join(fixture.folder, "index"), { recursive: true });
  const bytes = readFileSync(fixture.file());
  bytes[64 + 20]! ^= 1;
  writeFileSync(fixture.file(), bytes);
  assert.equal((await fixture.open()).reindexed, 1);
  assert.equal(await fixture.store.read(fake), undefined);
  await assertThere(fixture.store, [recordOf(2)]);
  await fixture.close();
});

test("files shortened or removed by others cost their records and nothing else", async () => {
  const fixture = new Fixture();
  await fixture.open();
  const records = [recordOf(1), recordOf(2), recordOf(3, { slot: 9000 }), recordOf(4, { slot: 20000 })];
  await fixture.store.append(records);
  const { offset } = (await fixture.store.index.find(records[1]!))!;
  await fixture.close();
  truncateSync(fixture.file(0), offset + 10);
  rmSync(fixture.file(1));
  const report = await fixture.open();
  assert.equal(report.lost, 2);
  await assertThere(fixture.store, [records[0]!, records[3]!]);
  assert.equal(await fixture.store.readByRoot(records[1]!.root), undefined);
  assert.equal(await fixture.store.readByRoot(records[2]!.root), undefined);
  await fixture.store.append([records[1]!, records[2]!]);
  await assertThere(fixture.store, records);
  await fixture.close();
});

test("expired segments go whole, and a deletion that was interrupted is finished", async () => {
  const fixture = new Fixture();
  await fixture.open();
  const records = [recordOf(1), recordOf(2, { slot: 8192 }), recordOf(3, { slot: 16384 })];
  await fixture.store.append(records);
  assert.equal(await fixture.store.expire(8191), 0);
  assert.equal(await fixture.store.expire(8192), 1);
  assert.ok(!existsSync(fixture.file(0)));
  assert.equal(await fixture.store.read(records[0]!), undefined);
  await assertThere(fixture.store, records.slice(1));
  // As if the power had gone right after the note that segment 1 is being deleted.
  await fixture.keyValue.batch([fixture.store.index.deletionOperation(1, true)], { sync: true });
  await fixture.close();
  await fixture.open();
  assert.ok(!existsSync(fixture.file(1)));
  assert.equal(await fixture.store.readByRoot(records[1]!.root), undefined);
  await fixture.store.append([records[0]!]);
  await assertThere(fixture.store, [records[0]!, records[2]!]);
  await fixture.close();
  assert.equal((await fixture.open()).lost, 0);
  await assertThere(fixture.store, [records[0]!, records[2]!]);
  await fixture.close();
});

test("a damaged record is an error that says what to do, not another block", async () => {
  const fixture = new Fixture();
  await fixture.open();
  await fixture.store.append([recordOf(1)]);
  const bytes = readFileSync(fixture.file());
  bytes[bytes.length - 1]! ^= 1;
  writeFileSync(fixture.file(), bytes);
  await assert.rejects(fixture.store.read(recordOf(1)), /damaged.*--repair/);
  await fixture.close();
});
