/** `cresset db`: look at, check and tend the database of a node that is not running. */
import type { Command } from "commander";
import { fromHex, toHex } from "../base/bytes.ts";
import { StorageError, UsageError } from "../base/errors.ts";
import type { ByteSource } from "../columns/column.ts";
import { Database, type DatabaseStats } from "../db/database.ts";
import { exportEra, importEra } from "../db/era.ts";
import { FileSource } from "../db/file-source.ts";
import { MIGRATIONS, readIdentity } from "../db/schema.ts";
import type { ChainSpec } from "../spec/chain-spec.ts";
import { forkAtEpoch } from "../spec/config.ts";
import { BeaconState } from "../spec/state.ts";
import { action, EXIT_FAILED, EXIT_OK, readingFrom } from "./exit.ts";
import { addSpecOptions, forkOption, type SpecOptions, specOf } from "./options.ts";

const SLOT_OFFSET = 40;

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

interface ExportOptions extends DbOptions {
  output: string;
}

interface ImportOptions extends DbOptions {
  stateRoot?: Uint8Array;
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
  subcommand(db, "export", "write the era that a state ends, with its blocks, as an era file")
    .argument("<state>", "the state at the era's end, in SSZ; its fork follows from its slot")
    .option("--output <folder>", "where to", ".")
    .action(
      action(async (state: string, options: ExportOptions) =>
        withDatabase(options, (database) => exportFrom(database, state, options)),
      ),
    );
  subcommand(db, "import", "take the blocks of era files into the database")
    .argument("<files...>", "era files")
    .option("--state-root <root>", "the root that the last file's state must have", root32)
    .action(
      action(async (files: string[], options: ImportOptions) =>
        withDatabase(options, (database) => importFiles(database, files, options)),
      ),
    );
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

async function exportFrom(database: Database, file: string, options: ExportOptions): Promise<void> {
  const spec = specOf(options);
  const source = new FileSource(file);
  try {
    const state = readingFrom(file, "BeaconState", () => {
      const fork = forkOption(options) ?? forkOfState(spec, source);
      return BeaconState.decode(spec, fork, source);
    });
    console.log(await exportEra(database, state, options.output));
  } finally {
    source.close();
  }
}

async function importFiles(database: Database, files: readonly string[], options: ImportOptions): Promise<void> {
  const spec = specOf(options);
  for (const [i, file] of files.entries()) {
    const { stateRoot } = options;
    const isLast = i === files.length - 1;
    const { state, blocks } = await importEra(database, spec, file, isLast && stateRoot ? { stateRoot } : {});
    console.log(`${file}: ${blocks} blocks, state ${toHex(state.hashTreeRoot())} of slot ${state.slot}`);
    state.drop();
  }
}

/** A state begins with its genesis time and genesis validators' root, then the slot. */
function forkOfState(spec: ChainSpec, source: ByteSource) {
  if (source.length < SLOT_OFFSET + 8) throw new StorageError(`${source.length} bytes are too few for a state`);
  const bytes = source.read(SLOT_OFFSET, 8);
  const slot = Number(new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true));
  return forkAtEpoch(spec.config, Math.floor(slot / spec.preset.SLOTS_PER_EPOCH));
}

function root32(text: string): Uint8Array {
  if (!/^0x[0-9a-fA-F]{64}$/.test(text)) throw new UsageError(`${text} is no root`);
  return fromHex(text);
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
