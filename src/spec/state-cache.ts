import { bytesEqual } from "../base/bytes.ts";
import type { ActiveSet } from "./active-set.ts";

/** Previous, current and next epoch, and the one whose proposers fulu computes ahead. */
const EPOCHS_KEPT = 4;
const SHUFFLINGS_POOLED = 4;
const BALANCES_POOLED = 4;
const COMMITTEES_KEPT = 4;

/** All active validators of an epoch in shuffled order; committees are its slices. */
export interface Shuffling {
  readonly seed: Uint8Array;
  readonly active: ActiveSet;
  readonly indices: Uint32Array;
}

/** The sum of an epoch's active effective balances, and what derives from it alone. */
export interface ActiveBalance {
  /** At least one increment. */
  readonly gwei: bigint;
  readonly increments: number;
  readonly baseRewardPerIncrement: number;
  readonly balanceChurnLimit: number;
}

/** What a state knows of one epoch, and the column versions that it was derived from. */
export interface EpochEntry {
  epoch: number;
  activationVersion: number;
  exitVersion: number;
  active: ActiveSet;
  shuffling: Shuffling | null;
  /** Version of the randao mixes for which the shuffling's seed was last compared. */
  mixesVersion: number;
  effectiveVersion: number;
  balance: ActiveBalance | null;
  proposer: { slot: number; seed: Uint8Array; effectiveVersion: number; index: number } | null;
}

interface PooledBalance {
  readonly active: ActiveSet;
  readonly effectiveVersion: number;
  readonly balance: ActiveBalance;
}

/** Last epoch of the exit queue and how many leave in it; needed before electra. */
export interface ExitQueue {
  readonly exitVersion: number;
  readonly epoch: number;
  readonly churn: number;
}

/** Column versions before and after a change of the registry. */
export interface RegistryVersions {
  readonly activation: number;
  readonly exit: number;
  readonly effective: number;
}

/**
 * Derived data of a state: which validators are active, their balance and their shuffling, for few epochs.
 *
 * Everything is kept with the versions of the columns it came from and is used only while those are unchanged, so
 * that a write nobody announced costs time, never correctness. `registryChanged` says of a write that the epochs
 * before some epoch do not see it. Entries belong to one state; shufflings and sums of balances are shared by all its
 * clones, found by content.
 */
export class StateCache {
  /** Most recently used first. */
  readonly #entries: EpochEntry[];
  readonly #pool: Shuffling[];
  readonly #balances: PooledBalance[];
  readonly #committees: { committee: object; indices: Uint32Array }[];
  exitQueue: ExitQueue | null;

  constructor(from?: StateCache) {
    this.#entries = from === undefined ? [] : from.#entries.map((entry) => ({ ...entry }));
    this.#pool = from === undefined ? [] : from.#pool;
    this.#balances = from === undefined ? [] : from.#balances;
    this.#committees = from === undefined ? [] : from.#committees;
    this.exitQueue = from?.exitQueue ?? null;
  }

  clone(): StateCache {
    return new StateCache(this);
  }

  /** Bytes of what is kept, shared parts included. */
  get sizeBytes(): number {
    const sets = new Set<{ sizeBytes: number }>(this.#entries.map((entry) => entry.active));
    for (const shuffling of this.#pool) sets.add(shuffling.active);
    let bytes = 0;
    for (const set of sets) bytes += set.sizeBytes;
    const shufflings = new Set([...this.#pool, ...this.#entries.map((entry) => entry.shuffling)]);
    for (const shuffling of shufflings) bytes += shuffling?.indices.byteLength ?? 0;
    for (const { indices } of this.#committees) bytes += indices.byteLength;
    return bytes;
  }

  entry(epoch: number): EpochEntry | undefined {
    const entries = this.#entries;
    if (entries.length > 0 && entries[0]!.epoch === epoch) return entries[0];
    const at = entries.findIndex((entry) => entry.epoch === epoch);
    if (at < 0) return undefined;
    const [entry] = entries.splice(at, 1);
    entries.unshift(entry!);
    return entry;
  }

  addEntry(epoch: number, active: ActiveSet, activationVersion: number, exitVersion: number): EpochEntry {
    const derived = { shuffling: null, mixesVersion: -1, effectiveVersion: -1, balance: null, proposer: null };
    const entry: EpochEntry = { epoch, activationVersion, exitVersion, active, ...derived };
    this.#entries.unshift(entry);
    if (this.#entries.length > EPOCHS_KEPT) this.#entries.pop();
    return entry;
  }

  /**
   * Carries entries over a change of the registry that epochs before `firstEpoch` do not see: an activation or exit
   * moved between later epochs, or a validator was appended that is active in none of them.
   */
  registryChanged(before: RegistryVersions, after: RegistryVersions, firstEpoch: number): void {
    for (const entry of this.#entries) {
      if (entry.epoch >= firstEpoch) continue;
      if (entry.activationVersion !== before.activation || entry.exitVersion !== before.exit) continue;
      entry.activationVersion = after.activation;
      entry.exitVersion = after.exit;
      if (entry.effectiveVersion === before.effective) entry.effectiveVersion = after.effective;
      if (entry.proposer?.effectiveVersion === before.effective) {
        entry.proposer = { ...entry.proposer, effectiveVersion: after.effective };
      }
    }
  }

  /** A shuffling of this very set by this seed that some clone has computed. */
  pooledShuffling(seed: Uint8Array, active: ActiveSet): Shuffling | undefined {
    return this.#pool.find((shuffling) => bytesEqual(shuffling.seed, seed) && shuffling.active.equals(active));
  }

  poolShuffling(shuffling: Shuffling): void {
    this.#pool.unshift(shuffling);
    if (this.#pool.length > SHUFFLINGS_POOLED) this.#pool.pop();
  }

  /** The sum over this very set that some clone has computed when its effective balances were at this version. */
  pooledBalance(active: ActiveSet, effectiveVersion: number): ActiveBalance | undefined {
    const known = this.#balances.find((sum) => sum.active === active && sum.effectiveVersion === effectiveVersion);
    return known?.balance;
  }

  poolBalance(active: ActiveSet, effectiveVersion: number, balance: ActiveBalance): void {
    this.#balances.unshift({ active, effectiveVersion, balance });
    if (this.#balances.length > BALANCES_POOLED) this.#balances.pop();
  }

  /** Validator indices of a sync committee value; values are never changed in place, so identity names them. */
  committeeIndices(committee: object): Uint32Array | undefined {
    return this.#committees.find((known) => known.committee === committee)?.indices;
  }

  keepCommittee(committee: object, indices: Uint32Array): void {
    this.#committees.unshift({ committee, indices });
    if (this.#committees.length > COMMITTEES_KEPT) this.#committees.pop();
  }
}
