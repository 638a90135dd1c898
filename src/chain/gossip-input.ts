/** A message of the network as it reaches the chain. */
import type { Fork } from "../spec/fork.ts";
import type { GossipTopic } from "../spec/gossip/topic.ts";

export interface GossipInput {
  readonly topic: GossipTopic;
  readonly subnet?: number;
  readonly fork: Fork;
  /** SSZ. */
  readonly bytes: Uint8Array;
  readonly peer: string;
  readonly seenAtMs: number;
}
