/** Gossip: decompresses within bounds, hands messages to the node, and passes on what it accepts. */
import type { GossipSub, GossipsubMessage, GossipsubOpts, Message } from "@libp2p/gossipsub";
import { TopicValidatorResult } from "@libp2p/gossipsub";
import { DecodeError } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import { counter, gauge } from "../base/metrics.ts";
import { compressBlock, uncompressBlock } from "../base/snappy.ts";
import { sha256 } from "../crypto/sha256.ts";
import type { ChainSpec } from "../spec/chain-spec.ts";
import type { Fork } from "../spec/fork.ts";
import type { GossipMessage } from "../spec/gossip/message.ts";
import { computeMessageId, type ForkDigests, formatTopic, type GossipTopic } from "../spec/gossip/topic.ts";
import { maxMessageSize } from "../spec/p2p.ts";
import { meshOptions, SCORE_THRESHOLDS, scoreParameters } from "./gossip-options.ts";
import type { GossipVerdict } from "./port.ts";
import type { KnownTopic } from "./topic-table.ts";

/** Messages that wait for a verdict; beyond, new ones are ignored. */
const MAX_PENDING = 8192;

const received = counter("cresset_gossip_received_total", "Gossip messages by verdict", ["topic", "verdict"]);
const published = counter("cresset_gossip_published_total", "Gossip messages that this node published", ["topic"]);
const pendingGauge = gauge("cresset_gossip_pending", "Gossip messages that wait for a verdict");
/** Maps of the library that have grown without bound in some version: js-libp2p-gossipsub issues 398, 477 and 542. */
const libraryEntries = gauge("cresset_gossipsub_entries", "Entries of gossipsub's own maps", { labels: ["map"] });

/** What the interface of the library leaves out. */
interface GossipSubInternals extends GossipSub {
  reportMessageValidationResult(id: string, peer: string, result: TopicValidatorResult): void;
  readonly score: { score(peer: string): number };
}

const RESULTS: Record<GossipVerdict, TopicValidatorResult> = {
  accept: TopicValidatorResult.Accept,
  ignore: TopicValidatorResult.Ignore,
  reject: TopicValidatorResult.Reject,
};

export interface GossipParts {
  readonly spec: ChainSpec;
  readonly digests: ForkDigests;
  readonly topics: ReadonlyMap<string, KnownTopic>;
  readonly log: Logger;
  readonly nowMs: () => number;
  readonly onGossip: (message: GossipMessage) => Promise<GossipVerdict>;
  readonly appSpecificScore: (peer: string) => number;
}

/** Options of the service; the transform bounds what is allocated for a message. */
export function gossipOptions(parts: GossipParts): Partial<GossipsubOpts> {
  const { spec, topics } = parts;
  const slotMs = spec.config.SLOT_DURATION_MS;
  const epochMs = slotMs * spec.preset.SLOTS_PER_EPOCH;
  return {
    ...meshOptions(epochMs),
    globalSignaturePolicy: "StrictNoSign",
    allowedTopics: new Set(topics.keys()),
    maxInboundDataLength: maxMessageSize(spec),
    scoreParams: scoreParameters({
      slotMs,
      epochMs,
      appSpecificScore: parts.appSpecificScore,
      topics: topics.values(),
    }),
    scoreThresholds: SCORE_THRESHOLDS,
    dataTransform: {
      inboundTransform: (name, data) => uncompressMessage(topics.get(name), data),
      outboundTransform: (_, data) => compressBlock(data),
    },
    msgIdFn: (message) => messageId(spec, topics, message),
    msgIdToStrFn: (id) => Buffer.from(id).toString("latin1"),
    // Saves decompressing the copies that every mesh peer sends.
    fastMsgIdFn: ({ topic, data }) => `${topic}${Buffer.from(sha256(data ?? new Uint8Array(0))).toString("latin1")}`,
  };
}

/** @throws DecodeError for sizes that the topic cannot have, before anything is allocated */
export function uncompressMessage(known: KnownTopic | undefined, data: Uint8Array): Uint8Array {
  if (known === undefined) throw new DecodeError("a message of an unknown topic");
  const ssz = uncompressBlock(data, known.bounds.max);
  if (ssz.length < known.bounds.min) throw new DecodeError(`${ssz.length} bytes for ${known.topic}`);
  return ssz;
}

function messageId(spec: ChainSpec, topics: ReadonlyMap<string, KnownTopic>, message: Message): Uint8Array {
  const known = topics.get(message.topic);
  if (known === undefined) throw new DecodeError("a message of an unknown topic");
  // The library asks only for messages that were decompressed, and for our own before compression.
  const { data } = message;
  return computeMessageId(spec, { fork: known.period.fork, topic: message.topic, data, ssz: data });
}

export class Gossip {
  readonly #parts: GossipParts;
  readonly #service: GossipSubInternals;
  readonly #subscribed = new Set<string>();
  #pending = 0;

  constructor(service: GossipSub, parts: GossipParts) {
    this.#parts = parts;
    this.#service = service as GossipSubInternals;
    service.addEventListener("gossipsub:message", (event) => void this.#onMessage(event.detail));
  }

  get pending(): number {
    return this.#pending;
  }

  /** Leaves and joins topics until these are the subscribed ones. */
  subscribe(wanted: ReadonlySet<string>): void {
    for (const name of this.#subscribed) {
      if (wanted.has(name)) continue;
      this.#service.unsubscribe(name);
      this.#subscribed.delete(name);
    }
    for (const name of wanted) {
      if (this.#subscribed.has(name) || !this.#parts.topics.has(name)) continue;
      this.#service.subscribe(name);
      this.#subscribed.add(name);
    }
  }

  /** Sends to the mesh. @returns how many peers were sent to */
  async publish(message: { topic: GossipTopic; subnet?: number; fork: Fork; bytes: Uint8Array }, epoch: number) {
    const { topic, subnet, fork, bytes } = message;
    const { digests } = this.#parts;
    const now = digests.atEpoch(epoch);
    // At a boundary a message may still, or already, belong to the fork beside the clock's.
    const period = now.fork === fork ? now : digests.periods.findLast((other) => other.fork === fork);
    if (period === undefined) throw new DecodeError(`no topic ${topic} at fork ${fork}`);
    const name = formatTopic({ forkDigest: period.digest, topic, ...(subnet !== undefined && { subnet }) });
    if (!this.#parts.topics.has(name)) throw new DecodeError(`no topic ${name}`);
    published.inc({ topic });
    const { recipients } = await this.#service.publish(name, bytes);
    return recipients.length;
  }

  /** Peers known to be subscribed to a topic. */
  subscribers(name: string): number {
    return this.#service.getSubscribers(name).length;
  }

  score(peer: string): number {
    return this.#service.score.score(peer);
  }

  updateMetrics(): void {
    pendingGauge.set(this.#pending);
    const maps = this.#service as unknown as Record<string, { size?: number } | undefined>;
    for (const map of LIBRARY_MAPS) libraryEntries.set({ map }, maps[map]?.size ?? 0);
  }

  async #onMessage({ propagationSource, msgId, msg }: GossipsubMessage): Promise<void> {
    const known = this.#parts.topics.get(msg.topic);
    if (known === undefined) return;
    const peer = propagationSource.toString();
    let verdict: GossipVerdict = "ignore";
    if (this.#pending < MAX_PENDING) {
      this.#pending++;
      try {
        verdict = await this.#parts.onGossip(toMessage(known, msg.data, peer, this.#parts.nowMs()));
      } catch (error) {
        // Our fault, not the peer's.
        this.#parts.log.error({ err: error, topic: known.topic }, "a gossip rule failed");
      } finally {
        this.#pending--;
      }
    }
    received.inc({ topic: known.topic, verdict });
    this.#service.reportMessageValidationResult(msgId, peer, RESULTS[verdict]);
  }
}

const LIBRARY_MAPS = [
  "peers",
  "topics",
  "mesh",
  "fanout",
  "seenCache",
  "fastMsgIdCache",
  "publishedMessageIds",
  "streamsInbound",
  "streamsOutbound",
  "backoff",
  "outbound",
  "acceptFromWhitelist",
  "idontwants",
] as const;

function toMessage(known: KnownTopic, bytes: Uint8Array, peer: string, seenAtMs: number): GossipMessage {
  const { topic, subnet, period } = known;
  return { topic, fork: period.fork, bytes, peer, seenAtMs, ...(subnet !== undefined && { subnet }) };
}
