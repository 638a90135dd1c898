/**
 * Everything that a node keeps on disk, in one folder:
 *
 *   database.json   layout, network, the secret of the checksums
 *   index/          LevelDB: where records lie, small hot entries; its lock keeps other processes out
 *   blocks/ blobs/ columns/   segment files
 *   states/         snapshots and differences
 */
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { StorageError } from "../base/errors.ts";
import type { ChainSpec } from "../spec/chain-spec.ts";
import { CanonicalIndex } from "./canonical-index.ts";
import { checkSegment } from "./check.ts";
import { removePartials } from "./durable-file.ts";
import { Bucket, KeyValue } from "./key-value.ts";
import { RECORD_KINDS, type RecordKind } from "./record.ts";
import { checkIdentity, createIdentity, type Migration, migrate, readIdentity } from "./schema.ts";
import type { RecoveryReport } from "./segment-recovery.ts";
import { type SegmentStats, SegmentStore } from "./segment-store.ts";
import { type StateStats, StateStore } from "./state-store.ts";

const KINDS = Object.keys(RECORD_KINDS) as RecordKind[];

export interface OpenReport {
  readonly records: Readonly<Record<RecordKind, RecoveryReport>>;
  /** State files whose header is damaged. */
  readonly damagedStates: readonly string[];
}

export interface DatabaseStats {
  readonly version: number;
  readonly network: string;
  readonly records: readonly SegmentStats[];
  readonly states: StateStats;
  readonly index: { readonly bytes: number; readonly bytesWritten: number; readonly syncs: number };
}

export interface PruneOptions {
  /** Deletes the segments of a kind that lie wholly before the slot. */
  before?: Partial<Record<RecordKind, number>>;
  /** How many snapshots to keep, with the differences from them. */
  keepSnapshots?: number;
}

interface Parts {
  version: number;
  network: string;
  keyValue: KeyValue;
  segments: Record<RecordKind, SegmentStore>;
  states: StateStore;
  report: OpenReport;
}

export class Database {
  readonly version: number;
  readonly network: string;
  readonly blocks: SegmentStore;
  readonly blobSidecars: SegmentStore;
  readonly dataColumnSidecars: SegmentStore;
  readonly states: StateStore;
  readonly canonical: CanonicalIndex;
  readonly keyValue: KeyValue;
  /** What opening had to repair. */
  readonly report: OpenReport;

  private constructor(parts: Parts) {
    this.version = parts.version;
    this.network = parts.network;
    this.blocks = parts.segments.block;
    this.blobSidecars = parts.segments.blobSidecar;
    this.dataColumnSidecars = parts.segments.dataColumnSidecar;
    this.states = parts.states;
    this.canonical = new CanonicalIndex(parts.keyValue);
    this.keyValue = parts.keyValue;
    this.report = parts.report;
  }

  /**
   * Opens or creates the database of a network, runs migrations and repairs what a crash has left.
   * @param options.create whether a folder without a database may become one; true unless told
   * @param options.schema other migrations than the program's own
   * @throws StorageError when it is locked, of another network, of a newer layout, or damaged
   */
  static async open(
    spec: ChainSpec,
    folder: string,
    options: { create?: boolean; schema?: { migrations: readonly Migration[]; version: number } } = {},
  ): Promise<Database> {
    const network = networkOf(spec);
    const found = await readIdentity(folder);
    if (found !== undefined) checkIdentity(folder, found, network, options.schema?.version);
    else if (options.create === false) throw new StorageError(`there is no database in ${folder}`);
    await mkdir(folder, { recursive: true });
    const keyValue = await KeyValue.open(join(folder, "index"));
    try {
      await removePartials(folder);
      // Again, now that no other process can be at it.
      const known = (await readIdentity(folder)) ?? (await createIdentity(folder, network, options.schema?.version));
      checkIdentity(folder, known, network, options.schema?.version);
      const identity = await migrate({ folder, keyValue }, known, options.schema);
      return new Database({ ...(await openStores(spec, folder, identity.secret, keyValue)), ...identity, keyValue });
    } catch (error) {
      await keyValue.close();
      throw error;
    }
  }

  /**
   * Opens a database whose index is damaged: removes the index and makes it anew from the files. Entries of
   * callers (Bucket.values) and the list of canonical blocks are lost.
   */
  static async rebuildIndex(spec: ChainSpec, folder: string): Promise<Database> {
    const identity = await readIdentity(folder);
    if (identity === undefined) throw new StorageError(`there is no database in ${folder}`);
    checkIdentity(folder, identity, networkOf(spec));
    await removeIndex(join(folder, "index"));
    return Database.open(spec, folder, { create: false });
  }

  records(kind: RecordKind): SegmentStore {
    if (kind === "block") return this.blocks;
    return kind === "blobSidecar" ? this.blobSidecars : this.dataColumnSidecars;
  }

  /**
   * Reads everything and compares checksums, files and index. Nothing may be written meanwhile.
   * @param options.repair takes damaged records out of the index and missing ones in
   * @returns what is wrong, in words
   */
  async check(options: { repair?: boolean; onProgress?: (path: string) => void } = {}): Promise<string[]> {
    const problems = this.report.damagedStates.map((name) => `states/${name} is damaged`);
    for (const kind of KINDS) {
      const store = this.records(kind);
      for (const segment of store.segments()) {
        options.onProgress?.(segment.path);
        const result = await checkSegment(store.index, segment);
        problems.push(...result.problems);
        if (options.repair === true) await this.keyValue.batch(result.repairs, { sync: true });
      }
    }
    options.onProgress?.("states");
    return [...problems, ...this.states.check()];
  }

  /** Numbers of what is stored and of what was written since opening. */
  async stats(): Promise<DatabaseStats> {
    let bytes = 0;
    for (const bucket of Object.values(Bucket)) bytes += await this.keyValue.sizeBytes(bucket);
    const { bytesWritten, syncs } = this.keyValue;
    return {
      version: this.version,
      network: this.network,
      records: KINDS.map((kind) => this.records(kind).stats()),
      states: this.states.stats(),
      index: { bytes, bytesWritten, syncs },
    };
  }

  /** Deletes what has expired. @returns how many segments and state files */
  async prune(options: PruneOptions): Promise<{ segments: number; states: number }> {
    let segments = 0;
    for (const kind of KINDS) {
      const before = options.before?.[kind];
      if (before !== undefined) segments += await this.records(kind).expire(before);
    }
    if (options.before?.block !== undefined) await this.canonical.removeBefore(options.before.block);
    const keep = options.keepSnapshots;
    return { segments, states: keep === undefined ? 0 : await this.states.prune(keep) };
  }

  /** Gives back what deleted entries of the index take. */
  async compact(): Promise<void> {
    await this.keyValue.compact();
  }

  /** Waits for what is being written, then lets go of files and lock. */
  async close(): Promise<void> {
    for (const kind of KINDS) await this.records(kind).close();
    await this.keyValue.close();
  }
}

async function openStores(spec: ChainSpec, folder: string, secret: number, keyValue: KeyValue) {
  const segments = {} as Record<RecordKind, SegmentStore>;
  const records = {} as Record<RecordKind, RecoveryReport>;
  for (const kind of KINDS) {
    const path = join(folder, RECORD_KINDS[kind].folder);
    const opened = await SegmentStore.open({ kind, folder: path, secret, keyValue });
    segments[kind] = opened.store;
    records[kind] = opened.report;
  }
  const { store, damaged } = await StateStore.open(spec, join(folder, "states"));
  return { segments, states: store, report: { records, damagedStates: damaged } };
}

/** Only under the index's own lock, so that a running node keeps its index; a damaged one has nobody who holds it. */
async function removeIndex(path: string): Promise<void> {
  try {
    const keyValue = await KeyValue.open(path);
    await keyValue.close();
  } catch (error) {
    if (error instanceof StorageError && error.message.includes("in use")) throw error;
  }
  await rm(path, { recursive: true, force: true });
}

function networkOf(spec: ChainSpec): string {
  const { CONFIG_NAME, GENESIS_FORK_VERSION } = spec.config;
  return `${CONFIG_NAME} ${Buffer.from(GENESIS_FORK_VERSION).toString("hex")}`;
}
