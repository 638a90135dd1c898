/** Proves crash safety of the database at length: `node scripts/proof-db-crash.ts [rounds] [seed]`. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runCrashRounds } from "../test/db/crash-rounds.ts";

const ROUNDS_A_DATABASE = 15;
const rounds = Number(process.argv[2] ?? 300);
const seed = Number(process.argv[3] ?? 1);

for (const losesIndex of [false, true]) {
  const total = { rounds: 0, records: 0, states: 0, cutBytes: 0, reindexed: 0 };
  for (let done = 0; done < rounds / 2; done += ROUNDS_A_DATABASE) {
    const parent = mkdtempSync(join(tmpdir(), "cresset-crash-"));
    const count = Math.min(ROUNDS_A_DATABASE, Math.ceil(rounds / 2) - done);
    const part = await runCrashRounds(join(parent, "db"), { rounds: count, seed: seed + done, losesIndex });
    for (const key of Object.keys(total) as (keyof typeof total)[]) total[key] += part[key];
    rmSync(parent, { recursive: true });
  }
  console.log(losesIndex ? "kill and loss of unsynced index entries:" : "kill:", JSON.stringify(total));
}
