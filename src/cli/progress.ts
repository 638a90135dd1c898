/** Progress of long work, on stderr and only where a person watches. */
import { Presets, SingleBar } from "cli-progress";

export interface Progress {
  update(done: number): void;
  stop(): void;
}

const SILENT: Progress = { update: () => {}, stop: () => {} };

/**
 * @param total in the unit that `update` counts; 0 where it is not known
 * @param unit such as "blocks" or "MiB"
 */
export function startProgress(title: string, total: number, unit: string): Progress {
  if (!process.stderr.isTTY) return SILENT;
  const format = total > 0 ? `${title} {bar} {value}/{total} ${unit}, {eta} s left` : `${title} {value} ${unit}`;
  const bar = new SingleBar({ format, stream: process.stderr, clearOnComplete: true, etaBuffer: 50 }, Presets.rect);
  bar.start(total, 0);
  return { update: (done) => bar.update(Math.round(done)), stop: () => bar.stop() };
}
