/** Lets sides take turns at one bench, and checks that they computed the same. */

import type { BenchArguments, Clock, Sample } from "./sample.ts";
import { Side, type SideName } from "./side.ts";

/** Samples of a bench, by row. */
export type Figures = Record<string, number[]>;
export type Results = Partial<Record<SideName, Figures>>;

export class Turns {
  readonly #sides: readonly Side[];
  readonly #report: (text: string) => void;

  private constructor(sides: readonly Side[], report: (text: string) => void) {
    this.#sides = sides;
    this.#report = report;
  }

  static async open(
    names: readonly SideName[],
    options: { clock: Clock; cores?: 1; report: (text: string) => void },
  ): Promise<Turns> {
    const { report, ...rest } = options;
    const sides: Side[] = [];
    for (const name of names) {
      sides.push(await Side.open(name, { ...rest, onProgress: (text) => report(`${name}: ${text}`) }));
    }
    return new Turns(sides, report);
  }

  /**
   * @param warmups runs before those that count; where there are any, each run that counts follows one that does not
   * @param check receives the roots that all sides agree on, each time
   */
  async measure(
    bench: string,
    args: BenchArguments,
    runs: number,
    warmups: number,
    check?: (roots: Readonly<Record<string, string>>) => void,
  ): Promise<Results> {
    for (const side of this.#sides) {
      this.#report(`${bench}: ${side.name} prepares`);
      await this.#alone(side, () => side.start(bench, args));
    }
    const results: Results = {};
    for (let run = -warmups; run < runs; run++) {
      const samples: Sample[] = [];
      for (const side of this.#sides) {
        this.#report(`${bench}: ${side.name}, ${run < 0 ? "warm-up" : `run ${run + 1} of ${runs}`}`);
        const sample = await this.#alone(side, () => (run >= 0 && warmups > 0 ? runAwake(side) : side.run()));
        samples.push(sample);
        if (run >= 0) collect(results, side.name, sample);
      }
      for (const sample of samples.slice(1)) assertSameRoots(bench, samples[0]!, sample);
      if (samples[0]!.roots !== undefined) check?.(samples[0]!.roots);
    }
    return results;
  }

  close(): void {
    for (const side of this.#sides) side.close();
  }

  /**
   * Lets one side work while the others stand still. A collector that tidies up on its own threads after its side's turn
   * would otherwise run on the other side's time: it has cost up to four times the thing measured.
   */
  async #alone<T>(side: Side, work: () => Promise<T>): Promise<T> {
    for (const other of this.#sides) if (other !== side) other.pause();
    try {
      return await work();
    } finally {
      for (const other of this.#sides) other.resume();
    }
  }
}

/** The first run of a turn finds a core that has slept, with caches full of the other side's data: it is left out. */
async function runAwake(side: Side): Promise<Sample> {
  await side.run();
  return side.run();
}

function collect(results: Results, name: SideName, sample: Sample): void {
  results[name] ??= {};
  for (const [row, value] of Object.entries(sample.figures)) {
    results[name][row] ??= [];
    results[name][row].push(value);
  }
}

function assertSameRoots(bench: string, one: Sample, other: Sample): void {
  for (const [name, root] of Object.entries(one.roots ?? {})) {
    const otherRoot = other.roots?.[name];
    if (otherRoot !== root) throw new Error(`${bench}: the sides disagree on ${name}: ${root} and ${otherRoot}`);
  }
}

/** Adds the samples of `more` to `results`, under other row names where `rename` gives them, else not at all. */
export function mergeResults(results: Results, more: Results, rename?: Readonly<Record<string, string>>): void {
  for (const name of Object.keys(more) as SideName[]) {
    results[name] ??= {};
    for (const [row, values] of Object.entries(more[name]!)) {
      const target = rename === undefined ? row : rename[row];
      if (target !== undefined) results[name][target] = values;
    }
  }
}

/** Adds the samples of `more` behind those that `results` has of the same rows. */
export function appendResults(results: Results, more: Results): void {
  for (const name of Object.keys(more) as SideName[]) {
    for (const [row, values] of Object.entries(more[name]!)) {
      mergeResults(results, { [name]: { [row]: [...(results[name]?.[row] ?? []), ...values] } });
    }
  }
}
