/** This process' memory as Linux counts it. */
import { readFileSync } from "node:fs";
import { collectGarbage } from "./stopwatch.ts";

const MIB_PER_KIB = 1 / 1024;
const COLLECTIONS = 4;

/** MiB that are this process' own, after a thorough garbage collection. */
export async function anonymousMiB(): Promise<number> {
  for (let i = 0; i < COLLECTIONS; i++) {
    collectGarbage();
    // Finalizers and the release of buffers wait for a turn of the event loop.
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const rollup = readFileSync("/proc/self/smaps_rollup", "utf8");
  return kibOf(rollup, "Anonymous") * MIB_PER_KIB;
}

/** MiB in memory of the files below a folder that are mapped. */
export function mappedMiB(folder: string): number {
  const blocks = readFileSync("/proc/self/smaps", "utf8").split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m);
  const own = blocks.filter((block) => block.slice(0, block.indexOf("\n")).includes(folder));
  return own.reduce((sum, block) => sum + kibOf(block, "Rss"), 0) * MIB_PER_KIB;
}

function kibOf(text: string, field: string): number {
  const match = new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(text);
  if (match === null) throw new Error(`no ${field} in smaps: this needs Linux`);
  return Number(match[1]);
}
