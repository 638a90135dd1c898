/** Range and by-root synchronization from scripted peers, against a chain that checks only parents. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { toHex } from "../../src/base/bytes.ts";
import { RequestFailed } from "../../src/base/errors.ts";
import { silentLogger } from "../../src/base/log.ts";
import type { ImportResult } from "../../src/chain/import-block.ts";
import type { IncomingBlock } from "../../src/chain/incoming-block.ts";
import { Fork } from "../../src/spec/fork.ts";
import type { ResponseChunk } from "../../src/spec/requests.ts";
import { SyncPeers } from "../../src/sync/peer-source.ts";
import { RangeSync } from "../../src/sync/range.ts";
import { isRelevantStatus, type StatusChain } from "../../src/sync/status.ts";
import { Sync, type SyncChain } from "../../src/sync/sync.ts";
import { fuluSpec, waitUntil } from "../support/network-node.ts";

const spec = fuluSpec();
const { SignedBeaconBlock, BeaconBlock } = spec.types.fulu;
const GENESIS = new Uint8Array(32).fill(1);

interface MadeBlock {
  slot: number;
  root: Uint8Array;
  bytes: Uint8Array;
}

/** Blocks at these slots, each on the one before. */
function makeChain(slots: readonly number[], parent: Uint8Array = GENESIS, mark = 0): MadeBlock[] {
  let parentRoot = parent;
  return slots.map((slot) => {
    const block = SignedBeaconBlock.defaultValue();
    block.message.slot = slot;
    block.message.parentRoot = parentRoot;
    block.message.body.graffiti = new Uint8Array(32).fill(mark);
    parentRoot = BeaconBlock.hashTreeRoot(block.message);
    return { slot, root: parentRoot, bytes: SignedBeaconBlock.serialize(block) };
  });
}

const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, i) => from + i);

class FakeChain {
  readonly known = new Map<string, number>([[toHex(GENESIS), 0]]);
  readonly imported: number[] = [];
  currentSlot = 1000;
  finalizedEpoch = 0;
  refusedSlot = -1;
  blockFetcher: SyncChain["blockFetcher"] = { fetchBlock: () => {} };
  head: { root: Uint8Array; slot: number } = { root: GENESIS, slot: 0 };

  asChain(): SyncChain {
    const self = this;
    return {
      spec,
      log: silentLogger,
      availability: { missing: () => [] },
      slotClock: {
        nowMs: () => 0,
        currentSlot: () => self.currentSlot,
        currentEpoch: () => Math.floor(self.currentSlot / spec.preset.SLOTS_PER_EPOCH),
      },
      store: {
        get finalizedCheckpoint() {
          return { epoch: self.finalizedEpoch, root: GENESIS };
        },
        array: { indexOf: (root: Uint8Array) => (self.known.has(toHex(root)) ? 1 : -1) },
      },
      get head() {
        return self.head;
      },
      get blockFetcher() {
        return self.blockFetcher;
      },
      set blockFetcher(fetcher) {
        self.blockFetcher = fetcher;
      },
      importBlock: (block: IncomingBlock) => self.importBlock(block),
    } as unknown as SyncChain;
  }

  async importBlock(block: IncomingBlock): Promise<ImportResult> {
    const { slot, parentRoot } = block.signedBlock.message;
    if (this.known.has(toHex(block.root))) return { status: "known" };
    if (slot === this.refusedSlot) return { status: "invalid", error: { code: "TEST" } as never };
    if (!this.known.has(toHex(parentRoot))) {
      if (block.source !== "range") this.blockFetcher.fetchBlock(parentRoot);
      return { status: "unknown-parent", parentRoot };
    }
    this.known.set(toHex(block.root), slot);
    this.imported.push(slot);
    if (slot > this.head.slot) this.head = { root: block.root, slot };
    return { status: "imported", isOptimistic: false };
  }
}

class FakeNetwork {
  readonly chains = new Map<string, MadeBlock[]>();
  readonly reports: { peer: string; severity: string }[] = [];
  readonly asked: { peer: string; protocol: string }[] = [];
  /** Peers that fail each request. */
  readonly broken = new Set<string>();
  alter: (peer: string, blocks: MadeBlock[]) => MadeBlock[] = (_, blocks) => blocks;

  async *request(peer: string, protocol: string, body: unknown): AsyncGenerator<ResponseChunk> {
    this.asked.push({ peer, protocol });
    if (this.broken.has(peer)) throw new RequestFailed("TIMEOUT", "a test");
    const chain = this.chains.get(peer) ?? [];
    let found: MadeBlock[];
    if (protocol === "beacon_blocks_by_range") {
      const { startSlot, count } = body as { startSlot: number; count: number };
      found = chain.filter(({ slot }) => slot >= startSlot && slot < startSlot + count);
    } else {
      const roots = (body as Uint8Array[]).map(toHex);
      found = chain.filter(({ root }) => roots.includes(toHex(root)));
    }
    for (const { bytes } of this.alter(peer, found)) yield { fork: Fork.fulu, bytes, frames: bytes };
  }

  reportPeer(peer: string, severity: string): void {
    this.reports.push({ peer, severity });
  }
}

function statusOf(headSlot: number, finalizedEpoch = 0) {
  return { ...spec.types.fulu.Status.defaultValue(), headSlot, finalizedEpoch };
}

/** A range sync of these peers, all claiming the slot. */
function setUp(names: readonly string[], blocks: MadeBlock[]) {
  const chain = new FakeChain();
  const network = new FakeNetwork();
  const peers = new SyncPeers();
  const headSlot = blocks.at(-1)!.slot;
  for (const name of names) {
    network.chains.set(name, blocks);
    peers.set(name, statusOf(headSlot));
  }
  const parts = { chain: chain.asChain(), network, peers };
  const run = (startSlot = 1) =>
    new RangeSync(parts).run({ startSlot, targetSlot: headSlot, signal: new AbortController().signal });
  return { chain, network, peers, run };
}

test("a range with empty slots is imported in order, from several peers", async () => {
  const slots = range(1, 100).filter((slot) => slot % 7 !== 0 && !(slot > 40 && slot < 70));
  const { chain, network, run } = setUp(["a", "b", "c"], makeChain(slots));
  assert.equal(await run(), "done");
  assert.deepEqual(chain.imported, slots);
  assert.equal(new Set(network.asked.map(({ peer }) => peer)).size, 3);
  assert.deepEqual(network.reports, []);
});

test("a peer that does not answer is passed over", async () => {
  const { chain, network, run } = setUp(["a", "b"], makeChain(range(1, 60)));
  network.broken.add("a");
  assert.equal(await run(), "done");
  assert.equal(chain.imported.length, 60);
  assert.deepEqual([...new Set(network.reports.map(({ peer }) => peer))], ["a"]);
});

test("blocks out of order, outside of the range or of no chain are blamed on their peer", async () => {
  const other = makeChain(range(1, 60), GENESIS, 9);
  const lies: ((blocks: MadeBlock[]) => MadeBlock[])[] = [
    (blocks) => blocks.toReversed(),
    (blocks) => [...blocks, other[59]!],
    (blocks) => blocks.map((block, i) => (i === 3 ? other[block.slot - 1]! : block)),
    (blocks) => blocks.map((block) => ({ ...block, bytes: block.bytes.subarray(0, 50) })),
  ];
  for (const lie of lies) {
    const { chain, network, run } = setUp(["liar", "honest"], makeChain(range(1, 48)));
    network.alter = (peer, blocks) => (peer === "liar" ? lie(blocks) : blocks);
    assert.equal(await run(), "done");
    assert.equal(chain.imported.length, 48);
    assert.ok(network.reports.some(({ peer, severity }) => peer === "liar" && severity === "high"));
    assert.ok(network.reports.every(({ peer }) => peer === "liar"));
  }
});

test("an empty batch where there are blocks is noticed at the next one, and held against who sent it", async () => {
  const { chain, network, run } = setUp(["liar"], makeChain(range(1, 64)));
  const firstBatchEnd = 2 * spec.preset.SLOTS_PER_EPOCH;
  network.alter = (_, blocks) => blocks.filter(({ slot }) => slot >= firstBatchEnd);
  assert.equal(await run(), "broken");
  assert.deepEqual(network.reports, [{ peer: "liar", severity: "mid" }]);
  assert.deepEqual(chain.imported, []);
});

test("an invalid block ends the run and its peer", async () => {
  const { chain, network, run } = setUp(["a"], makeChain(range(1, 40)));
  chain.refusedSlot = 20;
  assert.equal(await run(), "refused");
  assert.equal(chain.head.slot, 19);
  assert.deepEqual(network.reports, [{ peer: "a", severity: "fatal" }]);
});

async function withSync(chain: FakeChain, network: FakeNetwork, use: (sync: Sync) => Promise<void>): Promise<void> {
  const sync = new Sync({ chain: chain.asChain(), network });
  sync.start();
  try {
    await use(sync);
  } finally {
    await sync.stop();
  }
}

test("a node behind catches up with the best peer and says so", async () => {
  const chain = new FakeChain();
  const network = new FakeNetwork();
  network.chains.set("a", makeChain(range(1, 90)));
  await withSync(chain, network, async (sync) => {
    assert.equal(sync.progress().state, "synced");
    sync.onPeerStatus("a", statusOf(90, 8));
    const states = new Set<string>();
    await waitUntil(() => {
      states.add(sync.progress().state);
      return chain.head.slot === 90;
    }, "the head");
    await waitUntil(() => sync.progress().state === "synced", "synced");
    assert.equal(sync.progress().targetSlot, 90);
  });
});

test("a head on another branch is left behind by stepping back", async () => {
  const chain = new FakeChain();
  const network = new FakeNetwork();
  const shared = makeChain(range(1, 20));
  const ours = makeChain(range(21, 30), shared.at(-1)!.root, 3);
  const theirs = [...shared, ...makeChain(range(21, 80), shared.at(-1)!.root, 4)];
  for (const { root, slot } of [...shared, ...ours]) chain.known.set(toHex(root), slot);
  chain.head = { root: ours.at(-1)!.root, slot: 30 };
  network.chains.set("a", theirs);
  await withSync(chain, network, async (sync) => {
    sync.onPeerStatus("a", statusOf(80));
    await waitUntil(() => chain.head.slot === 80, "the other branch", 20_000);
  });
  assert.deepEqual(chain.imported, range(21, 80));
});

test("a peer that claims a head and shows nothing is not believed for ever", async () => {
  const chain = new FakeChain();
  const network = new FakeNetwork();
  network.chains.set("liar", []);
  await withSync(chain, network, async (sync) => {
    sync.onPeerStatus("liar", statusOf(500));
    await waitUntil(() => network.asked.length > 0, "asked");
    await waitUntil(() => sync.progress().state === "synced", "given up", 20_000);
  });
});

test("unknown parents are fetched back to a known one", async () => {
  const chain = new FakeChain();
  const network = new FakeNetwork();
  const blocks = makeChain(range(1, 6));
  network.chains.set("a", []);
  network.chains.set("b", blocks);
  await withSync(chain, network, async (sync) => {
    sync.onPeerStatus("a", statusOf(0));
    sync.onPeerStatus("b", statusOf(0));
    // The fake chain does not park children: each round imports one more.
    for (let slot = 1; slot <= 6; slot++) {
      sync.fetchBlock(blocks[slot - 1]!.root);
      await waitUntil(() => chain.head.slot === slot, `slot ${slot}`);
    }
  });
  assert.deepEqual(chain.imported, range(1, 6));
});

test("a root that nobody has is asked for once, not for every vote", async () => {
  const network = new FakeNetwork();
  network.chains.set("a", []);
  await withSync(new FakeChain(), network, async (sync) => {
    sync.onPeerStatus("a", statusOf(0));
    for (let i = 0; i < 50; i++) {
      sync.fetchBlock(new Uint8Array(32).fill(5));
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  });
  assert.equal(network.asked.length, 1);
});

test("a block other than the one asked for is blamed", async () => {
  const network = new FakeNetwork();
  const [wrong] = makeChain([3]);
  network.chains.set("a", [wrong!]);
  network.alter = () => [wrong!];
  const chain = new FakeChain();
  const real = network.request.bind(network);
  network.request = (peer, protocol, _) => real(peer, protocol, [wrong!.root]);
  await withSync(chain, network, async (sync) => {
    sync.onPeerStatus("a", statusOf(0));
    sync.fetchBlock(new Uint8Array(32).fill(6));
    await waitUntil(() => network.reports.length > 0, "a report");
  });
  assert.deepEqual(network.reports, [{ peer: "a", severity: "high" }]);
  assert.deepEqual(chain.imported, []);
});

test("finalized checkpoints tell chains apart", async () => {
  const roots = new Map([
    [0, GENESIS],
    [14, new Uint8Array(32).fill(14)],
  ]);
  const chain = {
    spec,
    slotClock: { currentEpoch: () => 10 },
    store: { finalizedCheckpoint: { epoch: 5, root: new Uint8Array(32).fill(5) } },
    canonicalRootAt: async (slot: number) => roots.get(slot),
  } as unknown as StatusChain;
  const check = (finalizedEpoch: number, fill: number) =>
    isRelevantStatus(chain, { ...statusOf(0, finalizedEpoch), finalizedRoot: new Uint8Array(32).fill(fill) });
  assert.equal(await check(0, 0), true);
  assert.equal(await check(5, 5), true);
  assert.equal(await check(5, 6), false);
  assert.equal(await check(2, 14), true, "slot 16 is empty: the block of 14 is the checkpoint's");
  assert.equal(await check(2, 15), false);
  assert.equal(await check(7, 1), true, "ahead of us");
  assert.equal(await check(12, 1), false, "ahead of the clock");
});
