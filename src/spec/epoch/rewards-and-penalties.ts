/**
 * https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/altair/beacon-chain.md
 */
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
    for (let p = 0; p < balances.pageCount; p++) {
      const count = balances.readPage(p, this.#balances);
      if (!this.#scan.isIrregular(p) && this.#applyPage(p, count)) balances.writePage(p, this.#balances, count);
      else for (let k = 0; k < count; k++) this.#applyExactly(p * balances.itemsPerPage + k);
    }
  }

  /** Computes a page's new balances; false when one of its numbers is too large for doubles. */
  #applyPage(p: number, count: number): boolean {
    const { codes } = this.#scan;
    const table = this.#table;
    const net = table.net;
    const balances = this.#balances;
    const scores = this.#scores;
    const { inactivityScores } = this.#state;
    const first = p * inactivityScores.itemsPerPage;
    const [increment, denominator] = [this.#increment, this.#inactivityDenominator];
    let areScoresRead = false;
    for (let k = 0; k < count; k++) {
      const code = codes[first + k]!;
      if ((code & ELIGIBLE) === 0) continue;
      let delta = net[code]!;
      if (Number.isNaN(delta)) delta = table.fill(code);
      let penalty = 0;
      if ((code & TIMELY_TARGET) === 0) {
        if (!areScoresRead) inactivityScores.readPage(p, scores);
        areScoresRead = true;
        const numerator = (code >>> CODE_SHIFT) * increment * scores[k]!;
        if (!(numerator <= Number.MAX_SAFE_INTEGER)) return false;
        penalty = Math.floor(numerator / denominator);
      }
      const balance = balances[k]!;
      if (!(balance < HUGE)) return false;
      // With less than all its penalties the order in which they meet the floor of 0 counts.
      if (balance >= table.highestPenalty + penalty) balances[k] = balance + delta - penalty;
      else balances[k] = this.#inTurn(balance, code, penalty);
    }
    return true;
  }

  #inTurn(balance: number, code: number, inactivityPenalty: number): number {
    const increments = code >>> CODE_SHIFT;
    let left = balance;
    for (let flag = 0; flag < PARTICIPATION_FLAG_WEIGHTS.length; flag++) {
      left += this.#table.reward(increments, flag, code);
      left = Math.max(0, left - this.#table.penalty(increments, flag, code));
    }
    return Math.max(0, left - inactivityPenalty);
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
