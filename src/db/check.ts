/** Compares a segment file with its index, record by record. */
import { toHex } from "../base/bytes.ts";
import type { KeyValueOperation } from "./key-value.ts";
import { RECORD_HEADER_BYTES, RECORD_KINDS } from "./record.ts";
import type { RecordIndex } from "./record-index.ts";
import { openSegment, SEGMENT_HEADER_BYTES, type SegmentName, scanSegment } from "./segment-file.ts";

/** Problems told of one segment; more are only counted. */
const MAX_PROBLEMS = 20;

export interface SegmentCheck {
  readonly problems: string[];
  /** What would bring the index in line with the records that are sound. */
  readonly repairs: KeyValueOperation[];
}

/** @cost reads the file; holds a number a record */
export async function checkSegment(
  index: RecordIndex,
  segment: { name: SegmentName; path: string; length: number },
): Promise<SegmentCheck> {
  const { name, path, length } = segment;
  const found: string[] = [];
  const repairs: KeyValueOperation[] = [];
  const sound = new Set<number>();
  const handle = await openSegment(path, "r+");
  try {
    const { size } = await handle.stat();
    if (size !== length) found.push(`${path} has ${size} bytes, not ${length}`);
    let end = SEGMENT_HEADER_BYTES;
    for await (const record of scanSegment(handle, name, 0)) {
      const { header, offset } = record;
      if (offset !== end) found.push(`${path}: ${offset - end} bytes at ${end} are no sound record`);
      end = offset + RECORD_HEADER_BYTES + header.length;
      const place = await index.find(header);
      if (place?.offset === offset && (await index.slotOf(header.root)) === header.slot) sound.add(offset);
      else {
        found.push(`${path}: the record at ${offset} (slot ${header.slot}) is not in the index`);
        repairs.push(...index.putOperations(record));
        sound.add(offset);
      }
    }
    if (end < length) found.push(`${path}: ${length - end} bytes at ${end} are no sound record`);
  } finally {
    await handle.close();
  }
  await checkEntries(index, name, sound, found, repairs);
  const rest = found.length - MAX_PROBLEMS;
  const problems = rest > 0 ? [...found.slice(0, MAX_PROBLEMS), `${path}: ${rest} more problems`] : found;
  return { problems, repairs };
}

/** Every entry of the index must lead to a sound record. */
async function checkEntries(
  index: RecordIndex,
  name: SegmentName,
  sound: ReadonlySet<number>,
  found: string[],
  repairs: KeyValueOperation[],
): Promise<void> {
  const { slotsPerSegment } = RECORD_KINDS[index.kind];
  const from = name.segment * slotsPerSegment;
  const bad = new Map<string, Uint8Array>();
  const good = new Set<string>();
  for await (const [key, place] of index.entries({
    from,
    to: from + slotsPerSegment,
    limit: Number.MAX_SAFE_INTEGER,
  })) {
    if (sound.has(place.offset)) {
      good.add(toHex(key.root));
      continue;
    }
    found.push(`the index leads slot ${key.slot} to ${place.offset} of segment ${name.segment}, where no record is`);
    repairs.unshift(...index.removeOperations(key, false));
    bad.set(toHex(key.root), key.root);
  }
  for (const [hex, root] of bad) if (!good.has(hex)) repairs.unshift(index.removeRoot(root));
}
