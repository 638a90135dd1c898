/** Blocks with blobs whose columns come late, in part, or from the execution client. */
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { toHex } from "../../src/base/bytes.ts";
import type { IncomingBlock } from "../../src/chain/incoming-block.ts";
import { blobToKzgCommitment, computeCellsAndKzgProofs } from "../../src/crypto/kzg.ts";
import type { DataColumnSidecar } from "../../src/spec/containers.ts";
import { type CellsAndProofs, getDataColumnSidecarsFromBlock } from "../../src/spec/das.ts";
import { Fork } from "../../src/spec/fork.ts";
import { kzgCommitmentToVersionedHash } from "../../src/spec/misc.ts";
import type { BeaconState } from "../../src/spec/state.ts";
import { type BuiltBlock, buildBlock } from "../support/build-block.ts";
import { devSpec, type LocalNode, newFolder, startNode } from "../support/local-node.ts";
import { ScriptedEngine } from "../support/scripted-engine.ts";
import { fromGossip } from "../support/sim-chain.ts";
import { SimClock } from "../support/sim-clock.ts";

const GENESIS_TIME = 1_700_000_000;
const spec = devSpec(6000, { altair: 0, bellatrix: 0, capella: 0, deneb: 0, electra: 0, fulu: 0 });
const COLUMNS = spec.preset.NUMBER_OF_COLUMNS;
const folder = newFolder();
const clock = new SimClock(spec, GENESIS_TIME);
const engine = new ScriptedEngine();
const published: string[] = [];
const blob = new Uint8Array(131_072).map((_, i) => (i % 32 === 0 ? 0 : i % 251));
const commitment = blobToKzgCommitment(blob);
let cells: CellsAndProofs;
let node: LocalNode;

/** @param slot one that no other test here uses */
function blockWithBlob(parent: BeaconState, slot: number): { block: BuiltBlock; sidecars: DataColumnSidecar[] } {
  const block = buildBlock(parent, slot, { blobKzgCommitments: [commitment] });
  return { block, sidecars: getDataColumnSidecarsFromBlock(spec, block.signedBlock, [cells]) };
}

async function start(): Promise<void> {
  node = await startNode({
    ...{ spec, folder, validators: 16, genesisTime: GENESIS_TIME, fork: Fork.fulu, slotClock: clock, engine },
    publisher: {
      publish: async ({ topic, subnet }) => void published.push(`${topic}/${subnet}`),
    },
    chainOptions: { availabilityTimeoutMs: 60 },
  });
}

function imported(root: Uint8Array): Promise<void> {
  return new Promise((resolve) => {
    const off = node.chain.events.on("block", (event) => {
      if (toHex(event.root) !== toHex(root)) return;
      off();
      resolve();
    });
  });
}

before(async () => {
  cells = computeCellsAndKzgProofs(blob);
  clock.enter(20);
  await start();
});

after(async () => {
  await node.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function add(block: IncomingBlock, sidecars: readonly DataColumnSidecar[]): Promise<void> {
  await Promise.all(sidecars.map((sidecar) => node.chain.availability.addColumn(block.root, sidecar)));
}

describe("columns of a block", () => {
  it("may come before it", async () => {
    const { block, sidecars } = blockWithBlob(node.chain.headState(), 1);
    const incoming = fromGossip(block);
    await add(incoming, sidecars);
    assert.equal((await node.chain.importBlock(incoming)).status, "imported");
  });

  it("are waited for, asked for, and let the block in when the last one comes", async () => {
    const { block, sidecars } = blockWithBlob(node.chain.headState(), 2);
    const incoming = fromGossip(block);
    const asked: string[] = [];
    node.chain.blockFetcher = { fetchBlock: (root) => void asked.push(toHex(root)) };
    await add(incoming, sidecars.slice(0, 10));
    const result = await node.chain.importBlock(incoming);
    assert.equal(result.status === "unavailable" && result.missing.length, COLUMNS - 10);
    assert.deepEqual(asked, [toHex(block.root)]);
    assert.notEqual(toHex(node.chain.head.root), toHex(block.root));
    const done = imported(block.root);
    // Not half of them at any moment before the last, which would be enough.
    node.chain.recoverData = () => Promise.resolve();
    await add(incoming, sidecars.slice(10));
    await done;
    assert.equal(toHex(node.chain.head.root), toHex(block.root));
  });

  it("are on disk after a start", async () => {
    const { head } = node.chain;
    await node.stop();
    await start();
    assert.equal(toHex(node.chain.head.root), toHex(head.root));
    assert.equal(node.chain.availability.has(head.root, COLUMNS - 1), true);
  });

  it("are made from half of them, kept, and handed on", async () => {
    const { block, sidecars } = blockWithBlob(node.chain.headState(), 3);
    const incoming = fromGossip(block);
    const half = sidecars.filter(({ index }) => index % 2 === 1);
    await add(incoming, half);
    published.length = 0;
    const done = imported(block.root);
    await node.chain.importBlock(incoming);
    await done;
    assert.equal(published.length, COLUMNS / 2);
    assert.ok(published.includes("data_column_sidecar/0"));
    const stored = await node.chain.database.dataColumnSidecars.read({ slot: 3, root: block.root, index: 2 });
    assert.ok(stored !== undefined);
  });

  it("are made from the blobs that the execution client has seen", async () => {
    const { block } = blockWithBlob(node.chain.headState(), 4);
    const [, proofs] = cells;
    engine.blobs.set(toHex(kzgCommitmentToVersionedHash(commitment)), { blob, proofs });
    const done = imported(block.root);
    await node.chain.importBlock(fromGossip(block));
    await done;
    assert.equal(toHex(node.chain.head.root), toHex(block.root));
    engine.blobs.clear();
  });

  it("are not waited for where nobody need keep them any more", async () => {
    const { SLOTS_PER_EPOCH } = spec.preset;
    const { block } = blockWithBlob(node.chain.headState(), node.chain.head.slot + 1);
    const { slot } = block.signedBlock.message;
    const lastEpoch = Math.floor(slot / SLOTS_PER_EPOCH) + spec.config.MIN_EPOCHS_FOR_DATA_COLUMN_SIDECARS_REQUESTS;
    clock.enter(lastEpoch * SLOTS_PER_EPOCH);
    const incoming = fromGossip(block);
    assert.equal(node.chain.availability.missing(incoming).length, COLUMNS);
    clock.enter((lastEpoch + 1) * SLOTS_PER_EPOCH);
    assert.deepEqual(await node.chain.importBlock(incoming), { status: "imported", isOptimistic: false });
  });
});
