/** `cresset db`: look at, check and tend the database of a node that is not running. */
import type { Command } from "commander";
import { UsageError } from "../base/errors.ts";
import { Database, type DatabaseStats } from "../db/database.ts";
import { MIGRATIONS, readIdentity } from "../db/schema.ts";
import { action, EXIT_FAILED, EXIT_OK } from "./exit.ts";
import { addSpecOptions, type SpecOptions, specOf } from "./options.ts";

interface DbOptions extends SpecOptions {
  datadir: string;
}

interface CheckOptions extends DbOptions {
  repair?: boolean;
  rebuildIndex?: boolean;
}

interface PruneOptions extends DbOptions {
  before?: number;
  blobsBefore?: number;
  keepSnapshots?: number;
}

export function registerDb(program: Command): void {
  const db = program.command("db").description("look at, check and tend the database of a node that is not running");
  subcommand(db, "stats", "say what the database holds").action(
    action(async (options: DbOptions) => withDatabase(options, showStats)),
  );
  subcommand(db, "check", "read everything and compare checksums, files and index")
    .option("--repair", "bring the index in line with the records that are sound")
    .option("--rebuild-index", "make the index anew from the files first")
    .action(action(async (options: CheckOptions) => withDatabase(options, check, options.rebuildIndex)));
  subcommand(db, "prune", "delete what is no longer wanted")
    .option("--before <slot>", "blocks, blobs and columns of segments before the slot", natural)
    .option("--blobs-before <slot>", "blobs and columns of segments before the slot", natural)
    .option("--keep-snapshots <count>", "all but so many of the newest state snapshots", positive)
    .action(action(async (options: PruneOptions) => withDatabase(options, prune)));
  subcommand(db, "compact", "give back the disk space of deleted index entries").action(
    action(async (options: DbOptions) => withDatabase(options, (database) => database.compact())),
  );
}

function subcommand(db: Command, name: string, description: string): Command {
  const command = db.command(name).description(description).requiredOption("--datadir <folder>", "the database");
  return addSpecOptions(command);
}

async function withDatabase<Options extends DbOptions>(
  options: Options,
  run: (database: Database, options: Options) => Promise<number | undefined> | Promise<void>,
  isRebuilt = false,
): Promise<number> {
  const spec = specOf(options);
  const identity = await readIdentity(options.datadir);
  for (const { from, what } of MIGRATIONS)
    if (identity && identity.version <= from) console.error(`migration: ${what}`);
  const database = isRebuilt
    ? await Database.rebuildIndex(spec, options.datadir)
    : await Database.open(spec, options.datadir, { create: false });
  try {
    for (const [kind, found] of Object.entries(database.report.records)) {
      const facts = Object.entries(found).filter(([, count]) => count > 0);
      if (facts.length > 0) console.error(`${kind}: ${facts.map(([fact, count]) => `${fact} ${count}`).join(", ")}`);
    }
    return (await run(database, options)) ?? EXIT_OK;
  } finally {
    await database.close();
  }
}

async function check(database: Database, options: CheckOptions): Promise<number> {
  const isTerminal = process.stderr.isTTY && options.json !== true;
  const onProgress = (path: string) => {
    if (isTerminal) console.error(`reading ${path}`);
  };
  const problems = await database.check({ repair: options.repair === true, onProgress });
  if (options.json) console.log(JSON.stringify({ problems }));
  else console.log(problems.length === 0 ? "sound" : problems.join("\n"));
  return problems.length === 0 ? EXIT_OK : EXIT_FAILED;
}

async function prune(database: Database, options: PruneOptions): Promise<void> {
  const { before, blobsBefore = before, keepSnapshots } = options;
  if (before === undefined && blobsBefore === undefined && keepSnapshots === undefined) {
    throw new UsageError("give --before, --blobs-before or --keep-snapshots");
  }
  const removed = await database.prune({
    before: {
      ...(before !== undefined && { block: before }),
      ...(blobsBefore !== undefined && { blobSidecar: blobsBefore, dataColumnSidecar: blobsBefore }),
    },
    ...(keepSnapshots !== undefined && { keepSnapshots }),
  });
  if (options.json) console.log(JSON.stringify(removed));
  else console.log(`deleted ${removed.segments} segments and ${removed.states} state files`);
}

async function showStats(database: Database, options: DbOptions): Promise<void> {
  const stats = await database.stats();
  console.log(options.json ? JSON.stringify(stats) : statsText(stats));
}

function statsText(stats: DatabaseStats): string {
  const { states, index } = stats;
  return [
    `network     ${stats.network}, layout ${stats.version}`,
    ...stats.records.map(({ kind, segments, bytes }) => `${kind.padEnd(18)} ${segments} segments, ${bytes} bytes`),
    `states             ${states.snapshots} snapshots, ${states.diffs} differences, ${states.bytes} bytes`,
    `index              about ${index.bytes} bytes`,
  ].join("\n");
}

function natural(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value)) throw new UsageError(`${text} is no slot`);
  return value;
}

function positive(text: string): number {
  const value = natural(text);
  if (value === 0) throw new UsageError("at least one snapshot must be kept");
  return value;
}
