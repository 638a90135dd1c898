/**
 * What the rules for a gossiped message decide, and what they need to know of the chain to decide it.
 * @see https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/phase0/p2p-interface.md
 */
import type { BeaconState } from "../state.ts";

/** `ignore`: do not forward; `reject`: do not forward and hold it against the sender. Reasons are a closed set. */
export type Verdict =
  | { readonly verdict: "accept" }
  | { readonly verdict: "ignore"; readonly reason: string }
  | { readonly verdict: "reject"; readonly reason: string };

export const ACCEPT: Verdict = Object.freeze({ verdict: "accept" });

export function ignore(reason: string): Verdict {
  return { verdict: "ignore", reason };
}

export function reject(reason: string): Verdict {
  return { verdict: "reject", reason };
}

/** What the execution engine said of a block's payload. */
export type PayloadStatus = "VALID" | "INVALIDATED" | "NOT_VALIDATED";

/** The part of a fork-choice store that gossip rules read; none of it is mutated. */
export interface GossipStore {
  readonly finalizedCheckpoint: { readonly epoch: number; readonly root: Uint8Array };
  /** Slot of a block that was seen, whether it proved valid or not; undefined when it was not seen. */
  blockSlot(root: Uint8Array): number | undefined;
  /** Whether the block passed the state transition. */
  isValidBlock(root: Uint8Array): boolean;
  payloadStatus(root: Uint8Array): PayloadStatus;
  /** The block of this chain at the start of the epoch (`get_checkpoint_block`); undefined when it is not known. */
  checkpointBlock(root: Uint8Array, epoch: number): Uint8Array | undefined;
  /** Post-state of a valid block, which must not be mutated; undefined when it cannot be had now. */
  blockState(root: Uint8Array): BeaconState | undefined;
}
