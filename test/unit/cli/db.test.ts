import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Database } from "../../../src/db/database.ts";
import { Fork } from "../../../src/spec/fork.ts";
import { recordOf, someState, spec } from "../db/fixtures.ts";

const program = new URL("../../../src/main.ts", import.meta.url).pathname;
const parent = mkdtempSync(join(tmpdir(), "cresset-cli-db-"));
const folder = join(parent, "db");
after(() => rmSync(parent, { recursive: true }));

function db(...args: string[]) {
  const all = [program, "db", ...args, "--preset", "minimal", "--datadir", folder];
  const { status, stdout, stderr } = spawnSync(process.execPath, all, { encoding: "utf8" });
  return { status, stdout, stderr };
}

before(async () => {
  const database = await Database.open(spec, folder);
  await database.blocks.append([1, 2, 9000].map((slot) => recordOf(slot)));
  await database.close();
});

test("stats, check, prune and compact, as a user runs them", () => {
  const stats = JSON.parse(db("stats", "--json").stdout);
  assert.equal(stats.version, 1);
  assert.equal(stats.records[0].segments, 2);
  assert.deepEqual(db("check"), { status: 0, stdout: "sound\n", stderr: "" });

  const file = join(folder, "blocks", "00000000.segment");
  const bytes = readFileSync(file);
  bytes[200]! ^= 1;
  writeFileSync(file, bytes);
  const damaged = db("check");
  assert.equal(damaged.status, 1);
  assert.match(damaged.stdout, /no sound record/);

  assert.equal(db("prune").status, 2);
  assert.equal(db("prune", "--before", "8192").stdout, "deleted 1 segments and 0 state files\n");
  assert.equal(db("compact").status, 0);
  assert.equal(db("check", "--rebuild-index").stdout, "sound\n");
});

test("a folder without a database is an error, not a new database", () => {
  const args = [program, "db", "stats", "--datadir", join(parent, "nothing")];
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
  assert.equal(status, 3);
  assert.match(stderr, /there is no database/);
});

test("export writes an era file, and import takes it", () => {
  const state = join(parent, "genesis.ssz");
  const genesis = someState(16, Fork.phase0);
  writeFileSync(state, genesis.encode());
  const exported = db("export", state, "--output", parent);
  assert.match(exported.stdout, /minimal-00000-[0-9a-f]{8}\.era\n$/, exported.stderr);
  const root = `0x${Buffer.from(genesis.hashTreeRoot()).toString("hex")}`;
  const imported = db("import", exported.stdout.trim(), "--state-root", root);
  assert.ok(imported.stdout.endsWith(`0 blocks, state ${root} of slot 0\n`), imported.stderr);
  assert.equal(db("import", exported.stdout.trim(), "--state-root", root.replaceAll("a", "b")).status, 3);
});
