import { getCurrentEpoch, getPreviousEpoch, setActiveBalance } from "../accessors.ts";
import { TIMELY_TARGET_FLAG_INDEX } from "../constants.ts";
import { uint64 } from "../misc.ts";
import type { BeaconState } from "../state.ts";

/** Bit of a code that says that rewards and penalties concern the validator; the bits below are its timely flags. */
export const ELIGIBLE = 8;
export const TIMELY_TARGET = 1 << TIMELY_TARGET_FLAG_INDEX;
const FLAGS = 7;
/** Bits of a code below the effective balance in increments. */
export const CODE_SHIFT = 4;
const MAX_INCREMENTS = 4095;
/** Participation and slashings are read this many at a time, a whole number of pages of every column. */
const CHUNK = 4096;

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
  readonly #activations: Float64Array;
  readonly #exits: Float64Array;
  readonly #balances: Float64Array;
  readonly #slashed = new Uint8Array(CHUNK);
  readonly #previous = new Uint8Array(CHUNK);
  readonly #current = new Uint8Array(CHUNK);
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
  }

  /** Runs the pass unless it has run. */
  run(): this {
    if (this.#isDone) return this;
    this.#isDone = true;
    const { validators, previousEpochParticipation, currentEpochParticipation } = this.#state;
    for (let start = 0; start < validators.length; start += CHUNK) {
      const count = Math.min(CHUNK, validators.length - start);
      validators.slashed.readRange(start, count, this.#slashed);
      previousEpochParticipation.readRange(start, count, this.#previous);
      currentEpochParticipation.readRange(start, count, this.#current);
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
    const codes = this.codes;
    const [activations, exits, balances] = [this.#activations, this.#exits, this.#balances];
    const [slashed, previous, current] = [this.#slashed, this.#previous, this.#current];
    const [previousEpoch, currentEpoch, increment] = [this.#previousEpoch, this.#currentEpoch, this.#increment];
    let isRegular = true;
    let [active, source, target, head, currentTarget] = [0, 0, 0, 0, 0];
    for (let k = 0; k < count; k++) {
      const increments = balances[k]! / increment;
      if (!(increments <= MAX_INCREMENTS && (increments | 0) === increments)) isRegular = false;
      const activation = activations[k]!;
      const exit = exits[k]!;
      let code = activation <= previousEpoch && previousEpoch < exit ? ELIGIBLE : 0;
      if (slashed[at + k] !== 0) code = this.#slashedCode(first + k, code);
      else if (code !== 0) {
        const flags = previous[at + k]! & FLAGS;
        code |= flags;
        source += flags & 1 ? increments : 0;
        target += flags & 2 ? increments : 0;
        head += flags & 4 ? increments : 0;
      }
      if (activation <= currentEpoch && currentEpoch < exit) {
        active += increments;
        if ((current[at + k]! & TIMELY_TARGET) !== 0 && slashed[at + k] === 0) currentTarget += increments;
      }
      codes[first + k] = (increments << CODE_SHIFT) | code;
    }
    if (isRegular) this.#addIncrements(active, source, target, head, currentTarget);
    else this.#scanIrregularPage(p, at, count);
  }

  /** Reads the page's epochs and balances; equal neighbours are often stored once and read once. */
  #readPage(p: number): number {
    const { activationEpoch, exitEpoch, effectiveBalance } = this.#state.validators;
    const isSame = (column: typeof exitEpoch) => p > 0 && column.pageId(p) === column.pageId(p - 1);
    if (!isSame(activationEpoch)) activationEpoch.readPage(p, this.#activations);
    if (!isSame(exitEpoch)) exitEpoch.readPage(p, this.#exits);
    if (!isSame(effectiveBalance)) effectiveBalance.readPage(p, this.#balances);
    return effectiveBalance.pageLength(p);
  }

  #slashedCode(index: number, activeCode: number): number {
    if (activeCode !== 0) return activeCode;
    return this.#previousEpoch + 1 < this.#state.validators.withdrawableEpoch.get(index) ? ELIGIBLE : 0;
  }

  #addIncrements(active: number, source: number, target: number, head: number, currentTarget: number): void {
    const sums = this.#increments;
    sums[0]! += active;
    sums[1]! += source;
    sums[2]! += target;
    sums[3]! += head;
    sums[4]! += currentTarget;
  }

  #scanIrregularPage(p: number, at: number, count: number): void {
    this.#irregular[p] = 1;
    const first = p * this.#itemsPerPage;
    const { effectiveBalance } = this.#state.validators;
    for (let k = 0; k < count; k++) {
      const gwei = effectiveBalance.getBig(first + k);
      const flags = this.codes[first + k]! & FLAGS;
      for (let f = 0; f < 3; f++) if ((flags & (1 << f)) !== 0) this.#gwei[1 + f]! += gwei;
      if (this.#activations[k]! <= this.#currentEpoch && this.#currentEpoch < this.#exits[k]!) {
        this.#gwei[0]! += gwei;
        const isTimely = (this.#current[at + k]! & TIMELY_TARGET) !== 0 && this.#slashed[at + k] === 0;
        if (isTimely) this.#gwei[4]! += gwei;
      }
    }
  }
}
