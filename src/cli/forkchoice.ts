/** `cresset forkchoice`: replay a recorded sequence of ticks, blocks and votes, and watch the block tree. */
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { type Command, InvalidArgumentError, Option } from "commander";
import { parse } from "yaml";
import { DecodeError, UsageError } from "../base/errors.ts";
import { uncompressBlock } from "../base/snappy.ts";
import { Fork, isForkName } from "../spec/fork.ts";
import { immediateVerifier, trustingVerifier } from "../spec/signature-sets.ts";
import { action, EXIT_FAILED, EXIT_OK, readingFrom } from "./exit.ts";
import { type CaseFiles, ForkchoiceReplay, type Step, type StepResult } from "./forkchoice-replay.ts";
import { treeDot, treeJson, treeText } from "./forkchoice-tree.ts";
import { DEFAULT_MAX_BYTES, readInput } from "./input.ts";
import { addSpecOptions, forkOption, type SpecOptions, specOf } from "./options.ts";
import { type Sink, writeOutput } from "./output.ts";
import { startProgress } from "./progress.ts";

const TREE_FORMATS = ["text", "dot", "json"] as const;
const MAX_YAML_BYTES = 1 << 26;
/** bls_setting 2: the signatures of the case are not valid and must not be checked. */
const BLS_IGNORED = 2;

interface ReplayOptions extends SpecOptions {
  format?: (typeof TREE_FORMATS)[number];
  step?: number;
  prune: boolean;
  trees: boolean;
  verifySignatures: boolean;
  out?: string;
}

export function registerForkchoice(program: Command): void {
  const forkchoice = program.command("forkchoice").description("look into the choice of the head");
  const replay = forkchoice
    .command("replay")
    .argument("<case>", "folder with anchor_state, anchor_block, steps.yaml and the files that the steps name")
    .description("run a fork-choice case and print the block tree after each step")
    .addOption(new Option("--format <format>", "how to draw the trees").choices(TREE_FORMATS).default("text"))
    .option("--step <number>", "draw only the tree after this step, counted from 0", parseStepNumber)
    .option("--no-trees", "print what each step did, but no trees")
    .option("--prune", "forget after each step what finality has decided, as a node does", false)
    .option("--no-verify-signatures", "take every signature for valid")
    .option("-o, --out <file>", "write there");
  addSpecOptions(replay)
    .addHelpText(
      "after",
      "\nPreset and fork come from the folder's path (.../minimal/fulu/fork_choice/...) unless given.",
    )
    .action(action(replayCase));
}

async function replayCase(folder: string, options: ReplayOptions): Promise<number> {
  const stepsFile = join(folder, "steps.yaml");
  const steps = readYaml(stepsFile);
  if (!Array.isArray(steps)) throw new UsageError(`${stepsFile} holds no list of steps`);
  const files = await readCaseFiles(folder, steps as Step[]);
  const replay = createReplay(folder, files, options);
  let problems = 0;
  const progress = startProgress("replay", steps.length, "steps");
  writeOutput(options.out, (sink) => {
    const printer = createPrinter(sink, options, folder);
    for (const [index, step] of (steps as Step[]).entries()) {
      const result = readingFrom(`${stepsFile}, step ${index}`, "step", () => replay.run(step));
      problems += result.problems.length;
      printer.step(index, step, result, replay);
      progress.update(index + 1);
    }
    printer.end();
  });
  progress.stop();
  return problems > 0 ? EXIT_FAILED : EXIT_OK;
}

function createReplay(folder: string, files: CaseFiles, options: ReplayOptions): ForkchoiceReplay {
  const place = placeOf(folder);
  const fork = forkOption(options) ?? place.fork;
  if (fork === undefined) throw new UsageError(`${folder}: the path names no fork: give --fork`);
  const configFile = join(folder, "config.yaml");
  const names = options.network ?? options.networkDir ?? options.config;
  const spec = specOf({
    ...options,
    ...(names === undefined && place.preset !== undefined && options.preset === undefined && { preset: place.preset }),
    ...(names === undefined && existsSync(configFile) && { config: configFile }),
  });
  const metaFile = join(folder, "meta.yaml");
  const meta = existsSync(metaFile) ? (readYaml(metaFile) as { bls_setting?: number } | null) : null;
  const isTrusting = !options.verifySignatures || meta?.bls_setting === BLS_IGNORED;
  const verifier = isTrusting ? trustingVerifier : immediateVerifier;
  return readingFrom(
    folder,
    "anchor",
    () => new ForkchoiceReplay({ spec, fork, files, verifier, prunes: options.prune }),
  );
}

/** Preset and fork as the vectors' folders name them. */
function placeOf(folder: string): { preset?: "mainnet" | "minimal"; fork?: Fork } {
  const parts = resolve(folder).split("/");
  const at = parts.findLastIndex(
    (part, i) => (part === "mainnet" || part === "minimal") && isForkName(parts[i + 1] ?? ""),
  );
  const [preset, fork] = parts.slice(at, at + 2);
  if (at < 0 || !isForkName(fork!)) return {};
  return { preset: preset as "mainnet" | "minimal", fork: Fork[fork] };
}

/** Reads every file that the steps name. */
async function readCaseFiles(folder: string, steps: readonly Step[]): Promise<CaseFiles> {
  const named = steps.flatMap((step) => [
    ...[step.attestation, step.attester_slashing, step.block, step.blobs, step.pow_block, ...(step.columns ?? [])],
  ]);
  const names = new Set(["anchor_state", "anchor_block", ...named.filter((name) => name !== undefined)]);
  const contents = new Map<string, Uint8Array>();
  for (const name of names) {
    if (!/^[\w-]+$/.test(name)) throw new UsageError(`${folder}: ${JSON.stringify(name)} is no name of a file`);
    contents.set(name, await readSsz(folder, name));
  }
  return { ssz: (name) => contents.get(name)! };
}

async function readSsz(folder: string, name: string): Promise<Uint8Array> {
  const plain = join(folder, `${name}.ssz`);
  if (existsSync(plain)) return (await readInput(plain, DEFAULT_MAX_BYTES)).bytes;
  const input = await readInput(join(folder, `${name}.ssz_snappy`), DEFAULT_MAX_BYTES);
  return readingFrom(input.label, name, () => uncompressBlock(input.bytes, DEFAULT_MAX_BYTES));
}

function readYaml(file: string): unknown {
  return readingFrom(file, "YAML", () => {
    const bytes = readFileSync(file);
    if (bytes.length > MAX_YAML_BYTES) throw new DecodeError(`${bytes.length} bytes are too many`);
    try {
      return parse(bytes.toString("utf8"), { maxAliasCount: 0 });
    } catch (error) {
      throw new DecodeError((error as Error).message, "", -1, { cause: error });
    }
  });
}

interface Printer {
  step(index: number, step: Step, result: StepResult, replay: ForkchoiceReplay): void;
  end(): void;
}

function createPrinter(sink: Sink, options: ReplayOptions, folder: string): Printer {
  const draws = (index: number) => options.trees && (options.step === undefined || options.step === index);
  const format = options.json === true ? "json" : options.format;
  if (format === "json") return jsonPrinter(sink, draws);
  const mark = format === "dot" ? "// " : "";
  return {
    step(index, step, result, replay) {
      sink(`${mark}${describeStep(index, step, result)}\n`);
      for (const problem of result.problems) sink(`${mark}  PROBLEM: ${problem}\n`);
      if (!draws(index)) return;
      sink(`${format === "dot" ? treeDot(replay.store, `${folder} ${index}`) : treeText(replay.store)}\n`);
    },
    end: () => {},
  };
}

function jsonPrinter(sink: Sink, draws: (index: number) => boolean): Printer {
  let separator = "[\n";
  return {
    step(index, step, result, replay) {
      const { kind, refusal = null, problems } = result;
      const tree = draws(index) ? { tree: treeJson(replay.store) } : {};
      sink(
        `${separator}${JSON.stringify({ step: index, kind, object: objectOf(step, kind), refusal, problems, ...tree })}`,
      );
      separator = ",\n";
    },
    end: () => sink(separator === "[\n" ? "[]\n" : "\n]\n"),
  };
}

function describeStep(index: number, step: Step, result: StepResult): string {
  const refusal = result.refusal === undefined ? "" : `: refused, ${result.refusal}`;
  return `step ${index}: ${result.kind} ${objectOf(step, result.kind)}${refusal}`;
}

function objectOf(step: Step, kind: string): string {
  if (kind === "checks") return Object.keys(step.checks!).join(", ");
  if (kind === "payload_status") return `${step.block_hash} ${step.payload_status!.status}`;
  return String(step[kind as keyof Step]);
}

function parseStepNumber(text: string): number {
  if (!/^[0-9]{1,9}$/.test(text)) throw new InvalidArgumentError("a step number is a whole number from 0 on");
  return Number(text);
}
