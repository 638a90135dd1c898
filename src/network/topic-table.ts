/** Every topic that this network can have: strings of peers are looked up here and nowhere else. */
import type { ChainSpec } from "../spec/chain-spec.ts";
import {
  type DigestPeriod,
  type ForkDigests,
  GOSSIP_TOPICS,
  type GossipTopic,
  messageSizeBounds,
  subnetCount,
} from "../spec/gossip/topic.ts";
import { topicsOfPeriod } from "./subscriptions.ts";

export interface KnownTopic {
  readonly name: string;
  readonly topic: GossipTopic;
  readonly subnet?: number;
  readonly period: DigestPeriod;
  /** Of the SSZ. */
  readonly bounds: { readonly min: number; readonly max: number };
  /** How many subnets share the messages; 1 where the topic is not split. */
  readonly subnets: number;
}

export function createTopicTable(spec: ChainSpec, digests: ForkDigests): Map<string, KnownTopic> {
  const table = new Map<string, KnownTopic>();
  for (const period of digests.periods) {
    for (const topic of GOSSIP_TOPICS) {
      const names = topicsOfPeriod(spec, period, topic, "all");
      if (names.length === 0) continue;
      const bounds = messageSizeBounds(spec, period.fork, topic);
      const subnets = subnetCount(spec, period.fork, topic) ?? 1;
      for (const { name, subnet } of names) {
        table.set(name, { name, topic, period, bounds, subnets, ...(subnet !== undefined && { subnet }) });
      }
    }
  }
  return table;
}
