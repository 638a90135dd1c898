/** Requests answered from a real database: finalized blocks by their index, the others by fork choice. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Database } from "../../src/db/database.ts";
import type { StoredRecord } from "../../src/db/record.ts";
import type { DataRequest, ServedChunk } from "../../src/spec/requests.ts";
import { type ServeParts, serveRequest } from "../../src/sync/serve.ts";
import { recordOf, spec, temporaryFolder } from "./db/fixtures.ts";

/** A chain of these blocks: those up to the slot are final, the others in fork choice. */
async function openChain(records: readonly StoredRecord[], finalSlot: number) {
  const database = await Database.open(spec, temporaryFolder());
  await database.blocks.append(records);
  const hot = records.filter(({ slot }) => slot > finalSlot);
  await database.canonical.add(records.filter(({ slot }) => slot <= finalSlot));
  const array = {
    slot: hot.map(({ slot }) => slot),
    parent: hot.map((_, row) => row - 1),
    indexOf: () => hot.length - 1,
    rootAt: (row: number) => hot[row]!.root,
    ancestorAt: (_: number, slot: number) => hot.findLastIndex((record) => record.slot <= slot),
  };
  const chain = { spec, database, store: { array }, head: { root: records.at(-1)!.root } };
  return { database, parts: { chain } as unknown as ServeParts };
}

async function slotsOf(parts: ServeParts, request: DataRequest): Promise<number[]> {
  const slots: number[] = [];
  for await (const chunk of serveRequest(parts, request)) slots.push(chunk.slot);
  return slots;
}

const blocksOf = (startSlot: number, count: number): DataRequest => {
  return { protocol: "beacon_blocks_by_range", body: { startSlot, count } };
};

test("a range across the finalized slot comes once and in order", async () => {
  const records = [1, 2, 4, 5, 8, 9, 11].map((slot) => recordOf(slot));
  const { database, parts } = await openChain(records, 5);
  try {
    assert.deepEqual(await slotsOf(parts, blocksOf(0, 100)), [1, 2, 4, 5, 8, 9, 11]);
    assert.deepEqual(await slotsOf(parts, blocksOf(2, 4)), [2, 4, 5]);
    assert.deepEqual(await slotsOf(parts, blocksOf(5, 4)), [5, 8]);
    assert.deepEqual(await slotsOf(parts, blocksOf(9, 3)), [9, 11]);
    assert.deepEqual(await slotsOf(parts, blocksOf(6, 2)), []);
    assert.deepEqual(await slotsOf(parts, blocksOf(12, 5)), []);
    await assert.rejects(slotsOf(parts, blocksOf(Number.POSITIVE_INFINITY, 1)), { code: "INVALID_REQUEST" });
  } finally {
    await database.close();
  }
});

test("no more blocks than a request may have", async () => {
  const most = spec.config.MAX_REQUEST_BLOCKS_DENEB;
  const records = Array.from({ length: most + 20 }, (_, i) => recordOf(i + 1, { bytes: 40 }));
  const { database, parts } = await openChain(records, 0);
  try {
    assert.equal((await slotsOf(parts, blocksOf(1, 1000))).length, most);
  } finally {
    await database.close();
  }
});

test("what is stored goes out as it is", async () => {
  const record = recordOf(3);
  const { database, parts } = await openChain([record], 0);
  try {
    const body = [new Uint8Array(32), record.root];
    const chunks: ServedChunk[] = [];
    for await (const chunk of serveRequest(parts, { protocol: "beacon_blocks_by_root", body })) chunks.push(chunk);
    assert.deepEqual(chunks, [{ slot: 3, frames: record.frames, sszLength: record.sszLength }]);
  } finally {
    await database.close();
  }
});

test("columns by range and by root, each once, in order; what is not here is left out", async () => {
  const blocks = [recordOf(1), recordOf(2)];
  const { database, parts } = await openChain(blocks, 1);
  try {
    const columns = blocks.flatMap((block) => [0, 5, 9].map((index) => ({ ...recordOf(index), ...block, index })));
    await database.dataColumnSidecars.append(columns);
    const range = { startSlot: 1, count: 2, columns: [9, 5, 5, 77] };
    assert.deepEqual(await slotsOf(parts, { protocol: "data_column_sidecars_by_range", body: range }), [1, 1, 2, 2]);
    const roots = [{ blockRoot: blocks[1]!.root, columns: [0, 9, 100_000, Number.POSITIVE_INFINITY] }];
    assert.deepEqual(await slotsOf(parts, { protocol: "data_column_sidecars_by_root", body: roots }), [2, 2]);
  } finally {
    await database.close();
  }
});

test("a node without light-client data says so", async () => {
  const { database, parts } = await openChain([recordOf(1)], 0);
  try {
    const request: DataRequest = { protocol: "light_client_finality_update", body: undefined };
    await assert.rejects(slotsOf(parts, request), { code: "RESOURCE_UNAVAILABLE" });
  } finally {
    await database.close();
  }
});
