/**
 * Parameters of gossipsub.
 * https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/phase0/p2p-interface.md
 */
import type { GossipsubOpts } from "@libp2p/gossipsub";
import type { GossipTopic } from "../spec/gossip/topic.ts";

const HEARTBEAT_MS = 700;
const MCACHE_LENGTH = 6;
/** What waits for a slow peer before its stream is reset. */
const MAX_OUTBOUND_BYTES = 1 << 24;

/** The spec's table; messages are seen for two epochs. */
export function meshOptions(epochMs: number): Partial<GossipsubOpts> {
  return {
    D: 8,
    Dlo: 6,
    Dhi: 12,
    Dlazy: 6,
    heartbeatInterval: HEARTBEAT_MS,
    fanoutTTL: 60_000,
    mcacheLength: MCACHE_LENGTH,
    mcacheGossip: 3,
    seenTTL: epochMs * 2,
    fallbackToFloodsub: false,
    floodPublish: true,
    batchPublish: true,
    doPX: false,
    asyncValidation: true,
    allowPublishToZeroTopicPeers: true,
    ignoreDuplicatePublishError: true,
    // Small messages are cheaper than the refusals of their copies.
    idontwantMinDataSize: 1024,
    maxOutboundBufferSize: MAX_OUTBOUND_BYTES,
    maxInboundStreams: 4,
    maxOutboundStreams: 4,
    decodeRpcLimits: {
      maxSubscriptions: 1024,
      maxMessages: 1024,
      maxIhaveMessageIDs: 5000,
      maxIwantMessageIDs: 5000,
      maxIdontwantMessageIDs: 512,
      maxControlMessages: 1024,
      maxPeerInfos: 0,
    },
  };
}

/** Peers below these are not told, not sent to, not heard. */
export const SCORE_THRESHOLDS = Object.freeze({
  gossipThreshold: -4000,
  publishThreshold: -8000,
  graylistThreshold: -16_000,
  acceptPXThreshold: 100,
  opportunisticGraftThreshold: 5,
});

/** How much topics weigh against each other. */
const TOPIC_WEIGHTS: Partial<Record<GossipTopic, number>> = {
  beacon_block: 0.5,
  beacon_aggregate_and_proof: 0.5,
  voluntary_exit: 0.05,
  proposer_slashing: 0.05,
  attester_slashing: 0.05,
  bls_to_execution_change: 0.05,
  sync_committee_contribution_and_proof: 0.2,
};

export interface ScoreInput {
  readonly slotMs: number;
  readonly epochMs: number;
  readonly appSpecificScore: (peer: string) => number;
  readonly topics: Iterable<{ readonly name: string; readonly topic: GossipTopic; readonly subnets: number }>;
}

/**
 * Time in the mesh and first deliveries earn a little, invalid messages cost much. Deliveries that fail to come are not
 * counted: on quiet topics they say nothing.
 */
export function scoreParameters(input: ScoreInput): NonNullable<GossipsubOpts["scoreParams"]> {
  const { slotMs, epochMs } = input;
  const topics: Record<string, object> = {};
  for (const { name, topic, subnets } of input.topics) topics[name] = topicParameters(topic, subnets, slotMs, epochMs);
  return {
    topics: topics as NonNullable<GossipsubOpts["scoreParams"]>["topics"] & object,
    topicScoreCap: 53,
    appSpecificScore: input.appSpecificScore,
    appSpecificWeight: 100,
    IPColocationFactorThreshold: 5,
    IPColocationFactorWeight: -35,
    // Local networks share one address.
    IPColocationFactorWhitelist: new Set(["127.0.0.1", "::1"]),
    behaviourPenaltyThreshold: 6,
    behaviourPenaltyWeight: -16,
    behaviourPenaltyDecay: decayOf(10 * epochMs, slotMs),
    decayInterval: slotMs,
    decayToZero: 0.01,
    retainScore: 100 * epochMs,
  };
}

function topicParameters(topic: GossipTopic, subnets: number, slotMs: number, epochMs: number): object {
  const topicWeight = TOPIC_WEIGHTS[topic] ?? 1 / subnets;
  return {
    topicWeight,
    timeInMeshWeight: 0.0324,
    timeInMeshQuantum: slotMs,
    timeInMeshCap: 300,
    firstMessageDeliveriesWeight: 1,
    firstMessageDeliveriesDecay: decayOf(4 * epochMs, slotMs),
    firstMessageDeliveriesCap: 23,
    meshMessageDeliveriesWeight: 0,
    meshMessageDeliveriesThreshold: 1,
    meshFailurePenaltyWeight: 0,
    // One invalid message a slot for an epoch closes every door, whatever the topic weighs.
    invalidMessageDeliveriesWeight: -99 / topicWeight,
    invalidMessageDeliveriesDecay: decayOf(50 * epochMs, slotMs),
  };
}

/** The factor a slot that leaves a hundredth after the time. */
function decayOf(timeMs: number, slotMs: number): number {
  return 0.01 ** (slotMs / timeMs);
}
