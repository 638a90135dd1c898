/** Times of repeated work, and the figures made of them. */

/** One line of a benchmark's answer. */
export interface Figure {
  readonly part: string;
  readonly name: string;
  /** The median of all runs. */
  readonly value: number;
  readonly unit: string;
  readonly runs: number;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Milliseconds that `work` takes. */
export function elapsed(work: () => void): number {
  const start = performance.now();
  work();
  return performance.now() - start;
}

/** The median time of `runs` runs in milliseconds, after one that is not counted. */
export function medianTime(runs: number, work: () => void): number {
  work();
  return median(Array.from({ length: runs }, () => elapsed(work)));
}
