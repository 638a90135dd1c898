/** Blocks read back from the database: to start from, and to rebuild states that memory has let go of. */

import { toHex } from "../base/bytes.ts";
import { StorageError } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import type { Database } from "../db/database.ts";
import type { ChainSpec } from "../spec/chain-spec.ts";
import type { Store } from "../spec/fork-choice/store.ts";
import { trustingVerifier } from "../spec/signature-sets.ts";
import type { BeaconState, StateOptions } from "../spec/state.ts";
import { stateTransition } from "../spec/transition.ts";
import { type Anchor, checkpointAnchor, genesisAnchor } from "./anchor.ts";
import {
  decodeIncomingBlock,
  type IncomingBlock,
  recordBytes,
  toBlockRecord,
  toIncomingBlock,
} from "./incoming-block.ts";
import type { States } from "./states.ts";

/** Undefined when the database does not hold it. @throws StorageError when it is damaged */
export async function readBlock(
  spec: ChainSpec,
  database: Database,
  root: Uint8Array,
): Promise<IncomingBlock | undefined> {
  const record = await database.blocks.readByRoot(root);
  if (record === undefined) return undefined;
  return decodeIncomingBlock(spec, recordBytes(record), { source: "replay", seenAtMs: 0 });
}

/**
 * The newest finalized state on disk that can be read, with its block; undefined for a database that is new.
 * @throws StorageError when there are states and none can be read
 */
export async function storedAnchor({ spec, database, stateOptions, log }: StoredParts): Promise<Anchor | undefined> {
  let damage: StorageError | undefined;
  for (const entry of database.states.list().reverse()) {
    try {
      return await readAnchor(spec, database, entry.root, stateOptions);
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      log.warn({ err: error, slot: entry.slot }, "a stored state cannot be used: an older one may do");
      damage ??= error;
    }
  }
  if (damage !== undefined) throw damage;
  return undefined;
}

interface StoredParts {
  readonly spec: ChainSpec;
  readonly database: Database;
  readonly stateOptions: StateOptions;
  readonly log: Logger;
}

async function readAnchor(
  spec: ChainSpec,
  database: Database,
  stateRoot: Uint8Array,
  options: StateOptions,
): Promise<Anchor> {
  const state = database.states.load(stateRoot, options)!;
  if (state.slot === 0) return genesisAnchor(state);
  const root = spec.types.phase0.BeaconBlockHeader.hashTreeRoot({ ...state.latestBlockHeader, stateRoot });
  const block = await readBlock(spec, database, root);
  if (block !== undefined) return checkpointAnchor(state, block.signedBlock);
  const { slot } = state;
  state.drop();
  throw new StorageError(`the database lacks block ${toHex(root)}, of its state of slot ${slot}`);
}

/** Keeps where a chain begins, so that the next start finds it. */
export async function writeAnchor(spec: ChainSpec, database: Database, anchor: Anchor): Promise<void> {
  if (anchor.signedBlock !== undefined) {
    const block = toIncomingBlock(spec, anchor.signedBlock, { source: "replay", seenAtMs: 0 });
    await database.blocks.append([toBlockRecord(block)]);
  }
  await database.states.writeSnapshot(anchor.state);
  await database.canonical.add([{ slot: anchor.block.slot, root: anchor.root }]);
}

/** Stored blocks after a slot, by slot: parents before their children. */
export async function* blocksAfter(spec: ChainSpec, database: Database, slot: number): AsyncGenerator<IncomingBlock> {
  const range = { from: slot + 1, to: Number.POSITIVE_INFINITY, limit: Number.POSITIVE_INFINITY };
  for await (const [key] of database.blocks.index.entries(range)) {
    const record = await database.blocks.read(key);
    if (record !== undefined) yield decodeIncomingBlock(spec, recordBytes(record), { source: "replay", seenAtMs: 0 });
  }
}

/**
 * The post-state of a block in the tree, by replay from the nearest ancestor whose state is in memory or on disk.
 * Undefined when no ancestor's is. @cost a transition a block, without signatures
 */
export async function rebuildState(
  parts: { store: Store; states: States; database: Database; options: StateOptions },
  root: Uint8Array,
): Promise<BeaconState | undefined> {
  const { store, states, database, options } = parts;
  const path: Uint8Array[] = [];
  let state: BeaconState | undefined;
  for (let row = store.array.indexOf(root); row >= 0; row = store.array.parent[row]!) {
    const at = store.array.rootAt(row);
    const stateRoot = store.array.stateRoots.slice(row * 32, row * 32 + 32);
    state = states.get(at)?.clone() ?? database.states.load(stateRoot, options);
    if (state !== undefined) break;
    path.push(at);
  }
  if (state === undefined) return undefined;
  for (const next of path.reverse()) {
    const block = await readBlock(store.spec, database, next);
    if (block === undefined) throw new StorageError(`the database lacks block ${toHex(next)}`);
    // The root was checked when the block was imported; only the last state must have it at hand.
    state = stateTransition(state, block.signedBlock, { validateResult: false, verifier: trustingVerifier });
  }
  return state;
}
