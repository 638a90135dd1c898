/** Databases and objects for tests. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import { compressFrames } from "../../../src/base/snappy.ts";
import type { StoredRecord } from "../../../src/db/record.ts";
import { createChainSpec } from "../../../src/spec/chain-spec.ts";
import { MINIMAL_CONFIG } from "../../../src/spec/config.ts";
import { Fork } from "../../../src/spec/fork.ts";
import { initializeInteropState } from "../../../src/spec/interop.ts";
import { seededRandom } from "../../property/random.ts";

export const spec = createChainSpec(MINIMAL_CONFIG);

/** A folder that is gone after the file's tests. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "cresset-db-"));
  after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A record made of its number, the same every time. */
export function recordOf(
  number: number,
  options: { slot?: number; bytes?: number; index?: number } = {},
): StoredRecord {
  const random = seededRandom(number + 1);
  const root = random.bytes(32);
  const ssz = random.bytes(options.bytes ?? 50 + random.below(2000));
  return {
    slot: options.slot ?? number,
    root,
    index: options.index ?? 0,
    fork: Fork.fulu,
    sszLength: ssz.length,
    frames: compressFrames(ssz),
  };
}

/** A state of interop validators. */
export function someState(validatorCount = 16, fork: Fork = Fork.fulu) {
  return initializeInteropState(spec, { validatorCount, genesisTime: 1_700_000_000, fork });
}
