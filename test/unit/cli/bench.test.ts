import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { toHex } from "../../../src/base/bytes.ts";
import { median } from "../../../src/cli/bench-measure.ts";
import { benchSpec, placeholderKeys, syntheticState } from "../../../src/cli/bench-synthetic.ts";

const PROGRAM = join(import.meta.dirname, "../../../src/main.ts");
const TINY = ["--validators", "64", "--runs", "1", "--threads", "2"];

interface Answer {
  machine: Record<string, string | number>;
  validators: number;
  threads: number;
  figures: { part: string; name: string; value: number; unit: string; runs: number }[];
}

function bench(...args: string[]): string {
  return execFileSync(process.execPath, [PROGRAM, "bench", ...args], { encoding: "utf8", maxBuffer: 1 << 20 });
}

test("every part answers with positive figures, and the machine is named", () => {
  const answer = JSON.parse(bench("all", "--json", "--board", "a board", ...TINY)) as Answer;
  assert.equal(answer.machine.board, "a board");
  for (const fact of ["cpu", "node", "architecture", "sha256"]) {
    assert.match(String(answer.machine[fact]), /\S/, fact);
  }
  assert.ok(Number(answer.machine.cores) >= 1 && Number(answer.machine.memoryMiB) > 0);
  assert.equal(answer.validators, 64);
  assert.equal(answer.threads, 2);
  assert.deepEqual(
    [...new Set(answer.figures.map((figure) => figure.part))],
    ["hash", "bls", "state", "transition", "kzg"],
  );
  for (const { name, value, unit, runs } of answer.figures) {
    assert.ok(Number.isFinite(value) && value > 0, `${name}: ${value}`);
    assert.match(unit, /^(ns|us|ms|MiB)$/);
    assert.equal(runs, 1);
  }
  assert.equal(new Set(answer.figures.map((figure) => figure.name)).size, answer.figures.length, "names are distinct");
});

test("one part answers alone, in a table", () => {
  const lines = bench("hash", ...TINY).split("\n");
  assert.ok(lines.some((line) => /^hash +64 bytes, \S+ +[0-9.]+ ns$/.test(line)));
  assert.ok(!lines.some((line) => line.startsWith("kzg")));
});

test("sizes that make no sense and unknown parts are refused as usage errors", () => {
  for (const args of [["--validators", "1"], ["--runs", "0"], ["--threads", "x"], ["disk"]]) {
    const { status, stderr } = spawnSync(process.execPath, [PROGRAM, "bench", ...args], { encoding: "utf8" });
    assert.equal(status, 2, args.join(" "));
    assert.match(stderr, /error: /);
  }
});

test("the synthetic state is the same every time", () => {
  const roots = [1, 2].map(() => toHex(syntheticState(benchSpec(), placeholderKeys(100)).hashTreeRoot()));
  assert.equal(roots[0], roots[1]);
  assert.notEqual(roots[0], toHex(syntheticState(benchSpec(), placeholderKeys(101)).hashTreeRoot()));
});

test("the median of an even number of times is between the middle two", () => {
  assert.equal(median([5, 1, 3]), 3);
  assert.equal(median([4, 1, 2, 10]), 3);
});
