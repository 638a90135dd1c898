import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { toHex } from "../../src/base/bytes.ts";
import { decodeIncomingBlock, type IncomingBlock, toIncomingBlock } from "../../src/chain/incoming-block.ts";
import type { SignedBeaconBlock } from "../../src/spec/containers.ts";
import { Fork } from "../../src/spec/fork.ts";
import { GOSSIP_TOPICS, isTopicOfFork, subnetCount } from "../../src/spec/gossip/topic.ts";
import { buildBlock } from "../support/build-block.ts";
import { devSpec, type LocalNode, newFolder, startNode } from "../support/local-node.ts";

const SLOT_MS = 6000;
const SLOTS = 20;
const VALIDATORS = 16;
const spec = devSpec(SLOT_MS, { altair: 0, bellatrix: 0, capella: 0, deneb: 0, electra: 0, fulu: 0 });
const folder = newFolder();
/** The chain is some slots old when the test begins, so that blocks of these slots are of the past. */
const options = {
  ...{ spec, folder, validators: VALIDATORS, fork: Fork.fulu },
  genesisTime: Math.floor(Date.now() / 1000) - (SLOTS * SLOT_MS) / 1000,
};
let node: LocalNode;

before(async () => {
  node = await startNode(options);
});

after(async () => {
  await node.stop();
  rmSync(folder, { recursive: true, force: true });
});

function incoming(signedBlock: SignedBeaconBlock): IncomingBlock {
  return toIncomingBlock(spec, signedBlock, { source: "gossip", seenAtMs: Date.now() });
}

describe("importing blocks", () => {
  it("takes a block once, and makes it the head", async () => {
    const first = buildBlock(node.chain.headState(), 1);
    assert.deepEqual(await node.chain.importBlock(incoming(first.signedBlock)), {
      status: "imported",
      isOptimistic: false,
    });
    assert.equal(toHex(node.chain.head.root), toHex(first.root));
    assert.equal((await node.chain.importBlock(incoming(first.signedBlock))).status, "known");
    assert.equal(toHex((await node.chain.canonicalRootAt(1))!), toHex(first.root));
    const bytes = await node.chain.blockBytes(first.root);
    assert.equal(toHex(decodeIncomingBlock(spec, bytes!, { source: "api", seenAtMs: 0 }).root), toHex(first.root));
  });

  it("refuses a wrong signature, a wrong state root and a block of the future", async () => {
    const { signedBlock } = buildBlock(node.chain.headState(), 2);
    const unsigned = await node.chain.importBlock(
      incoming({ ...signedBlock, signature: new Uint8Array(96).fill(0xc0, 0, 1) }),
    );
    assert.equal(unsigned.status === "invalid" && unsigned.error.code, "BLOCK_SIGNATURE_INVALID");
    const message = { ...signedBlock.message, stateRoot: new Uint8Array(32).fill(1) };
    const wrong = await node.chain.importBlock(incoming({ ...signedBlock, message }));
    assert.equal(wrong.status === "invalid" && wrong.error.code, "STATE_ROOT_MISMATCH");
    const later = { ...signedBlock, message: { ...signedBlock.message, slot: SLOTS + 50 } };
    assert.equal((await node.chain.importBlock(incoming(later))).status, "future");
  });

  it("keeps a block whose parent is unknown, asks for the parent, and imports both when it comes", async () => {
    const asked: string[] = [];
    node.chain.blockFetcher = { fetchBlock: (root) => void asked.push(toHex(root)) };
    const parent = buildBlock(node.chain.headState(), 3);
    const child = buildBlock(parent.state, 4);
    const early = await node.chain.importBlock(incoming(child.signedBlock));
    assert.equal(early.status, "unknown-parent");
    assert.deepEqual(asked, [toHex(parent.root)]);
    const arrived = new Promise<void>((done) => {
      const off = node.chain.events.on("block", ({ root }) => {
        if (toHex(root) !== toHex(child.root)) return;
        off();
        done();
      });
    });
    assert.equal((await node.chain.importBlock(incoming(parent.signedBlock))).status, "imported");
    await arrived;
    assert.equal(toHex(node.chain.head.root), toHex(child.root));
  });

  it("follows both branches of a fork, and rebuilds a state that it let go of", async () => {
    const base = node.chain.headState();
    const [left, right] = [buildBlock(base, 5, { graffiti: 1 }), buildBlock(base, 6, { graffiti: 2 })];
    for (const { signedBlock } of [left, right]) {
      assert.equal((await node.chain.importBlock(incoming(signedBlock))).status, "imported");
    }
    const { root } = node.chain.head;
    const other = toHex(root) === toHex(left.root) ? right : left;
    node.chain.states.remove([other.root]);
    assert.equal(node.chain.states.get(other.root), undefined);
    const [one, two] = await Promise.all([node.chain.states.load(other.root), node.chain.states.load(other.root)]);
    assert.equal(toHex(one!.hashTreeRoot()), toHex(other.signedBlock.message.stateRoot));
    assert.equal(one, two);
  });

  it("starts again with the same head and branches", async () => {
    const { head } = node.chain;
    const blocks = node.chain.store.array.length;
    await node.stop();
    node = await startNode(options);
    assert.equal(node.chain.store.array.length, blocks);
    assert.equal(toHex(node.chain.head.root), toHex(head.root));
  });
});

describe("messages of the network", () => {
  it("are rejected when they are garbage, whatever the topic, and change nothing", async () => {
    const { head } = node.chain;
    for (const topic of GOSSIP_TOPICS.filter(
      (name) => isTopicOfFork(name, Fork.fulu) && !name.startsWith("light_client"),
    )) {
      const subnet = subnetCount(spec, Fork.fulu, topic) === undefined ? {} : { subnet: 0 };
      for (const bytes of [new Uint8Array(0), new Uint8Array(7).fill(255), new Uint8Array(5000).fill(171)]) {
        const message = { topic, fork: Fork.fulu, bytes, peer: "somebody", seenAtMs: Date.now(), ...subnet };
        assert.equal(await node.inbox.onGossip(message), "reject", `${topic}, ${bytes.length} bytes`);
      }
    }
    assert.equal(toHex(node.chain.head.root), toHex(head.root));
  });

  it("are left unjudged while the node syncs and its head is far behind", async () => {
    const message = {
      topic: "beacon_block" as const,
      fork: Fork.fulu,
      bytes: new Uint8Array(7),
      peer: "somebody",
      seenAtMs: 0,
    };
    node.chain.isSyncing = () => true;
    assert.equal(await node.inbox.onGossip(message), "ignore");
    node.chain.isSyncing = () => false;
    assert.equal(await node.inbox.onGossip(message), "reject");
  });
});
