/** Kills a writing process at random moments and looks at what it has left, round after round on one database. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { cpSync, existsSync, readdirSync, rmSync, statSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { Database } from "../../src/db/database.ts";
import { type Random, seededRandom } from "../property/random.ts";
import { blockOf, columnsOf, SLOT_STEP, spec } from "./crash-objects.ts";

const CHILD = new URL("./crash-child.ts", import.meta.url).pathname;
const MAX_LIFE_MS = 400;

/** What the process that was killed had been told is durable. */
interface Acknowledged {
  records: Set<number>;
  expiredBefore: number;
  lastStates: string[];
}

export interface RoundsResult {
  rounds: number;
  records: number;
  states: number;
  cutBytes: number;
  reindexed: number;
}

/** @param options.losesIndex also takes the index back to an earlier time, or away, as a power cut may */
export async function runCrashRounds(
  folder: string,
  options: { rounds: number; seed: number; losesIndex: boolean; onRound?: (round: number) => void },
): Promise<RoundsResult> {
  const random = seededRandom(options.seed);
  const known: Acknowledged = { records: new Set(), expiredBefore: 0, lastStates: [] };
  const result: RoundsResult = { rounds: 0, records: 0, states: 0, cutBytes: 0, reindexed: 0 };
  let next = 1;
  for (let round = 0; round < options.rounds; round++) {
    const lines = await runAndKill(folder, next, random);
    next = learn(known, lines, next) + 10;
    if (options.losesIndex) spoil(folder, random);
    const database = await Database.open(spec, folder, { create: round === 0 });
    try {
      for (const report of Object.values(database.report.records)) {
        // An index put back by hand may remember segments that have been deleted since, which a power cut cannot do.
        if (!options.losesIndex) assert.equal(report.lost, 0);
        result.cutBytes += report.cutBytes;
        result.reindexed += report.reindexed;
      }
      result.records += await assertRecords(database, known);
      result.states += assertStates(database, known);
      assert.deepEqual(await database.check(), [], `seed ${options.seed}, round ${round}`);
    } finally {
      await database.close();
    }
    // The index as a later power cut may bring it back: LevelDB was closed, and what follows is not synced.
    if (options.losesIndex) keepOldIndex(folder, random);
    result.rounds++;
    options.onRound?.(round);
  }
  return result;
}

/** Runs the writer for a random time from when it has opened the database. @returns the whole lines it printed */
async function runAndKill(folder: string, first: number, random: Random): Promise<string[]> {
  const child = spawn(process.execPath, [CHILD, folder, String(first), String(random.below(2 ** 31))], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let text = "";
  const ended = new Promise<NodeJS.Signals | null>((resolve) => child.on("close", (_, signal) => resolve(signal)));
  child.stdout.on("data", (data: Buffer) => {
    const isFirst = text === "";
    text += data.toString("latin1");
    if (isFirst) setTimeout(() => child.kill("SIGKILL"), random.below(MAX_LIFE_MS));
  });
  assert.equal(await ended, "SIGKILL", "the writer ended by itself");
  return text.split("\n").slice(0, -1);
}

function learn(known: Acknowledged, lines: readonly string[], first: number): number {
  let last = first;
  const states: string[] = [];
  for (const line of lines) {
    const [what, number, root] = line.split(" ") as [string, string, string];
    if (what === "record") {
      known.records.add(Number(number));
      last = Math.max(last, Number(number));
    } else if (what === "expire") known.expiredBefore = Math.max(known.expiredBefore, Number(number));
    else if (what === "state") states.push(root);
  }
  if (states.length > 0) known.lastStates = states;
  return last;
}

async function assertRecords(database: Database, known: Acknowledged): Promise<number> {
  for (const number of known.records) {
    if (number * SLOT_STEP < known.expiredBefore) {
      known.records.delete(number);
      continue;
    }
    const block = blockOf(number);
    assert.deepEqual(await database.blocks.readByRoot(block.root), block, `block ${number}`);
    for (const column of columnsOf(number)) assert.deepEqual(await database.dataColumnSidecars.read(column), column);
  }
  return known.records.size;
}

/** The last state acknowledged is there; others may have been pruned, but what is there is whole. */
function assertStates(database: Database, known: Acknowledged): number {
  assert.deepEqual(database.report.damagedStates, []);
  const last = known.lastStates.at(-1);
  if (last !== undefined) assert.ok(database.states.find(Buffer.from(last, "hex")), `state ${last}`);
  for (const { root } of database.states.list()) database.states.load(root)!.drop();
  return database.states.list().length;
}

/** What a power cut may do to writes that were not synced: the end of LevelDB's log, or everything since a time. */
function spoil(folder: string, random: Random): void {
  const index = join(folder, "index");
  const old = join(folder, "..", "old-index");
  const choice = random.below(4);
  if (choice === 0) rmSync(index, { recursive: true });
  else if (choice === 1 && existsSync(old)) {
    rmSync(index, { recursive: true });
    cpSync(old, index, { recursive: true });
  } else if (choice === 2) {
    for (const name of readdirSync(index).filter((candidate) => candidate.endsWith(".log"))) {
      const { size } = statSync(join(index, name));
      truncateSync(join(index, name), size - random.below(Math.min(size, 3000) + 1));
    }
  }
}

function keepOldIndex(folder: string, random: Random): void {
  const old = join(folder, "..", "old-index");
  if (random.below(2) === 0) return;
  rmSync(old, { recursive: true, force: true });
  cpSync(join(folder, "index"), old, { recursive: true });
}
