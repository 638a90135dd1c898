/**
 * Answers peers from the database: what lies in segment files goes out as it is, neither decompressed nor decoded.
 * https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/phase0/p2p-interface.md
 */
import { RequestFailed, StorageError } from "../base/errors.ts";
import type { Chain } from "../chain/chain.ts";
import type { RecordKey, RecordKind, StoredRecord } from "../db/record.ts";
import { computeMaxRequestBlobSidecars } from "../spec/blobs.ts";
import { Fork } from "../spec/fork.ts";
import type { DataRequest, ServedChunk } from "../spec/requests.ts";

/** Light-client objects in SSZ, with the slot that tells their fork. */
export interface LightClientSource {
  bootstrap(root: Uint8Array): Promise<LightClientObject | undefined>;
  updates(startPeriod: number, count: number): Promise<LightClientObject[]>;
  finalityUpdate(): Promise<LightClientObject | undefined>;
  optimisticUpdate(): Promise<LightClientObject | undefined>;
}
export type LightClientObject = { readonly slot: number; readonly bytes: Uint8Array };

export interface ServeParts {
  readonly chain: Pick<Chain, "spec" | "database" | "store" | "head">;
  readonly lightClient?: LightClientSource;
}

interface BlockPlace {
  readonly slot: number;
  readonly root: Uint8Array;
}

/** @throws RequestFailed RESOURCE_UNAVAILABLE for what we do not keep at all */
export async function* serveRequest(parts: ServeParts, request: DataRequest): AsyncGenerator<ServedChunk> {
  switch (request.protocol) {
    case "beacon_blocks_by_range":
    case "blob_sidecars_by_range":
    case "data_column_sidecars_by_range":
      yield* serveRange(parts, request);
      return;
    case "beacon_blocks_by_root":
      for (const root of request.body) {
        const record = await orNothing(parts.chain.database.blocks.readByRoot(root));
        if (record !== undefined) yield toChunk(record);
      }
      return;
    case "blob_sidecars_by_root":
      for (const { blockRoot, index } of request.body) yield* serveSidecars(parts, "blobSidecar", blockRoot, [index]);
      return;
    case "data_column_sidecars_by_root":
      for (const { blockRoot, columns } of request.body) {
        yield* serveSidecars(parts, "dataColumnSidecar", blockRoot, columns);
      }
      return;
    default:
      yield* serveLightClient(parts.lightClient, request);
  }
}

type RangeRequest = Extract<DataRequest, { protocol: `${string}_by_range` }> & { body: { startSlot: number } };

async function* serveRange(parts: ServeParts, request: RangeRequest): AsyncGenerator<ServedChunk> {
  const { chain } = parts;
  const { startSlot, count } = request.body;
  const limit = Math.min(count, chain.spec.config.MAX_REQUEST_BLOCKS_DENEB);
  if (!Number.isSafeInteger(startSlot + limit)) throw new RequestFailed("INVALID_REQUEST", `slot ${startSlot}`);
  const indices = indicesOf(parts, request);
  for (const place of await canonicalBlocks(chain, startSlot, startSlot + limit)) {
    if (indices === undefined) {
      const record = await orNothing(chain.database.blocks.read({ ...place, index: 0 }));
      // A gap would look like a lie: what comes before it is still of use.
      if (record === undefined) return;
      yield toChunk(record);
    } else {
      yield* readSidecars(parts, indices.kind, place, indices.of);
    }
  }
}

/** Which sidecars of each block a range is about; undefined where it is about the blocks. */
function indicesOf(
  { chain }: ServeParts,
  request: RangeRequest,
): { kind: RecordKind; of: readonly number[] } | undefined {
  if (request.protocol === "beacon_blocks_by_range") return undefined;
  if (request.protocol === "data_column_sidecars_by_range") {
    return { kind: "dataColumnSidecar", of: ascending(request.body.columns) };
  }
  const { MAX_REQUEST_BLOCKS_DENEB } = chain.spec.config;
  const blobs = computeMaxRequestBlobSidecars(chain.spec, Fork.electra) / MAX_REQUEST_BLOCKS_DENEB;
  return { kind: "blobSidecar", of: Array.from({ length: blobs }, (_, i) => i) };
}

/** Blocks of the head's chain in a range of slots: the finalized ones by their index, the others by fork choice. */
async function canonicalBlocks(chain: ServeParts["chain"], from: number, to: number): Promise<BlockPlace[]> {
  const { array } = chain.store;
  const hot: BlockPlace[] = [];
  let row = array.ancestorAt(array.indexOf(chain.head.root), to - 1);
  for (; row >= 0 && array.slot[row]! >= from; row = array.parent[row]!) {
    hot.push({ slot: array.slot[row]!, root: array.rootAt(row) });
  }
  hot.reverse();
  const end = hot[0]?.slot ?? to;
  const cold = await chain.database.canonical.range(from, Math.max(1, end - from));
  return [...cold.filter(({ slot }) => slot < end), ...hot];
}

async function* serveSidecars(parts: ServeParts, kind: RecordKind, root: Uint8Array, indices: readonly number[]) {
  const { database } = parts.chain;
  const slot = await database.records(kind).index.slotOf(root);
  if (slot !== undefined) yield* readSidecars(parts, kind, { slot, root }, ascending(indices));
}

async function* readSidecars(
  { chain }: ServeParts,
  kind: RecordKind,
  place: BlockPlace,
  indices: readonly number[],
): AsyncGenerator<ServedChunk> {
  const store = chain.database.records(kind);
  for (const index of indices) {
    if (!(index >= 0 && index < 65_536)) continue;
    const key: RecordKey = { ...place, index };
    const record = await orNothing(store.read(key));
    if (record !== undefined) yield toChunk(record);
  }
}

async function* serveLightClient(
  source: LightClientSource | undefined,
  request: Extract<DataRequest, { protocol: `light_client_${string}` }>,
): AsyncGenerator<ServedChunk> {
  if (source === undefined) throw new RequestFailed("RESOURCE_UNAVAILABLE", "no light client data");
  if (request.protocol === "light_client_updates_by_range") {
    yield* await source.updates(request.body.startPeriod, request.body.count);
    return;
  }
  const found =
    request.protocol === "light_client_bootstrap"
      ? await source.bootstrap(request.body)
      : request.protocol === "light_client_finality_update"
        ? await source.finalityUpdate()
        : await source.optimisticUpdate();
  if (found === undefined) throw new RequestFailed("RESOURCE_UNAVAILABLE", "not here");
  yield found;
}

/** A damaged record is the operator's trouble, told at the check of the database; to a peer it is not there. */
async function orNothing(reading: Promise<StoredRecord | undefined>): Promise<StoredRecord | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (error instanceof StorageError) return undefined;
    throw error;
  }
}

function toChunk({ slot, frames, sszLength }: StoredRecord): ServedChunk {
  return { slot, frames, sszLength };
}

function ascending(indices: readonly number[]): number[] {
  return [...new Set(indices)].sort((a, b) => a - b);
}
