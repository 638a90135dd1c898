import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { test } from "node:test";
import { CressetError } from "../../../src/base/errors.ts";
import { compressFrames } from "../../../src/base/snappy.ts";
import { Database } from "../../../src/db/database.ts";
import { exportEra, importEra } from "../../../src/db/era.ts";
import type { StoredRecord } from "../../../src/db/record.ts";
import { Fork } from "../../../src/spec/fork.ts";
import { someState, spec, temporaryFolder } from "./fixtures.ts";

const SPAN = spec.preset.SLOTS_PER_HISTORICAL_ROOT;
const types = spec.types.phase0;

/** A block that says its slot and little else. */
function blockAt(slot: number): StoredRecord {
  const signed = types.SignedBeaconBlock.defaultValue();
  signed.message.slot = slot;
  const ssz = types.SignedBeaconBlock.serialize(signed);
  const root = types.BeaconBlock.hashTreeRoot(signed.message);
  return { slot, root, index: 0, fork: Fork.phase0, sszLength: ssz.length, frames: compressFrames(ssz) };
}

/** The state at the end of era 2, in which every third slot is empty, with its blocks. */
function eraTwo() {
  const state = someState(300, Fork.phase0);
  const blocks: StoredRecord[] = [];
  for (let slot = SPAN; slot < 2 * SPAN; slot++) {
    if (slot % 3 !== 0) blocks.push(blockAt(slot));
    state.blockRoots.set(slot % SPAN, blocks.at(-1)!.root);
  }
  state.slot = 2 * SPAN;
  state.historicalRoots.push(new Uint8Array(32).fill(1));
  state.historicalRoots.push(new Uint8Array(32).fill(0xab));
  return { state, blocks };
}

test("an exported era is laid out as the format says, and imports again", async () => {
  const folder = temporaryFolder();
  const { state, blocks } = eraTwo();
  const database = await Database.open(spec, join(folder, "a"));
  await database.blocks.append(blocks.slice(1));
  await database.blocks.append(blocks.slice(0, 1));
  const path = await exportEra(database, state, folder);
  assert.equal(basename(path), "minimal-00002-abababab.era");
  await database.close();

  const bytes = readFileSync(path);
  assert.equal(bytes.subarray(0, 8).toString("hex"), "6532000000000000");
  assert.equal(bytes.readUInt16LE(8), 1);
  assert.deepEqual(bytes.subarray(16, 16 + blocks[0]!.frames.length), Buffer.from(blocks[0]!.frames));
  const stateIndex = bytes.length - 32;
  assert.equal(bytes.subarray(stateIndex, stateIndex + 8).toString("hex"), "6932180000000000");
  assert.equal(Number(bytes.readBigUInt64LE(stateIndex + 8)), 2 * SPAN);
  assert.equal(bytes.readUInt16LE(stateIndex + Number(bytes.readBigInt64LE(stateIndex + 16))), 2);
  const blockIndex = stateIndex - 8 * (SPAN + 3);
  assert.equal(Number(bytes.readBigUInt64LE(blockIndex + 8)), SPAN);
  assert.equal(blockIndex + Number(bytes.readBigInt64LE(blockIndex + 16)), 8);

  const other = await Database.open(spec, join(folder, "b"));
  const imported = await importEra(other, spec, path, { stateRoot: state.hashTreeRoot() });
  assert.equal(imported.blocks, blocks.length);
  assert.deepEqual(imported.state.hashTreeRoot(), state.hashTreeRoot());
  for (const block of blocks) assert.deepEqual(await other.blocks.read(block), block);
  await assert.rejects(importEra(other, spec, path, { stateRoot: new Uint8Array(32) }), /has a state with root/);
  await other.close();
});

test("the genesis era has a state and no blocks; an era with a missing block is not written", async () => {
  const folder = temporaryFolder();
  const database = await Database.open(spec, join(folder, "a"));
  const genesis = someState(16, Fork.phase0);
  const path = await exportEra(database, genesis, folder);
  const imported = await importEra(database, spec, path);
  assert.equal(imported.blocks, 0);
  assert.deepEqual(imported.state.hashTreeRoot(), genesis.hashTreeRoot());
  const { state, blocks } = eraTwo();
  await database.blocks.append(blocks.toSpliced(10, 1));
  await assert.rejects(exportEra(database, state, folder), /is missing/);
  genesis.slot = 3;
  await assert.rejects(exportEra(database, genesis, folder), /ends no era/);
  await database.close();
});

test("a damaged or cut file is refused, and no foreign block gets in", async () => {
  const folder = temporaryFolder();
  const { state, blocks } = eraTwo();
  const database = await Database.open(spec, join(folder, "a"));
  await database.blocks.append(blocks);
  const path = await exportEra(database, state, folder);
  const bytes = readFileSync(path);
  const other = await Database.open(spec, join(folder, "b"));
  const stateRoot = state.hashTreeRoot();
  for (let k = 0; k < 30; k++) {
    const at = Math.floor((bytes.length * k) / 30);
    writeFileSync(path, bytes.subarray(0, at));
    await assert.rejects(importEra(other, spec, path, { stateRoot }), CressetError);
    const altered = Buffer.from(bytes);
    altered[at]! ^= 0x41;
    writeFileSync(path, altered);
    await importEra(other, spec, path, { stateRoot }).catch((error) => assert.ok(error instanceof CressetError, error));
  }
  for await (const [key] of other.blocks.index.entries({ from: 0, to: 9999, limit: 9999 })) {
    assert.ok(blocks.some(({ slot, root }) => slot === key.slot && Buffer.compare(root, key.root) === 0));
  }
  await other.close();
  await database.close();
});
