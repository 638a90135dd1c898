/** A slot clock that stands still until a test moves it. */
import { SlotClock } from "../../src/base/clock.ts";
import type { ChainSpec } from "../../src/spec/chain-spec.ts";

interface Alarm {
  readonly timeMs: number;
  readonly callback: () => void;
}

export class SimClock extends SlotClock {
  readonly #time: { ms: number };
  readonly #waiting = new Set<Alarm>();

  constructor(spec: ChainSpec, genesisTime: number) {
    const time = { ms: genesisTime * 1000 };
    const { SLOTS_PER_EPOCH: slotsPerEpoch } = spec.preset;
    const clock = { nowMs: () => time.ms };
    super({ clock, genesisTime, slotMs: spec.config.SLOT_DURATION_MS, slotsPerEpoch });
    this.#time = time;
  }

  override at(timeMs: number, callback: () => void): () => void {
    const alarm = { timeMs, callback };
    this.#waiting.add(alarm);
    return () => void this.#waiting.delete(alarm);
  }

  override stop(): void {
    this.#waiting.clear();
  }

  /** Moves to a time within a slot; what is due on the way is called in order, at its time. */
  enter(slot: number, msIntoSlot = 0): void {
    const target = this.slotStartMs(slot) + msIntoSlot;
    for (;;) {
      const due = [...this.#waiting].filter(({ timeMs }) => timeMs <= target).sort((a, b) => a.timeMs - b.timeMs)[0];
      if (due === undefined) break;
      this.#waiting.delete(due);
      this.#time.ms = Math.max(this.#time.ms, due.timeMs);
      due.callback();
    }
    this.#time.ms = target;
  }
}
