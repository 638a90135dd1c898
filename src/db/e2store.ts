/**
 * e2store files: a list of entries of a type of two bytes, a length and as many bytes; and the slot index at their end.
 * https://github.com/status-im/nimbus-eth2/blob/f54a0366a/docs/e2store.md
 */
import type { FileHandle } from "node:fs/promises";
import { DecodeError } from "../base/errors.ts";
import { readAt, writeAt } from "./durable-file.ts";

export const ENTRY_HEADER_BYTES = 8;
export const EntryType = Object.freeze({
  version: 0x3265,
  compressedSignedBeaconBlock: 0x0001,
  compressedBeaconState: 0x0002,
  slotIndex: 0x3269,
});
/** More slots than any era has. */
const MAX_INDEX_SLOTS = 1 << 16;

export interface Entry {
  readonly type: number;
  /** Where the entry's header lies. */
  readonly offset: number;
  /** Bytes after the header. */
  readonly length: number;
}

export interface SlotIndex {
  readonly startSlot: number;
  /** Where the entry of each slot lies in the file; 0 for a slot without one. */
  readonly offsets: readonly number[];
}

export class E2storeWriter {
  readonly #handle: FileHandle;
  #end = 0;
  #open: { type: number; offset: number } | undefined;

  constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  /** Starts an entry, whose bytes are written next. @returns where it lies */
  begin(type: number): number {
    const offset = this.#end;
    this.#open = { type, offset };
    this.#end += ENTRY_HEADER_BYTES;
    return offset;
  }

  async write(bytes: Uint8Array): Promise<void> {
    await writeAt(this.#handle, bytes, this.#end);
    this.#end += bytes.length;
  }

  async finish(): Promise<void> {
    const { type, offset } = this.#open!;
    const header = new Uint8Array(ENTRY_HEADER_BYTES);
    const view = new DataView(header.buffer);
    view.setUint16(0, type, true);
    view.setUint32(2, this.#end - offset - ENTRY_HEADER_BYTES, true);
    await writeAt(this.#handle, header, offset);
  }

  async add(type: number, bytes: Uint8Array): Promise<number> {
    const offset = this.begin(type);
    await this.write(bytes);
    await this.finish();
    return offset;
  }

  /** Offsets in an index count from the start of the index's own entry. */
  async addIndex(index: SlotIndex): Promise<void> {
    const { startSlot, offsets } = index;
    const bytes = new Uint8Array(8 * (offsets.length + 2));
    const view = new DataView(bytes.buffer);
    view.setBigUint64(0, BigInt(startSlot), true);
    offsets.forEach((offset, i) => {
      view.setBigInt64(8 * (i + 1), offset === 0 ? 0n : BigInt(offset - this.#end), true);
    });
    view.setBigUint64(8 * (offsets.length + 1), BigInt(offsets.length), true);
    await this.add(EntryType.slotIndex, bytes);
  }
}

/** The header of the entry at an offset. @throws DecodeError when it reaches past the file's end */
export async function readEntry(handle: FileHandle, offset: number): Promise<Entry> {
  const { size } = await handle.stat();
  const bytes = await readAt(handle, offset, ENTRY_HEADER_BYTES);
  if (bytes.length < ENTRY_HEADER_BYTES) throw new DecodeError("the file ends where an entry should be", "", offset);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const [type, length] = [view.getUint16(0, true), view.getUint32(2, true)];
  if (view.getUint16(6, true) !== 0) throw new DecodeError("the reserved bytes of an entry are not zero", "", offset);
  if (offset + ENTRY_HEADER_BYTES + length > size) throw new DecodeError("an entry is cut short", "", offset);
  return { type, offset, length };
}

/** The bytes of an entry, which must be no more than `limit`. @throws DecodeError */
export async function readEntryBytes(handle: FileHandle, entry: Entry, limit: number): Promise<Uint8Array> {
  if (entry.length > limit) {
    throw new DecodeError(`an entry of ${entry.length} bytes, at most ${limit} are read`, "", entry.offset);
  }
  return readAt(handle, entry.offset + ENTRY_HEADER_BYTES, entry.length);
}

/** The slot index that ends at an offset, and where it begins. @throws DecodeError */
export async function readIndexBefore(handle: FileHandle, end: number): Promise<{ index: SlotIndex; offset: number }> {
  const tail = await readAt(handle, Math.max(0, end - 8), 8);
  const count = tail.length === 8 ? Number(Buffer.from(tail).readBigUInt64LE()) : 0;
  const offset = end - 8 * (count + 2) - ENTRY_HEADER_BYTES;
  if (count < 1 || count > MAX_INDEX_SLOTS || offset < 0) throw new DecodeError("no slot index ends here", "", end);
  const entry = await readEntry(handle, offset);
  if (entry.type !== EntryType.slotIndex || entry.length !== 8 * (count + 2)) {
    throw new DecodeError("no slot index ends here", "", end);
  }
  const bytes = await readEntryBytes(handle, entry, 8 * (MAX_INDEX_SLOTS + 2));
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const offsets = Array.from({ length: count }, (_, i) => {
    const relative = Number(view.getBigInt64(8 * (i + 1), true));
    if (relative === 0) return 0;
    const found = offset + relative;
    if (found < 0 || found >= offset) throw new DecodeError("a slot index leads out of its file", "", offset + 8 * i);
    return found;
  });
  return { index: { startSlot: Number(view.getBigUint64(0, true)), offsets }, offset };
}
