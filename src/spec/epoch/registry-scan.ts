import { getCurrentEpoch, getPreviousEpoch, setActiveBalance } from "../accessors.ts";
import { TIMELY_TARGET_FLAG_INDEX } from "../constants.ts";
import { uint64 } from "../misc.ts";
import type { BeaconState } from "../state.ts";

/** Bit of a code that says that rewards and penalties concern the validator; the bits below are its timely flags. */
export const ELIGIBLE = 8;
export const TIMELY_TARGET = 1 << TIMELY_TARGET_FLAG_INDEX;
const FLAGS = 7;
/** Beside ELIGIBLE in a page's activity: active in the current epoch. */
const ACTIVE = 16;
/** Bits of a code below the effective balance in increments. */
export const CODE_SHIFT = 4;
const MAX_INCREMENTS = 4095;
/** Participation and slashings are read this many at a time, a whole number of pages of every column. */
const CHUNK = 4096;

interface Chunk {
  readonly slashed: Uint8Array;
  readonly previous: Uint8Array;
  readonly current: Uint8Array;
  hasSlashed: boolean;
}

/**
 * What the altair steps up to the rewards read of the registry, gathered in one pass over its columns: a 16-bit code
 * a validator and five sums. Made for one state before these steps and thrown away after them.
 *
 * A code is `increments << 4 | eligible << 3 | flags`, the flags being those of the previous epoch that count: of
 * active, unslashed validators. Pages where an effective balance is no whole number of increments, or too large, are
 * irregular: their codes have valid low bits only.
 */
export class RegistryScan {
  readonly codes: Uint16Array;
  readonly #state: BeaconState;
  readonly #irregular: Uint8Array;
  readonly #previousEpoch: number;
  readonly #currentEpoch: number;
  readonly #increment: number;
  readonly #itemsPerPage: number;
  /** Increments, over regular pages: active, the previous epoch's three flags, the current epoch's target. */
  readonly #increments = new Float64Array(5);
  /** Gwei, over irregular pages. */
  readonly #gwei = [0n, 0n, 0n, 0n, 0n];
  readonly #pageSums = new Int32Array(5);
  readonly #activations: Float64Array;
  readonly #exits: Float64Array;
  readonly #balances: Float64Array;
  /** Of the page at hand: ELIGIBLE where active in the previous epoch, ACTIVE where in the current one. */
  readonly #activity: Uint8Array;
  readonly #pageIncrements: Uint16Array;
  #isRegular = true;
  readonly #chunk: Chunk = {
    slashed: new Uint8Array(CHUNK),
    previous: new Uint8Array(CHUNK),
    current: new Uint8Array(CHUNK),
    hasSlashed: false,
  };
  #isDone = false;

  /** @param state only read when a result is first asked for; unchanged until the last one is */
  constructor(state: BeaconState) {
    const { effectiveBalance } = state.validators;
    this.#state = state;
    this.#itemsPerPage = effectiveBalance.itemsPerPage;
    this.#previousEpoch = getPreviousEpoch(state);
    this.#currentEpoch = getCurrentEpoch(state);
    this.#increment = state.spec.preset.EFFECTIVE_BALANCE_INCREMENT;
    this.codes = new Uint16Array(state.validators.length);
    this.#irregular = new Uint8Array(effectiveBalance.pageCount);
    this.#activations = new Float64Array(this.#itemsPerPage);
    this.#exits = new Float64Array(this.#itemsPerPage);
    this.#balances = new Float64Array(this.#itemsPerPage);
    this.#activity = new Uint8Array(this.#itemsPerPage);
    this.#pageIncrements = new Uint16Array(this.#itemsPerPage);
  }

  /** Runs the pass unless it has run. */
  run(): this {
    if (this.#isDone) return this;
    this.#isDone = true;
    const { validators, previousEpochParticipation, currentEpochParticipation } = this.#state;
    for (let start = 0; start < validators.length; start += CHUNK) {
      const count = Math.min(CHUNK, validators.length - start);
      validators.slashed.readRange(start, count, this.#chunk.slashed);
      this.#chunk.hasSlashed = this.#chunk.slashed.includes(1);
      previousEpochParticipation.readRange(start, count, this.#chunk.previous);
      currentEpochParticipation.readRange(start, count, this.#chunk.current);
      for (let at = 0; at < count; at += this.#itemsPerPage) this.#scanPage((start + at) / this.#itemsPerPage, at);
    }
    setActiveBalance(this.#state, this.#sum(0));
    return this;
  }

  /** Unslashed balance with a timely flag in the previous epoch, in Gwei; at least one increment. */
  previousFlagBalance(flagIndex: number): bigint {
    return this.#totalBalance(1 + flagIndex);
  }

  /** Unslashed balance with a timely target in the current epoch, in Gwei; at least one increment. */
  currentTargetBalance(): bigint {
    return this.#totalBalance(4);
  }

  isIrregular(page: number): boolean {
    return this.#irregular[page] === 1;
  }

  #totalBalance(which: number): bigint {
    const sum = uint64(this.run().#sum(which));
    const least = BigInt(this.#increment);
    return sum > least ? sum : least;
  }

  #sum(which: number): bigint {
    return BigInt(this.#increments[which]!) * BigInt(this.#increment) + this.#gwei[which]!;
  }

  /** @param at position of the page in the chunk of slashings and participation */
  #scanPage(p: number, at: number): void {
    const count = this.#readPage(p);
    const first = p * this.#itemsPerPage;
    const { codes } = this;
    const sums = this.#pageSums;
    encodePage(codes, first, count, this.#pageIncrements, this.#activity, this.#chunk, at, sums);
    if (this.#chunk.hasSlashed) this.#encodeSlashed(first, at, count);
    if (!this.#isRegular) this.#scanIrregularPage(p, at, count);
    else for (let i = 0; i < sums.length; i++) this.#increments[i]! += sums[i]!;
  }

  /** Derives activity and increments of a page; equal neighbours are often stored once and derived once. */
  #readPage(p: number): number {
    const { activationEpoch, exitEpoch, effectiveBalance } = this.#state.validators;
    const isSame = (column: typeof exitEpoch) => p > 0 && column.pageId(p) === column.pageId(p - 1);
    const isSameActivation = isSame(activationEpoch);
    const isSameExit = isSame(exitEpoch);
    if (!isSameActivation) activationEpoch.readPageRounded(p, this.#activations);
    if (!isSameExit) exitEpoch.readPageRounded(p, this.#exits);
    if (!isSameActivation || !isSameExit) {
      deriveActivity(this.#activations, this.#exits, this.#previousEpoch, this.#currentEpoch, this.#activity);
    }
    if (!isSame(effectiveBalance)) {
      effectiveBalance.readPageRounded(p, this.#balances);
      const count = effectiveBalance.pageLength(p);
      this.#isRegular = deriveIncrements(this.#balances, count, this.#increment, this.#pageIncrements);
    }
    return effectiveBalance.pageLength(p);
  }

  /** The slashed stay eligible until they may withdraw. */
  #encodeSlashed(first: number, start: number, count: number): void {
    const { slashed } = this.#chunk;
    const { withdrawableEpoch } = this.#state.validators;
    for (let at = slashed.indexOf(1, start); at >= 0 && at < start + count; at = slashed.indexOf(1, at + 1)) {
      const index = first + at - start;
      const isEligible = this.#previousEpoch + 1 < withdrawableEpoch.get(index);
      if (isEligible) this.codes[index]! |= ELIGIBLE;
    }
  }

  #scanIrregularPage(p: number, at: number, count: number): void {
    this.#irregular[p] = 1;
    const first = p * this.#itemsPerPage;
    const { effectiveBalance } = this.#state.validators;
    for (let k = 0; k < count; k++) {
      const gwei = effectiveBalance.getBig(first + k);
      const flags = this.codes[first + k]! & FLAGS;
      for (let f = 0; f < 3; f++) if ((flags & (1 << f)) !== 0) this.#gwei[1 + f]! += gwei;
      if ((this.#activity[k]! & ACTIVE) !== 0) {
        this.#gwei[0]! += gwei;
        const isTimely = (this.#chunk.current[at + k]! & TIMELY_TARGET) !== 0 && this.#chunk.slashed[at + k] === 0;
        if (isTimely) this.#gwei[4]! += gwei;
      }
    }
  }
}

/** Who of a page was active in the two epochs. */
function deriveActivity(
  activations: Float64Array,
  exits: Float64Array,
  previousEpoch: number,
  currentEpoch: number,
  activity: Uint8Array,
): void {
  for (let k = 0; k < activity.length; k++) {
    const activation = activations[k]!;
    const exit = exits[k]!;
    const wasActive = Number(activation <= previousEpoch) & Number(previousEpoch < exit);
    const isActive = Number(activation <= currentEpoch) & Number(currentEpoch < exit);
    activity[k] = wasActive * ELIGIBLE + isActive * ACTIVE;
  }
}

/** Balances of a page in increments; false when one is no whole number of them, or too many. */
function deriveIncrements(balances: Float64Array, count: number, increment: number, out: Uint16Array): boolean {
  let bits = 0;
  let remainders = 0;
  for (let k = 0; k < count; k++) {
    const quotient = balances[k]! / increment;
    out[k] = quotient;
    // Storing rounded down, and wrapped: what is lost is never negative.
    const whole = out[k]!;
    bits |= whole;
    remainders += quotient - whole;
  }
  return remainders === 0 && bits <= MAX_INCREMENTS;
}

/**
 * Codes of a page from what is known of its validators, and its five sums.
 * The slashed get no flags; that some of them are eligible though not active is left to the caller.
 * Written without branches and calls, of which each would cost as much as all the rest.
 */
function encodePage(
  codes: Uint16Array,
  first: number,
  count: number,
  increments: Uint16Array,
  activity: Uint8Array,
  { slashed, previous, current }: Chunk,
  at: number,
  sums: Int32Array,
): void {
  let active = 0;
  let source = 0;
  let target = 0;
  let head = 0;
  let currentTarget = 0;
  for (let k = 0; k < count; k++) {
    const weight = increments[k]!;
    const status = activity[k]!;
    const unslashed = slashed[at + k]! - 1;
    const flags = previous[at + k]! & (-((status >>> 3) & 1) & FLAGS) & unslashed;
    const currentWeight = -(status >>> 4) & weight;
    active = (active + currentWeight) | 0;
    source = (source + (-(flags & 1) & weight)) | 0;
    target = (target + (-((flags >>> 1) & 1) & weight)) | 0;
    head = (head + (-(flags >>> 2) & weight)) | 0;
    currentTarget = (currentTarget + (-((current[at + k]! >>> 1) & 1) & unslashed & currentWeight)) | 0;
    codes[first + k] = (weight << CODE_SHIFT) | (status & ELIGIBLE) | flags;
  }
  sums[0] = active;
  sums[1] = source;
  sums[2] = target;
  sums[3] = head;
  sums[4] = currentTarget;
}
