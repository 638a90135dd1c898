import { join } from "node:path";
import { parseArgs } from "node:util";
import type { Clock } from "./sample.ts";

/** What belongs together: `memory` needs the table that `keys` leaves, and the blocks that `block` leaves. */
const GROUPS = ["primitives", "load", "epoch", "block", "variants", "keys", "memory"] as const;
export type Group = (typeof GROUPS)[number];

export interface Options {
  readonly sizes: readonly number[];
  readonly runs: number;
  readonly groups: readonly Group[];
  readonly clock: Clock;
  readonly isJson: boolean;
  readonly withLodestar: boolean;
  /** Where the states are, and where what is made on the way goes. */
  readonly folder: string;
}

const ALL_SIZES = [100_000, 500_000, 1_000_000, 2_000_000];
const QUICK_SIZES = [100_000];
const QUICK_RUNS = 2;
const RUNS = 5;
const MIN_SIZE = 1000;
const MAX_SIZE = 4_000_000;

const USAGE = `node bench/main.ts [options]
  --sizes N,N     validators of the states (default ${ALL_SIZES.join(",")})
  --runs N        runs of each measurement, whose median counts (default ${RUNS})
  --quick         ${QUICK_SIZES.join(",")} validators, ${QUICK_RUNS} runs
  --only G,G      some of ${GROUPS.join(", ")}
  --clock wall|cpu  time on the clock (default), or on the CPU where others use the machine
  --no-lodestar   Cresset alone
  --json          answer in JSON
The states are kept in .cache/bench, or in the folder that CRESSET_BENCH_STATES names.
`;

/** Ends the process with the usage text where that is asked for. @throws Error on options that make no sense */
export function readOptions(argv: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      sizes: { type: "string" },
      runs: { type: "string" },
      only: { type: "string", default: GROUPS.join() },
      clock: { type: "string", default: "wall" },
      quick: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      "no-lodestar": { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    process.stdout.write(USAGE);
    process.exit(0);
  }
  const { clock, quick } = values;
  if (clock !== "wall" && clock !== "cpu") throw new Error(`no clock ${clock}: wall or cpu`);
  const defaultSizes = quick ? QUICK_SIZES : ALL_SIZES;
  return {
    sizes:
      values.sizes === undefined
        ? defaultSizes
        : values.sizes.split(",").map((text) => numberIn(text, MIN_SIZE, MAX_SIZE)),
    runs: values.runs === undefined ? (quick ? QUICK_RUNS : RUNS) : numberIn(values.runs, 1, 1000),
    groups: values.only.split(",").map(groupNamed),
    clock,
    isJson: values.json,
    withLodestar: !values["no-lodestar"],
    folder: process.env.CRESSET_BENCH_STATES ?? join(import.meta.dirname, "../.cache/bench"),
  };
}

function groupNamed(name: string): Group {
  const group = GROUPS.find((known) => known === name);
  if (group === undefined) throw new Error(`no group ${JSON.stringify(name)}: ${GROUPS.join(", ")}`);
  return group;
}

function numberIn(text: string, least: number, most: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new Error(`${JSON.stringify(text)} is not a whole number from ${least} to ${most}`);
}
