/**
 * The head of the chain: recomputed when something moved, told to the engine and to those who watch.
 * @see https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/phase0/fork-choice.md
 */
import { bytesEqual } from "../base/bytes.ts";
import { counter, gauge } from "../base/metrics.ts";
import type { BlockStates } from "../spec/fork-choice/checkpoint-states.ts";
import { getHeadRow } from "../spec/fork-choice/get-head.ts";
import { ExecutionStatus } from "../spec/fork-choice/proto-array.ts";
import { isZero, type Store } from "../spec/fork-choice/store.ts";
import { computeEpochAtSlot, computeStartSlotAtEpoch } from "../spec/misc.ts";
import type { BeaconState } from "../spec/state.ts";
import type { ChainEvents } from "./events.ts";

export interface HeadInfo {
  readonly root: Uint8Array;
  readonly slot: number;
  readonly stateRoot: Uint8Array;
  readonly executionBlockHash: Uint8Array;
  readonly isOptimistic: boolean;
}

const headSlot = gauge("beacon_head_slot", "Slot of the head block");
const reorgs = counter("beacon_reorgs_total", "Heads that did not descend from the one before");

export class HeadTracker {
  readonly #store: Store;
  readonly #states: BlockStates;
  readonly #events: ChainEvents;
  #head: HeadInfo;
  /** A block that would be the head if its state were in memory. Until it is, the head stays what it was. */
  awaited: Uint8Array | undefined;

  constructor(store: Store, states: BlockStates, events: ChainEvents) {
    this.#store = store;
    this.#states = states;
    this.#events = events;
    this.#head = this.#read();
  }

  get current(): HeadInfo {
    return this.#head;
  }

  /** @returns whether the head is another one, or became fully verified */
  update(): boolean {
    const old = this.#head;
    const head = this.#read();
    const isReady = this.#states.get(head.root) !== undefined;
    this.awaited = isReady ? undefined : head.root;
    if (!isReady) return false;
    this.#head = head;
    if (bytesEqual(old.root, head.root)) return old.isOptimistic !== head.isOptimistic;
    headSlot.set(head.slot);
    this.#tellReorg(old, head);
    this.#tellHead(old, head);
    return true;
  }

  /** Of the attester duties of an epoch, at most the next one, in the head's chain. */
  dependentRoot(epoch: number): Uint8Array {
    const state = this.#states.get(this.#head.root);
    return state === undefined ? this.#head.root : attesterDependentRoot(state, this.#head.root, epoch);
  }

  #read(): HeadInfo {
    const { array } = this.#store;
    const row = getHeadRow(this.#store);
    return {
      root: array.rootAt(row),
      slot: array.slot[row]!,
      stateRoot: array.stateRoots.slice(row * 32, row * 32 + 32),
      executionBlockHash: array.executionBlockHashes.slice(row * 32, row * 32 + 32),
      isOptimistic: array.executionStatus[row] === ExecutionStatus.notValidated,
    };
  }

  #tellHead(old: HeadInfo, { root, slot, stateRoot, isOptimistic }: HeadInfo): void {
    const epoch = computeEpochAtSlot(this.#store.spec, slot);
    this.#events.emit("head", {
      ...{ slot, root, stateRoot, isOptimistic },
      isEpochTransition: epoch !== computeEpochAtSlot(this.#store.spec, old.slot),
      currentEpochDependentRoot: this.dependentRoot(epoch),
      nextEpochDependentRoot: this.dependentRoot(epoch + 1),
    });
  }

  #tellReorg(old: HeadInfo, head: HeadInfo): void {
    const { array } = this.#store;
    const oldRow = array.indexOf(old.root);
    const newRow = array.indexOf(head.root);
    if (oldRow < 0 || array.isAncestor(newRow, oldRow)) return;
    reorgs.inc();
    let common = newRow;
    while (common >= 0 && !array.isAncestor(oldRow, common)) common = array.parent[common]!;
    this.#events.emit("chain_reorg", {
      slot: head.slot,
      depth: old.slot - (common < 0 ? 0 : array.slot[common]!),
      ...{ oldHead: old.root, newHead: head.root, oldState: old.stateRoot, newState: head.stateRoot },
      isOptimistic: head.isOptimistic,
    });
  }
}

/**
 * The last block before the epoch ahead of this one began: with another one, the epoch's committees may be others.
 * @param root of the state's latest block
 * @see the beacon API's dependent_root
 */
export function attesterDependentRoot(state: BeaconState, root: Uint8Array, epoch: number): Uint8Array {
  const { spec } = state;
  const slot = Math.max(0, computeStartSlotAtEpoch(spec, Math.max(0, epoch - 1)) - 1);
  return slot >= state.slot ? root : state.blockRoots.get(slot % spec.preset.SLOTS_PER_HISTORICAL_ROOT);
}

/** Hash of the payload of a checkpoint's block; zeros before the merge and for what is older than the tree. */
export function payloadHashOf(store: Store, root: Uint8Array): Uint8Array {
  const row = isZero(root) ? -1 : store.array.indexOf(root);
  return row < 0 ? new Uint8Array(32) : store.array.executionBlockHashes.slice(row * 32, row * 32 + 32);
}
