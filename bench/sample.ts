/** What a measurement is, for both sides. */

export interface BenchArguments {
  /** SSZ of the state to measure on. */
  readonly stateFile: string;
  /** For what one side leaves to the other, and key tables. */
  readonly folder: string;
  readonly validators: number;
  /** Native threads where there is a choice. */
  readonly threads: number;
}

export interface Sample {
  /** By row of the report: milliseconds, MiB, or what the row says. */
  readonly figures: Readonly<Record<string, number>>;
  /** Roots of states on the way: both sides must find the same. */
  readonly roots?: Readonly<Record<string, string>>;
}

/** Measures once. */
export type Runner = () => Sample | Promise<Sample>;

/** Prepares, which is not measured. */
export type Bench = (args: BenchArguments, report: (text: string) => void) => Runner | Promise<Runner>;

export type Clock = "wall" | "cpu";
