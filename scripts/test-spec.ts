/**
 * Runs the consensus spec's reference tests and proves that none was left out: prints cases by fork and runner, and
 * fails when a case was run by nobody or a file of a case was never opened.
 * Usage: test-spec.ts [NAME...]   only test files whose name contains one of the words
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { run } from "node:test";
import { vectorFolder } from "../test/spec/archives.ts";
import { allCases, type VectorCounts } from "../test/spec/vectors.ts";

const FOLDER = resolve(import.meta.dirname, "../test/spec");
const CONCURRENCY = 2;
const MAX_FAILURES_SHOWN = 40;

process.exitCode = await main();

async function main(): Promise<number> {
  if (vectorFolder() === undefined) {
    console.log("Reference tests left out: no ../shared/vectors, and CRESSET_VECTORS is not set.");
    return 0;
  }
  const words = process.argv.slice(2);
  const names = readdirSync(FOLDER).filter((name) => name.endsWith(".test.ts"));
  const chosen = names.filter((name) => words.length === 0 || words.some((word) => name.includes(word)));
  if (chosen.length === 0) {
    console.error(`no test file is named like ${words.join(" or ")}`);
    return 2;
  }
  const counts = mkdtempSync(join(tmpdir(), "cresset-vectors-"));
  try {
    const failures = await runFiles(chosen, counts);
    const reports = readdirSync(counts).flatMap((name) => JSON.parse(readFileSync(join(counts, name), "utf8")));
    return report(reports as VectorCounts[], failures, words.length > 0);
  } finally {
    rmSync(counts, { recursive: true });
  }
}

/** Runs the test files in processes of their own; returns the failures as text. */
function runFiles(names: string[], counts: string): Promise<string[]> {
  process.env.CRESSET_VECTOR_COUNTS = counts;
  const failures: string[] = [];
  const files = names.map((name) => join(FOLDER, name));
  return new Promise((done, fail) => {
    const stream = run({ files, concurrency: CONCURRENCY });
    stream.on("test:fail", ({ name, file, details }) => {
      // A group fails with its members, and a file with its tests: only the tests themselves say why.
      if ((details.error as { failureType?: string }).failureType === "subtestsFailed") return;
      if (failures.length < MAX_FAILURES_SHOWN)
        failures.push(`${basename(file ?? "")} ${name}: ${describeError(details.error)}`);
      else failures.push(name);
    });
    stream.on("test:summary", ({ file, counts: { passed, tests }, duration_ms: ms }) => {
      if (file) console.log(`${basename(file)}: ${passed} of ${tests} passed, ${(ms / 1000).toFixed(0)} s`);
    });
    stream.on("test:stderr", ({ message }) => process.stderr.write(message));
    stream.on("error", fail);
    stream.on("end", () => done(failures));
    stream.on("data", () => {});
  });
}

function describeError(error: Error): string {
  const cause = error.cause instanceof Error ? error.cause : error;
  return (cause.stack ?? cause.message).split("\n").slice(0, 12).join("\n    ");
}

function report(reports: VectorCounts[], failures: string[], partial: boolean): number {
  const runners = new Set(reports.map((counts) => counts.runner));
  const expected = allCases().filter((vector) => !partial || runners.has(vector.runner));
  const filter = process.env.VECTOR_FILTER ?? "";
  const missed = missedCases(
    reports,
    expected.filter((vector) => vector.id.includes(filter)),
  );
  const unopened = reports.flatMap((counts) => counts.unopened);
  const failed = reports.flatMap((counts) => counts.failed);
  for (const failure of failures.slice(0, MAX_FAILURES_SHOWN)) console.log(`FAIL ${failure}`);
  printTable(reports);
  printSkips(reports);
  printList("cases that no test ran", missed);
  printList("files never opened", unopened);
  printList("cases that failed", failed);
  const ran = reports.reduce((sum, counts) => sum + total(counts), 0);
  const bad = failures.length + missed.length + unopened.length + failed.length;
  const scope = filter ? ` (only those with ${JSON.stringify(filter)} in their path)` : "";
  console.log(`${ran} reference tests passed${scope}; ${failed.length} failed, ${missed.length} not run.`);
  return bad === 0 ? 0 : 1;
}

/** Groups whose number of cases run, skipped or failed is not the number of cases there are. */
function missedCases(reports: VectorCounts[], expected: { id: string }[]): string[] {
  const group = (id: string) => id.split("/").slice(0, 4).join("/");
  const seen = new Map<string, number>();
  const add = (key: string, count: number) => seen.set(key, (seen.get(key) ?? 0) + count);
  for (const { runner, ran, skipped, failed } of reports) {
    for (const [key, count] of Object.entries(ran)) add(key.replace(/\/([^/]*)$/, `/${runner}/$1`), count);
    for (const { id } of skipped) add(group(id), 1);
    for (const id of failed) add(group(id), 1);
  }
  const groups = Map.groupBy(expected, ({ id }) => group(id));
  const missed = [...groups].filter(([key, members]) => (seen.get(key) ?? 0) < members.length);
  return missed.map(([key, members]) => `${key}: ${members.length - (seen.get(key) ?? 0)} of ${members.length}`);
}

function total({ ran }: VectorCounts): number {
  return Object.values(ran).reduce((sum, count) => sum + count, 0);
}

function printTable(reports: VectorCounts[]): void {
  const rows = new Map<string, Map<string, number>>();
  for (const { runner, ran } of reports) {
    for (const [key, count] of Object.entries(ran)) {
      const fork = key.split("/").slice(0, 2).join(" ");
      const row = rows.get(runner) ?? new Map<string, number>();
      row.set(fork, (row.get(fork) ?? 0) + count);
      rows.set(runner, row);
    }
  }
  const order = ["phase0", "altair", "bellatrix", "capella", "deneb", "electra", "fulu"];
  const rank = (fork: string) => order.indexOf(fork.split(" ")[1]!);
  const forks = [...new Set([...rows.values()].flatMap((row) => [...row.keys()]))].sort(
    (a, b) => a.split(" ")[0]!.localeCompare(b.split(" ")[0]!) || rank(a) - rank(b),
  );
  const width = Math.max(16, ...forks.map((fork) => fork.length));
  const runners = [...rows.keys()].sort();
  const cell = (text: string | number, runner: string) => String(text).padStart(Math.max(runner.length, 5));
  console.log([" ".repeat(width), ...runners].join("  "));
  for (const fork of forks) {
    console.log([fork.padEnd(width), ...runners.map((name) => cell(rows.get(name)!.get(fork) ?? "", name))].join("  "));
  }
}

function printSkips(reports: VectorCounts[]): void {
  const reasons = Map.groupBy(
    reports.flatMap((counts) => counts.skipped),
    ({ reason }) => reason,
  );
  for (const [reason, cases] of reasons) console.log(`${cases.length} left out: ${reason} (such as ${cases[0]!.id})`);
}

function printList(title: string, items: string[]): void {
  if (items.length === 0) return;
  console.log(`${items.length} ${title}:`);
  for (const item of items.slice(0, MAX_FAILURES_SHOWN)) console.log(`  ${item}`);
  if (items.length > MAX_FAILURES_SHOWN) console.log(`  and ${items.length - MAX_FAILURES_SHOWN} more`);
}
