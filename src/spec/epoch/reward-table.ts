import { getActiveBalance } from "../accessors.ts";
import { PARTICIPATION_FLAG_WEIGHTS, TIMELY_HEAD_FLAG_INDEX, WEIGHT_DENOMINATOR } from "../constants.ts";
import { uint64 } from "../misc.ts";
import { isInInactivityLeak } from "../rewards.ts";
import type { BeaconState } from "../state.ts";
import { CODE_SHIFT, ELIGIBLE, type RegistryScan } from "./registry-scan.ts";

const FLAG_COUNT = PARTICIPATION_FLAG_WEIGHTS.length;

/**
 * What a validator's three flags earn or cost in an epoch: a function of its effective balance in increments and of
 * the flags, so one lookup a validator.
 */
export class RewardTable {
  /** By code: Gwei, rewards less penalties of the three flags; NaN until fill() is asked for it. */
  readonly net = new Float64Array(1 << 16).fill(Number.NaN);
  /** No filled code takes more Gwei than this away. */
  highestPenalty = 0;
  readonly #baseRewardPerIncrement: bigint;
  readonly #activeIncrements: bigint;
  readonly #flagIncrements: bigint[];
  readonly #isLeaking: boolean;

  constructor(state: BeaconState, scan: RegistryScan) {
    const increment = BigInt(state.spec.preset.EFFECTIVE_BALANCE_INCREMENT);
    this.#flagIncrements = PARTICIPATION_FLAG_WEIGHTS.map((_, flag) => scan.previousFlagBalance(flag) / increment);
    const active = getActiveBalance(state);
    this.#baseRewardPerIncrement = BigInt(active.baseRewardPerIncrement);
    this.#activeIncrements = BigInt(active.increments);
    this.#isLeaking = isInInactivityLeak(state);
  }

  /** Computes net[code] and returns it. */
  fill(code: number): number {
    const increments = code >>> CODE_SHIFT;
    let net = 0;
    let penalties = 0;
    if ((code & ELIGIBLE) !== 0) {
      for (let flag = 0; flag < FLAG_COUNT; flag++) {
        net += this.reward(increments, flag, code) - this.penalty(increments, flag, code);
        penalties += this.penalty(increments, flag, code);
      }
    }
    if (penalties > this.highestPenalty) this.highestPenalty = penalties;
    this.net[code] = net;
    return net;
  }

  /** @param code of an eligible validator; its increments are not looked at */
  reward(increments: number | bigint, flag: number, code: number): number {
    if ((code & (1 << flag)) === 0 || this.#isLeaking) return 0;
    const numerator = uint64(this.#weighted(increments, flag) * this.#flagIncrements[flag]!);
    return Number(numerator / (this.#activeIncrements * BigInt(WEIGHT_DENOMINATOR)));
  }

  /** @param code of an eligible validator; its increments are not looked at */
  penalty(increments: number | bigint, flag: number, code: number): number {
    if ((code & (1 << flag)) !== 0 || flag === TIMELY_HEAD_FLAG_INDEX) return 0;
    return Number(this.#weighted(increments, flag) / BigInt(WEIGHT_DENOMINATOR));
  }

  #weighted(increments: number | bigint, flag: number): bigint {
    return uint64(BigInt(increments) * this.#baseRewardPerIncrement * BigInt(PARTICIPATION_FLAG_WEIGHTS[flag]!));
  }
}
