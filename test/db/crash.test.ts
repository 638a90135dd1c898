import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { temporaryFolder } from "../unit/db/fixtures.ts";
import { runCrashRounds } from "./crash-rounds.ts";

const ROUNDS = Number(process.env.CRASH_ROUNDS ?? 5);
const SEED = Number(process.env.SEED ?? 3);

for (const losesIndex of [false, true]) {
  test(`what was acknowledged survives ${losesIndex ? "kills with the loss of unsynced index entries" : "kills"}`, async () => {
    const folder = join(temporaryFolder(), "db");
    const result = await runCrashRounds(folder, { rounds: ROUNDS, seed: SEED, losesIndex });
    assert.equal(result.rounds, ROUNDS);
    assert.ok(result.records > 0 && result.states > 0, "the writer lived long enough to write");
    if (losesIndex) assert.ok(result.reindexed > 0, "the index was made anew from files");
  });
}
