/** Networks of processes on loopback, started by the command that people use. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, describe, it } from "node:test";

const MAIN = resolve(import.meta.dirname, "../../src/main.ts");
const TIMEOUT_MS = 300_000;
const WARNING = 40;
const folders: string[] = [];

after(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

function devnet(args: readonly string[], folder: string): Promise<{ code: number | null; output: string }> {
  const child = spawn(process.execPath, [MAIN, "devnet", "--data-dir", join(folder, "net"), ...args]);
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text) => (output += text));
  // A network that does not finalize is asked to stop, so that none of its processes stays.
  const timer = setTimeout(() => child.kill("SIGTERM"), TIMEOUT_MS - 40_000);
  return new Promise((done) => {
    child.on("exit", (code) => {
      clearTimeout(timer);
      done({ code, output });
    });
  });
}

/** Warnings and errors of all nodes, but for those that the test expects. */
function complaints(folder: string, expected: RegExp): string[] {
  const logs = readdirSync(join(folder, "net")).filter((name) => name.endsWith(".log"));
  const lines = logs.flatMap((name) => readFileSync(join(folder, "net", name), "utf8").split("\n"));
  return lines.filter((line) => line.startsWith("{") && JSON.parse(line).level >= WARNING && !expected.test(line));
}

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "cresset-devnet-"));
  folders.push(folder);
  return folder;
}

describe("cresset devnet", () => {
  it("finalizes fulu on two nodes that share a real execution client", { timeout: TIMEOUT_MS }, async () => {
    const folder = newFolder();
    const args = [
      "--nodes",
      "2",
      "--validators",
      "16",
      "--slot-time",
      "2",
      "--base-port",
      "23100",
      "--until-finalized",
      "2",
    ];
    const { code, output } = await devnet(args, folder);
    assert.equal(code, 0, output);
    assert.match(output, /every node has finalized epoch 2/);
    assert.match(output, /peers 1 {2}execution synced/);
    assert.deepEqual(complaints(folder, /execution client/), []);
  });

  it("outlives a node that is killed, one that is cut off, one that is late and one that stands still", {
    timeout: TIMEOUT_MS,
  }, async () => {
    const folder = newFolder();
    const plan = join(import.meta.dirname, "faults.yaml");
    const size = ["--nodes", "3", "--validators", "16", "--slot-time", "2", "--execution", "none"];
    const args = [...size, "--base-port", "23200", "--scenario", plan, "--until-finalized", "4"];
    const { code, output } = await devnet(args, folder);
    assert.equal(code, 0, output);
    for (const line of ["slot 6: kill node 2", "slot 10: restart node 2", "slot 18: heal node 0"]) {
      assert.match(output, new RegExp(line));
    }
    assert.match(output, /every node has finalized epoch 4/);
  });

  it("says what is wrong with its options", { timeout: 30_000 }, async () => {
    for (const [args, message] of [
      [["--nodes", "0"], /--nodes is 0/],
      [["--fork", "olympus"], /olympus is no fork/],
      [["--slot-time", "0.1"], /--slot-time is 0\.1/],
    ] as const) {
      const { code, output } = await devnet([...args, "--execution", "none"], newFolder());
      assert.notEqual(code, 0);
      assert.match(output, message);
    }
  });
});
