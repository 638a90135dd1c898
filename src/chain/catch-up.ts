/**
 * Payloads that the engine has not judged yet, offered again: after it was away, and after a start.
 * @see https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/sync/optimistic.md
 */
import type { Logger } from "../base/log.ts";
import type { Database } from "../db/database.ts";
import { onValidPayload } from "../spec/fork-choice/optimistic.ts";
import { ExecutionStatus } from "../spec/fork-choice/proto-array.ts";
import type { Store } from "../spec/fork-choice/store.ts";
import { type EngineLink, newPayloadRequest, statusOf } from "./engine-link.ts";
import { condemnPayload } from "./payload-verdicts.ts";
import { readBlock } from "./replay.ts";

/** Blocks offered in one go: the engine fetches longer gaps from its own peers. */
const MOST_BLOCKS = 256;

/** Roots of unjudged blocks in the chain of a head, oldest first. */
export function unjudgedChain(store: Store, head: Uint8Array): Uint8Array[] {
  const { array } = store;
  const roots: Uint8Array[] = [];
  for (let row = array.indexOf(head); row >= 0 && array.executionStatus[row] === ExecutionStatus.notValidated; ) {
    roots.push(array.rootAt(row));
    row = array.parent[row]!;
  }
  return roots.reverse().slice(-MOST_BLOCKS);
}

/** Asks about each in turn until the engine has no answer. @returns whether anything changed */
export async function catchUp(
  parts: { store: Store; database: Database; engine: EngineLink; log: Logger },
  head: Uint8Array,
): Promise<boolean> {
  const { store, database, engine } = parts;
  let hasChanged = false;
  for (const root of unjudgedChain(store, head)) {
    const block = await readBlock(store.spec, database, root);
    if (block === undefined || store.array.indexOf(root) < 0) break;
    const verdict = await engine.judge(newPayloadRequest(store.spec, block.fork, block.signedBlock));
    if (store.array.indexOf(root) < 0) break;
    const status = statusOf(verdict, true);
    if (status === ExecutionStatus.notValidated) {
      // Only an engine that answers can take the next one.
      if (verdict.status === "unavailable") break;
      continue;
    }
    hasChanged = true;
    if (status === ExecutionStatus.valid) {
      onValidPayload(store, root);
      continue;
    }
    const { latestValidHash } = verdict as { latestValidHash?: Uint8Array };
    condemnPayload(parts, { root, parentRoot: block.signedBlock.message.parentRoot }, latestValidHash);
    break;
  }
  if (hasChanged) store.headRow = -1;
  return hasChanged;
}
