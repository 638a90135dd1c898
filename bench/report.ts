/** Medians, ratios, goals and slopes, as a table or as JSON. */

import { describeMachine, type MachineFacts } from "../src/cli/bench-machine.ts";
import { median } from "../src/cli/bench-measure.ts";
import type { Results } from "./measure.ts";
import { GOAL_VALIDATORS, PRIMITIVE_ROWS, type Row, SLOPE_ROWS, STATE_ROWS } from "./rows.ts";
import type { Clock } from "./sample.ts";

export interface ReportRow {
  readonly validators?: number;
  readonly title: string;
  readonly unit: string;
  readonly cresset: number;
  readonly lodestar?: number;
  /** How many times more the other side takes. */
  readonly ratio?: number;
  readonly goal?: string;
  readonly isReached?: boolean;
  readonly samples: readonly number[];
}

export interface Slope {
  readonly title: string;
  readonly side: string;
  readonly nsPerValidator: number;
  readonly atZeroMs: number;
  /** Share of the variance that the line explains. */
  readonly fit: number;
}

export interface Report {
  readonly machine: MachineFacts;
  readonly clock: Clock;
  readonly isPinned: boolean;
  readonly runs: number;
  readonly rows: readonly ReportRow[];
  readonly slopes: readonly Slope[];
}

/** The rows that were measured, of one size or of none. */
export function reportRows(clock: Clock, results: Results, validators?: number): ReportRow[] {
  const rows = validators === undefined ? PRIMITIVE_ROWS : STATE_ROWS;
  return rows.flatMap((row) => {
    const samples = results.cresset?.[row.id];
    return samples === undefined ? [] : [reportRow(clock, row, samples, results, validators)];
  });
}

function reportRow(clock: Clock, row: Row, samples: number[], results: Results, validators?: number): ReportRow {
  const cresset = median(samples);
  const other = results.lodestar?.[row.against ?? row.id];
  const lodestar = other === undefined ? undefined : median(other);
  const isMeaningful = clock === "wall" || row.isThreaded !== true;
  const hasGoal = isMeaningful && (validators === undefined || validators === GOAL_VALIDATORS);
  const goals = hasGoal ? goalsOf(row, cresset, lodestar) : [];
  return {
    ...(validators !== undefined && { validators }),
    title: row.title,
    unit: row.unit,
    cresset,
    ...(lodestar !== undefined && { lodestar, ratio: lodestar / cresset }),
    ...(goals.length > 0 && {
      goal: goals.map(([text]) => text).join(", "),
      isReached: goals.every(([, isReached]) => isReached),
    }),
    samples,
  };
}

function goalsOf(row: Row, cresset: number, lodestar: number | undefined): [text: string, isReached: boolean][] {
  const goals: [string, boolean][] = [];
  if (row.goal !== undefined) goals.push([`<= ${row.goal} ${row.unit}`, cresset <= row.goal]);
  if (lodestar === undefined) return goals;
  if (row.minRatio !== undefined) goals.push([`${row.minRatio} times`, lodestar / cresset >= row.minRatio]);
  if (row.maxShare !== undefined) goals.push([`<= ${row.maxShare} of blst`, cresset <= row.maxShare * lodestar]);
  return goals;
}

/** Lines of least squares through the medians at each size. */
export function slopesOf(bySize: ReadonlyMap<number, Results>): Slope[] {
  if (bySize.size < 2) return [];
  return SLOPE_ROWS.flatMap((id) =>
    (["cresset", "lodestar"] as const).flatMap((side) => {
      const points: [number, number][] = [];
      for (const [size, results] of bySize) {
        const samples = results[side]?.[id];
        if (samples !== undefined) points.push([size, median(samples)]);
      }
      const title = STATE_ROWS.find((row) => row.id === id)!.title;
      return points.length === bySize.size ? [{ title, side, ...lineThrough(points) }] : [];
    }),
  );
}

function lineThrough(points: readonly [number, number][]): Omit<Slope, "title" | "side"> {
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const meanX = mean(points.map(([x]) => x));
  const meanY = mean(points.map(([, y]) => y));
  const sum = (of: (dx: number, dy: number) => number) =>
    points.reduce((total, [x, y]) => total + of(x - meanX, y - meanY), 0);
  const covariance = sum((dx, dy) => dx * dy);
  const slope = covariance / sum((dx) => dx * dx);
  const fit = (covariance * slope) / sum((_, dy) => dy * dy);
  return { nsPerValidator: slope * 1e6, atZeroMs: meanY - slope * meanX, fit };
}

export function describeReport(report: Report): string {
  const clock = report.clock === "cpu" ? "CPU time of all threads" : "time on the clock";
  const pin = report.isPinned ? "one-core rows pinned to a core" : "not pinned: taskset is missing";
  const head = `${describeMachine(report.machine)}${clock}, medians of ${report.runs}, ${pin}\n`;
  const groups = Map.groupBy(report.rows, (row) => row.validators);
  const tables = [...groups].map(([validators, rows]) => {
    const title = validators === undefined ? "Primitives" : `${validators} validators`;
    return `${title}\n${describeRows(rows)}`;
  });
  const slopes = report.slopes.map(
    ({ title, side, nsPerValidator, atZeroMs, fit }) =>
      `${title}, ${side}: ${nsPerValidator.toFixed(1)} ns a validator + ${atZeroMs.toFixed(1)} ms, R2 ${fit.toFixed(4)}`,
  );
  const slopeText = slopes.length === 0 ? "" : `\nGrowth with validators (least squares)\n${slopes.join("\n")}\n`;
  return `${head}\n${tables.join("\n")}${slopeText}`;
}

function describeRows(rows: readonly ReportRow[]): string {
  const lines = rows.map((row) => [
    row.title,
    `${digits(row.cresset)} ${row.unit}`,
    row.lodestar === undefined ? "-" : `${digits(row.lodestar)} ${row.unit}`,
    row.ratio === undefined ? "-" : `${row.ratio.toFixed(row.ratio < 10 ? 2 : 0)}x`,
    row.goal ?? "-",
    row.isReached === undefined ? "-" : row.isReached ? "yes" : "NO",
  ]);
  const table = [["", "Cresset", "Lodestar", "ratio", "goal", "reached"], ...lines];
  const widths = table[0]!.map((_, column) => Math.max(...table.map((line) => line[column]!.length)));
  const pad = (cell: string, column: number) =>
    column === 0 || column > 3 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!);
  return table.map((line) => `  ${line.map(pad).join("  ").trimEnd()}\n`).join("");
}

function digits(value: number): string {
  return value.toFixed(Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2);
}
