/** What the network offers to the rest of the node, and what it asks of it: values only, so that it can run in a worker. */
import type { MetaData, Status } from "../spec/containers.ts";
import type { Fork } from "../spec/fork.ts";
import type { GossipTopic } from "../spec/gossip/topic.ts";

export const REQUEST_PROTOCOLS = [
  "status",
  "goodbye",
  "ping",
  "metadata",
  "beacon_blocks_by_range",
  "beacon_blocks_by_root",
  "blob_sidecars_by_range",
  "blob_sidecars_by_root",
  "data_column_sidecars_by_range",
  "data_column_sidecars_by_root",
  "light_client_bootstrap",
  "light_client_updates_by_range",
  "light_client_finality_update",
  "light_client_optimistic_update",
] as const;
export type RequestProtocol = (typeof REQUEST_PROTOCOLS)[number];

/** One block, sidecar or light-client object of an answer. */
export interface ResponseChunk {
  readonly fork: Fork;
  /** SSZ, or where `frames` is set the number of its bytes matters only. */
  readonly bytes: Uint8Array;
}

/** What a handler answers with: SSZ, or the framed snappy that the database has, which goes out as it is. */
export type ServedChunk =
  | { readonly fork: Fork; readonly slot: number; readonly bytes: Uint8Array }
  | { readonly fork: Fork; readonly slot: number; readonly frames: Uint8Array; readonly sszLength: number };

export type GossipVerdict = "accept" | "ignore" | "reject";

export interface GossipMessage {
  readonly topic: GossipTopic;
  readonly subnet?: number;
  readonly fork: Fork;
  /** SSZ. */
  readonly bytes: Uint8Array;
  readonly peer: string;
  readonly seenAtMs: number;
}

/** Values of requests, by protocol. */
export interface RequestBodies {
  beacon_blocks_by_range: { startSlot: number; count: number };
  beacon_blocks_by_root: Uint8Array[];
  blob_sidecars_by_range: { startSlot: number; count: number };
  blob_sidecars_by_root: { blockRoot: Uint8Array; index: number }[];
  data_column_sidecars_by_range: { startSlot: number; count: number; columns: number[] };
  data_column_sidecars_by_root: { blockRoot: Uint8Array; columns: number[] }[];
  light_client_bootstrap: Uint8Array;
  light_client_updates_by_range: { startPeriod: number; count: number };
  light_client_finality_update: undefined;
  light_client_optimistic_update: undefined;
}
export type DataProtocol = keyof RequestBodies;

/** A request that is served, as one value to switch over. */
export type DataRequest = {
  [P in DataProtocol]: { readonly protocol: P; readonly body: RequestBodies[P] };
}[DataProtocol];

export interface NetworkHandlers {
  onGossip(message: GossipMessage): Promise<GossipVerdict>;
  /** @throws RequestRefused to answer with an error code; any other error becomes a server error */
  onRequest(peer: string, request: DataRequest): AsyncIterable<ServedChunk>;
  localStatus(): Status;
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
