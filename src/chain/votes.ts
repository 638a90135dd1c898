/** Votes that gossip has checked, on their way into fork choice: those of the current slot wait for the next. */
import { InvalidBlock } from "../base/errors.ts";
import { gauge } from "../base/metrics.ts";
import type { AttestationData } from "../spec/containers.ts";
import { onVerifiedAttestation } from "../spec/fork-choice/on-attestation.ts";
import { getCurrentSlot, type Store } from "../spec/fork-choice/store.ts";

interface Vote {
  readonly data: AttestationData;
  readonly indices: ArrayLike<number>;
}

/** More than a slot's single votes at two million validators are aggregates' repetitions. */
const MAX_WAITING = 1 << 16;

const waitingVotes = gauge("cresset_waiting_votes", "Votes of the current slot that wait for the next");

export class Votes {
  readonly #store: Store;
  #waiting: Vote[] = [];
  /** Votes that were left out because too many waited. */
  shed = 0;

  constructor(store: Store) {
    this.#store = store;
  }

  get size(): number {
    return this.#waiting.length;
  }

  /** @param indices validators whose signature was checked */
  add(data: AttestationData, indices: ArrayLike<number>): void {
    if (data.slot < getCurrentSlot(this.#store)) this.#apply({ data, indices });
    else if (this.#waiting.length < MAX_WAITING) this.#waiting.push({ data, indices });
    else this.shed++;
    waitingVotes.set(this.#waiting.length);
  }

  /** To be called when a slot has begun. */
  onSlot(slot: number): void {
    const due = this.#waiting.filter((vote) => vote.data.slot < slot);
    this.#waiting = this.#waiting.filter((vote) => vote.data.slot >= slot);
    for (const vote of due) this.#apply(vote);
    waitingVotes.set(this.#waiting.length);
  }

  #apply({ data, indices }: Vote): void {
    try {
      onVerifiedAttestation(this.#store, data, indices, false);
    } catch (error) {
      // Its block is not here, or no longer: there is nothing to weigh.
      if (!(error instanceof InvalidBlock)) throw error;
    }
  }
}
