/**
 * What follows when the execution engine calls a payload invalid: it and all that builds on it leave fork choice.
 * @see https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/sync/optimistic.md
 */
import { toHex } from "../base/bytes.ts";
import type { Logger } from "../base/log.ts";
import { counter } from "../base/metrics.ts";
import { onInvalidPayload } from "../spec/fork-choice/optimistic.ts";
import type { Store } from "../spec/fork-choice/store.ts";

const invalidated = counter("cresset_invalidated_blocks_total", "Imported blocks whose payload turned out invalid");
const contradictions = counter("cresset_engine_contradictions_total", "Payloads called valid first and invalid later");

/** The head must be computed anew afterwards. @param block.root may be of a block that is not imported */
export function condemnPayload(
  parts: { readonly store: Store; readonly log: Logger },
  block: { readonly root: Uint8Array; readonly parentRoot: Uint8Array },
  latestValidHash: Uint8Array | undefined,
): void {
  const result = onInvalidPayload(parts.store, block, latestValidHash);
  if (result.invalidated.length > 0) {
    invalidated.inc(result.invalidated.length);
    const [first] = result.invalidated;
    const facts = { blocks: result.invalidated.length, first: toHex(first!) };
    parts.log.warn(
      facts,
      "the execution client calls payloads invalid that were imported unverified: left their chain",
    );
  }
  if (result.contradiction === undefined) return;
  contradictions.inc();
  parts.log.error(
    { root: toHex(result.contradiction) },
    "the execution client rejects a block that it had called valid: check its database, or sync it anew; nothing was changed here",
  );
}
