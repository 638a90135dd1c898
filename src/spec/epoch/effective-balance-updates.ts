/**
 * https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/electra/beacon-chain.md
 */

import type { BytesColumn } from "../../columns/bytes-column.ts";
import { COMPOUNDING_WITHDRAWAL_PREFIX } from "../constants.ts";
import { Fork } from "../fork.ts";
import { uint64 } from "../misc.ts";
import { getMaxEffectiveBalance } from "../predicates.ts";
import type { BeaconState } from "../state.ts";

/** Balances below this are exact as doubles, and so is any effective balance close to one. */
const HUGE = 2 ** 52;

/**
 * Moves effective balances toward balances, with hysteresis.
 * @spec process_effective_balance_updates (phase0, electra)
 * @param state mutated; only pages whose values change are copied
 * @cost one pass over balances and effective balances
 */
export function processEffectiveBalanceUpdates(state: BeaconState): void {
  const { downward, upward } = hysteresis(state);
  const { balances } = state;
  const { effectiveBalance } = state.validators;
  const limits = new EffectiveBalanceLimits(state);
  const page = new Float64Array(balances.itemsPerPage);
  const effectivePage = new Float64Array(balances.itemsPerPage);
  let lastId = -1;
  for (let p = 0; p < balances.pageCount; p++) {
    const count = balances.readPage(p, page);
    // Runs of equal pages are often stored once; a page written to below is read anew.
    if (effectiveBalance.pageId(p) !== lastId) effectiveBalance.readPage(p, effectivePage);
    lastId = effectiveBalance.pageId(p);
    let k = nextToUpdate(page, effectivePage, 0, count, downward, upward);
    if (k < count) lastId = -1;
    for (; k < count; k = nextToUpdate(page, effectivePage, k + 1, count, downward, upward)) {
      const index = p * balances.itemsPerPage + k;
      if (Math.max(page[k]!, effectivePage[k]!) < HUGE) effectiveBalance.set(index, limits.apply(index, page[k]!));
      else updateExactly(state, index, downward, upward);
    }
  }
}

/** Position from `from` on of the first balance too far from its effective balance, or too large to tell; else count. */
function nextToUpdate(
  balances: Float64Array,
  effectiveBalances: Float64Array,
  from: number,
  count: number,
  downward: number,
  upward: number,
): number {
  for (let k = from; k < count; k++) {
    const ahead = balances[k]! - effectiveBalances[k]!;
    if (!(ahead >= -downward && ahead <= upward && balances[k]! < HUGE)) return k;
  }
  return count;
}

/** The rounding and the maximum of effective balances, for many validators. @spec get_max_effective_balance (electra) */
class EffectiveBalanceLimits {
  readonly #credentials: BytesColumn;
  readonly #increment: number;
  readonly #most: number;
  readonly #mostCompounding: number;

  constructor(state: BeaconState) {
    const { preset } = state.spec;
    const isElectra = state.fork >= Fork.electra;
    this.#credentials = state.validators.withdrawalCredentials;
    this.#increment = preset.EFFECTIVE_BALANCE_INCREMENT;
    this.#most = isElectra ? preset.MIN_ACTIVATION_BALANCE : preset.MAX_EFFECTIVE_BALANCE;
    this.#mostCompounding = isElectra ? preset.MAX_EFFECTIVE_BALANCE_ELECTRA : this.#most;
  }

  apply(index: number, balance: number): number {
    const rounded = balance - (balance % this.#increment);
    if (rounded <= this.#most) return rounded;
    const isCompounding = this.#credentials.firstByte(index) === COMPOUNDING_WITHDRAWAL_PREFIX;
    return Math.min(rounded, isCompounding ? this.#mostCompounding : this.#most);
  }
}

function updateExactly(state: BeaconState, index: number, downward: number, upward: number): void {
  const { effectiveBalance } = state.validators;
  const balance = state.balances.getBig(index);
  const effective = effectiveBalance.getBig(index);
  if (uint64(balance + BigInt(downward)) >= effective && uint64(effective + BigInt(upward)) >= balance) return;
  const rounded = balance - (balance % BigInt(state.spec.preset.EFFECTIVE_BALANCE_INCREMENT));
  const most = BigInt(getMaxEffectiveBalance(state, index));
  effectiveBalance.setBig(index, rounded < most ? rounded : most);
}

/** How far, in Gwei, a balance must be below or above the effective balance before that follows. */
function hysteresis(state: BeaconState): { downward: number; upward: number } {
  const { preset } = state.spec;
  const step = Math.floor(preset.EFFECTIVE_BALANCE_INCREMENT / preset.HYSTERESIS_QUOTIENT);
  return {
    downward: step * preset.HYSTERESIS_DOWNWARD_MULTIPLIER,
    upward: step * preset.HYSTERESIS_UPWARD_MULTIPLIER,
  };
}
