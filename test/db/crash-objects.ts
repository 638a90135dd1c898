/** What the crash tests write: made of numbers, so that the parent knows it without being told. */
import { compressFrames } from "../../src/base/snappy.ts";
import type { StoredRecord } from "../../src/db/record.ts";
import { createChainSpec } from "../../src/spec/chain-spec.ts";
import { MINIMAL_CONFIG } from "../../src/spec/config.ts";
import { Fork } from "../../src/spec/fork.ts";
import { initializeInteropState } from "../../src/spec/interop.ts";
import { seededRandom } from "../property/random.ts";

export const spec = createChainSpec(MINIMAL_CONFIG);
/** Slots between two records, so that segments fill and expire in seconds. */
export const SLOT_STEP = 97;

export function blockOf(number: number): StoredRecord {
  return recordOf(number, 0, 3000);
}

export function columnsOf(number: number): StoredRecord[] {
  return [3, 64].map((index) => ({ ...recordOf(number, index, 6000), root: blockOf(number).root }));
}

export function someState(validatorCount: number) {
  return initializeInteropState(spec, { validatorCount, genesisTime: 1_700_000_000, fork: Fork.fulu });
}

function recordOf(number: number, index: number, maxBytes: number): StoredRecord {
  const random = seededRandom(number * 1000 + index + 1);
  const root = random.bytes(32);
  const ssz = random.bytes(1 + random.below(maxBytes));
  return { slot: number * SLOT_STEP, root, index, fork: Fork.fulu, sszLength: ssz.length, frames: compressFrames(ssz) };
}
