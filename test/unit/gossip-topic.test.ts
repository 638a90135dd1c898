/** Topic strings, fork digests, message ids and sizes. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { fromHex, toHex } from "../../src/base/bytes.ts";
import { compressBlock } from "../../src/base/snappy.ts";
import { uncompressMessage } from "../../src/network/gossip.ts";
import { activePeriods, wantedTopics } from "../../src/network/subscriptions.ts";
import { createTopicTable } from "../../src/network/topic-table.ts";
import { createChainSpec } from "../../src/spec/chain-spec.ts";
import { MAINNET_CONFIG } from "../../src/spec/config.ts";
import { Fork } from "../../src/spec/fork.ts";
import {
  computeMessageId,
  ForkDigests,
  formatTopic,
  isTopicOfFork,
  messageSizeBounds,
  parseTopic,
} from "../../src/spec/gossip/topic.ts";

const spec = createChainSpec(MAINNET_CONFIG);
const root = fromHex("0x4b363db94e286120d76eb905340fdd4e54bfe9f06bf33ff6cf5ad27f511bfe95");
const digests = new ForkDigests(spec, root);
const { config } = spec;

test("mainnet's digests are the ones that its nodes use", () => {
  const known = {
    phase0: "0xb5303f2a",
    altair: "0xafcaaba0",
    bellatrix: "0x4a26c58b",
    capella: "0xbba4da96",
    deneb: "0x6a95a1a9",
    electra: "0xad532ceb",
  };
  const found = digests.periods.map(({ digest }) => toHex(digest));
  assert.deepEqual(found.slice(0, 6), Object.values(known));
  assert.equal(digests.periods.length, 9, "fulu and its two changes of the blob limit");
  assert.equal(new Set(found).size, 9);
  assert.deepEqual(
    digests.periods.slice(6).map(({ fork }) => fork),
    [Fork.fulu, Fork.fulu, Fork.fulu],
  );
});

test("digests are found by epoch and by value", () => {
  assert.equal(digests.atEpoch(0).fork, Fork.phase0);
  assert.equal(digests.atEpoch(config.ALTAIR_FORK_EPOCH - 1).fork, Fork.phase0);
  assert.equal(digests.atEpoch(config.ALTAIR_FORK_EPOCH).fork, Fork.altair);
  assert.equal(digests.atEpoch(500_000).epoch, 419_072);
  assert.equal(digests.nextAfter(config.FULU_FORK_EPOCH)!.epoch, 412_672);
  assert.equal(digests.nextAfter(419_072), undefined);
  assert.equal(digests.find(fromHex("0xafcaaba0"))!.fork, Fork.altair);
  assert.equal(digests.find(fromHex("0x00000000")), undefined);
});

test("topic strings", () => {
  const forkDigest = fromHex("0xb5303f2a");
  const text = formatTopic({ forkDigest, topic: "beacon_attestation", subnet: 63 });
  assert.equal(text, "/eth2/b5303f2a/beacon_attestation_63/ssz_snappy");
  assert.deepEqual(parseTopic(text), { forkDigest, topic: "beacon_attestation", subnet: 63 });
  const contribution = "/eth2/b5303f2a/sync_committee_contribution_and_proof/ssz_snappy";
  assert.deepEqual(parseTopic(contribution), { forkDigest, topic: "sync_committee_contribution_and_proof" });
  const sync = "/eth2/b5303f2a/sync_committee_3/ssz_snappy";
  assert.deepEqual(parseTopic(sync), { forkDigest, topic: "sync_committee", subnet: 3 });
});

test("strings that are no topic of ours", () => {
  for (const text of [
    "",
    "/eth2/b5303f2a/beacon_block/ssz",
    "/eth2/B5303F2A/beacon_block/ssz_snappy",
    "/eth2/b5303f2/beacon_block/ssz_snappy",
    "/eth2/b5303f2a/beacon_block_1/ssz_snappy",
    "/eth2/b5303f2a/beacon_attestation/ssz_snappy",
    "/eth2/b5303f2a/beacon_attestation_01/ssz_snappy",
    "/eth2/b5303f2a/beacon_attestation_-1/ssz_snappy",
    "/eth2/b5303f2a/constructor/ssz_snappy",
    "/eth2/b5303f2a/beacon_block/ssz_snappy/",
  ]) {
    assert.equal(parseTopic(text), undefined, text);
  }
});

function sha256Head(...parts: (string | Uint8Array)[]): string {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest("hex").slice(0, 40);
}

test("message ids with the topic from altair on, without it in phase0", () => {
  const topic = "/eth2/afcaaba0/beacon_block/ssz_snappy";
  assert.equal(topic.length, 38);
  const ssz = new TextEncoder().encode("hello");
  const data = compressBlock(ssz);
  const length = Uint8Array.of(38, 0, 0, 0, 0, 0, 0, 0);
  const idOf = (fork: Fork, text: Uint8Array | undefined): string =>
    Buffer.from(computeMessageId(spec, { fork, topic, data, ssz: text })).toString("hex");
  assert.equal(idOf(Fork.phase0, ssz), sha256Head(Uint8Array.of(1, 0, 0, 0), ssz));
  assert.equal(idOf(Fork.phase0, undefined), sha256Head(new Uint8Array(4), data));
  assert.equal(idOf(Fork.altair, ssz), sha256Head(Uint8Array.of(1, 0, 0, 0), length, topic, ssz));
  assert.equal(idOf(Fork.fulu, undefined), sha256Head(new Uint8Array(4), length, topic, data));
  assert.equal(idOf(Fork.fulu, ssz), idOf(Fork.altair, ssz));
});

test("topics come and go with forks", () => {
  assert.equal(isTopicOfFork("sync_committee", Fork.phase0), false);
  assert.equal(isTopicOfFork("bls_to_execution_change", Fork.bellatrix), false);
  assert.equal(isTopicOfFork("blob_sidecar", Fork.electra), true);
  assert.equal(isTopicOfFork("blob_sidecar", Fork.fulu), false);
  assert.equal(isTopicOfFork("data_column_sidecar", Fork.electra), false);
});

test("sizes follow the type, and no block is larger than a payload may be", () => {
  const exit = messageSizeBounds(spec, Fork.fulu, "voluntary_exit");
  assert.deepEqual(exit, { min: 112, max: 112 });
  const single = messageSizeBounds(spec, Fork.electra, "beacon_attestation");
  assert.deepEqual(single, { min: 240, max: 240 });
  assert.equal(messageSizeBounds(spec, Fork.fulu, "beacon_block").max, config.MAX_PAYLOAD_SIZE);
  const blobs = Math.max(...config.BLOB_SCHEDULE.map(({ MAX_BLOBS_PER_BLOCK }) => MAX_BLOBS_PER_BLOCK));
  assert.ok(messageSizeBounds(spec, Fork.fulu, "data_column_sidecar").max < 400 + blobs * 2144 + 100);
});

test("messages of a size that their topic cannot have are not decompressed", () => {
  const table = createTopicTable(spec, digests);
  const exit = table.get(formatTopic({ forkDigest: digests.atEpoch(420_000).digest, topic: "voluntary_exit" }));
  assert.equal(uncompressMessage(exit, compressBlock(new Uint8Array(112))).length, 112);
  assert.throws(() => uncompressMessage(exit, compressBlock(new Uint8Array(113))), /at most 112/);
  assert.throws(() => uncompressMessage(exit, compressBlock(new Uint8Array(111))), /111 bytes/);
  // A bomb: a header that claims 4 GiB.
  assert.throws(() => uncompressMessage(exit, Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0x0f, 0)), /at most 112/);
  assert.throws(() => uncompressMessage(undefined, new Uint8Array(3)), /unknown topic/);
});

test("topics of both sides are heard around a boundary", () => {
  const wishes = { attestation: [1], syncCommittee: [], dataColumn: "all", lightClient: false } as const;
  const { FULU_FORK_EPOCH } = config;
  const forksAt = (epoch: number): number[] =>
    activePeriods(digests, epoch)
      .map(({ fork }) => fork)
      .sort();
  assert.deepEqual(forksAt(FULU_FORK_EPOCH - 3), [Fork.electra]);
  assert.deepEqual(forksAt(FULU_FORK_EPOCH - 2), [Fork.electra, Fork.fulu]);
  assert.deepEqual(forksAt(FULU_FORK_EPOCH + 1), [Fork.electra, Fork.fulu]);
  assert.deepEqual(forksAt(FULU_FORK_EPOCH + 2), [Fork.fulu]);
  const topics = [...wantedTopics(spec, digests, FULU_FORK_EPOCH + 2, wishes)].map((name) => parseTopic(name)!);
  assert.equal(topics.filter(({ topic }) => topic === "data_column_sidecar").length, 128);
  assert.deepEqual(
    topics.filter(({ topic }) => topic === "beacon_attestation").map(({ subnet }) => subnet),
    [1],
  );
  assert.equal(
    topics.some(({ topic }) => topic === "blob_sidecar" || topic.startsWith("light_client")),
    false,
  );
});
