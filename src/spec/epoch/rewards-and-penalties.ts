/**
 * https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/altair/beacon-chain.md
 */
import { ZERO_PAGE } from "../../columns/arena.ts";
import { getCurrentEpoch } from "../accessors.ts";
import { GENESIS_EPOCH, PARTICIPATION_FLAG_WEIGHTS } from "../constants.ts";
import { Fork } from "../fork.ts";
import { uint64 } from "../misc.ts";
import { decreaseBalance, increaseBalance } from "../mutators.ts";
import { inactivityPenaltyDenominator } from "../rewards.ts";
import type { BeaconState } from "../state.ts";
import { getAttestationDeltas } from "./pending-attestations.ts";
import { CODE_SHIFT, ELIGIBLE, RegistryScan, TIMELY_TARGET } from "./registry-scan.ts";
import { RewardTable } from "./reward-table.ts";

/** Sums below this stay exact as doubles, with room for one epoch's rewards. */
const HUGE = 2 ** 52;

/**
 * Pays and fines every validator for the previous epoch.
 * @spec process_rewards_and_penalties (phase0, altair)
 * @param state mutated: balances
 * @cost a table lookup and an addition a validator; inactivity scores are read for those who missed the target
 */
export function processRewardsAndPenalties(state: BeaconState, scan = new RegistryScan(state)): void {
  // Nothing was due before genesis.
  if (getCurrentEpoch(state) === GENESIS_EPOCH) return;
  if (state.fork < Fork.altair) applyAttestationDeltas(state);
  else new RewardPass(state, scan.run()).run();
}

function applyAttestationDeltas(state: BeaconState): void {
  const { rewards, penalties } = getAttestationDeltas(state);
  for (let index = 0; index < rewards.length; index++) {
    increaseBalance(state, index, rewards[index]!);
    decreaseBalance(state, index, penalties[index]!);
  }
}

/**
 * Adds what the flags of each validator of a page earn; false when some validator needs a closer look.
 * Free of calls, which would keep the loop from being compiled well.
 */
function applyFlags(
  balances: Float64Array,
  codes: Uint16Array,
  first: number,
  count: number,
  net: Float64Array,
  least: number,
): boolean {
  let isPlain = true;
  for (let k = 0; k < count; k++) {
    const code = codes[first + k]!;
    const balance = balances[k]!;
    const isEligible = (code & ELIGIBLE) !== 0;
    const raised = isEligible ? balance + net[code]! : balance;
    // Not so for NaN either: a code that the table lacks.
    if (!(raised < HUGE) || (isEligible && balance < least)) isPlain = false;
    balances[k] = raised;
  }
  return isPlain;
}

/** Takes the inactivity penalties, the last deltas of all; false when a product is too large for doubles. */
function applyInactivity(
  balances: Float64Array,
  codes: Uint16Array,
  first: number,
  count: number,
  scores: Float64Array,
  increment: number,
  denominator: number,
): boolean {
  let isExact = true;
  for (let k = 0; k < count; k++) {
    const code = codes[first + k]!;
    if ((code & (ELIGIBLE | TIMELY_TARGET)) !== ELIGIBLE) continue;
    const numerator = (code >>> CODE_SHIFT) * increment * scores[k]!;
    if (!(numerator <= Number.MAX_SAFE_INTEGER)) isExact = false;
    balances[k] = Math.max(0, balances[k]! - Math.floor(numerator / denominator));
  }
  return isExact;
}

class RewardPass {
  readonly #state: BeaconState;
  readonly #scan: RegistryScan;
  readonly #table: RewardTable;
  readonly #increment: number;
  readonly #inactivityDenominator: number;
  readonly #balances: Float64Array;
  readonly #scores: Float64Array;

  constructor(state: BeaconState, scan: RegistryScan) {
    this.#state = state;
    this.#scan = scan;
    this.#table = new RewardTable(state, scan);
    this.#increment = state.spec.preset.EFFECTIVE_BALANCE_INCREMENT;
    this.#inactivityDenominator = inactivityPenaltyDenominator(state);
    this.#balances = new Float64Array(state.balances.itemsPerPage);
    this.#scores = new Float64Array(state.balances.itemsPerPage);
  }

  run(): void {
    const { balances } = this.#state;
    const page = this.#balances;
    for (let p = 0; p < balances.pageCount; p++) {
      const count = balances.readPage(p, page);
      if (!this.#scan.isIrregular(p) && this.#applyPage(p, count)) balances.writePage(p, page, count);
      else for (let k = 0; k < count; k++) this.#applyExactly(p * balances.itemsPerPage + k);
    }
  }

  /** Computes a page's new balances; false when one of its numbers is too large for doubles. */
  #applyPage(p: number, count: number): boolean {
    const { codes } = this.#scan;
    const { net, highestPenalty } = this.#table;
    const { inactivityScores } = this.#state;
    const page = this.#balances;
    const first = p * inactivityScores.itemsPerPage;
    if (!applyFlags(page, codes, first, count, net, highestPenalty)) {
      this.#state.balances.readPage(p, page);
      if (!this.#applyFlagsInTurn(first, count)) return false;
    }
    if (inactivityScores.pageId(p) === ZERO_PAGE) return true;
    inactivityScores.readPage(p, this.#scores);
    return applyInactivity(page, codes, first, count, this.#scores, this.#increment, this.#inactivityDenominator);
  }

  /** Flag by flag, where the table lacks a code or a balance may meet the floor of 0 between two flags. */
  #applyFlagsInTurn(first: number, count: number): boolean {
    const balances = this.#balances;
    for (let k = 0; k < count; k++) {
      const code = this.#scan.codes[first + k]!;
      if (!(balances[k]! < HUGE)) return false;
      if ((code & ELIGIBLE) === 0) continue;
      if (Number.isNaN(this.#table.net[code]!)) this.#table.fill(code);
      balances[k] = this.#inTurn(balances[k]!, code);
    }
    return true;
  }

  #inTurn(balance: number, code: number): number {
    if (balance >= this.#table.highestPenalty) return balance + this.#table.net[code]!;
    const increments = code >>> CODE_SHIFT;
    let left = balance;
    for (let flag = 0; flag < PARTICIPATION_FLAG_WEIGHTS.length; flag++) {
      left += this.#table.reward(increments, flag, code);
      left = Math.max(0, left - this.#table.penalty(increments, flag, code));
    }
    return left;
  }

  #applyExactly(index: number): void {
    const state = this.#state;
    const code = this.#scan.codes[index]!;
    if ((code & ELIGIBLE) === 0) return;
    const effectiveBalance = state.validators.effectiveBalance.getBig(index);
    const increments = effectiveBalance / BigInt(this.#increment);
    for (let flag = 0; flag < PARTICIPATION_FLAG_WEIGHTS.length; flag++) {
      increaseBalance(state, index, this.#table.reward(increments, flag, code));
      decreaseBalance(state, index, this.#table.penalty(increments, flag, code));
    }
    if ((code & TIMELY_TARGET) !== 0) return;
    const numerator = uint64(effectiveBalance * state.inactivityScores.getBig(index));
    decreaseBalance(state, index, numerator / BigInt(this.#inactivityDenominator));
  }
}
