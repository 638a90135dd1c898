/** Signature checks of many messages in one native call: each costs a fraction of a check alone. */
import { counter, histogram } from "../base/metrics.ts";
import { findInvalidSetsAsync, type SignatureSet, verifySetsAsync } from "../crypto/bls.ts";
import type { GossipVerifier } from "../spec/gossip/signature.ts";

interface Waiting {
  readonly set: SignatureSet;
  readonly resolve: (isValid: boolean) => void;
  readonly reject: (error: unknown) => void;
}

const MAX_BATCH = 64;
/** Sets beyond this are refused without a check: the caller sheds the message. */
const MAX_WAITING = 16_384;
const batches = histogram("cresset_signature_batch_sets", "Signature sets checked in one call", [1, 4, 16, 32, 64]);
const overflows = counter("cresset_signature_overflows_total", "Signature sets left unchecked because too many waited");

/** Thrown to the one whose message came when too many waited. */
export class VerifierFull extends Error {}

export class BatchingVerifier implements GossipVerifier {
  readonly #delayMs: number;
  readonly #threads: number;
  #waiting: Waiting[] = [];
  #timer: NodeJS.Timeout | undefined;
  #isRunning = false;

  /** @param options.delayMs how long the first set of a batch waits for others */
  constructor(options: { delayMs?: number; threads?: number } = {}) {
    this.#delayMs = options.delayMs ?? 10;
    this.#threads = options.threads ?? 2;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  verify(set: SignatureSet): Promise<boolean> {
    if (this.#waiting.length >= MAX_WAITING) {
      overflows.inc();
      return Promise.reject(new VerifierFull(`${MAX_WAITING} signature sets wait already`));
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ set, resolve, reject });
      if (this.#waiting.length >= MAX_BATCH) void this.#run();
      else this.#timer ??= setTimeout(() => void this.#run(), this.#delayMs);
    });
  }

  async #run(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    // One call at a time: meanwhile the next batch grows.
    if (this.#isRunning) return;
    this.#isRunning = true;
    try {
      while (this.#waiting.length > 0) {
        const batch = this.#waiting.splice(0, MAX_BATCH);
        // Nobody may wait for ever, whatever happened to the batch.
        await this.#check(batch).catch((error: unknown) => {
          for (const { reject } of batch) reject(error);
        });
      }
    } finally {
      this.#isRunning = false;
    }
  }

  async #check(batch: readonly Waiting[]): Promise<void> {
    batches.observe(batch.length);
    const sets = batch.map(({ set }) => set);
    const options = { threads: this.#threads };
    const areAllValid = await verifySetsAsync(sets, options);
    const invalid = areAllValid ? [] : await findInvalidSetsAsync(sets, options);
    const bad = new Set(invalid);
    for (const [k, { resolve }] of batch.entries()) resolve(!bad.has(k));
  }
}
