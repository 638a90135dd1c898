/**
 * Runs the consensus spec's reference tests: every case of a runner, each with proof that all its files were read.
 * https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/tests/formats/README.md
 */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { vectorFolder, vectorTrees } from "./archives.ts";
import { listBls12381, listCases, type VectorCase } from "./vector-case.ts";

export type { VectorCase } from "./vector-case.ts";

export type VectorHandler = (vector: VectorCase) => void | Promise<void>;

export interface VectorOptions {
  /** A written reason for leaving a case out, or undefined to run it. */
  skip?: (vector: VectorCase) => string | undefined;
  /** Files that are not read, each with the reason. */
  ignoreFiles?: Record<string, string>;
}

/** What one test process did, written for scripts/test-spec.ts. */
export interface VectorCounts {
  runner: string;
  /** By preset/fork/handler. */
  ran: Record<string, number>;
  skipped: { id: string; reason: string }[];
  failed: string[];
  unopened: string[];
}

const folder = vectorFolder();
const trees = folder === undefined ? [] : await vectorTrees(folder);
const allCounts: VectorCounts[] = [];

process.on("exit", () => {
  const target = process.env.CRESSET_VECTOR_COUNTS;
  if (target && allCounts.length > 0) writeFileSync(join(target, `${process.pid}.json`), JSON.stringify(allCounts));
});

/** All cases that the sources hold. */
export function allCases(): VectorCase[] {
  return folder === undefined ? [] : [...listCases(trees), ...listBls12381(folder)];
}

/**
 * Registers a test for every case of the runner. A handler that the table lacks fails, and so does a case
 * one of whose files was never opened.
 */
export function runVectors(runner: string, handlers: Record<string, VectorHandler>, options: VectorOptions = {}): void {
  if (folder === undefined) {
    test(`${runner}: left out`, { skip: "no reference tests: set CRESSET_VECTORS to a folder that holds them" });
    return;
  }
  const filter = process.env.VECTOR_FILTER ?? "";
  const found = runner === "bls12-381" ? listBls12381(folder) : listCases(trees, runner);
  const cases = found.filter((vector) => vector.id.includes(filter));
  const counts: VectorCounts = { runner, ran: {}, skipped: [], failed: [], unopened: [] };
  allCounts.push(counts);
  const unknown = new Set(found.map((vector) => vector.handler).filter((handler) => !Object.hasOwn(handlers, handler)));
  test(`${runner}: every handler is known`, () => assert.deepEqual([...unknown], []));
  const groups = Map.groupBy(cases, (vector) => `${vector.preset}/${vector.fork}/${runner}/${vector.handler}`);
  for (const [group, members] of groups) {
    describe(group, () => {
      for (const vector of members) registerCase(vector, handlers[vector.handler], counts, options);
    });
  }
}

function registerCase(
  vector: VectorCase,
  handler: VectorHandler | undefined,
  counts: VectorCounts,
  options: VectorOptions,
): void {
  const reason = options.skip?.(vector);
  const name = `${vector.suite}/${vector.name}`;
  if (reason !== undefined) {
    counts.skipped.push({ id: vector.id, reason });
    test(name, { skip: reason });
    return;
  }
  test(name, async () => {
    counts.failed.push(vector.id);
    assert.ok(handler, `no handler for ${vector.handler}`);
    vector.checkManifest();
    await handler(vector);
    const unopened = vector.unopened().filter((file) => !Object.hasOwn(options.ignoreFiles ?? {}, file));
    counts.unopened.push(...unopened.map((file) => `${vector.id}/${file}`));
    assert.deepEqual(unopened, [], "files of the case that were never opened");
    const key = `${vector.preset}/${vector.fork}/${vector.handler}`;
    counts.ran[key] = (counts.ran[key] ?? 0) + 1;
    counts.failed.splice(counts.failed.indexOf(vector.id), 1);
  });
}
