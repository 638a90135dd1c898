/**
 * What turns one state into a later one: small fields, lengths, and runs of items in pages that are not the same.
 *
 * The payload is a list of entries: a head of 20 bytes, the name, the bytes.
 *
 *   0  1 = small field, 2 = new length, 3 = items, 4 = new public keys     1  bytes of the name     2  1 = snappy block
 *   4  first item, or the new length, 8      12  bytes unpacked, 4      16  bytes stored, 4
 *
 * Items are in SSZ, so that neither the size of pages nor how a column packs them shows on disk.
 */

import { StorageError } from "../base/errors.ts";
import { compressBlock, uncompressBlock } from "../base/snappy.ts";
import type { ByteSource, Column } from "../columns/column.ts";
import { FlagsColumn } from "../columns/flags-column.ts";
import { RecordColumn } from "../columns/record-column.ts";
import { SmallValue } from "../spec/small-value.ts";
import type { BeaconState } from "../spec/state.ts";
import { fieldsOf } from "../spec/state-fields.ts";
import { Validators } from "../spec/validators.ts";

const HEAD_BYTES = 20;
const SMALL = 1;
const LENGTH = 2;
const ITEMS = 3;
const KEYS = 4;
/** Runs of changed pages are joined up to this. */
const RUN_BYTES = 1 << 18;
/** No small field is larger (phase0's attestations may come near). */
const MAX_ENTRY_BYTES = 1 << 23;
const KEY_BYTES = 48;

type Paged = Column | FlagsColumn;
type Sink = (bytes: Uint8Array) => void;

/** Hands the differences to `sink`, in steps between which the caller may pause; neither state may change meanwhile. */
export function* diffSteps(base: BeaconState, state: BeaconState, sink: Sink): Generator<void> {
  if (base.fork > state.fork || base.validators.length > state.validators.length) {
    throw new RangeError("differences lead from a state to a later one of the same chain");
  }
  for (const { name } of fieldsOf(state.fork)) {
    const part = state.part(name);
    if (!(part instanceof SmallValue)) continue;
    const old = base.fork === state.fork ? base.part(name) : undefined;
    if (old instanceof SmallValue && (old === part || Buffer.compare(old.bytes, part.bytes) === 0)) continue;
    sink(entry(SMALL, name, 0, part.bytes));
  }
  yield;
  const oldColumns = new Map(columnsOf(base));
  for (const [name, column] of columnsOf(state)) {
    const old = oldColumns.get(name);
    if (old === undefined || old.length !== column.length) sink(entry(LENGTH, name, column.length, new Uint8Array(0)));
    yield* columnSteps(name, old, column, sink);
  }
  yield* keySteps(base.validators, state.validators, sink);
}

/**
 * A state from the one that differences start from, which stays as it is. The caller compares the root.
 * @throws StorageError when the differences do not fit the state
 */
export function applyDiff(base: BeaconState, fork: BeaconState["fork"], source: ByteSource): BeaconState {
  const state = fork === base.fork ? base.clone() : base.upgradedTo(fork);
  try {
    const columns = new Map(columnsOf(state));
    for (let at = 0; at < source.length; ) at = applyEntry(state, columns, source, at);
    return state;
  } catch (error) {
    state.drop();
    if (error instanceof StorageError) throw error;
    throw new StorageError(`the differences do not fit their state: ${(error as Error).message}`, { cause: error });
  }
}

function* columnSteps(name: string, old: Paged | undefined, column: Paged, sink: Sink): Generator<void> {
  const perPage = plain(column).storedPerPage;
  const pagesPerRun = Math.max(1, Math.floor(RUN_BYTES / (perPage * column.itemBytes)));
  const pageCount = Math.ceil(column.length / perPage);
  for (let p = 0; p < pageCount; p++) {
    if (isSamePage(old, column, p)) continue;
    let end = p + 1;
    while (end < pageCount && end - p < pagesPerRun && !isSamePage(old, column, end)) end++;
    const first = p * perPage;
    sink(entry(ITEMS, name, first, readItems(column, first, Math.min(column.length, end * perPage) - first)));
    p = end - 1;
    yield;
  }
}

function* keySteps(base: Validators, validators: Validators, sink: Sink): Generator<void> {
  const perEntry = Math.floor(RUN_BYTES / KEY_BYTES);
  for (let first = base.length; first < validators.length; first += perEntry) {
    const count = Math.min(perEntry, validators.length - first);
    const keys = new Uint8Array(count * KEY_BYTES);
    for (let k = 0; k < count; k++) keys.set(validators.getPubkey(first + k), k * KEY_BYTES);
    sink(entry(KEYS, "validators.pubkey", first, keys));
    yield;
  }
}

function isSamePage(old: Paged | undefined, column: Paged, p: number): boolean {
  if (old === undefined) return false;
  const [before, after] = [plain(old), plain(column)];
  const perPage = after.storedPerPage;
  const count = Math.min(perPage, after.length - p * perPage);
  // Items that the old column lacks are zeros after its new length is set.
  const known = Math.max(0, Math.min(count, before.length - p * perPage));
  const isShared = before.arena === after.arena && before.storedPerPage === perPage && p < before.pages.count;
  if (isShared && before.pages.table[p] === after.pages.table[p]) return true;
  const bytes = readItems(column, p * perPage, count);
  if (bytes.subarray(known * column.itemBytes).some((byte) => byte !== 0)) return false;
  return Buffer.compare(bytes.subarray(0, known * column.itemBytes), readItems(old, p * perPage, known)) === 0;
}

function entry(kind: number, name: string, first: number, bytes: Uint8Array): Uint8Array {
  const packed = bytes.length > 0 ? compressBlock(bytes) : bytes;
  const isPacked = packed.length < bytes.length;
  const stored = isPacked ? packed : bytes;
  const nameBytes = Buffer.from(name, "latin1");
  const out = new Uint8Array(HEAD_BYTES + nameBytes.length + stored.length);
  const view = new DataView(out.buffer);
  out[0] = kind;
  out[1] = nameBytes.length;
  out[2] = isPacked ? 1 : 0;
  view.setBigUint64(4, BigInt(first), true);
  view.setUint32(12, bytes.length, true);
  view.setUint32(16, stored.length, true);
  out.set(nameBytes, HEAD_BYTES);
  out.set(stored, HEAD_BYTES + nameBytes.length);
  return out;
}

function applyEntry(state: BeaconState, columns: Map<string, Paged>, source: ByteSource, at: number): number {
  const take = (from: number, length: number) => {
    if (from + length > source.length) throw new StorageError(`differences end inside of an entry at ${at}`);
    return source.read(from, length);
  };
  const head = take(at, HEAD_BYTES).slice();
  const view = new DataView(head.buffer);
  const first = Number(view.getBigUint64(4, true));
  const [rawLength, storedLength] = [view.getUint32(12, true), view.getUint32(16, true)];
  if (rawLength > MAX_ENTRY_BYTES || storedLength > MAX_ENTRY_BYTES) {
    throw new StorageError(`an entry of ${Math.max(rawLength, storedLength)} bytes at ${at} of differences`);
  }
  const name = Buffer.from(take(at + HEAD_BYTES, head[1]!)).toString("latin1");
  const end = at + HEAD_BYTES + head[1]! + storedLength;
  const stored = take(end - storedLength, storedLength);
  const bytes = head[2] === 1 ? uncompressBlock(stored, rawLength) : stored;
  if (bytes.length !== rawLength) throw new StorageError(`an entry at ${at} of differences has the wrong length`);
  applyBytes(state, columns, { kind: head[0]!, name, first, bytes });
  return end;
}

function applyBytes(
  state: BeaconState,
  columns: Map<string, Paged>,
  change: { kind: number; name: string; first: number; bytes: Uint8Array },
): void {
  const { kind, name, first, bytes } = change;
  if (kind === SMALL) {
    state.setBytes(name, bytes);
    return;
  }
  if (kind === KEYS) {
    if (state.validators.keys.length !== first) throw new StorageError("new public keys do not follow the old ones");
    state.validators.keys.pushAll(bytes.slice());
    return;
  }
  const column = columns.get(name);
  if (column === undefined) throw new StorageError(`the state has no column ${name}`);
  if (kind === LENGTH) setLength(column, first);
  else if (kind === ITEMS) writeItems(column, first, bytes);
  else throw new StorageError(`differences have an entry of unknown kind ${kind}`);
}

/** Every column of a state but the public keys and what is derived, by name. */
function columnsOf(state: BeaconState): [string, Paged][] {
  return fieldsOf(state.fork).flatMap(({ name }): [string, Paged][] => {
    const part = state.part(name);
    if (part instanceof SmallValue) return [];
    if (part instanceof RecordColumn) return [[name, part.data]];
    if (!(part instanceof Validators)) return [[name, part]];
    const columns = part.parts().filter(([inner]) => inner !== "roots" && inner !== "pubkeyTail");
    return columns.map(([inner, column]) => [`${name}.${inner}`, column]);
  });
}

/** The column that holds the items now. */
function plain(column: Paged): Column {
  return column instanceof FlagsColumn ? column.column : column;
}

function readItems(column: Paged, first: number, count: number): Uint8Array {
  const out = new Uint8Array(count * column.itemBytes);
  if (column instanceof FlagsColumn) {
    column.readRange(first, count, out);
    return out;
  }
  eachPage(column, first, count, (p, from, to, at) => {
    out.set(column.arena.page(column.pages.table[p]!).subarray(from, to), at);
  });
  return out;
}

function writeItems(column: Paged, first: number, bytes: Uint8Array): void {
  const count = bytes.length / column.itemBytes;
  if (!Number.isInteger(count) || first + count > column.length) {
    throw new StorageError(`${bytes.length} bytes at item ${first} do not fit a column of ${column.length}`);
  }
  if (column instanceof FlagsColumn) {
    column.writeRange(first, count, bytes);
    return;
  }
  eachPage(column, first, count, (p, from, to, at) => {
    column.arena.page(column.pages.writable(p)).set(bytes.subarray(at, at + to - from), from);
  });
  column.changes?.addRange(first, first + count);
}

function setLength(column: Paged, length: number): void {
  const before = column.length;
  column.resize(length);
  if (!(column instanceof FlagsColumn)) column.changes?.addRange(Math.min(before, length), length);
}

/** Calls back for each page that items lie in: bytes [from, to) of page p are those from `at` on. */
function eachPage(
  column: Column,
  first: number,
  count: number,
  visit: (p: number, from: number, to: number, at: number) => void,
): void {
  const { storedPerPage: perPage, itemBytes } = column;
  for (let item = first; item < first + count; ) {
    const p = Math.floor(item / perPage);
    const end = Math.min(first + count, (p + 1) * perPage);
    visit(p, (item - p * perPage) * itemBytes, (end - p * perPage) * itemBytes, (item - first) * itemBytes);
    item = end;
  }
}
