import type { Clock } from "./sample.ts";

const MS_PER_US = 1e-3;
let clock: Clock = "wall";

/** CPU time, of all threads together, tells more than the clock on the wall where others use the machine. */
export function useClock(name: Clock): void {
  clock = name;
}

/** Milliseconds so far, by the clock in use. */
export function now(): number {
  if (clock === "wall") return performance.now();
  const { user, system } = process.cpuUsage();
  return (user + system) * MS_PER_US;
}

/** Milliseconds that `work` takes. */
export function timed(work: () => void): number {
  const start = now();
  work();
  return now() - start;
}

export async function timedAsync(work: () => Promise<unknown>): Promise<number> {
  const start = now();
  await work();
  return now() - start;
}

/** Gets the garbage of earlier runs out of the way of the next measurement. */
export function collectGarbage(): void {
  globalThis.gc?.();
}
