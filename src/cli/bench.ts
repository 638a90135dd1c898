/** `cresset bench`: how fast this machine does what a node does, without files or other software. */
import { availableParallelism, freemem } from "node:os";
import { Argument, type Command, InvalidArgumentError } from "commander";
import type { BeaconState } from "../spec/state.ts";
import { benchBls } from "./bench-bls.ts";
import { benchHash } from "./bench-hash.ts";
import { benchKzg } from "./bench-kzg.ts";
import { describeMachine, type MachineFacts, machineFacts } from "./bench-machine.ts";
import type { Figure } from "./bench-measure.ts";
import { benchState } from "./bench-state.ts";
import { benchSpec, placeholderKeys, syntheticState } from "./bench-synthetic.ts";
import { benchTransition } from "./bench-transition.ts";
import { action } from "./exit.ts";
import { writeOutput } from "./output.ts";
import { startProgress } from "./progress.ts";

export const BENCH_PARTS = ["hash", "bls", "state", "transition", "kzg"] as const;
export type Part = (typeof BENCH_PARTS)[number];
/** While it is measured, a state is there up to three times: as SSZ and as two sets of columns. */
const BYTES_PER_VALIDATOR = 600;
/** Sizes to choose from: the real registry's, and what smaller boards take. */
const SIZES = [1_000_000, 500_000, 250_000, 100_000];
const MIN_VALIDATORS = 64;
const MAX_VALIDATORS = 4_000_000;
const MAX_RUNS = 1000;
const MAX_THREADS = 64;
const KEYS_NOTE = "The registry's keys are placeholder bytes; only the bls part computes with keys.";

interface BenchOptions {
  board?: string;
  json?: boolean;
  validators?: number;
  threads: number;
  runs: number;
}

interface BenchReport {
  readonly machine: MachineFacts;
  readonly validators: number;
  readonly threads: number;
  readonly note: string;
  readonly figures: readonly Figure[];
}

export function registerBench(program: Command): void {
  program
    .command("bench")
    .description("measure this machine: hashing, signatures, states, transitions, blobs")
    .addArgument(new Argument("[part]", "what to measure").choices([...BENCH_PARTS, "all"]).default("all"))
    .option("--board <label>", "name of the machine in the answer")
    .option("--validators <count>", "size of the state (default: what fits)", within(MIN_VALIDATORS, MAX_VALIDATORS))
    .option("--threads <count>", "native threads besides one", within(1, MAX_THREADS), availableParallelism())
    .option("--runs <count>", "how often to measure; the median counts", within(1, MAX_RUNS), 5)
    .option("--json", "answer in JSON")
    .action(
      action(async (part: Part | "all", options: BenchOptions) => {
        const report = await runBench(part === "all" ? BENCH_PARTS : [part], options);
        const text = options.json ? `${JSON.stringify(report, undefined, 2)}\n` : describeReport(report);
        writeOutput(undefined, (sink) => sink(text));
        return undefined;
      }),
    );
}

export async function runBench(parts: readonly Part[], options: BenchOptions): Promise<BenchReport> {
  const { threads, runs, validators = fittingSize(), board } = options;
  const machine = machineFacts(board);
  const sizes = { runs, threads, validators };
  const state = lazyState(validators);
  const measure: Record<Part, () => Figure[] | Promise<Figure[]>> = {
    hash: () => benchHash(sizes),
    bls: () => benchBls(sizes),
    state: () => benchState(state(), sizes),
    transition: () => benchTransition(state(), sizes),
    kzg: () => benchKzg(sizes),
  };
  const progress = startProgress("bench", parts.length, "parts");
  const figures: Figure[] = [];
  for (const [i, part] of parts.entries()) {
    figures.push(...(await measure[part]()));
    progress.update(i + 1);
  }
  progress.stop();
  return { machine, validators, threads, note: KEYS_NOTE, figures };
}

/** Made when a part first needs it. */
function lazyState(validators: number): () => BeaconState {
  let state: BeaconState | undefined;
  return () => {
    state ??= syntheticState(benchSpec(), placeholderKeys(validators));
    return state;
  };
}

/** The largest size that half of the free memory holds. */
function fittingSize(): number {
  const most = freemem() / 2 / BYTES_PER_VALIDATOR;
  return SIZES.find((size) => size <= most) ?? SIZES.at(-1)!;
}

export function describeReport({ machine, validators, threads, note, figures }: BenchReport): string {
  const width = Math.max(...figures.map((figure) => figure.name.length));
  const lines = figures.map(({ part, name, value, unit }) => {
    return `${part.padEnd(11)}${name.padEnd(width)} ${formatValue(value).padStart(10)} ${unit}`;
  });
  const title = `${describeMachine(machine)}${validators} validators, ${threads} threads where it says so. ${note}\n`;
  return `${title}\n${lines.join("\n")}\n`;
}

function formatValue(value: number): string {
  return value.toFixed(value >= 100 ? 0 : value >= 10 ? 1 : 2);
}

function within(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = /^[0-9]{1,9}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= least && value <= most) return value;
    throw new InvalidArgumentError(`not a whole number from ${least} to ${most}`);
  };
}
