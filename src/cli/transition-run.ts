/** What all transition commands do around their work: load the state, observe, compare, write. */
import { bytesEqual, toHex } from "../base/bytes.ts";
import { InvalidBlock, UsageError } from "../base/errors.ts";
import { compressBlock } from "../base/snappy.ts";
import { type ForkName, forkName } from "../spec/fork.ts";
import { immediateVerifier, trustingVerifier, type Verifier } from "../spec/signature-sets.ts";
import type { BeaconState } from "../spec/state.ts";
import { countTouchedPages } from "../spec/state-memory.ts";
import { type StepObserver, unobserved } from "../spec/step-observer.ts";
import { EXIT_FAILED, EXIT_OK } from "./exit.ts";
import { DEFAULT_MAX_BYTES, formatOfName } from "./input.ts";
import { forkOption, type SpecOptions, specOf } from "./options.ts";
import { type Sink, writeOutput } from "./output.ts";
import { diffObjects } from "./ssz-diff.ts";
import { loadObject } from "./ssz-load.ts";
import { type SszObject, StateObject } from "./ssz-object.ts";

export interface TransitionOptions extends SpecOptions {
  post?: string;
  compare?: string;
  explain?: boolean;
  /** False with --no-verify-signatures. */
  verifySignatures: boolean;
  threads: number;
}

/** One step as `--explain` shows it. */
interface ExplainedStep {
  readonly step: string;
  /** How deep the step lies in others. */
  readonly depth: number;
  readonly ms: number;
  readonly pages: number | null;
  readonly root: string | null;
}

/** The state that a command works on, and what it has seen of the way. */
export class TransitionRun {
  state: BeaconState;
  readonly options: TransitionOptions;
  readonly #steps: ExplainedStep[] = [];
  #depth = 0;
  readonly #startedMs = performance.now();

  constructor(state: BeaconState, options: TransitionOptions) {
    this.state = state;
    this.options = options;
  }

  static async start(pre: string, options: TransitionOptions): Promise<TransitionRun> {
    return new TransitionRun(await loadState(pre, options), options);
  }

  get verifier(): Verifier {
    return this.options.verifySignatures ? immediateVerifier : trustingVerifier;
  }

  /** Options for the transition functions. */
  get transitionOptions() {
    return { verifier: this.verifier, observer: this.observer, threads: this.options.threads };
  }

  /** Measures each step where `--explain` asks for it. */
  get observer(): StepObserver {
    return this.options.explain ? (name, step) => this.#explain(name, step) : unobserved;
  }

  /** Prints the outcome, writes and compares the post-state; the exit code. */
  async finish(): Promise<number> {
    const { options, state } = this;
    const root = toHex(state.hashTreeRoot({ threads: options.threads }));
    const ms = performance.now() - this.#startedMs;
    if (options.post !== undefined) writeState(options.post, state);
    const difference = options.compare === undefined ? undefined : await this.#compare(options.compare);
    const fork = forkName(state.fork);
    if (options.json) {
      const steps = options.explain ? { steps: this.#steps } : {};
      const compared = difference === undefined ? {} : { equal: difference === null, difference };
      print(JSON.stringify({ slot: state.slot, fork, root, ms, ...steps, ...compared }));
    } else {
      print(`slot ${state.slot} ${fork} ${root} ${ms.toFixed(1)} ms`);
      if (difference !== undefined) print(difference === null ? "equal" : differenceText(difference));
    }
    return difference === undefined || difference === null ? EXIT_OK : EXIT_FAILED;
  }

  /** Reports a block that breaks a rule; the exit code. */
  fail(error: unknown): number {
    if (!(error instanceof InvalidBlock)) throw error;
    const { code, values, message } = error;
    const plain = Object.fromEntries(
      Object.entries(values).map(([name, value]) => [name, value instanceof Uint8Array ? toHex(value) : String(value)]),
    );
    const steps = this.options.explain ? { steps: this.#steps } : {};
    print(this.options.json ? JSON.stringify({ invalid: code, values: plain, ...steps }) : `invalid: ${message}`);
    return EXIT_FAILED;
  }

  #explain(name: string, step: () => void): void {
    const depth = this.#depth++;
    const isUpgrade = name.startsWith("upgrade_to_");
    const before = this.state.clone();
    const startedMs = performance.now();
    try {
      step();
    } finally {
      this.#depth = depth;
    }
    const ms = performance.now() - startedMs;
    // An upgrade ends in another state object, which only its caller sees.
    const pages = isUpgrade ? null : countTouchedPages(before, this.state);
    const root = isUpgrade ? null : toHex(this.state.hashTreeRoot({ threads: this.options.threads }));
    before.drop();
    const explained = { step: name, depth, ms, pages, root };
    this.#steps.push(explained);
    if (!this.options.json) print(stepText(explained));
  }

  /** The first difference to another post-state; null when there is none. */
  async #compare(file: string): Promise<Difference | null> {
    const expected = await loadState(file, this.options);
    const { state } = this;
    if (expected.fork !== state.fork) {
      return { path: "fork", gindex: "1", ours: forkName(state.fork), theirs: forkName(expected.fork) };
    }
    if (bytesEqual(expected.hashTreeRoot(), state.hashTreeRoot())) return null;
    const name = forkName(state.fork);
    const objects = [new StateObject("post-state", name, state), new StateObject(file, name, expected)] as const;
    const first = diffObjects(...objects, 1).found[0];
    if (first === undefined) throw new Error("the roots differ, the contents do not");
    const { path, gindex, left, right } = first;
    return { path, gindex: gindex.toString(), ours: left, theirs: right };
  }
}

interface Difference {
  readonly path: string;
  readonly gindex: string;
  readonly ours: unknown;
  readonly theirs: unknown;
}

/** An object of a type, from a file or an address; of the given fork unless the input tells another. */
export async function loadInput(
  name: string,
  typeName: string,
  options: SpecOptions,
  fork?: ForkName,
): Promise<SszObject> {
  const spec = specOf(options);
  const chosen = fork === undefined ? forkOption(options) : forkOption({ fork });
  return loadObject(name, { spec, typeName, fork: chosen, from: undefined, maxBytes: DEFAULT_MAX_BYTES });
}

/** An object's value in number mode, as the transition functions take it. */
export function numberValue<T>(object: SszObject, type: { deserialize(bytes: Uint8Array): unknown }): T {
  const pieces: Uint8Array[] = [];
  object.encodeTo((bytes) => pieces.push(bytes.slice()));
  return type.deserialize(new Uint8Array(Buffer.concat(pieces))) as T;
}

async function loadState(name: string, options: SpecOptions): Promise<BeaconState> {
  const object = await loadInput(name, "BeaconState", options);
  if (!(object instanceof StateObject)) throw new UsageError(`${name} is not a BeaconState`);
  return object.state;
}

function writeState(file: string, state: BeaconState): void {
  const format = formatOfName(file) ?? "ssz";
  if (format === "yaml") throw new UsageError("a state is written as .ssz, .ssz_snappy or .json");
  const write = (sink: Sink) => {
    if (format === "json") state.jsonTo(sink);
    else if (format === "ssz") state.encodeTo(sink);
    else sink(compressBlock(state.encode()));
  };
  writeOutput(file, write);
}

function stepText({ step, depth, ms, pages, root }: ExplainedStep): string {
  const name = `${"  ".repeat(depth)}${step}`.padEnd(36);
  const touched = pages === null ? "" : `${String(pages).padStart(7)} pages`;
  return `${name} ${ms.toFixed(2).padStart(10)} ms ${touched} ${root ?? ""}`.trimEnd();
}

function differenceText({ path, gindex, ours, theirs }: Difference): string {
  return `differs at ${path} (generalized index ${gindex}): ${JSON.stringify(ours)}, expected ${JSON.stringify(theirs)}`;
}

function print(line: string): void {
  writeOutput(undefined, (sink) => sink(`${line}\n`));
}
