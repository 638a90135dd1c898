/** The version of a database's layout, and how an older one becomes the current one. */
import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { StorageError } from "../base/errors.ts";
import { writeAt, writeDurably } from "./durable-file.ts";
import type { KeyValue } from "./key-value.ts";

export const SCHEMA_VERSION = 1;
const FILE_NAME = "database.json";

export interface MigrationContext {
  readonly folder: string;
  readonly keyValue: KeyValue;
}

/**
 * Brings a database from version `from` to the next. A crash may interrupt it anywhere, and it is run again then: it
 * must find what it has done already. What it writes must be durable when its promise resolves.
 */
export interface Migration {
  readonly from: number;
  readonly what: string;
  run(context: MigrationContext): Promise<void>;
}

/** In order of `from`; empty while version 1 is the only one there has been. */
export const MIGRATIONS: readonly Migration[] = [];

export interface Identity {
  readonly version: number;
  /** With which checksums of records begin: see record.ts. */
  readonly secret: number;
  /** The network's genesis fork version and config name, so that no database serves two networks. */
  readonly network: string;
}

/** Reads the file that says what a folder is; undefined where there is none. @throws StorageError */
export async function readIdentity(folder: string): Promise<Identity | undefined> {
  const path = join(folder, FILE_NAME);
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new StorageError(`cannot read ${path}: ${(error as Error).message}`, { cause: error });
  }
  const { version, secret, network } = parse(path, text);
  if (!Number.isInteger(version) || !Number.isInteger(secret) || typeof network !== "string") {
    throw new StorageError(`${path} is damaged`);
  }
  return { version: version as number, secret: secret as number, network };
}

export async function createIdentity(folder: string, network: string, version = SCHEMA_VERSION): Promise<Identity> {
  const identity = { version, secret: randomBytes(4).readUInt32LE(), network };
  await writeIdentity(folder, identity);
  return identity;
}

/** Refuses a database that this program must not touch. @throws StorageError saying what to do */
export function checkIdentity(folder: string, identity: Identity, network: string, version = SCHEMA_VERSION): void {
  if (identity.network !== network) {
    throw new StorageError(`${folder} is a database of ${identity.network}, not of ${network}: use another folder`);
  }
  if (identity.version > version) {
    throw new StorageError(
      `${folder} has layout ${identity.version}, and this program knows layouts up to ${version}: ` +
        "use the newer program that wrote it, or another folder",
    );
  }
}

/** Runs the migrations that lead from the identity's version to the current one, each made durable before the next. */
export async function migrate(
  context: MigrationContext,
  identity: Identity,
  options: { migrations?: readonly Migration[]; version?: number } = {},
): Promise<Identity> {
  const { migrations = MIGRATIONS, version = SCHEMA_VERSION } = options;
  let current = identity;
  while (current.version < version) {
    const migration = migrations.find(({ from }) => from === current.version);
    if (migration === undefined) {
      throw new StorageError(`${context.folder} has layout ${current.version}, from which nothing leads to ${version}`);
    }
    await migration.run(context);
    current = { ...current, version: current.version + 1 };
    await writeIdentity(context.folder, current);
  }
  return current;
}

async function writeIdentity(folder: string, identity: Identity): Promise<void> {
  const bytes = Buffer.from(`${JSON.stringify(identity, null, 2)}\n`);
  await writeDurably(join(folder, FILE_NAME), (handle) => writeAt(handle, bytes, 0));
}

function parse(path: string, text: string): Partial<Record<keyof Identity, unknown>> {
  try {
    return Object(JSON.parse(text)) as Partial<Record<keyof Identity, unknown>>;
  } catch (error) {
    throw new StorageError(`${path} is damaged: ${(error as Error).message}`, { cause: error });
  }
}
