/** Which benches run in which processes, in which order. */

import { checkKnownRoot } from "./make-state.ts";
import { appendResults, mergeResults, type Results, Turns } from "./measure.ts";
import type { Group, Options } from "./options.ts";
import type { BenchArguments } from "./sample.ts";
import type { SideName } from "./side.ts";
import { stateFile, VARIANTS, variantFile } from "./state-files.ts";

type Report = (text: string) => void;

/** A node transitions states all day: its code is compiled. What happens once at a start is measured cold. */
const WARMUPS = 12;
const COLD = 0;

/** Everything about states of one size. @param isMain also what is measured at one size only */
export async function measureSize(
  options: Options,
  validators: number,
  isMain: boolean,
  report: Report,
): Promise<Results> {
  const file = stateFile(options.folder, validators, report);
  const args: BenchArguments = { stateFile: file, folder: options.folder, validators, threads: 1 };
  const results: Results = {};
  const wants = (group: Group) => options.groups.includes(group);
  if (wants("load")) await measureLoad(options, args, results, report);
  await withTurns(options, sidesOf(options), report, 1, async (turns) => {
    const checkAfter = (roots: Readonly<Record<string, string>>) => checkKnownRoot(validators, roots.after!, 1);
    if (wants("epoch")) mergeResults(results, await turns.measure("epoch", args, options.runs, WARMUPS, checkAfter));
    if (!isMain) return;
    if (wants("block")) {
      mergeResults(results, await turns.measure("shuffle", args, options.runs, WARMUPS));
      mergeResults(results, await turns.measure("block", args, options.runs, WARMUPS));
    }
    if (wants("variants")) await measureVariants(options, args, turns, results, report);
  });
  if (isMain && wants("keys")) await measureKeys(options, args, results, report);
  if (isMain && wants("memory")) await measureMemory(options, args, results, report);
  return results;
}

/** What needs no state. */
export async function measurePrimitives(options: Options, report: Report): Promise<Results> {
  const args: BenchArguments = { stateFile: "", folder: options.folder, validators: 0, threads: 1 };
  const results: Results = {};
  if (!options.groups.includes("primitives")) return results;
  await withTurns(options, sidesOf(options), report, 1, async (turns) => {
    for (const bench of ["hash", "signatures"])
      mergeResults(results, await turns.measure(bench, args, options.runs, WARMUPS));
  });
  return results;
}

async function measureLoad(options: Options, args: BenchArguments, results: Results, report: Report): Promise<void> {
  const checkRoot = (roots: Readonly<Record<string, string>>) => checkKnownRoot(args.validators, roots.state!);
  await withTurns(options, sidesOf(options), report, 1, async (turns) => {
    mergeResults(results, await turns.measure("load", args, options.runs, COLD, checkRoot));
  });
  await withTurns(options, ["cresset"], report, undefined, async (turns) => {
    mergeResults(results, await turns.measure("load", { ...args, threads: 2 }, options.runs, COLD, checkRoot));
  });
}

async function measureVariants(
  options: Options,
  args: BenchArguments,
  turns: Turns,
  results: Results,
  report: Report,
): Promise<void> {
  for (const variant of VARIANTS) {
    report(`state with 10 % ${variant}`);
    const file = variantFile(args.stateFile, options.folder, args.validators, variant);
    const figures = await turns.measure("epoch", { ...args, stateFile: file }, options.runs, WARMUPS);
    mergeResults(results, figures, { epoch_and_root: variant });
  }
}

async function measureKeys(options: Options, args: BenchArguments, results: Results, report: Report): Promise<void> {
  await withTurns(options, sidesOf(options), report, undefined, async (turns) => {
    mergeResults(results, await turns.measure("keys_build", { ...args, threads: 2 }, options.runs, COLD));
  });
  await withTurns(options, ["cresset"], report, 1, async (turns) => {
    mergeResults(results, await turns.measure("keys_open", args, options.runs, COLD));
  });
}

/** Each run in a process of its own; once for the other side, which takes minutes and varies little. */
async function measureMemory(options: Options, args: BenchArguments, results: Results, report: Report): Promise<void> {
  const samples: Results = {};
  for (let run = 0; run < options.runs; run++) {
    const names: SideName[] = run === 0 ? sidesOf(options) : ["cresset"];
    for (const name of names) {
      await withTurns(options, [name], report, undefined, async (turns) => {
        appendResults(samples, await turns.measure("memory", args, 1, COLD));
      });
    }
  }
  mergeResults(results, samples);
}

async function withTurns(
  options: Options,
  names: readonly SideName[],
  report: Report,
  cores: 1 | undefined,
  use: (turns: Turns) => Promise<void>,
): Promise<void> {
  const turns = await Turns.open(names, { clock: options.clock, report, ...(cores === 1 && { cores }) });
  try {
    await use(turns);
  } finally {
    turns.close();
  }
}

function sidesOf(options: Options): SideName[] {
  return options.withLodestar ? ["cresset", "lodestar"] : ["cresset"];
}
