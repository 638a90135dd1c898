/**
 * Names of gossip topics, fork digests in them, message ids and size bounds.
 * https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/phase0/p2p-interface.md
 */
import { concatBytes, fromHex, toHex } from "../../base/bytes.ts";
import { sha256 } from "../../crypto/sha256.ts";
import { maxBlobsOfFork } from "../blobs.ts";
import type { ChainSpec } from "../chain-spec.ts";
import { forkAtEpoch, forkEpoch } from "../config.ts";
import { SYNC_COMMITTEE_SUBNET_COUNT } from "../constants.ts";
import { FORK_NAMES, Fork } from "../fork.ts";
import { forkTypes } from "../fork-types.ts";
import { computeForkDigest, uintToBytes } from "../misc.ts";

/** What a topic carries, since and until which fork, and whether it is split into subnets. */
const TOPICS = {
  beacon_block: { type: "SignedBeaconBlock", from: Fork.phase0 },
  beacon_attestation: { type: "Attestation", from: Fork.phase0, hasSubnets: true },
  beacon_aggregate_and_proof: { type: "SignedAggregateAndProof", from: Fork.phase0 },
  voluntary_exit: { type: "SignedVoluntaryExit", from: Fork.phase0 },
  proposer_slashing: { type: "ProposerSlashing", from: Fork.phase0 },
  attester_slashing: { type: "AttesterSlashing", from: Fork.phase0 },
  sync_committee: { type: "SyncCommitteeMessage", from: Fork.altair, hasSubnets: true },
  sync_committee_contribution_and_proof: { type: "SignedContributionAndProof", from: Fork.altair },
  light_client_finality_update: { type: "LightClientFinalityUpdate", from: Fork.altair },
  light_client_optimistic_update: { type: "LightClientOptimisticUpdate", from: Fork.altair },
  bls_to_execution_change: { type: "SignedBLSToExecutionChange", from: Fork.capella },
  blob_sidecar: { type: "BlobSidecar", from: Fork.deneb, until: Fork.fulu, hasSubnets: true },
  data_column_sidecar: { type: "DataColumnSidecar", from: Fork.fulu, hasSubnets: true },
} as const satisfies Record<string, TopicRule>;

interface TopicRule {
  readonly type: string;
  readonly from: Fork;
  /** The first fork without the topic. */
  readonly until?: Fork;
  readonly hasSubnets?: true;
}

export type GossipTopic = keyof typeof TOPICS;

export const GOSSIP_TOPICS: readonly GossipTopic[] = Object.freeze(Object.keys(TOPICS) as GossipTopic[]);

/** Bytes of a message id on the wire. */
export const MESSAGE_ID_BYTES = 20;

/** A topic of one fork. */
export interface TopicName {
  readonly forkDigest: Uint8Array;
  readonly topic: GossipTopic;
  /** Present where the topic has subnets. */
  readonly subnet?: number;
}

/** Whether the topic exists at a fork. */
export function isTopicOfFork(topic: GossipTopic, fork: Fork): boolean {
  const rule: TopicRule = TOPICS[topic];
  return fork >= rule.from && (rule.until === undefined || fork < rule.until);
}

/** How many subnets a topic has at a fork; undefined where it is not split. */
export function subnetCount(spec: ChainSpec, fork: Fork, topic: GossipTopic): number | undefined {
  if (topic === "beacon_attestation") return spec.config.ATTESTATION_SUBNET_COUNT;
  if (topic === "sync_committee") return SYNC_COMMITTEE_SUBNET_COUNT;
  if (topic === "data_column_sidecar") return spec.config.DATA_COLUMN_SIDECAR_SUBNET_COUNT;
  if (topic !== "blob_sidecar") return undefined;
  // [Modified in Electra:EIP7691]
  return fork >= Fork.electra ? spec.config.BLOB_SIDECAR_SUBNET_COUNT_ELECTRA : spec.config.BLOB_SIDECAR_SUBNET_COUNT;
}

/** `/eth2/<fork digest>/<name>/ssz_snappy`. */
export function formatTopic({ forkDigest, topic, subnet }: TopicName): string {
  const name = subnet === undefined ? topic : `${topic}_${subnet}`;
  return `/eth2/${toHex(forkDigest).slice(2)}/${name}/ssz_snappy`;
}

/** The parts of a topic string in its one canonical form; undefined for any other string. */
export function parseTopic(text: string): TopicName | undefined {
  const match = /^\/eth2\/([0-9a-f]{8})\/([a-z_]+?)(?:_(0|[1-9][0-9]{0,3}))?\/ssz_snappy$/.exec(text);
  if (match === null) return undefined;
  const name = match[2]!;
  if (!Object.hasOwn(TOPICS, name)) return undefined;
  const topic = name as GossipTopic;
  const rule: TopicRule = TOPICS[topic];
  if ((match[3] !== undefined) !== (rule.hasSubnets === true)) return undefined;
  const forkDigest = fromHex(match[1]!);
  return match[3] === undefined ? { forkDigest, topic } : { forkDigest, topic, subnet: Number(match[3]) };
}

/** Smallest and largest SSZ of a topic's messages at a fork; nothing outside needs to be decompressed. */
export function messageSizeBounds(spec: ChainSpec, fork: Fork, topic: GossipTopic): { min: number; max: number } {
  const types = forkTypes({ spec, fork }) as unknown as Record<string, { minSize: number; maxSize: number }>;
  const isSingle = topic === "beacon_attestation" && fork >= Fork.electra;
  const type = types[isSingle ? "SingleAttestation" : TOPICS[topic].type]!;
  const blobs = topic === "data_column_sidecar" ? maxColumnBytes(spec, type.minSize) : type.maxSize;
  return { min: type.minSize, max: Math.min(blobs, spec.config.MAX_PAYLOAD_SIZE) };
}

/** A column of a block with the most blobs that any schedule of this network allows. */
function maxColumnBytes(spec: ChainSpec, emptyBytes: number): number {
  const limits = spec.config.BLOB_SCHEDULE.map((entry) => entry.MAX_BLOBS_PER_BLOCK);
  const blobs = Math.max(...limits, maxBlobsOfFork(spec, Fork.fulu));
  return emptyBytes + blobs * (2048 + 48 + 48);
}

/**
 * The id by which peers know a message.
 * @param topic as on the wire; phase0's ids leave it out
 * @param data as on the wire
 * @param ssz the data decompressed; undefined where it is no valid snappy
 */
export function computeMessageId(
  spec: ChainSpec,
  message: { fork: Fork; topic: string; data: Uint8Array; ssz: Uint8Array | undefined },
): Uint8Array {
  const { MESSAGE_DOMAIN_VALID_SNAPPY, MESSAGE_DOMAIN_INVALID_SNAPPY } = spec.config;
  const domain = message.ssz === undefined ? MESSAGE_DOMAIN_INVALID_SNAPPY : MESSAGE_DOMAIN_VALID_SNAPPY;
  const content = message.ssz ?? message.data;
  if (message.fork === Fork.phase0) return sha256(concatBytes(domain, content)).slice(0, MESSAGE_ID_BYTES);
  // [Modified in Altair]
  const topic = new TextEncoder().encode(message.topic);
  return sha256(concatBytes(domain, uintToBytes(topic.length), topic, content)).slice(0, MESSAGE_ID_BYTES);
}

/** From an epoch on, messages and peers carry this digest. */
export interface DigestPeriod {
  readonly epoch: number;
  readonly fork: Fork;
  readonly digest: Uint8Array;
}

/** The fork digests of a network: one a fork, and from fulu one a change of the blob parameters. */
export class ForkDigests {
  /** In order; the first begins at epoch 0. */
  readonly periods: readonly DigestPeriod[];
  readonly #byDigest = new Map<string, DigestPeriod>();

  constructor(spec: ChainSpec, genesisValidatorsRoot: Uint8Array) {
    const epochs = new Set([0]);
    for (const name of FORK_NAMES) epochs.add(forkEpoch(spec.config, Fork[name]));
    for (const entry of spec.config.BLOB_SCHEDULE) {
      if (entry.EPOCH >= spec.config.FULU_FORK_EPOCH) epochs.add(entry.EPOCH);
    }
    const periods: DigestPeriod[] = [];
    for (const epoch of [...epochs].filter(Number.isFinite).sort((a, b) => a - b)) {
      const digest = computeForkDigest(spec, genesisValidatorsRoot, epoch);
      const period = { epoch, fork: forkAtEpoch(spec.config, epoch), digest };
      if (this.#byDigest.has(toHex(digest))) continue;
      this.#byDigest.set(toHex(digest), period);
      periods.push(period);
    }
    this.periods = periods;
  }

  atEpoch(epoch: number): DigestPeriod {
    return this.periods.findLast((period) => period.epoch <= epoch) ?? this.periods[0]!;
  }

  /** The first change after an epoch. */
  nextAfter(epoch: number): DigestPeriod | undefined {
    return this.periods.find((period) => period.epoch > epoch);
  }

  find(digest: Uint8Array): DigestPeriod | undefined {
    return this.#byDigest.get(toHex(digest));
  }
}
