/**
 * The store that a case of the gossip rules describes: blocks imported, failed or pending, and what the engine said.
 * https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/tests/formats/networking/gossip_validation.md
 */
import { fromHex, toHex } from "../../src/base/bytes.ts";
import { getCurrentEpoch } from "../../src/spec/accessors.ts";
import type { ChainSpec } from "../../src/spec/chain-spec.ts";
import type { BeaconBlock, Checkpoint } from "../../src/spec/containers.ts";
import type { Fork } from "../../src/spec/fork.ts";
import { forkTypes } from "../../src/spec/fork-types.ts";
import type { GossipStore, PayloadStatus } from "../../src/spec/gossip/verdict.ts";
import { computeStartSlotAtEpoch } from "../../src/spec/misc.ts";
import { trustingVerifier } from "../../src/spec/signature-sets.ts";
import type { BeaconState } from "../../src/spec/state.ts";
import { processSlots, stateTransition } from "../../src/spec/transition.ts";
import type { VectorCase } from "./vectors.ts";

interface StoredBlock {
  block: string;
  failed?: boolean;
  pending?: boolean;
  payload_status?: PayloadStatus;
}

export class CaseStore implements GossipStore {
  finalizedCheckpoint: Checkpoint;
  /** Post-state of the last valid block. */
  headState: BeaconState;
  readonly #spec: ChainSpec;
  readonly #blocks = new Map<string, BeaconBlock>();
  readonly #states = new Map<string, BeaconState>();
  readonly #payloadStatuses = new Map<string, PayloadStatus>();

  constructor(vector: VectorCase, anchorState: BeaconState) {
    this.#spec = anchorState.spec;
    this.headState = anchorState;
    this.finalizedCheckpoint = anchorState.finalizedCheckpoint;
    const stored: StoredBlock[] = vector.meta.blocks ?? [];
    for (const [position, entry] of stored.entries()) this.#import(vector, anchorState.fork, entry, position === 0);
    const checkpoint = vector.meta.finalized_checkpoint;
    if (checkpoint) {
      const root = checkpoint.block ? this.#decode(vector, anchorState.fork, checkpoint.block).root : checkpoint.root;
      this.finalizedCheckpoint = { epoch: checkpoint.epoch, root: fromHex(root) };
    }
  }

  blockSlot(root: Uint8Array): number | undefined {
    return this.#blocks.get(toHex(root))?.slot;
  }

  isValidBlock(root: Uint8Array): boolean {
    return this.#states.has(toHex(root));
  }

  payloadStatus(root: Uint8Array): PayloadStatus {
    return this.#payloadStatuses.get(toHex(root)) ?? "NOT_VALIDATED";
  }

  checkpointBlock(root: Uint8Array, epoch: number): Uint8Array | undefined {
    const slot = computeStartSlotAtEpoch(this.#spec, epoch);
    let at = root;
    for (;;) {
      const block = this.#blocks.get(toHex(at));
      if (!block || block.slot <= slot) return block && at;
      at = block.parentRoot;
    }
  }

  blockState(root: Uint8Array): BeaconState | undefined {
    return this.#states.get(toHex(root));
  }

  /** The head's state in the slot of a time, in milliseconds since genesis. */
  headStateAt(sinceGenesisMs: number): BeaconState {
    const slot = Math.floor(sinceGenesisMs / this.#spec.config.SLOT_DURATION_MS);
    return slot > this.headState.slot ? processSlots(this.headState.clone(), slot) : this.headState;
  }

  #import(vector: VectorCase, fork: Fork, entry: StoredBlock, isAnchor: boolean): void {
    const { signedBlock, root } = this.#decode(vector, fork, entry.block);
    const { message: block } = signedBlock;
    this.#blocks.set(root, block);
    if (entry.payload_status) this.#payloadStatuses.set(root, entry.payload_status);
    if (entry.failed || entry.pending) return;
    if (isAnchor) {
      this.finalizedCheckpoint = { epoch: getCurrentEpoch(this.headState), root: fromHex(root) };
      this.#states.set(root, this.headState);
      return;
    }
    const parentState = this.#states.get(toHex(block.parentRoot));
    if (!parentState) throw new Error(`no state of the parent of ${entry.block}`);
    const options = { validateResult: true, verifier: trustingVerifier };
    this.headState = stateTransition(parentState.clone(), signedBlock, options);
    this.#states.set(root, this.headState);
  }

  #decode(vector: VectorCase, fork: Fork, name: string) {
    const types = forkTypes({ spec: this.#spec, fork });
    const signedBlock = types.SignedBeaconBlock.deserialize(vector.ssz(name));
    const fileRoot = toHex(types.SignedBeaconBlock.hashTreeRoot(signedBlock));
    if (!name.endsWith(fileRoot)) throw new Error(`${name} has the root ${fileRoot}`);
    return { signedBlock, root: toHex(types.BeaconBlock.hashTreeRoot(signedBlock.message)) };
  }
}
