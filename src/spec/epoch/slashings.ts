/**
 * https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/electra/beacon-chain.md
 */
import { ZERO_PAGE } from "../../columns/arena.ts";
import { getCurrentEpoch, getTotalActiveBalance } from "../accessors.ts";
import { Fork } from "../fork.ts";
import { uint64 } from "../misc.ts";
import { decreaseBalance } from "../mutators.ts";
import type { BeaconState } from "../state.ts";

/**
 * Fines the slashed, half way to their withdrawal, by how much was slashed around the same time.
 * @spec process_slashings (phase0, altair, bellatrix, electra)
 */
export function processSlashings(state: BeaconState): void {
  const { EPOCHS_PER_SLASHINGS_VECTOR } = state.spec.preset;
  const { slashed, withdrawableEpoch } = state.validators;
  const dueEpoch = getCurrentEpoch(state) + Math.floor(EPOCHS_PER_SLASHINGS_VECTOR / 2);
  const penalties = new SlashingPenalties(state);
  const page = new Uint8Array(slashed.storedPerPage);
  for (let first = 0; first < slashed.length; first += page.length) {
    if (slashed.pages.table[first / page.length] === ZERO_PAGE) continue;
    const count = Math.min(page.length, slashed.length - first);
    slashed.readRange(first, count, page);
    for (let k = page.indexOf(1); k >= 0 && k < count; k = page.indexOf(1, k + 1)) {
      if (withdrawableEpoch.get(first + k) === dueEpoch) decreaseBalance(state, first + k, penalties.of(first + k));
    }
  }
}

class SlashingPenalties {
  readonly #state: BeaconState;
  readonly #increment: bigint;
  readonly #totalBalance: bigint;
  readonly #adjustedTotal: bigint;
  #lastBalance = -1;
  #lastPenalty = 0n;

  constructor(state: BeaconState) {
    this.#state = state;
    this.#increment = BigInt(state.spec.preset.EFFECTIVE_BALANCE_INCREMENT);
    this.#totalBalance = getTotalActiveBalance(state);
    this.#adjustedTotal = uint64(uint64(sumSlashings(state)) * proportionalSlashingMultiplier(state));
    if (this.#adjustedTotal > this.#totalBalance) this.#adjustedTotal = this.#totalBalance;
  }

  of(index: number): bigint {
    const { effectiveBalance } = this.#state.validators;
    const rounded = effectiveBalance.get(index);
    if (rounded === this.#lastBalance && rounded <= Number.MAX_SAFE_INTEGER) return this.#lastPenalty;
    this.#lastBalance = rounded;
    this.#lastPenalty = this.#compute(effectiveBalance.getBig(index) / this.#increment);
    return this.#lastPenalty;
  }

  #compute(increments: bigint): bigint {
    // [Modified in Electra:EIP7251]
    if (this.#state.fork >= Fork.electra) {
      const perIncrement = this.#adjustedTotal / (this.#totalBalance / this.#increment);
      return uint64(perIncrement * increments);
    }
    return uint64((uint64(increments * this.#adjustedTotal) / this.#totalBalance) * this.#increment);
  }
}

function proportionalSlashingMultiplier(state: BeaconState): bigint {
  const { preset } = state.spec;
  if (state.fork >= Fork.bellatrix) return BigInt(preset.PROPORTIONAL_SLASHING_MULTIPLIER_BELLATRIX);
  if (state.fork >= Fork.altair) return BigInt(preset.PROPORTIONAL_SLASHING_MULTIPLIER_ALTAIR);
  return BigInt(preset.PROPORTIONAL_SLASHING_MULTIPLIER);
}

function sumSlashings(state: BeaconState): bigint {
  const { slashings } = state;
  const page = new Float64Array(slashings.itemsPerPage);
  let total = 0n;
  for (let p = 0; p < slashings.pageCount; p++) {
    if (slashings.pageId(p) === ZERO_PAGE) continue;
    const count = slashings.readPage(p, page);
    const first = p * slashings.itemsPerPage;
    for (let k = 0; k < count; k++) if (page[k] !== 0) total += slashings.getBig(first + k);
  }
  return total;
}
