/**
 * Era files: the blocks of one era (SLOTS_PER_HISTORICAL_ROOT slots) and the state at its end, as clients exchange them.
 * https://github.com/eth-clients/e2store-format-specs/blob/main/formats/era.md
 */
import { type FileHandle, open, rm } from "node:fs/promises";
import { join } from "node:path";
import type { ContainerType, Type } from "@chainsafe/ssz";
import { bytesEqual, concatBytes, toHex } from "../base/bytes.ts";
import { DecodeError, StorageError } from "../base/errors.ts";
import { compressFrames, uncompressFrames } from "../base/snappy.ts";
import type { ChainSpec } from "../spec/chain-spec.ts";
import { forkAtEpoch } from "../spec/config.ts";
import { Fork, forkName } from "../spec/fork.ts";
import { BeaconState, type StateOptions } from "../spec/state.ts";
import type { Database } from "./database.ts";
import { readAt, writeAt, writeDurably } from "./durable-file.ts";
import {
  E2storeWriter,
  ENTRY_HEADER_BYTES,
  type Entry,
  EntryType,
  readEntry,
  readEntryBytes,
  readIndexBefore,
} from "./e2store.ts";
import { FileSource } from "./file-source.ts";
import { RECORD_KINDS, type StoredRecord } from "./record.ts";

/** Bytes with which every framed stream begins. */
const IDENTIFIER_BYTES = 10;
const FRAME_BYTES = 1 << 16;
const MAX_BLOCK_BYTES = 1 << 24;
const MAX_FRAME_STORED = 1 << 17;
const IMPORT_STEP = 64;

/**
 * Writes the era that a state ends into a folder; its blocks must be in the database.
 * @param state at the era's first slot after its last block, epoch processing done
 * @returns the file's path
 * @throws StorageError when a block is missing
 */
export async function exportEra(database: Database, state: BeaconState, folder: string): Promise<string> {
  const span = state.spec.preset.SLOTS_PER_HISTORICAL_ROOT;
  if (state.slot % span !== 0) throw new StorageError(`slot ${state.slot} ends no era of ${span} slots`);
  const path = join(folder, eraFileName(state));
  await writeDurably(path, async (handle) => {
    const writer = new E2storeWriter(handle);
    await writer.add(EntryType.version, new Uint8Array(0));
    const startSlot = state.slot - span;
    const offsets = startSlot < 0 ? [] : await writeBlocks(database, state, writer, startSlot);
    const stateOffset = await writeState(state, writer);
    if (startSlot >= 0) await writer.addIndex({ startSlot, offsets });
    await writer.addIndex({ startSlot: state.slot, offsets: [stateOffset] });
  });
  return path;
}

/** The name that clients agree on: network, era, the start of the era's historical root. */
export function eraFileName(state: BeaconState): string {
  const era = state.slot / state.spec.preset.SLOTS_PER_HISTORICAL_ROOT;
  const short = toHex(historicalRoot(state, era).subarray(0, 4)).slice(2);
  return `${state.spec.config.CONFIG_NAME}-${String(era).padStart(5, "0")}-${short}.era`;
}

/**
 * Takes an era's blocks into the database, each checked against the block roots of the state in the file.
 * @param options.stateRoot the root that the file's state must have; without it the file is trusted
 * @returns the state, and how many blocks the file had
 * @throws DecodeError or StorageError saying what is wrong with the file
 */
export async function importEra(
  database: Database,
  spec: ChainSpec,
  path: string,
  options: StateOptions & { stateRoot?: Uint8Array } = {},
): Promise<{ state: BeaconState; blocks: number }> {
  const handle = await open(path, "r");
  try {
    const { size } = await handle.stat();
    const last = await readIndexBefore(handle, size);
    const stateEntry = await readEntry(handle, last.index.offsets[0]!);
    if (stateEntry.type !== EntryType.compressedBeaconState) throw new StorageError(`${path} lacks its state`);
    const state = await readState(handle, stateEntry, { spec, slot: last.index.startSlot, path, options });
    const blocks = state.slot === 0 ? 0 : await importBlocks(database, state, handle, last.offset);
    return { state, blocks };
  } finally {
    await handle.close();
  }
}

async function writeBlocks(database: Database, state: BeaconState, writer: E2storeWriter, startSlot: number) {
  const span = state.spec.preset.SLOTS_PER_HISTORICAL_ROOT;
  const offsets: number[] = [];
  for (let i = 0; i < span; i++) {
    const slot = startSlot + i;
    const root = state.blockRoots.get(slot % span);
    // An empty slot repeats the root of the block before it.
    const isNew = i === 0 || !bytesEqual(root, state.blockRoots.get((slot - 1) % span));
    const record = isNew ? await database.blocks.read({ slot, root, index: 0 }) : undefined;
    if (record === undefined && isNew && i > 0)
      throw new StorageError(`block ${toHex(root)} of slot ${slot} is missing`);
    offsets.push(record === undefined ? 0 : await writer.add(EntryType.compressedSignedBeaconBlock, record.frames));
  }
  return offsets;
}

async function writeState(state: BeaconState, writer: E2storeWriter): Promise<number> {
  const offset = writer.begin(EntryType.compressedBeaconState);
  await writer.write(compressFrames(new Uint8Array(0)));
  let pending: Uint8Array[] = [];
  const flush = async () => {
    const bytes = concatBytes(...pending);
    pending = [];
    await writer.write(compressFrames(bytes).subarray(IDENTIFIER_BYTES));
  };
  for (const _ of state.encodeSteps((bytes) => pending.push(bytes.slice()))) {
    if (pending.reduce((sum, bytes) => sum + bytes.length, 0) >= FRAME_BYTES) await flush();
  }
  await flush();
  await writer.finish();
  return offset;
}

async function readState(
  handle: FileHandle,
  entry: Entry,
  parts: { spec: ChainSpec; slot: number; path: string; options: StateOptions & { stateRoot?: Uint8Array } },
): Promise<BeaconState> {
  const { spec, slot, path, options } = parts;
  const plain = `${path}.${process.pid}.state`;
  try {
    await unpackFrames(handle, entry, plain);
    const source = new FileSource(plain);
    try {
      const state = BeaconState.decode(spec, forkAt(spec, slot), source, options);
      if (state.slot !== slot) throw new StorageError(`${path} has a state of slot ${state.slot}, not ${slot}`);
      if (options.stateRoot !== undefined && !bytesEqual(state.hashTreeRoot(), options.stateRoot)) {
        throw new StorageError(`${path} has a state with root ${toHex(state.hashTreeRoot())}`);
      }
      return state;
    } finally {
      source.close();
    }
  } finally {
    await rm(plain, { force: true });
  }
}

/** Unpacks a framed stream frame by frame into a file, so that a state is never in memory twice. */
async function unpackFrames(handle: FileHandle, entry: Entry, path: string): Promise<void> {
  const out = await open(path, "wx");
  try {
    const start = entry.offset + ENTRY_HEADER_BYTES;
    const end = start + entry.length;
    const identifier = await readAt(handle, start, IDENTIFIER_BYTES);
    let at = start + IDENTIFIER_BYTES;
    for (let written = 0; at < end; ) {
      const head = await readAt(handle, at, 4);
      const size = 4 + head[1]! + head[2]! * 256 + head[3]! * 65536;
      if (size > MAX_FRAME_STORED || at + size > end) throw new DecodeError("a snappy frame is too long", "", at);
      const bytes = uncompressFrames(concatBytes(identifier, await readAt(handle, at, size)), FRAME_BYTES);
      await writeAt(out, bytes, written);
      written += bytes.length;
      at += size;
    }
  } finally {
    await out.close();
  }
}

async function importBlocks(database: Database, state: BeaconState, handle: FileHandle, end: number): Promise<number> {
  const span = state.spec.preset.SLOTS_PER_HISTORICAL_ROOT;
  const { index } = await readIndexBefore(handle, end);
  if (index.startSlot !== state.slot - span || index.offsets.length !== span) {
    throw new DecodeError("the blocks' index is not of the state's era", "", end);
  }
  let blocks = 0;
  let records: StoredRecord[] = [];
  for (const [i, offset] of index.offsets.entries()) {
    if (offset === 0) continue;
    records.push(await readBlock(state, handle, offset, index.startSlot + i));
    blocks++;
    if (records.length < IMPORT_STEP) continue;
    await database.blocks.append(records);
    records = [];
  }
  await database.blocks.append(records);
  return blocks;
}

async function readBlock(state: BeaconState, handle: FileHandle, offset: number, slot: number): Promise<StoredRecord> {
  const { spec } = state;
  const entry = await readEntry(handle, offset);
  if (entry.type !== EntryType.compressedSignedBeaconBlock) throw new DecodeError("this is no block", "", offset);
  const frames = await readEntryBytes(handle, entry, RECORD_KINDS.block.maxBytes);
  const ssz = uncompressFrames(frames, MAX_BLOCK_BYTES);
  const fork = forkAt(spec, slot);
  const root = blockRoot(spec, fork, ssz, offset);
  if (!bytesEqual(root, state.blockRoots.get(slot % spec.preset.SLOTS_PER_HISTORICAL_ROOT))) {
    throw new DecodeError(`the block of slot ${slot} is not the one that the state names`, "", offset);
  }
  return { slot, root, index: 0, fork, sszLength: ssz.length, frames };
}

function blockRoot(spec: ChainSpec, fork: Fork, ssz: Uint8Array, offset: number): Uint8Array {
  const types = spec.exactTypes[forkName(fork)];
  try {
    const signed = types.SignedBeaconBlock as unknown as ContainerType<Record<string, Type<unknown>>>;
    const block = types.BeaconBlock as unknown as Type<unknown>;
    return block.hashTreeRoot(signed.deserialize(ssz).message);
  } catch (error) {
    throw new DecodeError(`no SignedBeaconBlock: ${(error as Error).message}`, "", offset, { cause: error });
  }
}

/** The root of the era's blocks and states, as the state keeps it. */
function historicalRoot(state: BeaconState, era: number): Uint8Array {
  if (era === 0) return state.genesisValidatorsRoot;
  const old = state.historicalRoots.length;
  if (era <= old) return state.historicalRoots.get(era - 1);
  if (state.fork < Fork.capella || era - old > state.historicalSummaries.length) {
    throw new StorageError(`the state has no historical root of era ${era}`);
  }
  const summary = state.spec.types.capella.HistoricalSummary;
  return summary.hashTreeRoot(state.historicalSummaries.get(era - old - 1));
}

function forkAt(spec: ChainSpec, slot: number): Fork {
  return forkAtEpoch(spec.config, Math.floor(slot / spec.preset.SLOTS_PER_EPOCH));
}
