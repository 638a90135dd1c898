/** Which topics the node wants at an epoch: those of the current fork, and near a boundary those of both sides. */
import type { ChainSpec } from "../spec/chain-spec.ts";
import {
  type DigestPeriod,
  type ForkDigests,
  formatTopic,
  GOSSIP_TOPICS,
  type GossipTopic,
  isTopicOfFork,
  subnetCount,
} from "../spec/gossip/topic.ts";
import type { SubnetWishes } from "./port.ts";

/** Topics of the next fork are joined, and those of the last one kept, for this long. */
export const BOUNDARY_EPOCHS = 2;

const WISH_OF: Partial<Record<GossipTopic, "attestation" | "syncCommittee" | "dataColumn">> = {
  beacon_attestation: "attestation",
  sync_committee: "syncCommittee",
  data_column_sidecar: "dataColumn",
};

/** The digests whose topics are heard at an epoch. */
export function activePeriods(digests: ForkDigests, epoch: number): DigestPeriod[] {
  const current = digests.atEpoch(epoch);
  const next = digests.nextAfter(epoch);
  const periods = [current];
  if (next !== undefined && next.epoch - epoch <= BOUNDARY_EPOCHS) periods.push(next);
  if (current.epoch > 0 && epoch - current.epoch < BOUNDARY_EPOCHS) periods.push(digests.atEpoch(current.epoch - 1));
  return periods;
}

/** The topic strings to be subscribed to. */
export function wantedTopics(spec: ChainSpec, digests: ForkDigests, epoch: number, wishes: SubnetWishes): Set<string> {
  const topics = new Set<string>();
  for (const period of activePeriods(digests, Math.max(0, epoch))) {
    for (const topic of GOSSIP_TOPICS) {
      if (topic.startsWith("light_client_") && !wishes.lightClient) continue;
      for (const { name } of topicsOfPeriod(spec, period, topic, wishedSubnets(topic, wishes))) topics.add(name);
    }
  }
  return topics;
}

/** The strings of one topic at a fork, for all of its subnets or those named. */
export function topicsOfPeriod(
  spec: ChainSpec,
  period: DigestPeriod,
  topic: GossipTopic,
  subnets: readonly number[] | "all",
): { name: string; subnet?: number }[] {
  if (!isTopicOfFork(topic, period.fork)) return [];
  const count = subnetCount(spec, period.fork, topic);
  if (count === undefined) return [{ name: formatTopic({ forkDigest: period.digest, topic }) }];
  const wanted = subnets === "all" ? Array.from({ length: count }, (_, i) => i) : subnets.filter((i) => i < count);
  return wanted.map((subnet) => ({ name: formatTopic({ forkDigest: period.digest, topic, subnet }), subnet }));
}

function wishedSubnets(topic: GossipTopic, wishes: SubnetWishes): readonly number[] | "all" {
  const wish = WISH_OF[topic];
  // Blob sidecars have no custody: every node needs all of them.
  return wish === undefined ? "all" : wishes[wish];
}
