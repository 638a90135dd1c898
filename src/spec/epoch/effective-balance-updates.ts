/**
 * https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/electra/beacon-chain.md
 */
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
  const page = new Float64Array(balances.itemsPerPage);
  const effectivePage = new Float64Array(balances.itemsPerPage);
  let lastId = -1;
  for (let p = 0; p < balances.pageCount; p++) {
    const count = balances.readPage(p, page);
    // Runs of equal pages are often stored once; a page written to below is read anew.
    if (effectiveBalance.pageId(p) !== lastId) effectiveBalance.readPage(p, effectivePage);
    lastId = effectiveBalance.pageId(p);
    const first = nextToUpdate(page, effectivePage, 0, count, downward, upward);
    if (first === count) continue;
    lastId = -1;
    let isExact = true;
    for (let k = first; k < count; k = nextToUpdate(page, effectivePage, k + 1, count, downward, upward)) {
      if (!(Math.max(page[k]!, effectivePage[k]!) < HUGE)) isExact = false;
      else effectivePage[k] = effectiveBalanceOf(state, p * balances.itemsPerPage + k, page[k]!);
    }
    if (isExact) effectiveBalance.writePage(p, effectivePage, count);
    else for (let k = first; k < count; k++) updateExactly(state, p * balances.itemsPerPage + k, downward, upward);
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

function effectiveBalanceOf(state: BeaconState, index: number, balance: number): number {
  const rounded = balance - (balance % state.spec.preset.EFFECTIVE_BALANCE_INCREMENT);
  return Math.min(rounded, getMaxEffectiveBalance(state, index));
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
