/** The chain with an execution engine that syncs, goes away, changes its mind and lies. */
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { after, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { toHex } from "../../src/base/bytes.ts";
import { type Logger, silentLogger } from "../../src/base/log.ts";
import { produceAttestationData } from "../../src/chain/attestation-data.ts";
import type { ImportResult } from "../../src/chain/import-block.ts";
import { proposalParent } from "../../src/chain/late-reorg.ts";
import { Fork } from "../../src/spec/fork.ts";
import type { BeaconState } from "../../src/spec/state.ts";
import { type BuiltBlock, buildBlock } from "../support/build-block.ts";
import { devSpec, type LocalNode, newFolder, startNode } from "../support/local-node.ts";
import { ScriptedEngine } from "../support/scripted-engine.ts";
import { buildVoted, fromGossip, voteFor, votersOf } from "../support/sim-chain.ts";
import { SimClock } from "../support/sim-clock.ts";

const GENESIS_TIME = 1_700_000_000;
const spec = devSpec(6000, { altair: 0, bellatrix: 0, capella: 0, deneb: 0, electra: 0, fulu: 0 });
const folders: string[] = [];

after(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

interface Sim {
  readonly node: LocalNode;
  readonly engine: ScriptedEngine;
  readonly clock: SimClock;
  /** Messages of errors in the log. */
  readonly errors: string[];
  readonly genesis: BeaconState;
  import(block: BuiltBlock): Promise<ImportResult>;
}

async function start(engine = new ScriptedEngine(), folder = newFolder(), slot = 0): Promise<Sim> {
  folders.push(folder);
  const clock = new SimClock(spec, GENESIS_TIME);
  clock.enter(slot);
  const errors: string[] = [];
  const log: Logger = Object.assign(Object.create(silentLogger), {
    error: (_: unknown, message: string) => errors.push(message),
    child: () => log,
  });
  const node = await startNode({
    ...{ spec, folder, validators: 32, genesisTime: GENESIS_TIME, fork: Fork.fulu, slotClock: clock, engine, log },
  });
  const importBlock = (block: BuiltBlock): Promise<ImportResult> => node.chain.importBlock(fromGossip(block));
  return { node, engine, clock, errors, genesis: node.chain.headState().clone(), import: importBlock };
}

/** Blocks in consecutive slots from 1 on, not imported. */
function blocksOn(genesis: BeaconState, count: number): BuiltBlock[] {
  const blocks: BuiltBlock[] = [];
  for (let slot = 1; slot <= count; slot++) blocks.push(buildBlock(blocks.at(-1)?.state ?? genesis, slot));
  return blocks;
}

function payloadHash({ signedBlock }: BuiltBlock): Uint8Array {
  return signedBlock.message.body.executionPayload.blockHash;
}

async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 400 && !condition(); i++) await sleep(5);
  assert.ok(condition(), "what was waited for did not come");
}

describe("an engine that syncs", () => {
  it("lets blocks in unverified, says so, and verifies them all with one answer", async () => {
    const sim = await start();
    const { chain } = sim.node;
    const blocks = blocksOn(sim.genesis, 3);
    sim.clock.enter(4);
    assert.deepEqual(await sim.import(blocks[0]!), { status: "imported", isOptimistic: false });
    sim.engine.usual = { status: "syncing" };
    for (const block of blocks.slice(1))
      assert.deepEqual(await sim.import(block), { status: "imported", isOptimistic: true });
    assert.equal(toHex(chain.head.root), toHex(blocks[2]!.root));
    assert.ok(chain.head.isOptimistic && chain.syncStatus().isOptimistic);
    assert.throws(() => produceAttestationData(chain, 4, 0), /nothing may be signed/);
    sim.engine.usual = { status: "valid" };
    sim.clock.enter(5);
    await until(() => !chain.head.isOptimistic);
    assert.ok(!chain.syncStatus().isOptimistic);
    await sim.node.stop();
  });

  it("leaves a chain that turns out invalid, and those who build on it are refused", async () => {
    const sim = await start();
    const { chain } = sim.node;
    const blocks = blocksOn(sim.genesis, 4);
    sim.clock.enter(5);
    await sim.import(blocks[0]!);
    sim.engine.usual = { status: "syncing" };
    for (const block of blocks.slice(1, 3)) await sim.import(block);
    assert.equal(toHex(chain.head.root), toHex(blocks[2]!.root));
    // The engine has come to block 2 and finds it bad: the last valid payload is that of block 1.
    const latestValidHash = payloadHash(blocks[0]!);
    sim.engine.set(payloadHash(blocks[3]!), { status: "invalid", latestValidHash, error: "bad gas" });
    const refused = await sim.import(blocks[3]!);
    assert.equal(refused.status === "invalid" && refused.error.code, "PAYLOAD_REFUSED_BY_ENGINE");
    assert.equal(toHex(chain.head.root), toHex(blocks[0]!.root), "the head moves at once");
    assert.ok(!chain.head.isOptimistic);
    const onBad = await sim.import(buildBlock(blocks[2]!.state, 5));
    assert.equal(onBad.status === "invalid" && onBad.error.code, "PARENT_PAYLOAD_INVALIDATED");
    assert.deepEqual(sim.errors, []);
    await sim.node.stop();
  });

  it("hears of a bad ancestor when it tells the head", async () => {
    const sim = await start();
    const { chain } = sim.node;
    const blocks = blocksOn(sim.genesis, 3);
    sim.clock.enter(4);
    await sim.import(blocks[0]!);
    sim.engine.usual = { status: "syncing" };
    for (const block of blocks.slice(1)) await sim.import(block);
    const latestValidHash = payloadHash(blocks[0]!);
    sim.engine.set(payloadHash(blocks[2]!), { status: "invalid", latestValidHash });
    await chain.following.tellHead();
    assert.equal(toHex(chain.head.root), toHex(blocks[0]!.root));
    await sim.node.stop();
  });
});

describe("an engine that contradicts itself", () => {
  it("changes nothing, and the operator is told what to do", async () => {
    const sim = await start();
    const { chain } = sim.node;
    const blocks = blocksOn(sim.genesis, 3);
    sim.clock.enter(4);
    for (const block of blocks.slice(0, 2)) await sim.import(block);
    const latestValidHash = payloadHash(blocks[0]!);
    sim.engine.set(payloadHash(blocks[2]!), { status: "invalid", latestValidHash });
    assert.equal((await sim.import(blocks[2]!)).status, "invalid");
    assert.equal(toHex(chain.head.root), toHex(blocks[1]!.root));
    assert.equal(sim.errors.length, 1);
    assert.match(sim.errors[0]!, /check its database/);
    await sim.node.stop();
  });
});

describe("an engine that goes away", () => {
  it("does not stop the chain, and is brought up to date when it is back", async () => {
    const sim = await start();
    const { chain } = sim.node;
    const blocks = blocksOn(sim.genesis, 4);
    sim.clock.enter(5);
    await sim.import(blocks[0]!);
    sim.engine.become("offline");
    assert.ok(chain.syncStatus().isEngineOffline);
    for (const block of blocks.slice(1))
      assert.deepEqual(await sim.import(block), { status: "imported", isOptimistic: true });
    assert.equal(toHex(chain.head.root), toHex(blocks[3]!.root));
    sim.engine.payloads.length = 0;
    sim.engine.become("synced");
    await until(() => !chain.head.isOptimistic);
    const offered = sim.engine.payloads.map(({ payload }) => toHex(payload.blockHash));
    assert.deepEqual(
      offered,
      blocks.slice(1).map((block) => toHex(payloadHash(block))),
      "oldest first",
    );
    await until(() => toHex(sim.engine.heads.at(-1)!.state.headBlockHash) === toHex(payloadHash(blocks[3]!)));
    await sim.node.stop();
  });

  it("has its verdicts asked for again after a start", async () => {
    const sim = await start();
    const blocks = blocksOn(sim.genesis, 3);
    sim.clock.enter(4);
    for (const block of blocks) await sim.import(block);
    await sim.node.stop();
    const engine = new ScriptedEngine();
    engine.current = "offline";
    const again = await start(engine, sim.node.folder, 4);
    assert.equal(toHex(again.node.chain.head.root), toHex(blocks[2]!.root));
    assert.ok(again.node.chain.head.isOptimistic);
    engine.set(payloadHash(blocks[2]!), { status: "invalid", latestValidHash: payloadHash(blocks[1]!) });
    engine.become("synced");
    await until(() => toHex(again.node.chain.head.root) === toHex(blocks[1]!.root));
    await until(() => !again.node.chain.head.isOptimistic);
    await again.node.stop();
  });
});

describe("a late and weak head", () => {
  /** Slots 1 to 3 in time and voted for; the block of slot 4 comes when its slot is nearly over. */
  async function withLateHead(): Promise<Sim & { parent: BuiltBlock; late: BuiltBlock }> {
    const sim = await start();
    let parent: { root: Uint8Array; state: BeaconState } = { root: sim.node.chain.head.root, state: sim.genesis };
    for (let slot = 1; slot <= 3; slot++) {
      const block: BuiltBlock = slot === 1 ? buildBlock(parent.state, slot) : buildVoted(parent, slot);
      sim.clock.enter(slot, 500);
      await sim.import(block);
      parent = block;
    }
    // Everybody votes for what is there, the late block is not.
    const voters = [3, 4].map((slot) => [voteFor(parent, slot).data, votersOf(parent.state, slot)] as const);
    for (const [data, indices] of voters) sim.node.chain.addVote(data, indices);
    sim.clock.enter(4, 5500);
    const late = buildVoted(parent, 4);
    return { ...sim, parent: parent as BuiltBlock, late };
  }

  it("is withheld from the engine when this node proposes next, and built around", async () => {
    const sim = await withLateHead();
    const { chain } = sim.node;
    chain.isProposing = (slot) => slot === 5;
    const told = sim.engine.heads.length;
    await sim.import(sim.late);
    assert.equal(toHex(chain.head.root), toHex(sim.late.root));
    assert.equal(toHex(chain.following.expectedParent(5)), toHex(sim.parent.root));
    assert.equal(sim.engine.heads.length, told, "the engine has not heard of it");
    sim.clock.enter(5);
    assert.equal(toHex(proposalParent(chain.store, chain.head, 5)), toHex(sim.parent.root));
    // The proposal did not come: the engine must follow after all.
    sim.clock.enter(6);
    await until(() => toHex(sim.engine.heads.at(-1)!.state.headBlockHash) === toHex(payloadHash(sim.late)));
    assert.equal(toHex(proposalParent(chain.store, chain.head, 6)), toHex(sim.late.root), "only the next slot may");
    await sim.node.stop();
  });

  it("is told to the engine at once when somebody else proposes next", async () => {
    const sim = await withLateHead();
    await sim.import(sim.late);
    assert.equal(toHex(sim.node.chain.following.expectedParent(5)), toHex(sim.late.root));
    await until(() => toHex(sim.engine.heads.at(-1)!.state.headBlockHash) === toHex(payloadHash(sim.late)));
    await sim.node.stop();
  });
});
