/**
 * The fast confirmation rule: which block will stay canonical whatever a bounded attacker does.
 *
 * @see https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/phase0/fast-confirmation.md
 */
import { assertValid } from "../../base/errors.ts";
import { getCurrentEpoch } from "../accessors.ts";
import { computeEpochAtSlot, computeStartSlotAtEpoch } from "../misc.ts";
import { processSlots } from "../transition.ts";
import { BalanceSource } from "./balance-source.ts";
import type { Checkpoint } from "./checkpoint-states.ts";
import {
  computeAdversarialWeight,
  computeAttestationScores,
  computeSafetyThreshold,
  estimateCommitteeWeightBetweenSlots,
} from "./confirmation-weights.ts";
import { getHead, getHeadRow } from "./get-head.ts";
import {
  checkpointsEqual,
  computeSlotsSinceEpochStart,
  getCheckpointRow,
  getCurrentSlot,
  getCurrentStoreEpoch,
  getUnrealizedJustification,
  getVotingSourceEpoch,
  type Store,
} from "./store.ts";

/** @spec FastConfirmationStore (phase0) */
export interface FastConfirmationStore {
  readonly store: Store;
  confirmedRoot: Uint8Array;
  previousEpochObservedJustifiedCheckpoint: Checkpoint;
  currentEpochObservedJustifiedCheckpoint: Checkpoint;
  previousEpochGreatestUnrealizedCheckpoint: Checkpoint;
  previousSlotHead: Uint8Array;
  currentSlotHead: Uint8Array;
}

/** @spec get_fast_confirmation_store (phase0) */
export function getFastConfirmationStore(store: Store): FastConfirmationStore {
  const { root } = store.finalizedCheckpoint;
  return {
    store,
    confirmedRoot: root,
    previousEpochObservedJustifiedCheckpoint: store.finalizedCheckpoint,
    currentEpochObservedJustifiedCheckpoint: store.finalizedCheckpoint,
    previousEpochGreatestUnrealizedCheckpoint: store.finalizedCheckpoint,
    previousSlotHead: root,
    currentSlotHead: root,
  };
}

/**
 * Moves the confirmed block. To be called once a slot, at its start, after the votes of earlier slots were applied.
 * @spec on_fast_confirmation (phase0)
 */
export function onFastConfirmation(fcrStore: FastConfirmationStore): void {
  updateFastConfirmationVariables(fcrStore);
  fcrStore.confirmedRoot = new ConfirmationRound(fcrStore).getLatestConfirmed();
}

/** The payload hash to call safe; all zeros before the merge. @spec get_safe_execution_block_hash (bellatrix) */
export function getSafeExecutionBlockHash(fcrStore: FastConfirmationStore): Uint8Array {
  const { store, confirmedRoot } = fcrStore;
  const row = store.rowOf(confirmedRoot);
  return store.array.executionBlockHashes.slice(row * 32, row * 32 + 32);
}

/** Blocks that the rule will still ask about: to be kept when the tree is pruned. */
export function rootsInUse(fcrStore: FastConfirmationStore): Uint8Array[] {
  return [
    fcrStore.confirmedRoot,
    fcrStore.previousSlotHead,
    fcrStore.currentSlotHead,
    fcrStore.currentEpochObservedJustifiedCheckpoint.root,
    fcrStore.previousEpochGreatestUnrealizedCheckpoint.root,
  ];
}

/** @spec update_fast_confirmation_variables (phase0) */
function updateFastConfirmationVariables(fcrStore: FastConfirmationStore): void {
  const { store } = fcrStore;
  const slot = getCurrentSlot(store);
  fcrStore.previousSlotHead = fcrStore.currentSlotHead;
  fcrStore.currentSlotHead = getHead(store);
  if (isStartSlotAtEpoch(store, slot + 1)) {
    fcrStore.previousEpochGreatestUnrealizedCheckpoint = store.unrealizedJustifiedCheckpoint;
  }
  if (isStartSlotAtEpoch(store, slot)) {
    fcrStore.previousEpochObservedJustifiedCheckpoint = fcrStore.currentEpochObservedJustifiedCheckpoint;
    fcrStore.currentEpochObservedJustifiedCheckpoint = fcrStore.previousEpochGreatestUnrealizedCheckpoint;
  }
}

/** @spec is_start_slot_at_epoch (phase0) */
function isStartSlotAtEpoch(store: Store, slot: number): boolean {
  return computeSlotsSinceEpochStart(store.spec, slot) === 0;
}

/** One evaluation of the rule: the store does not change meanwhile, so sums over all validators are made once. */
class ConfirmationRound {
  readonly #fcrStore: FastConfirmationStore;
  readonly #store: Store;
  readonly #headRow: number;
  readonly #currentSlot: number;
  readonly #currentEpoch: number;
  readonly #isEpochStart: boolean;
  readonly #scores = new Map<BalanceSource, Float64Array>();
  #headBalances: BalanceSource | undefined;
  #honestFfgSupport: bigint | undefined;

  constructor(fcrStore: FastConfirmationStore) {
    this.#fcrStore = fcrStore;
    this.#store = fcrStore.store;
    this.#headRow = getHeadRow(fcrStore.store);
    this.#currentSlot = getCurrentSlot(fcrStore.store);
    this.#currentEpoch = getCurrentStoreEpoch(fcrStore.store);
    this.#isEpochStart = isStartSlotAtEpoch(fcrStore.store, this.#currentSlot);
  }

  /** @spec get_latest_confirmed (phase0) */
  getLatestConfirmed(): Uint8Array {
    const store = this.#store;
    const { currentEpochObservedJustifiedCheckpoint: observed, confirmedRoot } = this.#fcrStore;
    let confirmed = store.rowOf(confirmedRoot);
    if (this.#mustRevert(confirmed)) confirmed = store.rowOf(store.finalizedCheckpoint.root);
    const observedRow = store.rowOf(observed.root);
    const canRestart =
      this.#isEpochStart &&
      this.#epochOf(observedRow) + 1 === this.#currentEpoch &&
      checkpointsEqual(observed, getUnrealizedJustification(store, this.#headRow)) &&
      store.array.slot[confirmed]! < store.array.slot[observedRow]!;
    if (canRestart) confirmed = observedRow;
    if (this.#epochOf(confirmed) + 1 >= this.#currentEpoch) confirmed = this.#findLatestConfirmedDescendant(confirmed);
    return store.array.rootAt(confirmed);
  }

  /** Whether the confirmed block is too old, off the canonical chain, or not confirmed by the new epoch's balances. */
  #mustRevert(confirmed: number): boolean {
    return (
      this.#epochOf(confirmed) + 1 < this.#currentEpoch ||
      !this.#store.array.isAncestor(this.#headRow, confirmed) ||
      (this.#isEpochStart && !this.#isConfirmedChainSafe(confirmed))
    );
  }

  /** @spec is_confirmed_chain_safe (phase0) */
  #isConfirmedChainSafe(confirmed: number): boolean {
    const store = this.#store;
    const observed = this.#fcrStore.currentEpochObservedJustifiedCheckpoint;
    const observedRow = store.rowOf(observed.root);
    if (getCheckpointRow(store, confirmed, observed.epoch) !== observedRow) return false;
    let startExclusive = observedRow;
    if (observed.epoch + 1 < this.#currentEpoch) {
      // Blocks older than the previous epoch follow from its first one.
      startExclusive = getCheckpointRow(store, confirmed, this.#currentEpoch - 1);
      if (this.#epochOf(startExclusive) + 1 === this.#currentEpoch)
        startExclusive = store.array.parent[startExclusive]!;
    }
    const chain = this.#ancestorRows(confirmed, startExclusive);
    if (chain.length === 0) return true;
    const balances = store.checkpoints.balancesAt(this.#fcrStore.previousEpochObservedJustifiedCheckpoint);
    return chain.every((row) => this.#isOneConfirmed(balances, row));
  }

  /** @spec find_latest_confirmed_descendant (phase0) */
  #findLatestConfirmedDescendant(latestConfirmed: number): number {
    const confirmed = this.#advanceInPreviousEpoch(latestConfirmed);
    const isHeadJustifying = this.#unrealizedEpochOf(this.#headRow) + 1 >= this.#currentEpoch;
    return this.#isEpochStart || isHeadJustifying ? this.#advanceToHead(confirmed) : confirmed;
  }

  /** Confirms blocks of the previous epoch, leaning on the head of the previous slot. */
  #advanceInPreviousEpoch(latestConfirmed: number): number {
    const store = this.#store;
    const epoch = this.#currentEpoch;
    if (this.#epochOf(latestConfirmed) + 1 !== epoch) return latestConfirmed;
    const previousHead = store.rowOf(this.#fcrStore.previousSlotHead);
    if (getVotingSourceEpoch(store, previousHead, epoch) + 2 < epoch) return latestConfirmed;
    if (!this.#isEpochStart) {
      if (!this.#willNoConflictingCheckpointBeJustified()) return latestConfirmed;
      const isJustifying = [previousHead, this.#headRow].some((row) => this.#unrealizedEpochOf(row) + 1 >= epoch);
      if (!isJustifying) return latestConfirmed;
    }
    let confirmed = latestConfirmed;
    for (const row of this.#ancestorRows(this.#headRow, latestConfirmed)) {
      if (this.#epochOf(row) === epoch || !store.array.isAncestor(previousHead, row)) break;
      if (!this.#isOneConfirmed(this.#currentBalances(), row)) break;
      confirmed = row;
    }
    return confirmed;
  }

  /** Confirms as much of the canonical chain as is safe from a reorganization in this epoch and the next. */
  #advanceToHead(confirmed: number): number {
    const epoch = this.#currentEpoch;
    let tentative = confirmed;
    for (const row of this.#ancestorRows(this.#headRow, confirmed)) {
      const entersEpoch = this.#epochOf(row) > this.#epochOf(tentative);
      if (entersEpoch && !this.#willCurrentTargetBeJustified()) break;
      if (!this.#isOneConfirmed(this.#currentBalances(), row)) break;
      tentative = row;
    }
    if (this.#epochOf(tentative) === epoch) return tentative;
    const isVotable = getVotingSourceEpoch(this.#store, tentative, epoch) + 2 >= epoch;
    return isVotable && (this.#isEpochStart || this.#willNoConflictingCheckpointBeJustified()) ? tentative : confirmed;
  }

  /** @spec is_one_confirmed (phase0) */
  #isOneConfirmed(balances: BalanceSource, row: number): boolean {
    const scores = this.#scores.get(balances) ?? computeAttestationScores(this.#store, balances);
    this.#scores.set(balances, scores);
    return balances.toGwei(scores[row]!) > computeSafetyThreshold(this.#store, row, balances);
  }

  /** @spec will_no_conflicting_checkpoint_be_justified (phase0) */
  #willNoConflictingCheckpointBeJustified(): boolean {
    const store = this.#store;
    const target = { epoch: this.#currentEpoch, root: store.array.rootAt(this.#targetRow()) };
    if (checkpointsEqual(target, store.unrealizedJustifiedCheckpoint)) return true;
    return 3n * this.#computeHonestFfgSupport() > this.#pulledUpHeadBalances().totalActiveBalance;
  }

  /** @spec will_current_target_be_justified (phase0) */
  #willCurrentTargetBeJustified(): boolean {
    return 3n * this.#computeHonestFfgSupport() >= 2n * this.#pulledUpHeadBalances().totalActiveBalance;
  }

  /** Gwei. @spec compute_honest_ffg_support_for_current_target (phase0) */
  #computeHonestFfgSupport(): bigint {
    if (this.#honestFfgSupport === undefined) {
      const { spec } = this.#store;
      const balances = this.#pulledUpHeadBalances();
      const total = balances.totalActiveBalance;
      const startSlot = computeStartSlotAtEpoch(spec, this.#currentEpoch);
      const endSlot = this.#currentSlot - 1;
      const support = this.#getCurrentTargetScore(balances);
      const remaining = total - estimateCommitteeWeightBetweenSlots(spec, total, startSlot, endSlot);
      const honestRemaining = (remaining / 100n) * BigInt(100 - spec.config.CONFIRMATION_BYZANTINE_THRESHOLD);
      const adversarial = computeAdversarialWeight(this.#store, balances, startSlot, endSlot);
      this.#honestFfgSupport = (support > adversarial ? support - adversarial : 0n) + honestRemaining;
    }
    return this.#honestFfgSupport;
  }

  /** Gwei of latest messages that also vote for the current target. @spec get_current_target_score (phase0) */
  #getCurrentTargetScore(balances: BalanceSource): bigint {
    const { array, messages, spec } = this.#store;
    const votesForTarget = new Uint8Array(array.length);
    array.markCheckpoint(this.#targetRow(), computeStartSlotAtEpoch(spec, this.#currentEpoch), votesForTarget);
    return balances.toGwei(messages.countMarked(balances, this.#currentEpoch, votesForTarget));
  }

  /** @spec get_current_target (phase0) */
  #targetRow(): number {
    return getCheckpointRow(this.#store, this.#headRow, this.#currentEpoch);
  }

  /** @spec get_current_balance_source (phase0) */
  #currentBalances(): BalanceSource {
    return this.#store.checkpoints.balancesAt(this.#fcrStore.currentEpochObservedJustifiedCheckpoint);
  }

  /** @spec get_pulled_up_head_state (phase0) */
  #pulledUpHeadBalances(): BalanceSource {
    if (!this.#headBalances) {
      const root = this.#store.array.rootAt(this.#headRow);
      const state = this.#store.blockStates.get(root);
      assertValid(state !== undefined, "BLOCK_STATE_UNKNOWN", { root });
      if (getCurrentEpoch(state) < this.#currentEpoch) {
        const startSlot = computeStartSlotAtEpoch(this.#store.spec, this.#currentEpoch);
        const pulledUp = processSlots(state.clone(), startSlot);
        this.#headBalances = BalanceSource.fromState(pulledUp);
        pulledUp.drop();
      } else {
        this.#headBalances = BalanceSource.fromState(state);
      }
    }
    return this.#headBalances;
  }

  /** Rows from the child of `terminal` to `row`, or none where it is no ancestor. @spec get_ancestor_roots (phase0) */
  #ancestorRows(row: number, terminal: number): number[] {
    const { array } = this.#store;
    const rows: number[] = [];
    for (let at = row; at >= 0 && array.slot[at]! > array.slot[terminal]!; at = array.parent[at]!) {
      rows.push(at);
      if (array.parent[at] === terminal) return rows.reverse();
    }
    return [];
  }

  #epochOf(row: number): number {
    return computeEpochAtSlot(this.#store.spec, this.#store.array.slot[row]!);
  }

  #unrealizedEpochOf(row: number): number {
    return this.#store.array.unrealizedJustifiedEpoch[row]!;
  }
}
