/**
 * The latest vote of every validator, and who equivocated: eight bytes and one bit a validator.
 *
 * @see https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/phase0/fork-choice.md
 */
import { assertValid } from "../../base/errors.ts";
import type { BalanceSource } from "./balance-source.ts";
import { resized } from "./proto-array.ts";

const NO_BLOCK = -1;
const MAX_EPOCH = 0xffff_fffe;

/**
 * Latest messages by validator index. The weights they give to blocks are kept in a column of the block tree, and
 * each change of a vote is applied there at once.
 */
export class LatestMessages {
  #length = 0;
  /** Row of the block voted for; -1 for no message, an equivocating validator or a pruned block. */
  #row = new Int32Array(0);
  /** Target epoch of the message plus one; 0 for no message. */
  #epoch = new Uint32Array(0);
  #equivocating = new Uint8Array(0);
  #equivocatingCount = 0;

  /** One more than the highest validator index seen. */
  get length(): number {
    return this.#length;
  }

  get equivocatingCount(): number {
    return this.#equivocatingCount;
  }

  get sizeBytes(): number {
    return this.#row.byteLength + this.#epoch.byteLength + this.#equivocating.byteLength;
  }

  /** Row that the validator's vote counts for, or -1. */
  rowOf(index: number): number {
    return index < this.#length ? this.#row[index]! : NO_BLOCK;
  }

  /** Target epoch of the validator's latest message, or -1. */
  epochOf(index: number): number {
    return index < this.#length ? this.#epoch[index]! - 1 : -1;
  }

  isEquivocating(index: number): boolean {
    return index < this.#length && (this.#equivocating[index >>> 3]! & (1 << (index & 7))) !== 0;
  }

  /**
   * Moves the votes of validators whose message is newer than the one held.
   * @spec update_latest_messages (phase0)
   * @param votes increments by row, changed with the votes; undefined when they will be counted afresh anyway
   * @returns whether any vote moved
   */
  update(
    indices: ArrayLike<number>,
    epoch: number,
    row: number,
    balances: BalanceSource | undefined,
    votes: Float64Array | undefined,
  ): boolean {
    assertValid(epoch <= MAX_EPOCH, "ATTESTATION_EPOCH_TOO_LARGE", { epoch });
    let moved = false;
    for (let k = 0; k < indices.length; k++) {
      const index = indices[k]!;
      this.#reserve(index);
      if (epoch + 1 <= this.#epoch[index]! || this.isEquivocating(index)) continue;
      if (votes && balances) this.#shift(index, row, balances, votes);
      this.#row[index] = row;
      this.#epoch[index] = epoch + 1;
      moved = true;
    }
    return moved;
  }

  /** Marks a validator as equivocating, for good: its vote stops counting. Returns whether that is news. */
  setEquivocating(index: number, balances: BalanceSource | undefined, votes: Float64Array | undefined): boolean {
    this.#reserve(index);
    if (this.isEquivocating(index)) return false;
    if (votes && balances) this.#shift(index, NO_BLOCK, balances, votes);
    this.#row[index] = NO_BLOCK;
    this.#equivocating[index >>> 3]! |= 1 << (index & 7);
    this.#equivocatingCount++;
    return true;
  }

  /** Counts every vote afresh with the given balances. */
  count(balances: BalanceSource, votes: Float64Array): void {
    votes.fill(0);
    const end = Math.min(this.#length, balances.length);
    for (let index = 0; index < end; index++) {
      const row = this.#row[index]!;
      if (row >= 0) votes[row]! += balances.weightOf(index);
    }
  }

  /** Votes for exactly the marked rows by messages of one epoch, in increments. */
  countMarked(balances: BalanceSource, epoch: number, marked: Uint8Array): number {
    const end = Math.min(this.#length, balances.length);
    let sum = 0;
    for (let index = 0; index < end; index++) {
      const row = this.#row[index]!;
      if (row >= 0 && this.#epoch[index] === epoch + 1 && marked[row] === 1) sum += balances.weightOf(index);
    }
    return sum;
  }

  /** Follows blocks to their new rows; votes for dropped blocks count for nothing from now on. */
  remap(moved: Int32Array): void {
    for (let index = 0; index < this.#length; index++) {
      const row = this.#row[index]!;
      if (row >= 0) this.#row[index] = moved[row]!;
    }
  }

  #shift(index: number, row: number, balances: BalanceSource, votes: Float64Array): void {
    const weight = balances.weightOf(index);
    const old = this.#row[index]!;
    if (old >= 0) votes[old]! -= weight;
    if (row >= 0) votes[row]! += weight;
  }

  #reserve(index: number): void {
    if (index < this.#length) return;
    if (index >= this.#row.length) {
      // An eighth more than needed: the registry grows slowly, and all of it votes in each epoch.
      const items = Math.ceil((index + 1) * 1.125);
      const old = this.#row.length;
      this.#row = resized(this.#row, items).fill(NO_BLOCK, old);
      this.#epoch = resized(this.#epoch, items);
      this.#equivocating = resized(this.#equivocating, (items + 7) >>> 3);
    }
    this.#length = index + 1;
  }
}
