/**
 * The effective balances of one state, small enough to keep: three bytes a validator.
 *
 * @see https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/phase0/fork-choice.md
 */
import { getCurrentEpoch } from "../accessors.ts";
import type { BeaconState } from "../state.ts";

const ACTIVE = 1;
const SLASHED = 2;
const CHUNK = 4096;

/** Effective balances in increments, and who is active and who is slashed, in one state at its current epoch. */
export class BalanceSource {
  readonly length: number;
  readonly #effective: Uint16Array;
  readonly #status: Uint8Array;
  readonly #incrementGwei: bigint;
  readonly #totalActive: number;

  /** @param parts.status bit 0: active, bit 1: slashed; an array as long as `effective`, both kept */
  constructor(parts: { effective: Uint16Array; status: Uint8Array; incrementGwei: number }) {
    this.length = parts.effective.length;
    this.#effective = parts.effective;
    this.#status = parts.status;
    this.#incrementGwei = BigInt(parts.incrementGwei);
    this.#totalActive = this.#effective.reduce((sum, e, i) => (this.isActive(i) ? sum + e : sum), 0);
  }

  /** @param state only read here, not kept */
  static fromState(state: BeaconState): BalanceSource {
    const incrementGwei = state.spec.preset.EFFECTIVE_BALANCE_INCREMENT;
    const effective = new Uint16Array(state.validators.length);
    const status = new Uint8Array(state.validators.length);
    readBalances(state, incrementGwei, effective, status);
    return new BalanceSource({ effective, status, incrementGwei });
  }

  /** Increments that a vote of this validator weighs: none unless it is active and not slashed. */
  weightOf(index: number): number {
    return this.#status[index] === ACTIVE ? this.#effective[index]! : 0;
  }

  /** Increments of effective balance, whatever the validator's status; 0 for an unknown index. */
  effectiveOf(index: number): number {
    return this.#effective[index] ?? 0;
  }

  isActive(index: number): boolean {
    return (this.#status[index]! & ACTIVE) !== 0;
  }

  /** Gwei. @spec get_total_active_balance (phase0) */
  get totalActiveBalance(): bigint {
    return this.toGwei(Math.max(1, this.#totalActive));
  }

  toGwei(increments: number): bigint {
    return BigInt(increments) * this.#incrementGwei;
  }

  get sizeBytes(): number {
    return this.#effective.byteLength + this.#status.byteLength;
  }
}

function readBalances(state: BeaconState, incrementGwei: number, effective: Uint16Array, status: Uint8Array): void {
  const epoch = getCurrentEpoch(state);
  const { effectiveBalance, slashed, activationEpoch, exitEpoch } = state.validators;
  const balances = new Float64Array(CHUNK);
  const activations = new Float64Array(CHUNK);
  const exits = new Float64Array(CHUNK);
  const slashedFlags = new Uint8Array(CHUNK);
  for (let start = 0; start < effective.length; start += CHUNK) {
    const count = Math.min(CHUNK, effective.length - start);
    effectiveBalance.readRange(start, count, balances);
    activationEpoch.readRange(start, count, activations);
    exitEpoch.readRange(start, count, exits);
    slashed.readRange(start, count, slashedFlags);
    for (let k = 0; k < count; k++) {
      const increments = balances[k]! / incrementGwei;
      // Every rule that sets an effective balance rounds it down to an increment and caps it.
      if (!Number.isInteger(increments) || increments > 0xffff) throw oddBalance(start + k, balances[k]!);
      const isActive = activations[k]! <= epoch && epoch < exits[k]!;
      effective[start + k] = increments;
      status[start + k] = (isActive ? ACTIVE : 0) | (slashedFlags[k] !== 0 ? SLASHED : 0);
    }
  }
}

function oddBalance(index: number, balanceGwei: number): Error {
  return new RangeError(
    `validator ${index}: effective balance ${balanceGwei} is not a number of increments up to 65535`,
  );
}
