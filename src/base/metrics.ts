/**
 * Metrics of the process, in the format of Prometheus. A metric is declared in the file that updates it; several nodes
 * in one process, as in tests, share it.
 */
import { Counter, Gauge, Histogram, Registry } from "prom-client";

export const registry: Registry = new Registry();

/** A value that goes up and down. @param collect sets the value when somebody asks for it */
export function gauge<L extends string = never>(
  name: string,
  help: string,
  options: { labels?: readonly L[]; collect?: (this: Gauge<L>) => void } = {},
): Gauge<L> {
  const { labels = [], collect } = options;
  return new Gauge({ name, help, labelNames: [...labels], registers: [registry], ...(collect && { collect }) });
}

/** A sum that only grows. */
export function counter<L extends string = never>(name: string, help: string, labels: readonly L[] = []): Counter<L> {
  return new Counter({ name, help, labelNames: [...labels], registers: [registry] });
}

/** @param buckets upper bounds, in the unit that the name ends with */
export function histogram<L extends string = never>(
  name: string,
  help: string,
  buckets: readonly number[],
  labels: readonly L[] = [],
): Histogram<L> {
  return new Histogram({ name, help, buckets: [...buckets], labelNames: [...labels], registers: [registry] });
}
