/**
 * Values that nodes ask each other for and answer with, below any transport.
 * https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/fulu/p2p-interface.md
 */
import type { Fork } from "./fork.ts";

/** What is asked, by protocol. */
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

/** Protocols whose answers carry objects of the chain. */
export type DataProtocol = keyof RequestBodies;

/** A request to be served, as one value to switch over. */
export type DataRequest = {
  [P in DataProtocol]: { readonly protocol: P; readonly body: RequestBodies[P] };
}[DataProtocol];

/** One object of an answer. */
export interface ResponseChunk {
  /** By the context bytes of the chunk. */
  readonly fork: Fork;
  /** SSZ. */
  readonly bytes: Uint8Array;
  /** The same as framed snappy, as it came. */
  readonly frames: Uint8Array;
}

/** What is served: SSZ, or the framed snappy of the database, which goes out as it is. */
export type ServedChunk =
  | { readonly slot: number; readonly bytes: Uint8Array }
  | { readonly slot: number; readonly frames: Uint8Array; readonly sszLength: number };
