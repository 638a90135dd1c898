/**
 * States at checkpoints, built on demand and bounded: fork choice needs them for committees and for balances.
 *
 * @see https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/phase0/fork-choice.md
 */
import { BoundedMap } from "../../base/bounded.ts";
import { toHex } from "../../base/bytes.ts";
import { assertValid } from "../../base/errors.ts";
import { computeStartSlotAtEpoch } from "../misc.ts";
import type { BeaconState } from "../state.ts";
import { processSlots } from "../transition.ts";
import { BalanceSource } from "./balance-source.ts";

export interface Checkpoint {
  readonly epoch: number;
  readonly root: Uint8Array;
}

/** Where post-states of blocks come from. Which ones are kept, and where, is the owner's policy. */
export interface BlockStates {
  /** The post-state of a block, not to be mutated; undefined when it is not at hand. */
  get(root: Uint8Array): BeaconState | undefined;
}

/** What fork choice asks about checkpoints. */
export interface Checkpoints {
  /** The state of the checkpoint's block at the first slot of its epoch or later, not to be mutated or dropped. */
  stateAt(checkpoint: Checkpoint): BeaconState;
  balancesAt(checkpoint: Checkpoint): BalanceSource;
}

/** Builds checkpoint states with `processSlots` and keeps the few used last. */
export class CheckpointStates implements Checkpoints {
  readonly #blockStates: BlockStates;
  readonly #states: BoundedMap<string, BeaconState>;
  readonly #balances: BoundedMap<string, BalanceSource>;

  /** @param parts.maxStates each may own the pages that an epoch transition changes */
  constructor(parts: { blockStates: BlockStates; maxStates?: number; maxBalances?: number }) {
    this.#blockStates = parts.blockStates;
    this.#states = new BoundedMap({ limit: parts.maxStates ?? 4, onEvict: (_, state) => state.drop() });
    this.#balances = new BoundedMap({ limit: parts.maxBalances ?? 4, sizeOf: (source) => source.sizeBytes });
  }

  /** @spec store_target_checkpoint_state (phase0) */
  stateAt(checkpoint: Checkpoint): BeaconState {
    const key = keyOf(checkpoint);
    const known = this.#states.get(key);
    const state = known ?? this.#build(checkpoint);
    if (known) this.#states.delete(key);
    this.#states.set(key, state);
    return state;
  }

  /** The balances outlive the state: three bytes a validator instead of a state's pages. */
  balancesAt(checkpoint: Checkpoint): BalanceSource {
    const key = keyOf(checkpoint);
    const source = this.#balances.get(key) ?? BalanceSource.fromState(this.stateAt(checkpoint));
    this.#balances.set(key, source);
    return source;
  }

  /** Estimated bytes of the balances kept; the states count their own pages. */
  get sizeBytes(): number {
    return this.#balances.bytes + this.#states.bytes;
  }

  /** Drops every state and balance. */
  clear(): void {
    for (const state of this.#states.values()) state.drop();
    this.#states.clear();
    this.#balances.clear();
  }

  #build(checkpoint: Checkpoint): BeaconState {
    const base = this.#blockStates.get(checkpoint.root);
    assertValid(base !== undefined, "CHECKPOINT_STATE_UNKNOWN", { root: checkpoint.root, epoch: checkpoint.epoch });
    const startSlot = computeStartSlotAtEpoch(base.spec, checkpoint.epoch);
    const state = base.clone();
    return state.slot < startSlot ? processSlots(state, startSlot) : state;
  }
}

function keyOf(checkpoint: Checkpoint): string {
  return `${checkpoint.epoch}/${toHex(checkpoint.root)}`;
}
