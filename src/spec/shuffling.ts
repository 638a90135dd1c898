/**
 * Random choices among active validators: shuffled order, committees, proposers, sync committees.
 * https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/electra/beacon-chain.md
 */
import { assertValid } from "../base/errors.ts";
import { sha256 } from "../crypto/sha256.ts";
import { computeShuffledIndices, shuffleList } from "../crypto/shuffle.ts";
import type { ActiveSet } from "./active-set.ts";
import { Fork } from "./fork.ts";
import { computeStartSlotAtEpoch, uintToBytes } from "./misc.ts";
import type { BeaconState } from "./state.ts";

/** The active validators in shuffled order: element i is `indices[compute_shuffled_index(i)]`. */
export function computeShuffling(state: BeaconState, active: ActiveSet, seed: Uint8Array): Uint32Array {
  const indices = active.toIndices();
  shuffleList(indices, seed, state.spec.preset.SHUFFLE_ROUND_COUNT);
  return indices;
}

/**
 * One of `count` equal slices.
 * @spec compute_committee (phase0)
 * @param shuffled all active validators in shuffled order
 * @returns a view of `shuffled`
 */
export function computeCommittee(shuffled: Uint32Array, index: number, count: number): Uint32Array {
  const start = Math.floor((shuffled.length * index) / count);
  const end = Math.floor((shuffled.length * (index + 1)) / count);
  return shuffled.subarray(start, end);
}

/** Draws looked at together: half of those that one hash yields before electra, all of them from then on. */
const DRAWS_AT_ONCE = 16;

/**
 * Draws candidates, each accepted with a chance proportional to its effective balance.
 *
 * @spec compute_proposer_index (phase0, electra)
 * @param highestEffectiveBalance of any candidate: a draw that would refuse even that one names its candidate for nothing
 */
export function computeProposerIndex(
  state: BeaconState,
  indices: ActiveSet,
  seed: Uint8Array,
  highestEffectiveBalance: number = Number.MAX_SAFE_INTEGER,
): number {
  assertValid(indices.count > 0, "NO_ACTIVE_VALIDATORS");
  const { effectiveBalance } = state.validators;
  const draws = new EffectiveBalanceDraws(state, seed);
  const positions = new Uint32Array(DRAWS_AT_ONCE);
  const randoms = new Uint32Array(DRAWS_AT_ONCE);
  for (let first = 0; ; first += DRAWS_AT_ONCE) {
    let wanted = 0;
    for (let i = first; i < first + DRAWS_AT_ONCE; i++) {
      randoms[wanted] = draws.random(i);
      positions[wanted] = i % indices.count;
      if (draws.accepts(highestEffectiveBalance, randoms[wanted]!)) wanted++;
    }
    if (wanted === 0) continue;
    computeShuffledIndices(positions, wanted, indices.count, seed, state.spec.preset.SHUFFLE_ROUND_COUNT);
    for (let k = 0; k < wanted; k++) {
      const candidate = indices.select(positions[k]!);
      if (draws.accepts(effectiveBalance.get(candidate), randoms[k]!)) return candidate;
    }
  }
}

/** @spec compute_proposer_indices (fulu) */
export function computeProposerIndices(
  state: BeaconState,
  epoch: number,
  seed: Uint8Array,
  indices: ActiveSet,
): number[] {
  const startSlot = computeStartSlotAtEpoch(state.spec, epoch);
  const highest = highestEffectiveBalance(state);
  const proposers: number[] = [];
  for (let i = 0; i < state.spec.preset.SLOTS_PER_EPOCH; i++) {
    proposers.push(computeProposerIndex(state, indices, slotSeed(seed, startSlot + i), highest));
  }
  return proposers;
}

/** Seed of one slot's proposer within its epoch's. */
export function slotSeed(seed: Uint8Array, slot: number): Uint8Array {
  const input = new Uint8Array(40);
  input.set(seed);
  input.set(uintToBytes(slot), 32);
  return sha256(input);
}

/**
 * Sync committee members, with repetitions, drawn from `indices`.
 * @spec get_next_sync_committee_indices (altair, electra)
 * @cost one shuffling of all active validators: a committee takes tens of thousands of draws on mainnet
 */
export function computeSyncCommitteeIndices(state: BeaconState, indices: ActiveSet, seed: Uint8Array): Uint32Array {
  assertValid(indices.count > 0, "NO_ACTIVE_VALIDATORS");
  const shuffled = computeShuffling(state, indices, seed);
  const draws = new EffectiveBalanceDraws(state, seed);
  const members = new Uint32Array(state.spec.preset.SYNC_COMMITTEE_SIZE);
  for (let i = 0, taken = 0; taken < members.length; i++) {
    const candidate = shuffled[i % shuffled.length]!;
    if (draws.accepts(state.validators.effectiveBalance.get(candidate), draws.random(i))) members[taken++] = candidate;
  }
  return members;
}

/** The stream of random numbers that a seed yields, and the test of a candidate against one of them. */
class EffectiveBalanceDraws {
  readonly #input = new Uint8Array(40);
  readonly #bytesEach: number;
  readonly #perHash: number;
  readonly #maxRandom: number;
  readonly #maxIncrements: number;
  readonly #increment: number;
  #bytes: Uint8Array = this.#input;
  #hashed = -1;

  constructor(state: BeaconState, seed: Uint8Array) {
    const { preset } = state.spec;
    // [Modified in Electra]
    const isElectra = state.fork >= Fork.electra;
    this.#bytesEach = isElectra ? 2 : 1;
    this.#perHash = 32 / this.#bytesEach;
    this.#maxRandom = isElectra ? 2 ** 16 - 1 : 2 ** 8 - 1;
    const maxEffectiveBalance = isElectra ? preset.MAX_EFFECTIVE_BALANCE_ELECTRA : preset.MAX_EFFECTIVE_BALANCE;
    this.#increment = preset.EFFECTIVE_BALANCE_INCREMENT;
    this.#maxIncrements = maxEffectiveBalance / this.#increment;
    this.#input.set(seed);
  }

  random(i: number): number {
    const block = Math.floor(i / this.#perHash);
    if (block !== this.#hashed) {
      this.#input.set(uintToBytes(block), 32);
      this.#bytes = sha256(this.#input);
      this.#hashed = block;
    }
    const at = (i % this.#perHash) * this.#bytesEach;
    return this.#bytesEach === 1 ? this.#bytes[at]! : this.#bytes[at]! + this.#bytes[at + 1]! * 256;
  }

  /** balance * maxRandom >= maxEffectiveBalance * random, kept within 2^53 by counting in increments. */
  accepts(effectiveBalance: number, random: number): boolean {
    const increments = Math.floor(effectiveBalance / this.#increment);
    const ahead = increments * this.#maxRandom - this.#maxIncrements * random;
    return ahead * this.#increment + (effectiveBalance % this.#increment) * this.#maxRandom >= 0;
  }
}

function highestEffectiveBalance(state: BeaconState): number {
  const column = state.validators.effectiveBalance;
  const page = new Float64Array(column.itemsPerPage);
  let highest = 0;
  for (let p = 0, lastId = -1; p < column.pageCount; p++) {
    if (column.pageId(p) === lastId) continue;
    lastId = column.pageId(p);
    const count = column.readPage(p, page);
    for (let k = 0; k < count; k++) if (page[k]! > highest) highest = page[k]!;
  }
  return highest;
}
