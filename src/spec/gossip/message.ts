/** A message of a gossip topic as it travels from the network to the rules. */
import type { Fork } from "../fork.ts";
import type { GossipTopic } from "./topic.ts";

export interface GossipMessage {
  readonly topic: GossipTopic;
  readonly subnet?: number;
  readonly fork: Fork;
  /** SSZ. */
  readonly bytes: Uint8Array;
  readonly peer: string;
  readonly seenAtMs: number;
}
