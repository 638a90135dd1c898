/**
 * What we tell peers of our chain, and whether theirs can be the same.
 * https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/fulu/p2p-interface.md
 */
import { bytesEqual, ZERO_BYTES32 } from "../base/bytes.ts";
import type { Chain } from "../chain/chain.ts";
import type { Status } from "../spec/containers.ts";
import type { ForkDigests } from "../spec/gossip/topic.ts";
import { computeStartSlotAtEpoch } from "../spec/misc.ts";

export type StatusChain = Pick<Chain, "spec" | "slotClock" | "head" | "store" | "canonicalRootAt">;

/** @param earliestAvailableSlot the oldest block that we can serve */
export function localStatus(chain: StatusChain, digests: ForkDigests, earliestAvailableSlot: number): Status {
  const { epoch, root } = chain.store.finalizedCheckpoint;
  return {
    forkDigest: digests.atEpoch(Math.max(0, chain.slotClock.currentEpoch())).digest,
    // The checkpoint of genesis has no root of its own.
    finalizedRoot: epoch === 0 ? ZERO_BYTES32 : root,
    finalizedEpoch: epoch,
    headRoot: chain.head.root,
    headSlot: chain.head.slot,
    earliestAvailableSlot,
  };
}

/** Whether a peer's finalized checkpoint can lie in our chain; one that is ahead of ours is not known to be wrong. */
export async function isRelevantStatus(chain: StatusChain, status: Status): Promise<boolean> {
  const { finalizedCheckpoint } = chain.store;
  const { finalizedEpoch, finalizedRoot } = status;
  if (finalizedEpoch > Math.max(0, chain.slotClock.currentEpoch()) + 1) return false;
  if (finalizedEpoch === 0 || finalizedEpoch > finalizedCheckpoint.epoch) return true;
  if (finalizedEpoch === finalizedCheckpoint.epoch) return bytesEqual(finalizedRoot, finalizedCheckpoint.root);
  const ours = await rootAtOrBefore(chain, computeStartSlotAtEpoch(chain.spec, finalizedEpoch));
  return ours === undefined || bytesEqual(ours, finalizedRoot);
}

/** Looks past empty slots; undefined also where our own history does not reach. */
async function rootAtOrBefore(chain: StatusChain, slot: number): Promise<Uint8Array | undefined> {
  const last = Math.max(0, slot - chain.spec.preset.SLOTS_PER_EPOCH);
  for (let at = slot; at >= last; at--) {
    const root = await chain.canonicalRootAt(at);
    if (root !== undefined) return root;
  }
  return undefined;
}
