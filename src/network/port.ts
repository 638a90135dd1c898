/** What the network offers to the rest of the node, and what it asks of it: values only, so that it can run in a worker. */
import type { MetaData, Status } from "../spec/containers.ts";
import type { Fork } from "../spec/fork.ts";
import type { GossipMessage } from "../spec/gossip/message.ts";
import type { GossipTopic } from "../spec/gossip/topic.ts";
import type { DataProtocol, DataRequest, RequestBodies, ResponseChunk, ServedChunk } from "../spec/requests.ts";

export type GossipVerdict = "accept" | "ignore" | "reject";

export interface NetworkHandlers {
  onGossip(message: GossipMessage): Promise<GossipVerdict>;
  /** @throws RequestRefused to answer with an error code; any other error becomes a server error */
  onRequest(peer: string, request: DataRequest): AsyncIterable<ServedChunk>;
  localStatus(): Status;
  /** Whether the peer's finalized checkpoint may lie in our chain. */
  isRelevant(status: Status): Promise<boolean>;
  onPeerStatus(peer: string, status: Status): void;
  onPeerGone(peer: string): void;
}

/** How much is wrong with what a peer did; a fatal report ends the connection at once. */
export type Severity = "fatal" | "high" | "mid" | "low";

export interface PeerInfo {
  readonly id: string;
  readonly agent: string;
  readonly direction: "inbound" | "outbound";
  readonly state: "connecting" | "connected" | "disconnecting" | "disconnected";
  readonly address: string;
  /** 0 is neutral, -100 a ban. */
  readonly score: number;
  readonly status?: Status;
  readonly metadata?: MetaData;
}

export interface NetworkIdentity {
  readonly peerId: string;
  readonly enr?: string;
  /** Multiaddrs with the peer id, for others to dial. */
  readonly addresses: readonly string[];
  readonly metadata: MetaData;
}

/** What the node wants to hear. */
export interface SubnetWishes {
  readonly attestation: readonly number[] | "all";
  readonly syncCommittee: readonly number[] | "all";
  readonly dataColumn: readonly number[] | "all";
  /** Light-client updates are wanted by those who pass them on. */
  readonly lightClient: boolean;
}

export interface Network {
  start(): Promise<void>;
  stop(): Promise<void>;
  /** @param bytes SSZ */
  publish(message: { topic: GossipTopic; subnet?: number; fork: Fork; bytes: Uint8Array }): Promise<void>;
  setSubnets(wishes: SubnetWishes): void;
  /** @param multiaddr with `/p2p/<peer id>` or without */
  connect(multiaddr: string): Promise<void>;
  disconnect(peer: string): Promise<void>;
  /** Chunks as they come. Fails with RequestFailed when the peer refuses, is too slow or breaks the protocol. */
  request<P extends DataProtocol>(
    peer: string,
    protocol: P,
    body: RequestBodies[P],
    options?: { signal?: AbortSignal },
  ): AsyncIterable<ResponseChunk>;
  peers(): PeerInfo[];
  identity(): NetworkIdentity;
  reportPeer(peer: string, severity: Severity, reason: string): void;
}
