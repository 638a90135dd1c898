import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { resolve } from "node:path";
import { test } from "node:test";

const MAIN = resolve(import.meta.dirname, "../../../src/main.ts");

test("the demonstration shows Sepolia's genesis and three epochs", () => {
  const text = execFileSync(process.execPath, [MAIN, "demo", "--no-bench", "--json"], { encoding: "utf8" });
  const report = JSON.parse(text);
  assert.equal(report.genesisValidatorsRoot, "0xd8ea171f3c94aea21ebc42a1ed61052acf3f9209c00e4efbaaddac09ed9b8078");
  assert.equal(report.root, "0xfb9afe32150fa39f4b346be2519a67e2a4f5efcd50a1dc192c3f6b3d013d2798");
  assert.equal(report.isEncodedAlike, true);
  assert.deepEqual(
    report.epochs.map(({ epoch }: { epoch: number }) => epoch),
    [1, 2, 3],
  );
  // The root on which Lodestar agrees, see test/oracle.
  assert.equal(report.epochs[2].root, "0xcfec4851e6cd6153a7c837cb6e280ad7a4712e707aa7ca5eea4fdfc3c8bd3af1");
});
