/** What those who perform duties share. */
import type { SlotClock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import { counter, histogram } from "../base/metrics.ts";
import type { ChainSpec } from "../spec/chain-spec.ts";
import type { ItemFailure } from "../spec/duties.ts";
import type { BeaconApi } from "./beacon-api.ts";
import type { Duties } from "./duties.ts";
import type { OwnValidator, OwnValidators } from "./own-validators.ts";
import type { Signer } from "./signer.ts";
import type { SigningRoots } from "./signing-roots.ts";
import type { SlashingProtection } from "./slashing-protection.ts";

export interface DutyParts {
  readonly spec: ChainSpec;
  readonly api: BeaconApi;
  readonly clock: SlotClock;
  readonly validators: OwnValidators;
  readonly duties: Duties;
  readonly signer: Signer;
  readonly roots: SigningRoots;
  readonly protection: SlashingProtection;
  readonly tally: DutyTally;
  readonly log: Logger;
  /** Aborted when the client stops: nothing is tried again. */
  readonly stopping: AbortSignal;
}

export const DUTY_KINDS = ["attestation", "aggregate", "block", "sync_message", "contribution"] as const;
export type DutyKind = (typeof DUTY_KINDS)[number];

/** `refused`: slashing protection did not allow it; `rejected`: the node did not take it. */
export const DUTY_OUTCOMES = ["done", "missed", "refused", "rejected"] as const;
export type DutyOutcome = (typeof DUTY_OUTCOMES)[number];

const dutiesCounter = counter("cresset_validator_duties_total", "Duties of validators, by how they ended", [
  "kind",
  "outcome",
]);
const delayHistogram = histogram(
  "cresset_validator_publish_delay_seconds",
  "From the start of the slot until the node has taken what was signed",
  [0.1, 0.5, 1, 2, 3, 4, 5, 6, 8, 10, 12],
  ["kind"],
);

/** How many duties ended how, since the start. */
export class DutyTally {
  readonly #counts = new Map<string, number>();

  add(kind: DutyKind, outcome: DutyOutcome, count = 1): void {
    if (count === 0) return;
    const name = `${kind} ${outcome}`;
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + count);
    dutiesCounter.inc({ kind, outcome }, count);
  }

  delay(kind: DutyKind, delayMs: number): void {
    delayHistogram.observe({ kind }, delayMs / 1000);
  }

  all(): Record<DutyKind, Record<DutyOutcome, number>> {
    const table = DUTY_KINDS.map((kind) => {
      const row = DUTY_OUTCOMES.map((outcome) => [outcome, this.#counts.get(`${kind} ${outcome}`) ?? 0]);
      return [kind, Object.fromEntries(row)];
    });
    return Object.fromEntries(table);
  }
}

/** Which validators did a slot's duty of some kind, so that nobody does it twice and what is missing is seen. */
export class SlotRecord {
  readonly #slots = new Map<number, Set<OwnValidator>>();
  readonly #keptSlots: number;

  constructor(keptSlots: number) {
    this.#keptSlots = keptSlots;
  }

  has(slot: number, validator: OwnValidator): boolean {
    return this.#slots.get(slot)?.has(validator) ?? false;
  }

  add(slot: number, validator: OwnValidator): void {
    let done = this.#slots.get(slot);
    if (!done) {
      done = new Set();
      this.#slots.set(slot, done);
      for (const old of this.#slots.keys()) if (old < slot - this.#keptSlots) this.#slots.delete(old);
    }
    done.add(validator);
  }

  delete(slot: number, validator: OwnValidator): void {
    this.#slots.get(slot)?.delete(validator);
  }
}

/** Tries until it works, the slot is over or the work says that it is of no use; throws the last error. */
export async function tryUntilSlotEnds<T>(parts: DutyParts, slot: number, work: () => Promise<T>): Promise<T> {
  const { clock } = parts;
  const pauseMs = clock.slotMs / 12;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      const isFinal = ["BAD_REQUEST", "STORAGE", "USAGE"].includes((error as { code?: string }).code ?? "");
      if (isFinal || parts.stopping.aborted || clock.nowMs() + pauseMs >= clock.slotStartMs(slot + 1)) throw error;
      parts.log.debug({ err: error as Error, slot }, "trying again");
      await new Promise<void>((resolve) => clock.at(clock.nowMs() + pauseMs, resolve));
    }
  }
}

/** The items of a list that a node has taken. Why it has not taken the others is logged. */
export function takenItems<T>(
  parts: DutyParts,
  what: string,
  items: readonly T[],
  failures: readonly ItemFailure[],
): T[] {
  if (failures.length === 0) return [...items];
  const [first] = failures;
  parts.log.warn({ refused: failures.length, of: items.length, reason: first!.message }, `the node refuses ${what}`);
  const refused = new Set(failures.map(({ index }) => index));
  return items.filter((_, index) => !refused.has(index));
}
