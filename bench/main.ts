/**
 * Cresset beside Lodestar's libraries, row by row, on the same states in one run: node bench/main.ts --help
 * Exits with 1 when a goal is missed, and fails when the two disagree on a root.
 */
import { machineFacts } from "../src/cli/bench-machine.ts";
import type { Results } from "./measure.ts";
import { type Options, readOptions } from "./options.ts";
import { measurePrimitives, measureSize } from "./plan.ts";
import { describeReport, type Report, reportRows, slopesOf } from "./report.ts";
import { GOAL_VALIDATORS } from "./rows.ts";
import { canPin } from "./side.ts";

const options = readOptions(process.argv.slice(2));
const report = await run(options);
process.stdout.write(options.isJson ? `${JSON.stringify(report, undefined, 2)}\n` : describeReport(report));
if (report.rows.some((row) => row.isReached === false)) process.exitCode = 1;

async function run({ sizes, runs, clock }: Options): Promise<Report> {
  const machine = machineFacts();
  const bySize = new Map<number, Results>();
  const mainSize = sizes.includes(GOAL_VALIDATORS) ? GOAL_VALIDATORS : Math.max(...sizes);
  const primitives = await measurePrimitives(options, showProgress);
  for (const size of sizes) {
    const show = (text: string) => showProgress(`${size} validators, ${text}`);
    bySize.set(size, await measureSize(options, size, size === mainSize, show));
  }
  showProgress("done\n");
  const rows = [...bySize].flatMap(([size, results]) => reportRows(clock, results, size));
  return {
    machine,
    clock,
    isPinned: canPin,
    runs,
    rows: [...rows, ...reportRows(clock, primitives)],
    slopes: slopesOf(bySize),
  };
}

/** One line that changes where a person watches; else a line for each bench that starts. */
function showProgress(text: string): void {
  const seconds = `${Math.round(performance.now() / 1000)} s`.padStart(6);
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${seconds}  ${text}`);
  else if (!/warm-up| of [0-9]+ keys|, run ([2-9]|1[0-9])/.test(text)) process.stderr.write(`${seconds}  ${text}\n`);
}
