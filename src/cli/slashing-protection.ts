/** `cresset slashing-protection`: carry what keys have signed from one client to another. */
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import { fromHex, toHex } from "../base/bytes.ts";
import { UsageError } from "../base/errors.ts";
import { writeAt, writeDurably } from "../db/durable-file.ts";
import { MAX_INTERCHANGE_BYTES, parseInterchange } from "../validator/interchange.ts";
import { SlashingProtection } from "../validator/slashing-protection.ts";
import { action, EXIT_OK, readingFrom } from "./exit.ts";
import { VALIDATORS_FOLDER } from "./validator-keys.ts";

interface Options {
  dataDir: string;
  genesisValidatorsRoot?: Uint8Array;
}

export function registerSlashingProtection(program: Command): void {
  const command = program
    .command("slashing-protection")
    .description("carry what keys have signed from one client to another (EIP-3076)");
  command
    .command("import")
    .description("take in an interchange file, with all that is known already")
    .argument("<file>", "the interchange file")
    .requiredOption("--data-dir <folder>", "the validators' data directory")
    .option("--genesis-validators-root <root>", "the network that the file must be of", root32)
    .action(action(importFile));
  command
    .command("export")
    .description("write what the keys have signed; sign nothing afterwards")
    .argument("[file]", "the interchange file (default: to stdout)")
    .requiredOption("--data-dir <folder>", "the validators' data directory")
    .option("--genesis-validators-root <root>", "the network that the keys must be of", root32)
    .action(action(exportFile));
}

async function importFile(file: string, options: Options): Promise<number> {
  const { size } = statSync(file);
  if (size > MAX_INTERCHANGE_BYTES) throw new UsageError(`${file}: ${size} bytes are too many`);
  const text = readFileSync(file, "utf8");
  const interchange = readingFrom(file, "interchange", () => parseInterchange(text));
  // A folder that has signatures knows its network; a new one becomes the file's.
  const genesisValidatorsRoot = options.genesisValidatorsRoot ?? interchange.genesisValidatorsRoot;
  const protection = await SlashingProtection.open({ folder: folderOf(options), genesisValidatorsRoot });
  try {
    const count = await protection.importInterchange(text);
    console.log(`${count} keys of network ${toHex(protection.genesisValidatorsRoot)}`);
    return EXIT_OK;
  } finally {
    await protection.close();
  }
}

async function exportFile(file: string | undefined, options: Options): Promise<number> {
  const folder = folderOf(options);
  if (!existsSync(folder)) throw new UsageError(`${folder} does not exist`);
  const { genesisValidatorsRoot } = options;
  // Without a root nothing is made where nothing was.
  const protection = await SlashingProtection.open({ folder });
  try {
    if (genesisValidatorsRoot && toHex(genesisValidatorsRoot) !== toHex(protection.genesisValidatorsRoot)) {
      throw new UsageError(`the keys are of network ${toHex(protection.genesisValidatorsRoot)}`);
    }
    const text = await protection.exportInterchange();
    if (file === undefined) process.stdout.write(text);
    else await writeDurably(file, (handle) => writeAt(handle, new TextEncoder().encode(text), 0));
    return EXIT_OK;
  } finally {
    await protection.close();
  }
}

function folderOf({ dataDir }: Options): string {
  return join(dataDir, VALIDATORS_FOLDER);
}

function root32(text: string): Uint8Array {
  if (!/^0x[0-9a-fA-F]{64}$/.test(text)) throw new UsageError(`${text} is no root`);
  return fromHex(text);
}
