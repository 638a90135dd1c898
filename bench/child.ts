/**
 * One side's process. The parent starts benches in it and asks for one run at a time, so that two sides can take turns.
 * node bench/child.ts cresset|lodestar wall|cpu
 */
import { anonymousMiB } from "./process-memory.ts";
import type { Bench, BenchArguments, Clock, Runner } from "./sample.ts";
import { collectGarbage, useClock } from "./stopwatch.ts";

export type Request = { start: string; args: BenchArguments } | { run: true };

const [side, clock] = process.argv.slice(2) as ["cresset" | "lodestar", Clock];
useClock(clock);
// What a process holds that has loaded nothing: the memory figures count from here.
const emptyMiB = await anonymousMiB();
const { benches } = (await import(`./${side}/benches.ts`)) as {
  benches: (emptyMiB: number) => Readonly<Record<string, Bench>>;
};
const known = benches(emptyMiB);
let runner: Runner | undefined;

process.on("message", (request: Request) => {
  answer(request).then(
    (result) => process.send!({ result }),
    (error: unknown) =>
      process.send!({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
  );
});
process.send!({ ready: true });

async function answer(request: Request): Promise<unknown> {
  if ("run" in request) {
    collectGarbage();
    return runner!();
  }
  const bench = known[request.start];
  if (bench === undefined) throw new Error(`${side} has no bench ${request.start}`);
  runner = await bench(request.args, (progress) => process.send!({ progress }));
  return undefined;
}
