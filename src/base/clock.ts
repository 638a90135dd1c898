/** Time in slots, from a clock that may be wrong, jump or go backwards. */

export interface Clock {
  /** Milliseconds since the Unix epoch. */
  nowMs(): number;
}

export const systemClock: Clock = { nowMs: () => Date.now() };

/** Longer sleeps are cut, so that a clock that was set is noticed. */
const MAX_SLEEP_MS = 5_000;

interface Alarm {
  timer: NodeJS.Timeout | undefined;
}

export class SlotClock {
  readonly genesisTimeMs: number;
  readonly slotMs: number;
  readonly slotsPerEpoch: number;
  readonly #clock: Clock;
  readonly #alarms = new Set<Alarm>();

  /** @param parts.genesisTime seconds since the Unix epoch */
  constructor(parts: { clock?: Clock; genesisTime: number; slotMs: number; slotsPerEpoch: number }) {
    this.#clock = parts.clock ?? systemClock;
    this.genesisTimeMs = parts.genesisTime * 1000;
    this.slotMs = parts.slotMs;
    this.slotsPerEpoch = parts.slotsPerEpoch;
  }

  nowMs(): number {
    return this.#clock.nowMs();
  }

  /** Negative before genesis. */
  currentSlot(): number {
    return Math.floor((this.nowMs() - this.genesisTimeMs) / this.slotMs);
  }

  currentEpoch(): number {
    return Math.floor(this.currentSlot() / this.slotsPerEpoch);
  }

  msIntoSlot(): number {
    return this.nowMs() - this.slotStartMs(this.currentSlot());
  }

  slotStartMs(slot: number): number {
    return this.genesisTimeMs + slot * this.slotMs;
  }

  /** Calls back once, when the clock shows the time or later. @returns cancels it */
  at(timeMs: number, callback: () => void): () => void {
    const alarm: Alarm = { timer: undefined };
    const wait = (): void => {
      const leftMs = timeMs - this.nowMs();
      alarm.timer = setTimeout(leftMs <= 0 ? fire : wait, Math.min(Math.max(leftMs, 0), MAX_SLEEP_MS));
    };
    const fire = (): void => {
      this.#alarms.delete(alarm);
      callback();
    };
    this.#alarms.add(alarm);
    wait();
    return () => {
      clearTimeout(alarm.timer);
      this.#alarms.delete(alarm);
    };
  }

  /** Calls back at the start of every slot from 0 on. Slots slept through are left out; none comes twice. */
  onSlot(callback: (slot: number) => void): () => void {
    return this.atIntoSlot(0, callback);
  }

  /** Calls back at this time of every slot from 0 on, the current one if it is not past. */
  atIntoSlot(ms: number, callback: (slot: number) => void): () => void {
    let cancel = (): void => {};
    let isCancelled = false;
    const schedule = (slot: number): void => {
      cancel = this.at(this.slotStartMs(slot) + ms, () => {
        // After a sleep or a jump the slot meant may be long over.
        const due = Math.max(slot, Math.floor((this.nowMs() - ms - this.genesisTimeMs) / this.slotMs));
        if (!isCancelled) schedule(due + 1);
        callback(due);
      });
    };
    schedule(Math.max(0, this.msIntoSlot() <= ms ? this.currentSlot() : this.currentSlot() + 1));
    return () => {
      isCancelled = true;
      cancel();
    };
  }

  /** Cancels everything that waits. */
  stop(): void {
    for (const alarm of this.#alarms) clearTimeout(alarm.timer);
    this.#alarms.clear();
  }
}
