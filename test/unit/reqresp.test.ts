/** Hostile streams against a real host: each is refused in bounded time and space, and the honest are served on. */
import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { concatBytes } from "../../src/base/bytes.ts";
import { compressBlock, compressFrames } from "../../src/base/snappy.ts";
import { encodePayload, encodeVarint } from "../../src/network/chunks.ts";
import { TokenBuckets } from "../../src/network/token-bucket.ts";
import { blockBytes, TestNode, waitUntil } from "../support/network-node.ts";
import { protocolId, RawPeer } from "../support/raw-peer.ts";

const RANGE = protocolId("beacon_blocks_by_range", 2);
const ROOTS = protocolId("beacon_blocks_by_root", 2);
const IDENTIFIER = compressFrames(new Uint8Array(0));

let node: TestNode;
let peer: RawPeer;

before(async () => {
  node = new TestNode();
  await node.network.start();
});

after(() => node.network.stop());

/** A new identity for each test: what one has done must not be held against the next. */
beforeEach(async (context) => {
  peer = await RawPeer.start();
  (context as { after?: (stop: () => Promise<void>) => void }).after?.(() => peer.stop());
});

function rangeRequest(startSlot = 1, count = 1): Uint8Array {
  return encodePayload(node.spec.types.phase0.BeaconBlocksByRangeRequest.serialize({ startSlot, count, step: 1 }));
}

test("a sound request is answered, from one packet too", async () => {
  node.chunks = [{ slot: 1, bytes: blockBytes(node.spec, 1) }];
  const { answer } = await peer.exchange(node.address, RANGE, rangeRequest());
  const { digest } = node.network.digests.periods[0]!;
  assert.deepEqual(answer, concatBytes(Uint8Array.of(0), digest, encodePayload(blockBytes(node.spec, 1))));
});

test("lengths outside of the type are refused before the payload is read", async () => {
  for (const length of [0, 23, 25, 2 ** 31, 2 ** 53]) {
    const { answer } = await peer.exchange(node.address, RANGE, encodeVarint(length), { isOpen: true });
    assert.equal(answer[0], 1, `length ${length}`);
  }
});

test("lengths that are no varint are refused", async () => {
  for (const bytes of [new Uint8Array(11).fill(0xff), Uint8Array.of(0x98, 0x80, 0x00)]) {
    const { answer } = await peer.exchange(node.address, RANGE, bytes, { isOpen: true });
    assert.equal(answer[0], 1);
  }
});

test("a cut payload is refused", async () => {
  const request = rangeRequest();
  for (const end of [1, 5, request.length - 1]) {
    const { answer } = await peer.exchange(node.address, RANGE, request.subarray(0, end));
    assert.equal(answer[0], 1, `cut at ${end}`);
  }
});

test("bytes after the request are refused", async () => {
  const { answer } = await peer.exchange(node.address, RANGE, concatBytes(rangeRequest(), Uint8Array.of(0)));
  assert.equal(answer[0], 1);
});

test("a frame that claims more than was announced is refused unread", async () => {
  const bomb = compressBlock(new Uint8Array(60_000));
  const frame = concatBytes(Uint8Array.of(0, bomb.length + 4, (bomb.length + 4) >> 8, 0), new Uint8Array(4), bomb);
  const { answer } = await peer.exchange(node.address, RANGE, concatBytes(encodeVarint(24), IDENTIFIER, frame));
  assert.equal(answer[0], 1);
  const text = new TextDecoder().decode(answer);
  assert.match(text, /more bytes than|a frame of 60000 bytes/);
});

test("padding without end is refused", async () => {
  const padding = concatBytes(...Array.from({ length: 64 }, () => Uint8Array.of(0xfe, 0, 0, 0)));
  const bytes = concatBytes(encodeVarint(24), IDENTIFIER, padding, padding);
  const { answer } = await peer.exchange(node.address, RANGE, bytes, { isOpen: true });
  assert.equal(answer[0], 1);
});

test("a wrong checksum is refused", async () => {
  const request = rangeRequest().slice();
  request[request.length - 25]! ^= 1;
  const { answer } = await peer.exchange(node.address, RANGE, request);
  assert.equal(answer[0], 1);
});

test("more roots than the protocol knows are refused before they are read", async () => {
  const { answer } = await peer.exchange(node.address, ROOTS, encodeVarint(1025 * 32), { isOpen: true });
  assert.equal(answer[0], 1);
});

test("malformed requests add up to a disconnection", async () => {
  for (let i = 0; i < 6; i++) {
    await peer.exchange(node.address, RANGE, encodeVarint(7), { isOpen: true }).catch(() => {});
  }
  await waitUntil(() => !node.network.peers().some(({ id }) => id === peer.id), "gone");
});

test("a peer that sends nothing is let go", { timeout: 30_000 }, async () => {
  const { answer, ms } = await peer.exchange(node.address, RANGE, new Uint8Array(0), { isOpen: true });
  assert.equal(answer.length, 0);
  assert.ok(ms > 5_000 && ms < 15_000, `after ${ms} ms`);
});

test("more requests at once than allowed are reset, and the allowed ones are answered", async () => {
  const slow = Array.from({ length: 6 }, () => peer.exchange(node.address, RANGE, Uint8Array.of(24), { isOpen: true }));
  await new Promise((resolve) => setTimeout(resolve, 500));
  const { answer } = await peer.exchange(node.address, ROOTS, encodePayload(new Uint8Array(32)));
  assert.equal(answer[0], 0);
  const results = await Promise.all(slow);
  assert.equal(results.filter(({ ms }) => ms < 2_000).length, 4);
});

async function ask(): Promise<Uint8Array[]> {
  const got: Uint8Array[] = [];
  for await (const { bytes } of node.network.request(peer.id, "beacon_blocks_by_range", { startSlot: 1, count: 4 })) {
    got.push(bytes);
  }
  return got;
}

/** Connects the node to the raw peer, which answers the range protocol with these bytes. */
async function serveRaw(bytes: Uint8Array, isOpen = false): Promise<void> {
  await peer.answerStatus(node.spec.types.fulu.Status.serialize(node.status));
  await peer.host.handle(RANGE, async (stream) => {
    stream.send(bytes);
    if (!isOpen) await stream.close();
  });
  await node.network.connect(peer.address);
  await waitUntil(() => node.statuses.has(peer.id), "handshake");
}

function chunk(ssz: Uint8Array): Uint8Array {
  return concatBytes(Uint8Array.of(0), node.network.digests.periods[0]!.digest, encodePayload(ssz));
}

test("answers of a foreign peer are read, also when it ends at once", async () => {
  await serveRaw(concatBytes(chunk(blockBytes(node.spec, 1)), chunk(blockBytes(node.spec, 2))));
  assert.equal((await ask()).length, 2);
});

test("an answer of a block too large is refused unread", async () => {
  const { digest } = node.network.digests.periods[0]!;
  await serveRaw(concatBytes(Uint8Array.of(0), digest, encodeVarint(node.spec.config.MAX_PAYLOAD_SIZE + 1)), true);
  await assert.rejects(ask(), { code: "MALFORMED" });
});

test("an answer of an unknown fork is refused", async () => {
  await serveRaw(concatBytes(Uint8Array.of(0, 1, 2, 3, 4), encodePayload(blockBytes(node.spec, 1))));
  await assert.rejects(ask(), { code: "MALFORMED", message: /unknown fork/ });
});

test("a cut answer is refused, what came whole before it is kept", async () => {
  const whole = chunk(blockBytes(node.spec, 1));
  await serveRaw(concatBytes(whole, whole.subarray(0, 40)));
  const got: Uint8Array[] = [];
  const asked = (async () => {
    for await (const { bytes } of node.network.request(peer.id, "beacon_blocks_by_range", { startSlot: 1, count: 4 })) {
      got.push(bytes);
    }
  })();
  await assert.rejects(asked, { code: "MALFORMED" });
  assert.equal(got.length, 1);
});

test("an answer that never begins times out", { timeout: 20_000 }, async () => {
  await peer.answerStatus(node.spec.types.fulu.Status.serialize(node.status));
  await peer.host.handle(RANGE, () => new Promise(() => {}));
  await node.network.connect(peer.address);
  await waitUntil(() => node.statuses.has(peer.id), "handshake");
  const startMs = performance.now();
  await assert.rejects(ask(), { code: "TIMEOUT" });
  assert.ok(performance.now() - startMs < 8_000);
});

test("an error's text is cut and cannot control a terminal", async () => {
  await serveRaw(concatBytes(Uint8Array.of(3), encodePayload(new TextEncoder().encode("no \u001b[2J such"))));
  await assert.rejects(ask(), (error: Error & { code: string }) => {
    return error.code === "RESOURCE_UNAVAILABLE" && error.message.endsWith("no ?[2J such");
  });
});

test("version 1 of status is spoken with those who know no other", async () => {
  await peer.answerStatus(node.spec.types.phase0.Status.serialize({ ...node.status, headSlot: 77 }), 1);
  await node.network.connect(peer.address);
  await waitUntil(() => node.statuses.get(peer.id)?.headSlot === 77, "handshake");
});

test("buckets make the greedy wait and forgive with time", () => {
  let nowMs = 0;
  const buckets = new TokenBuckets({ limit: 2, nowMs: () => nowMs });
  const rate = { capacity: 4, perSecond: 2 };
  assert.equal(buckets.take("a", rate, 4), 0);
  assert.equal(buckets.take("a", rate, 1), 500);
  assert.equal(buckets.take("b", rate, 1), 0);
  nowMs = 500;
  assert.equal(buckets.take("a", rate, 0), 0);
  nowMs = 1_000_000;
  assert.equal(buckets.take("a", rate, 4), 0, "never more than the capacity is saved");
  assert.equal(buckets.take("a", rate, 1), 500);
});
