/** Brings segment files and their index together after whatever happened to either. */
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { syncFolder, writeAt } from "./durable-file.ts";
import type { KeyValue, KeyValueOperation } from "./key-value.ts";
import { RECORD_HEADER_BYTES, RECORD_KINDS } from "./record.ts";
import type { RecordIndex } from "./record-index.ts";
import {
  encodeSegmentHeader,
  hasSegmentHeader,
  openSegment,
  SEGMENT_HEADER_BYTES,
  scanSegment,
} from "./segment-file.ts";

/** What opening had to do; all zero after an orderly end. */
export interface RecoveryReport {
  /** Records found in files that the index did not know. */
  reindexed: number;
  /** Bytes cut off as torn. */
  cutBytes: number;
  /** Index entries whose record is no longer there: a file was removed or shortened by others. */
  lost: number;
  removedFiles: number;
}

interface Parts {
  index: RecordIndex;
  folder: string;
  secret: number;
  keyValue: KeyValue;
}

const SEGMENT_NAME = /^(\d{8})\.segment$/;
const INDEX_STEP = 1024;

export function segmentFileName(segment: number): string {
  return `${String(segment).padStart(8, "0")}.segment`;
}

/** @returns durable and indexed bytes of each segment */
export async function recoverSegments(parts: Parts): Promise<{ lengths: Map<number, number>; report: RecoveryReport }> {
  const report: RecoveryReport = { reindexed: 0, cutBytes: 0, lost: 0, removedFiles: 0 };
  const lengths = new Map<number, number>();
  const { indexed } = await parts.index.segments();
  const names = (await readdir(parts.folder)).flatMap((name) => SEGMENT_NAME.exec(name)?.[1] ?? []);
  for (const segment of names.map(Number)) {
    const length = await recoverSegment(parts, segment, indexed.get(segment) ?? 0, report);
    if (length > 0) lengths.set(segment, length);
  }
  for (const [segment] of indexed) {
    if (names.map(Number).includes(segment)) continue;
    await forget(parts, segment, 0, report);
    await parts.keyValue.batch([parts.index.segmentOperation(segment, undefined)], { sync: false });
  }
  return { lengths, report };
}

async function recoverSegment(parts: Parts, segment: number, indexed: number, report: RecoveryReport): Promise<number> {
  const path = join(parts.folder, segmentFileName(segment));
  const handle = await openSegment(path, "r+");
  try {
    const name = { kind: parts.index.kind, segment, secret: parts.secret };
    const { size } = await handle.stat();
    if (size < indexed) await forget(parts, segment, size, report);
    let end = await indexFrom(parts, segment, Math.min(indexed, size), report);
    if (end <= SEGMENT_HEADER_BYTES) end = 0;
    if (end < size) {
      report.cutBytes += size - end;
      await handle.truncate(end);
    }
    const isSound = end === 0 || (await hasSegmentHeader(handle, name));
    if (!isSound) await writeAt(handle, encodeSegmentHeader(name), 0);
    // The index may say so only once the file does.
    if (end !== indexed || !isSound) await handle.sync();
    const operation = parts.index.segmentOperation(segment, end === 0 ? undefined : end);
    if (end !== indexed) await parts.keyValue.batch([operation], { sync: false });
    if (end > 0) return end;
  } finally {
    await handle.close();
  }
  await rm(path);
  await syncFolder(parts.folder);
  report.removedFiles++;
  return 0;
}

/** Indexes the records from `start` on. @returns the end of the last sound one */
async function indexFrom(parts: Parts, segment: number, start: number, report: RecoveryReport): Promise<number> {
  const name = { kind: parts.index.kind, segment, secret: parts.secret };
  const handle = await openSegment(join(parts.folder, segmentFileName(segment)), "r+");
  let end = start;
  let operations: KeyValueOperation[] = [];
  try {
    // Until this, records found may be in the page cache alone.
    if ((await handle.stat()).size > start) await handle.sync();
    for await (const found of scanSegment(handle, name, start)) {
      operations.push(...parts.index.putOperations(found));
      report.reindexed++;
      end = found.offset + RECORD_HEADER_BYTES + found.header.length;
      if (operations.length < INDEX_STEP) continue;
      await parts.keyValue.batch(operations, { sync: false });
      operations = [];
    }
    await parts.keyValue.batch(operations, { sync: false });
  } finally {
    await handle.close();
  }
  return end;
}

/** Takes out the index entries of records that lie beyond the end of their file. */
async function forget(parts: Parts, segment: number, size: number, report: RecoveryReport): Promise<void> {
  const { slotsPerSegment } = RECORD_KINDS[parts.index.kind];
  const range = {
    from: segment * slotsPerSegment,
    to: (segment + 1) * slotsPerSegment,
    limit: Number.POSITIVE_INFINITY,
  };
  const roots = new Map<string, Uint8Array>();
  const kept = new Set<string>();
  const operations: KeyValueOperation[] = [];
  for await (const [key, place] of parts.index.entries(range)) {
    const hex = Buffer.from(key.root).toString("hex");
    if (place.offset + place.length <= size) kept.add(hex);
    else {
      roots.set(hex, key.root);
      operations.push(...parts.index.removeOperations(key, false));
      report.lost++;
    }
  }
  for (const [hex, root] of roots) if (!kept.has(hex)) operations.push(parts.index.removeRoot(root));
  await parts.keyValue.batch(operations, { sync: false });
}
