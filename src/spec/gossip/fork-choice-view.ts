/**
 * The fork-choice store as gossip rules see it, with the blocks that were seen and refused.
 * @see https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/phase0/p2p-interface.md
 */
import { BoundedMap } from "../../base/bounded.ts";
import { toHex } from "../../base/bytes.ts";
import { ExecutionStatus } from "../fork-choice/proto-array.ts";
import type { Store } from "../fork-choice/store.ts";
import { computeStartSlotAtEpoch } from "../misc.ts";
import type { BeaconState } from "../state.ts";
import type { GossipStore, PayloadStatus } from "./verdict.ts";

export class ForkChoiceView implements GossipStore {
  readonly #store: Store;
  /** Slot by root. */
  readonly #refused: BoundedMap<string, number>;

  constructor(parts: { store: Store; maxRefused?: number }) {
    this.#store = parts.store;
    this.#refused = new BoundedMap({ limit: parts.maxRefused ?? 4096, sizeOf: () => 96 });
  }

  /** Takes note of a block that failed the state transition, so that what builds on it is rejected. */
  refuse(root: Uint8Array, slot: number): void {
    this.#refused.set(toHex(root), slot);
  }

  get finalizedCheckpoint(): Store["finalizedCheckpoint"] {
    return this.#store.finalizedCheckpoint;
  }

  blockSlot(root: Uint8Array): number | undefined {
    const row = this.#store.array.indexOf(root);
    return row >= 0 ? this.#store.array.slot[row] : this.#refused.get(toHex(root));
  }

  isValidBlock(root: Uint8Array): boolean {
    return this.#store.array.indexOf(root) >= 0;
  }

  payloadStatus(root: Uint8Array): PayloadStatus {
    const status = this.#store.array.executionStatus[this.#store.array.indexOf(root)];
    if (status === ExecutionStatus.valid) return "VALID";
    return status === ExecutionStatus.invalidated ? "INVALIDATED" : "NOT_VALIDATED";
  }

  checkpointBlock(root: Uint8Array, epoch: number): Uint8Array | undefined {
    const { array, spec } = this.#store;
    const row = array.ancestorAt(array.indexOf(root), computeStartSlotAtEpoch(spec, epoch));
    return row >= 0 ? array.rootAt(row) : undefined;
  }

  blockState(root: Uint8Array): BeaconState | undefined {
    return this.#store.blockStates.get(root);
  }

  get bytes(): number {
    return this.#refused.bytes;
  }
}
