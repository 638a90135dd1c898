import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { StorageError } from "../../../src/base/errors.ts";
import { Database } from "../../../src/db/database.ts";
import { Bucket, KeyValue } from "../../../src/db/key-value.ts";
import type { Migration } from "../../../src/db/schema.ts";
import { createChainSpec } from "../../../src/spec/chain-spec.ts";
import { MAINNET_CONFIG } from "../../../src/spec/config.ts";
import { recordOf, someState, spec, temporaryFolder } from "./fixtures.ts";

const key = (text: string) => new Uint8Array(Buffer.from(text));

test("buckets do not see each other, and ranges end where they should", async () => {
  const keyValue = await KeyValue.open(join(temporaryFolder(), "kv"));
  const put = (bucket: Bucket, name: string) => ({ type: "put" as const, bucket, key: key(name), value: key(name) });
  const operations = ["", "a", "b", "c"].map((name) => put(Bucket.values, name));
  await keyValue.batch([...operations, put(Bucket.canonicalRoots, "b"), put(Bucket.deletions, "z")], { sync: true });
  const read = async (range: { from?: Uint8Array; to?: Uint8Array; limit: number; reverse?: boolean }) => {
    const names: string[] = [];
    for await (const [name] of keyValue.entries(Bucket.values, range)) names.push(Buffer.from(name).toString());
    return names;
  };
  assert.deepEqual(await read({ limit: 9 }), ["", "a", "b", "c"]);
  assert.deepEqual(await read({ limit: 2, reverse: true }), ["c", "b"]);
  assert.deepEqual(await read({ from: key("a"), to: key("c"), limit: 9 }), ["a", "b"]);
  assert.equal(await keyValue.get(Bucket.values, key("z")), undefined);
  const large = { type: "put" as const, bucket: Bucket.values, key: key("l"), value: new Uint8Array((1 << 20) + 1) };
  await assert.rejects(keyValue.batch([large], { sync: false }), RangeError);
  await keyValue.close();
  await assert.rejects(keyValue.get(Bucket.values, key("a")), StorageError);
});

test("a database in use is refused to others, in this process and another", async () => {
  const folder = temporaryFolder();
  const database = await Database.open(spec, folder);
  await assert.rejects(Database.open(spec, folder), /in use/);
  await assert.rejects(Database.rebuildIndex(spec, folder), /in use/);
  const main = new URL("../../../src/main.ts", import.meta.url).pathname;
  const args = [main, "db", "stats", "--preset", "minimal", "--datadir", folder];
  const other = spawnSync(process.execPath, args, { encoding: "utf8" });
  assert.equal(other.status, 3, other.stdout);
  assert.match(other.stderr, /in use by another process/);
  await database.blocks.append([recordOf(1)]);
  await database.close();
  await (await Database.open(spec, folder)).close();
});

test("another network's and a newer program's database are refused and left as they are", async () => {
  const folder = temporaryFolder();
  await assert.rejects(Database.open(spec, folder, { create: false }), /no database/);
  await (await Database.open(spec, folder)).close();
  await assert.rejects(Database.open(createChainSpec(MAINNET_CONFIG), folder), /of minimal 00000001, not of mainnet/);
  const file = join(folder, "database.json");
  writeFileSync(file, readFileSync(file, "utf8").replace('"version": 1', '"version": 2'));
  await assert.rejects(Database.open(spec, folder), /layout 2.*up to 1.*newer program/);
  writeFileSync(file, "{");
  await assert.rejects(Database.open(spec, folder), /damaged/);
});

test("migrations run in order, once, and again when they were interrupted", async () => {
  const folder = temporaryFolder();
  const database = await Database.open(spec, folder);
  await database.blocks.append([recordOf(1)]);
  await database.keyValue.batch([{ type: "put", bucket: Bucket.values, key: key("old"), value: key("v") }], {
    sync: true,
  });
  await database.close();
  const runs: string[] = [];
  let failures = 1;
  const rename = (from: number, before: string, after: string): Migration => ({
    from,
    what: `rename ${before} to ${after}`,
    async run({ keyValue }) {
      runs.push(after);
      const value = await keyValue.get(Bucket.values, key(before));
      if (value !== undefined) {
        const put = { type: "put" as const, bucket: Bucket.values, key: key(after), value };
        await keyValue.batch([put, { type: "del", bucket: Bucket.values, key: key(before) }], { sync: true });
      }
      if (from === 2 && failures-- > 0) throw new StorageError("the power went");
    },
  });
  const schema = { migrations: [rename(2, "new", "newest"), rename(1, "old", "new")], version: 3 };
  await assert.rejects(Database.open(spec, folder, { schema }), /the power went/);
  await assert.rejects(Database.open(spec, folder), /layout 2/);
  const migrated = await Database.open(spec, folder, { schema });
  assert.equal(migrated.version, 3);
  assert.deepEqual(runs, ["new", "newest", "newest"]);
  assert.equal(Buffer.from((await migrated.keyValue.get(Bucket.values, key("newest")))!).toString(), "v");
  assert.deepEqual(await migrated.blocks.read(recordOf(1)), recordOf(1));
  await migrated.close();
  await (await Database.open(spec, folder, { schema })).close();
  assert.equal(runs.length, 3);
  const gap = { migrations: [], version: 4 };
  await assert.rejects(Database.open(spec, folder, { schema: gap }), /layout 3, from which nothing leads to 4/);
});

test("a check finds damage and says where; repair takes it out; what is left passes", async () => {
  const folder = temporaryFolder();
  const database = await Database.open(spec, folder);
  const records = Array.from({ length: 20 }, (_, i) => recordOf(i));
  await database.blocks.append(records);
  await database.states.writeSnapshot(someState());
  assert.deepEqual(await database.check(), []);
  const { offset } = (await database.blocks.index.find(records[7]!))!;
  const file = join(folder, "blocks", "00000000.segment");
  const bytes = readFileSync(file);
  bytes[offset + 100]! ^= 4;
  writeFileSync(file, bytes);
  await database.keyValue.batch(database.blocks.index.removeOperations(records[3]!, true), { sync: true });
  const problems = await database.check({ repair: true });
  assert.equal(problems.length, 3, problems.join("\n"));
  assert.match(problems[0]!, /slot 3\) is not in the index/);
  assert.match(problems[1]!, /no sound record/);
  assert.match(problems[2]!, /slot 7/);
  assert.equal(await database.blocks.readByRoot(records[7]!.root), undefined);
  assert.deepEqual(await database.blocks.readByRoot(records[3]!.root), records[3]);
  assert.equal((await database.check()).length, 1);
  await database.close();
});

test("an index damaged beyond opening is made anew", async () => {
  const folder = temporaryFolder();
  const database = await Database.open(spec, folder);
  const records = Array.from({ length: 20 }, (_, i) => recordOf(i));
  await database.blocks.append(records);
  await database.close();
  const index = join(folder, "index");
  for (const name of readdirSync(index)) if (name.startsWith("MANIFEST")) rmSync(join(index, name));
  await assert.rejects(Database.open(spec, folder), StorageError);
  const again = await Database.rebuildIndex(spec, folder);
  assert.equal(again.report.records.block.reindexed, 20);
  for (const record of records) assert.deepEqual(await again.blocks.read(record), record);
  assert.deepEqual(await again.check(), []);
  await again.close();
});

test("pruning takes expired records, canonical entries and old snapshots", async () => {
  const folder = temporaryFolder();
  const database = await Database.open(spec, folder);
  const slots = [5, 8191, 8192, 20000];
  const records = slots.map((slot) => recordOf(slot));
  await database.blocks.append(records);
  await database.canonical.add(records);
  await database.states.writeSnapshot(someState(16));
  assert.deepEqual(await database.canonical.root(8192), records[2]!.root);
  assert.deepEqual(
    (await database.canonical.range(6, 2)).map(({ slot }) => slot),
    [8191, 8192],
  );
  assert.deepEqual(await database.prune({ before: { block: 16000 }, keepSnapshots: 1 }), { segments: 1, states: 0 });
  assert.equal(await database.canonical.root(5), undefined);
  assert.deepEqual(await database.canonical.root(20000), records[3]!.root);
  await database.compact();
  const stats = await database.stats();
  assert.equal(stats.records[0]!.segments, 2);
  assert.equal(stats.states.snapshots, 1);
  assert.ok(stats.records[0]!.bytesWritten > 0 && stats.states.bytesWritten > 0 && stats.index.bytesWritten > 0);
  assert.deepEqual(await database.check(), []);
  await database.close();
});
