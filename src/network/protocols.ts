/**
 * The request protocols: ids, SSZ types, how many objects an answer may have.
 * https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/phase0/p2p-interface.md
 */
import { ByteVectorType, ContainerType, ListCompositeType, type Type, UintNumberType } from "@chainsafe/ssz";
import { computeMaxRequestBlobSidecars } from "../spec/blobs.ts";
import type { ChainSpec } from "../spec/chain-spec.ts";
import { MAX_REQUEST_LIGHT_CLIENT_UPDATES } from "../spec/constants.ts";
import type { MetaData, Status } from "../spec/containers.ts";
import { computeMaxRequestDataColumnSidecars } from "../spec/das.ts";
import { Fork } from "../spec/fork.ts";
import { forkTypes } from "../spec/fork-types.ts";
import type { DataProtocol, RequestBodies } from "../spec/requests.ts";

/** Protocols by which peers get to know each other. */
export type PeerProtocol = "status" | "goodbye" | "ping" | "metadata";
export type ProtocolName = PeerProtocol | DataProtocol;

export interface ProtocolBodies extends RequestBodies {
  status: Status;
  goodbye: number;
  ping: number;
  metadata: undefined;
}

/** What encodes and decodes; sizes bound what is read. */
export type Codec<T> = Pick<Type<T>, "serialize" | "deserialize" | "minSize" | "maxSize">;

/** One version of a protocol. */
export interface Protocol<Name extends ProtocolName = ProtocolName> {
  readonly name: Name;
  readonly id: string;
  /** Undefined where the request has no body. */
  readonly request: Codec<ProtocolBodies[Name]> | undefined;
  /** The type of a chunk; `fork` is phase0 where chunks have no context. */
  readonly response: (fork: Fork) => Codec<unknown>;
  readonly hasContext: boolean;
  /** How many chunks a request may ask for; 0 for an empty request. */
  readonly chunksOf: (body: ProtocolBodies[Name]) => number;
  /** The most that one request may ask for. */
  readonly maxChunks: number;
}

const ONE = (): number => 1;

/** All protocols and versions that we speak, newest version first. */
export function createProtocols(spec: ChainSpec): Protocol[] {
  const peer = peerProtocols(spec);
  return [...peer, ...blockProtocols(spec), ...sidecarProtocols(spec), ...lightClientProtocols(spec)] as Protocol[];
}

function protocolId(name: string, version: number): string {
  return `/eth2/beacon_chain/req/${name}/${version}/ssz_snappy`;
}

function peerProtocols(spec: ChainSpec) {
  const { phase0, altair, fulu } = spec.types;
  const uint64 = new UintNumberType(8, { clipInfinity: true });
  const single = { hasContext: false, chunksOf: ONE, maxChunks: 1 } as const;
  // Earlier versions lack fields of the newest type: the table says what fills them in.
  const statusOf = (version: number, type: Codec<Status>): Protocol<"status"> => {
    return { ...single, name: "status", id: protocolId("status", version), request: type, response: () => type };
  };
  const metadataOf = (version: number, type: Codec<MetaData>): Protocol<"metadata"> => {
    const id = protocolId("metadata", version);
    return { ...single, name: "metadata", id, request: undefined, response: () => type };
  };
  return [
    statusOf(2, fulu.Status),
    statusOf(1, phase0.Status as unknown as Codec<Status>),
    { ...single, name: "goodbye", id: protocolId("goodbye", 1), request: uint64, response: () => uint64 },
    { ...single, name: "ping", id: protocolId("ping", 1), request: uint64, response: () => uint64 },
    metadataOf(3, fulu.MetaData),
    metadataOf(2, altair.MetaData as unknown as Codec<MetaData>),
    metadataOf(1, phase0.MetaData as unknown as Codec<MetaData>),
  ];
}

function blockProtocols(spec: ChainSpec) {
  const { MAX_REQUEST_BLOCKS } = spec.config;
  const response = (fork: Fork) => forkTypes({ spec, fork }).SignedBeaconBlock;
  const range = spec.types.phase0.BeaconBlocksByRangeRequest;
  const byRange: Protocol<"beacon_blocks_by_range"> = {
    name: "beacon_blocks_by_range",
    id: protocolId("beacon_blocks_by_range", 2),
    request: {
      minSize: range.minSize,
      maxSize: range.maxSize,
      serialize: ({ startSlot, count }) => range.serialize({ startSlot, count, step: 1 }),
      deserialize: (bytes) => range.deserialize(bytes),
    },
    response,
    hasContext: true,
    chunksOf: ({ count }) => count,
    maxChunks: MAX_REQUEST_BLOCKS,
  };
  const byRoot: Protocol<"beacon_blocks_by_root"> = {
    name: "beacon_blocks_by_root",
    id: protocolId("beacon_blocks_by_root", 2),
    request: new ListCompositeType(new ByteVectorType(32), MAX_REQUEST_BLOCKS),
    response,
    hasContext: true,
    chunksOf: (roots) => roots.length,
    maxChunks: MAX_REQUEST_BLOCKS,
  };
  return [byRange, byRoot];
}

function sidecarProtocols(spec: ChainSpec) {
  const { deneb, fulu } = spec.types;
  const maxBlobs = computeMaxRequestBlobSidecars(spec, Fork.electra);
  const maxColumns = computeMaxRequestDataColumnSidecars(spec);
  const { MAX_BLOBS_PER_BLOCK_ELECTRA, MAX_REQUEST_BLOCKS_DENEB } = spec.config;
  const blobs = { response: () => deneb.BlobSidecar, hasContext: true, maxChunks: maxBlobs } as const;
  const columns = { response: () => fulu.DataColumnSidecar, hasContext: true, maxChunks: maxColumns } as const;
  const blobsByRange: Protocol<"blob_sidecars_by_range"> = {
    ...blobs,
    name: "blob_sidecars_by_range",
    id: protocolId("blob_sidecars_by_range", 1),
    request: deneb.BlobSidecarsByRangeRequest,
    chunksOf: ({ count }) => count * MAX_BLOBS_PER_BLOCK_ELECTRA,
  };
  const blobsByRoot: Protocol<"blob_sidecars_by_root"> = {
    ...blobs,
    name: "blob_sidecars_by_root",
    id: protocolId("blob_sidecars_by_root", 1),
    request: new ListCompositeType(deneb.BlobIdentifier, maxBlobs),
    chunksOf: (ids) => ids.length,
  };
  const columnsByRange: Protocol<"data_column_sidecars_by_range"> = {
    ...columns,
    name: "data_column_sidecars_by_range",
    id: protocolId("data_column_sidecars_by_range", 1),
    request: fulu.DataColumnSidecarsByRangeRequest,
    chunksOf: (body) => body.count * body.columns.length,
  };
  const columnsByRoot: Protocol<"data_column_sidecars_by_root"> = {
    ...columns,
    name: "data_column_sidecars_by_root",
    id: protocolId("data_column_sidecars_by_root", 1),
    request: new ListCompositeType(fulu.DataColumnsByRootIdentifier, MAX_REQUEST_BLOCKS_DENEB),
    chunksOf: (ids) => ids.reduce((sum, id) => sum + id.columns.length, 0),
  };
  return [blobsByRange, blobsByRoot, columnsByRange, columnsByRoot];
}

function lightClientProtocols(spec: ChainSpec) {
  const uint64 = new UintNumberType(8, { clipInfinity: true });
  const bootstrap: Protocol<"light_client_bootstrap"> = {
    name: "light_client_bootstrap",
    id: protocolId("light_client_bootstrap", 1),
    request: new ByteVectorType(32),
    response: (fork) => forkTypes({ spec, fork }).LightClientBootstrap,
    hasContext: true,
    chunksOf: ONE,
    maxChunks: 1,
  };
  const updates: Protocol<"light_client_updates_by_range"> = {
    name: "light_client_updates_by_range",
    id: protocolId("light_client_updates_by_range", 1),
    request: new ContainerType({ startPeriod: uint64, count: uint64 }, { jsonCase: "eth2" }),
    response: (fork) => forkTypes({ spec, fork }).LightClientUpdate,
    hasContext: true,
    chunksOf: ({ count }) => count,
    maxChunks: MAX_REQUEST_LIGHT_CLIENT_UPDATES,
  };
  const finality: Protocol<"light_client_finality_update"> = {
    name: "light_client_finality_update",
    id: protocolId("light_client_finality_update", 1),
    request: undefined,
    response: (fork) => forkTypes({ spec, fork }).LightClientFinalityUpdate,
    hasContext: true,
    chunksOf: ONE,
    maxChunks: 1,
  };
  const optimistic: Protocol<"light_client_optimistic_update"> = {
    ...finality,
    name: "light_client_optimistic_update",
    id: protocolId("light_client_optimistic_update", 1),
    response: (fork) => forkTypes({ spec, fork }).LightClientOptimisticUpdate,
  };
  return [bootstrap, updates, finality, optimistic];
}
