/** Validators that may propose through this node, and where their fees go. */
import { BoundedMap } from "../base/bounded.ts";

/** As many as a large operator runs. */
const LIMIT = 65_536;
/** Preparations hold this many epochs, as validator clients repeat them every epoch. */
const EPOCHS_VALID = 2;

interface Preparation {
  readonly feeRecipient: Uint8Array;
  readonly epoch: number;
}

export class Proposers {
  readonly #prepared = new BoundedMap<number, Preparation>({ limit: LIMIT, sizeOf: () => 96 });
  /** Used for validators that prepared nothing. */
  readonly defaultFeeRecipient: Uint8Array;

  constructor(options: { defaultFeeRecipient?: Uint8Array } = {}) {
    this.defaultFeeRecipient = options.defaultFeeRecipient ?? new Uint8Array(20);
  }

  get bytes(): number {
    return this.#prepared.bytes;
  }

  prepare(validatorIndex: number, feeRecipient: Uint8Array, epoch: number): void {
    this.#prepared.set(validatorIndex, { feeRecipient, epoch });
  }

  /** Undefined when the validator is not one of this node's. */
  preparedFeeRecipient(validatorIndex: number, epoch: number): Uint8Array | undefined {
    const known = this.#prepared.get(validatorIndex);
    return known !== undefined && known.epoch + EPOCHS_VALID >= epoch ? known.feeRecipient : undefined;
  }

  feeRecipient(validatorIndex: number): Uint8Array {
    return this.#prepared.get(validatorIndex)?.feeRecipient ?? this.defaultFeeRecipient;
  }
}
