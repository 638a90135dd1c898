/** Two and three real hosts on loopback: handshake, requests, gossip. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { compressFrames } from "../../src/base/snappy.ts";
import { formatTopic } from "../../src/spec/gossip/topic.ts";
import { blockBytes, TestNode, waitUntil } from "../support/network-node.ts";

const a = new TestNode();
const b = new TestNode();
const stranger = new TestNode({ genesisRoot: new Uint8Array(32).fill(9) });

before(async () => {
  await Promise.all([a.network.start(), b.network.start(), stranger.network.start()]);
  b.status = { ...b.status, headSlot: 5, earliestAvailableSlot: 2 };
  await a.network.connect(b.address);
  await waitUntil(() => a.statuses.has(b.id) && b.statuses.has(a.id), "both have a status");
});

after(() => Promise.all([a, b, stranger].map(({ network }) => network.stop())));

test("peers learn status, metadata and agent of each other", async () => {
  assert.equal(a.statuses.get(b.id)!.headSlot, 5);
  assert.equal(a.statuses.get(b.id)!.earliestAvailableSlot, 2, "status v2 was spoken");
  await waitUntil(() => [a, b].every(({ network }) => network.peers()[0]?.metadata !== undefined), "metadata");
  await waitUntil(() => [a, b].every(({ network }) => network.peers()[0]?.agent === "Cresset/test"), "agent");
  const [peer] = a.network.peers();
  assert.equal(peer!.direction, "outbound");
  assert.equal(b.network.peers()[0]!.direction, "inbound");
  assert.equal(peer!.metadata!.attnets.get(1), true);
  assert.equal(peer!.metadata!.attnets.get(2), false);
  assert.equal(peer!.metadata!.custodyGroupCount, b.spec.config.CUSTODY_REQUIREMENT);
});

test("blocks by range come as they are in the store, raw or framed", async () => {
  const blocks = [1, 2, 3].map((slot) => blockBytes(b.spec, slot, slot));
  b.chunks = blocks.map((bytes, i) => {
    return i === 1 ? { slot: i, frames: compressFrames(bytes), sszLength: bytes.length } : { slot: i, bytes };
  });
  const got: Uint8Array[] = [];
  for await (const { fork, bytes } of a.network.request(b.id, "beacon_blocks_by_range", { startSlot: 1, count: 3 })) {
    assert.equal(fork, 6);
    got.push(bytes);
  }
  assert.deepEqual(got, blocks);
  const last = b.requests.at(-1)!;
  assert.ok(last.protocol === "beacon_blocks_by_range");
  assert.equal(last.body.startSlot, 1);
  assert.equal(last.body.count, 3);
});

test("no more chunks are taken than were asked for", async () => {
  b.chunks = [1, 2, 3, 4].map((slot) => ({ slot, bytes: blockBytes(b.spec, slot) }));
  let count = 0;
  for await (const _ of a.network.request(b.id, "beacon_blocks_by_root", [new Uint8Array(32)])) count++;
  assert.equal(count, 1);
  const last = b.requests.at(-1)!;
  assert.deepEqual(last.protocol === "beacon_blocks_by_root" && [...last.body], [new Uint8Array(32)]);
});

test("columns are asked for by root and column", async () => {
  const type = a.spec.types.fulu.DataColumnSidecar;
  const bytes = type.serialize({ ...type.defaultValue(), index: 3 });
  b.chunks = [{ slot: 1, bytes }];
  const body = [{ blockRoot: new Uint8Array(32).fill(1), columns: [3, 4] }];
  const got: Uint8Array[] = [];
  for await (const chunk of a.network.request(b.id, "data_column_sidecars_by_root", body)) got.push(chunk.bytes);
  assert.deepEqual(got, [bytes]);
  const last = b.requests.at(-1)!;
  assert.deepEqual(last.protocol === "data_column_sidecars_by_root" && last.body[0]!.columns, [3, 4]);
});

test("a refusal carries its reason", async () => {
  const asked = (async () => {
    for await (const _ of a.network.request(b.id, "light_client_bootstrap", new Uint8Array(32)));
  })();
  await assert.rejects(asked, { code: "RESOURCE_UNAVAILABLE", message: /not here/ });
});

test("too many objects are not served", async () => {
  const asked = (async () => {
    for await (const _ of a.network.request(b.id, "beacon_blocks_by_range", { startSlot: 0, count: 100_000 }));
  })();
  await assert.rejects(asked, { code: "INVALID_REQUEST" });
});

test("an accepted message reaches the neighbour's neighbour, a rejected one does not", async () => {
  const c = new TestNode();
  await c.network.start();
  try {
    await c.network.connect(b.address);
    const { digest } = a.network.digests.periods[0]!;
    const topic = formatTopic({ forkDigest: digest, topic: "beacon_block" });
    await waitUntil(() => a.network.subscribers(topic) === 1 && b.network.subscribers(topic) === 2, "subscriptions");
    // Accepted messages go to the mesh, which is made at heartbeats.
    await new Promise((resolve) => setTimeout(resolve, 1500));
    const good = blockBytes(a.spec, 9, 1);
    const bad = blockBytes(a.spec, 10, 2);
    b.verdict = ({ bytes }) => (Buffer.compare(bytes, bad) === 0 ? "reject" : "accept");
    const ignored = blockBytes(a.spec, 11, 3);
    for (const bytes of [bad, good]) await a.network.publish({ topic: "beacon_block", fork: 6, bytes });
    await waitUntil(() => c.messages.length === 1, "the accepted block at the third node");
    assert.deepEqual(c.messages[0]!.bytes, good);
    assert.equal(c.messages[0]!.topic, "beacon_block");
    assert.equal(c.messages[0]!.peer, b.id);
    assert.equal(b.messages.length, 2);
    // Again the same: seen, so it goes nowhere.
    await a.network.publish({ topic: "beacon_block", fork: 6, bytes: good });
    b.verdict = () => "ignore";
    await a.network.publish({ topic: "beacon_block", fork: 6, bytes: ignored });
    await waitUntil(() => b.messages.length === 3, "the ignored block at the second node");
    await new Promise((resolve) => setTimeout(resolve, 300));
    assert.equal(c.messages.length, 1);
    assert.equal(b.messages.length, 3);
  } finally {
    await c.network.stop();
  }
});

test("a peer of another chain is sent away", async () => {
  await stranger.network.connect(a.address);
  await waitUntil(() => stranger.network.peers().length === 0, "the stranger is gone");
  assert.equal(
    a.network.peers().some(({ id }) => id === stranger.id),
    false,
  );
  assert.equal(a.statuses.has(stranger.id), false);
});

test("a peer whose finalized block is not ours is sent away", async () => {
  const d = new TestNode();
  await d.network.start();
  try {
    d.isRelevant = () => false;
    await d.network.connect(a.address);
    await waitUntil(() => d.network.peers().length === 0 && !a.network.peers().some(({ id }) => id === d.id), "parted");
  } finally {
    await d.network.stop();
  }
});

test("reports add up to a ban", async () => {
  const d = new TestNode();
  await d.network.start();
  try {
    await d.network.connect(a.address);
    await waitUntil(() => a.statuses.has(d.id), "connected");
    a.network.reportPeer(d.id, "low", "a test");
    assert.ok(a.network.peers().find(({ id }) => id === d.id)!.score < 0);
    a.network.reportPeer(d.id, "fatal", "a test");
    await waitUntil(() => d.network.peers().length === 0, "disconnected");
    await assert.rejects(a.network.connect(d.address), { code: "CLOSED" });
    // Whether the dialler sees an error or a closed connection is up to timing.
    await d.network.connect(a.address).catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, 200));
    assert.equal(
      a.network.peers().some(({ id }) => id === d.id),
      false,
    );
  } finally {
    await d.network.stop();
  }
});
