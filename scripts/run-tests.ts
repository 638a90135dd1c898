/**
 * Runs the steps of the test suite one after another, with their times, and ends with one line that counts:
 * "N passed, N failed, N skipped". A step whose tools or data are absent says so and counts as skipped.
 * Usage: run-tests.ts [STEP...]   only steps of these names
 */
import { spawn } from "node:child_process";
import { existsSync, globSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { delimiter, join, resolve } from "node:path";

interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

interface Step {
  name: string;
  title: string;
  command: readonly string[];
  env?: Record<string, string>;
  /** How results are counted: a node:test run, the reference tests' closing line, or the exit code alone. */
  count: "node-test" | "reference" | "exit";
  /** Why the step cannot run here, or undefined. */
  absent?: () => string | undefined;
}

const ROOT = resolve(import.meta.dirname, "..");
const LOGS = join(ROOT, ".cache", "test");
const NODE = process.execPath;
const LEFT_OUT = 3;
const CHECK: Pick<Step, "name" | "count"> = { name: "check", count: "exit" };

const STEPS: readonly Step[] = [
  { ...CHECK, title: "types", command: ["node_modules/.bin/tsc", "--noEmit"] },
  { ...CHECK, title: "lint and format", command: ["node_modules/.bin/biome", "check", "."] },
  { ...CHECK, title: "layers", command: [NODE, "scripts/check-layers.ts"] },
  nodeTests("unit", "unit tests", ["test/unit/**/*.test.ts"]),
  nodeTests("property", "property tests and fuzzing", ["test/property/**/*.test.ts"]),
  nodeTests("db", "database under kill -9", ["test/db/**/*.test.ts"], ["--test-concurrency=1"]),
  // One at a time: these read what the process holds.
  nodeTests("memory", "memory budgets", ["test/memory/**/*.test.ts"], ["--expose-gc", "--test-concurrency=1"]),
  nodeTests("sim", "simulated chains", ["test/sim/**/*.test.ts"], ["--test-concurrency=1"]),
  // Slots of some seconds: one network at a time, or none keeps its time.
  nodeTests("devnet", "local networks", ["test/devnet/**/*.test.ts"], ["--test-concurrency=1"]),
  nodeTests("browser", "pages in a browser", ["test/browser/**/*.test.ts"], ["--test-concurrency=1"]),
  {
    name: "spec",
    title: "reference tests of the consensus spec",
    command: [NODE, "scripts/test-spec.ts"],
    count: "reference",
    absent: () =>
      process.env.CRESSET_VECTORS || existsSync(join(ROOT, "../shared/vectors"))
        ? undefined
        : "no ../shared/vectors, and CRESSET_VECTORS is not set",
  },
  // Says why where it cannot be had; the runs that need it then say so too.
  script("oracle", "executable spec for the differential runs", "scripts/setup-oracle"),
  nodeTests("oracle", "differential runs", ["test/oracle/*.test.ts"], ["--test-concurrency=1"]),
  script("native", "addons with sanitizers", "scripts/check-native-sanitizers"),
  script("native", "addons on emulated arm64", "scripts/check-native-arm64"),
];

process.exitCode = await main();

async function main(): Promise<number> {
  const words = process.argv.slice(2);
  const steps = STEPS.filter(({ name }) => words.length === 0 || words.includes(name));
  if (steps.length === 0) {
    console.error(`no such step; there are ${[...new Set(STEPS.map(({ name }) => name))].join(", ")}`);
    return 2;
  }
  rmSync(LOGS, { recursive: true, force: true });
  mkdirSync(LOGS, { recursive: true });
  const total: Counts = { passed: 0, failed: 0, skipped: 0 };
  const lines: string[] = [];
  for (const [at, step] of steps.entries()) {
    const started = performance.now();
    const counts = await runStep(step, `${at}-${step.name}`);
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    const line = `${step.title}: ${describe(counts)}${counts.passed + counts.failed > 0 ? `, ${seconds} s` : ""}`;
    console.log(`== ${line}\n`);
    lines.push(line);
    for (const key of ["passed", "failed", "skipped"] as const) total[key] += counts[key];
  }
  console.log(lines.join("\n"));
  console.log(describe(total));
  return total.failed > 0 || total.passed === 0 ? 1 : 0;
}

function nodeTests(name: string, title: string, patterns: string[], flags: string[] = []): Step {
  return {
    name,
    title,
    command: [NODE, "--test", ...flags, ...patterns],
    count: "node-test",
    absent: () => (patterns.some((pattern) => globSync(pattern, { cwd: ROOT }).length > 0) ? undefined : "no files"),
  };
}

function script(name: string, title: string, path: string): Step {
  return { name, title, command: [path], count: "exit" };
}

async function runStep(step: Step, id: string): Promise<Counts> {
  const reason = step.absent?.();
  console.log(`== ${step.title}`);
  if (reason !== undefined) {
    console.log(`left out: ${reason}`);
    return { passed: 0, failed: 0, skipped: 1 };
  }
  const report = join(LOGS, `${id}.tap`);
  const [program, ...args] = step.command;
  if (step.count === "node-test") {
    const at = args.indexOf("--test") + 1;
    args.splice(at, 0, "--test-reporter=dot", "--test-reporter-destination=stdout");
    args.splice(at, 0, "--test-reporter=tap", `--test-reporter-destination=${report}`);
  }
  const { code, output } = await runProgram(program!, args);
  if (step.count === "exit") return countExit(code, output);
  const counts = step.count === "node-test" ? readTap(report) : readReference(output);
  // A run that ended badly without counting a failure (a crash, say) is a failure all the same.
  if (counts === undefined || (code !== 0 && counts.failed === 0)) return { ...(counts ?? one("failed")), failed: 1 };
  return counts;
}

/** A script that finds its tools missing ends with LEFT_OUT, or with 0 and a line that says what is not checked. */
function countExit(code: number, output: string): Counts {
  if (code === LEFT_OUT || (code === 0 && /^\S+: NOT CHECKED: /m.test(output))) return one("skipped");
  return code === 0 ? one("passed") : one("failed");
}

function one(key: keyof Counts): Counts {
  return { passed: 0, failed: 0, skipped: 0, [key]: 1 };
}

function runProgram(program: string, args: string[]): Promise<{ code: number; output: string }> {
  return new Promise((done, fail) => {
    const env = { ...process.env, PATH: `${join(ROOT, "node_modules/node/bin")}${delimiter}${process.env.PATH ?? ""}` };
    const child = spawn(program, args, { cwd: ROOT, stdio: ["ignore", "pipe", "inherit"], env });
    let output = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      process.stdout.write(text);
      output = (output + text).slice(-100_000);
    });
    child.on("error", fail);
    child.on("close", (code) => done({ code: code ?? 1, output }));
  });
}

/** The totals that a TAP report of node:test ends with. */
function readTap(path: string): Counts | undefined {
  if (!existsSync(path)) return undefined;
  const totals = new Map<string, number>();
  for (const [, key, value] of readFileSync(path, "utf8").matchAll(/^# (\w+) (\d+)$/gm))
    totals.set(key!, Number(value));
  if (!totals.has("pass")) return undefined;
  const get = (key: string) => totals.get(key) ?? 0;
  return { passed: get("pass"), failed: get("fail") + get("cancelled"), skipped: get("skipped") + get("todo") };
}

function readReference(output: string): Counts | undefined {
  const closing = /^(\d+) reference tests passed.*?; (\d+) failed, (\d+) not run/m.exec(output);
  if (!closing) return undefined;
  const skipped = [...output.matchAll(/^(\d+) left out: /gm)].reduce((sum, match) => sum + Number(match[1]), 0);
  return { passed: Number(closing[1]), failed: Number(closing[2]) + Number(closing[3]), skipped };
}

function describe({ passed, failed, skipped }: Counts): string {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`;
}
