/** The chain on a clock that the test moves: finality, branches, time, restarts. */
import assert from "node:assert/strict";
import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { toHex } from "../../src/base/bytes.ts";
import type { ImportResult } from "../../src/chain/import-block.ts";
import { Fork } from "../../src/spec/fork.ts";
import { getWeight } from "../../src/spec/fork-choice/get-head.ts";
import type { BeaconState } from "../../src/spec/state.ts";
import { type BuiltBlock, buildBlock } from "../support/build-block.ts";
import { devSpec, type LocalNode, newFolder, startNode } from "../support/local-node.ts";
import { buildChain, buildVoted, fromGossip, voteFor, votersOf } from "../support/sim-chain.ts";
import { SimClock } from "../support/sim-clock.ts";

const VALIDATORS = 32;
const SLOT_MS = 6000;
/** Some time in the past: nothing here looks at the clock on the wall. */
const GENESIS_TIME = 1_700_000_000;
const spec = devSpec(SLOT_MS, { altair: 0, bellatrix: 0, capella: 0, deneb: 0, electra: 0, fulu: 0 });
const { SLOTS_PER_EPOCH } = spec.preset;
const folders: string[] = [];

after(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

interface Sim {
  readonly node: LocalNode;
  readonly clock: SimClock;
  /** A state of the test's own, so that nothing is shared with the node under test but the code. */
  readonly genesis: { root: Uint8Array; state: BeaconState };
  import(block: BuiltBlock): Promise<ImportResult["status"]>;
}

async function start(options: Partial<Parameters<typeof startNode>[0]> = {}, slot = 0): Promise<Sim> {
  const folder = options.folder ?? newFolder();
  folders.push(folder);
  const clock = new SimClock(spec, GENESIS_TIME);
  clock.enter(slot);
  const node = await startNode({
    ...{ spec, validators: VALIDATORS, genesisTime: GENESIS_TIME, fork: Fork.fulu, slotClock: clock },
    ...options,
    folder,
  });
  return {
    ...{ node, clock, genesis: { root: node.chain.head.root, state: node.chain.headState().clone() } },
    import: async (block) => (await node.chain.importBlock(fromGossip(block, clock.nowMs()))).status,
  };
}

/** Imports a block in each slot up to the last one, in time. @returns the last block */
async function grow(sim: Sim, tip: Sim["genesis"], lastSlot: number): Promise<BuiltBlock> {
  let last: BuiltBlock | undefined;
  for (const block of buildChain(tip, lastSlot)) {
    sim.clock.enter(block.signedBlock.message.slot, 500);
    assert.equal(await sim.import(block), "imported");
    last = block;
  }
  return last!;
}

function checkpoints({ store }: LocalNode["chain"]) {
  const { justifiedCheckpoint: justified, finalizedCheckpoint: finalized } = store;
  return [justified, finalized].map(({ epoch, root }) => `${epoch}/${toHex(root)}`);
}

/** Flips a bit in the middle of the state file with the highest slot. */
function damageNewestState(folder: string): void {
  const states = join(folder, "db", "states");
  const names = readdirSync(states).sort((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10));
  assert.ok(names.length > 1, "an older state is there");
  const path = join(states, names.at(-1)!);
  const bytes = readFileSync(path);
  bytes[bytes.length >> 1]! ^= 1;
  writeFileSync(path, bytes);
}

describe("a chain with everybody's votes", () => {
  it("finalizes, prunes, and starts again with the same head and checkpoints, killed or stopped", async () => {
    const sim = await start();
    const { chain } = sim.node;
    const finalizedEpochs: number[] = [];
    chain.events.on("finalized_checkpoint", ({ epoch }) => finalizedEpochs.push(epoch));
    const last = await grow(sim, sim.genesis, 5 * SLOTS_PER_EPOCH + 3);
    assert.equal(toHex(chain.head.root), toHex(last.root));
    assert.equal(chain.store.justifiedCheckpoint.epoch, 4);
    assert.equal(chain.store.finalizedCheckpoint.epoch, 3);
    assert.deepEqual(finalizedEpochs, [1, 2, 3].slice(-finalizedEpochs.length));
    assert.ok(chain.store.array.slot[0]! >= 2 * SLOTS_PER_EPOCH, "the tree begins near the finalized block");
    const boundary = await chain.database.canonical.root(SLOTS_PER_EPOCH);
    assert.equal(toHex(boundary!), toHex((await chain.canonicalRootAt(SLOTS_PER_EPOCH))!));

    // What a kill leaves is what is on disk now: another process would find this copy.
    const [copy, damaged] = [newFolder(), newFolder()];
    folders.push(copy, damaged);
    for (const folder of [copy, damaged]) cpSync(sim.node.folder, folder, { recursive: true });
    damageNewestState(damaged);
    const before = checkpoints(chain);
    await sim.node.stop();
    for (const folder of [copy, damaged, sim.node.folder]) {
      const again = await start({ folder }, 5 * SLOTS_PER_EPOCH + 3);
      assert.equal(toHex(again.node.chain.head.root), toHex(last.root));
      assert.deepEqual(checkpoints(again.node.chain), before);
      assert.equal(toHex(again.node.chain.headState().hashTreeRoot()), toHex(last.signedBlock.message.stateRoot));
      const next = await grow(again, last, 6 * SLOTS_PER_EPOCH + 1);
      assert.equal(again.node.chain.head.slot, next.signedBlock.message.slot);
      assert.equal(again.node.chain.store.finalizedCheckpoint.epoch, 4);
      await again.node.stop();
    }
  });

  it("goes on with so few states in memory that most are rebuilt", async () => {
    const sim = await start({ chainOptions: { maxStates: 4 } });
    const { chain } = sim.node;
    let tip: BuiltBlock | undefined;
    for (const block of buildChain(sim.genesis, 5 * SLOTS_PER_EPOCH)) {
      const { slot } = block.signedBlock.message;
      sim.clock.enter(slot, 500);
      // A second block of the same proposer each slot takes the room of the states that count.
      const other = buildBlock(tip?.state ?? sim.genesis.state, slot, { graffiti: 9 });
      assert.equal(await sim.import(block), "imported");
      assert.equal(await sim.import(other), "imported");
      tip = block;
    }
    assert.equal(toHex(chain.head.root), toHex(tip!.root));
    assert.equal(chain.store.finalizedCheckpoint.epoch, 3);
    await sim.node.stop();
  });
});

describe("branches", () => {
  it("follows the votes from one branch to the other, and tells the reorg", async () => {
    const sim = await start();
    const { chain } = sim.node;
    const base = await grow(sim, sim.genesis, 3);
    const [left, right] = [buildVoted(base, 4), buildVoted(base, 5)];
    sim.clock.enter(5, 5000);
    assert.equal(await sim.import(left), "imported");
    assert.equal(await sim.import(right), "imported");
    const reorgs: { depth: number; slot: number }[] = [];
    chain.events.on("chain_reorg", ({ depth, slot }) => reorgs.push({ depth, slot }));
    const vote = (tip: BuiltBlock, slot: number): void => {
      const voters = votersOf(tip.state, slot);
      chain.addVote(voteFor(tip, slot).data, voters);
    };
    vote(left, 5);
    sim.clock.enter(6);
    assert.equal(toHex(chain.head.root), toHex(left.root));
    assert.equal(getWeight(chain.store, right.root), 0n);
    vote(right, 6);
    // Votes of the current slot wait: nothing has changed yet.
    chain.updateHead();
    assert.equal(toHex(chain.head.root), toHex(left.root));
    reorgs.length = 0;
    sim.clock.enter(7);
    vote(right, 7);
    sim.clock.enter(8);
    assert.equal(toHex(chain.head.root), toHex(right.root));
    assert.deepEqual(reorgs, [{ depth: 1, slot: 5 }]);
    await sim.node.stop();
  });

  it("boosts the block that came in time, and none that came late", async () => {
    const sim = await start();
    const { chain } = sim.node;
    const base = await grow(sim, sim.genesis, 2);
    const [first, second] = [1, 2].map((graffiti) => buildVoted(base, 3, { graffiti }));
    sim.clock.enter(3, 1000);
    assert.equal(await sim.import(first!), "imported");
    assert.equal(toHex(chain.store.proposerBoostRoot), toHex(first!.root));
    assert.equal(await sim.import(second!), "imported");
    assert.equal(toHex(chain.head.root), toHex(first!.root));
    sim.clock.enter(4, 4000);
    assert.equal(await sim.import(buildVoted(first!, 4)), "imported");
    assert.equal(toHex(chain.store.proposerBoostRoot), toHex(new Uint8Array(32)));
    await sim.node.stop();
  });

  it("moves to a head whose state it has let go of", async () => {
    const sim = await start({ chainOptions: { maxStates: 4 } });
    const { chain } = sim.node;
    const base = await grow(sim, sim.genesis, 3);
    const forgotten = buildVoted(base, 4);
    sim.clock.enter(4, 5000);
    assert.equal(await sim.import(forgotten), "imported");
    // Another branch, without votes, so that its blocks do not outweigh one vote.
    let other: BuiltBlock = buildBlock(base.state, 5);
    for (let slot = 5; slot <= 11; slot++) {
      if (slot > 5) other = buildBlock(other.state, slot);
      sim.clock.enter(slot, 500);
      assert.equal(await sim.import(other), "imported");
    }
    chain.addVote(voteFor(other, 10).data, votersOf(other.state, 10));
    chain.states.remove([forgotten.root]);
    for (const slot of [5, 6, 7]) chain.addVote(voteFor(forgotten, slot).data, votersOf(forgotten.state, slot));
    const arrived = new Promise<void>((resolve) => chain.events.on("chain_reorg", () => resolve()));
    sim.clock.enter(12);
    await arrived;
    assert.equal(toHex(chain.head.root), toHex(forgotten.root));
    assert.equal(toHex(chain.headState().hashTreeRoot()), toHex(forgotten.signedBlock.message.stateRoot));
    await sim.node.stop();
  });
});

describe("time", () => {
  it("keeps a block of the next slot until that begins, and drops one of a later slot", async () => {
    const sim = await start();
    const { chain } = sim.node;
    const base = await grow(sim, sim.genesis, 2);
    const early = buildVoted(base, 3);
    sim.clock.enter(2, SLOT_MS - 300);
    assert.equal(await sim.import(early), "future");
    assert.equal(await sim.import(buildVoted(early, 4)), "unknown-parent");
    const imported = new Promise<void>((resolve) => chain.events.on("block", ({ slot }) => slot === 3 && resolve()));
    sim.clock.enter(3);
    await imported;
    assert.equal(toHex(chain.head.root), toHex(early.root));
    await sim.node.stop();
  });
});

describe("spoiled blocks", () => {
  it("takes the good block after one with the same root and another signature", async () => {
    const sim = await start();
    const { chain } = sim.node;
    const base = await grow(sim, sim.genesis, 2);
    const asked: string[] = [];
    chain.blockFetcher = { fetchBlock: (root) => void asked.push(toHex(root)) };
    const good = buildVoted(base, 3);
    const child = buildVoted(good, 4);
    const signature = base.signedBlock.signature;
    sim.clock.enter(4, 500);
    assert.equal(await sim.import({ ...good, signedBlock: { ...good.signedBlock, signature } }), "invalid");
    assert.deepEqual(asked, [toHex(good.root)]);
    assert.equal(chain.view.blockSlot(good.root), undefined, "nobody may be rejected for building on it");
    assert.equal(await sim.import(child), "unknown-parent");
    assert.equal(await sim.import(good), "imported");
    const body = { ...child.signedBlock.message.body, randaoReveal: new Uint8Array(96).fill(0xc0, 0, 1) };
    const message = { ...child.signedBlock.message, body };
    assert.equal(await sim.import({ ...child, signedBlock: { ...child.signedBlock, message } }), "invalid");
    await sim.node.stop();
  });
});
