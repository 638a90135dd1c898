/** The keys that a command line names: keystores with their passwords, and the well-known ones of test networks. */
import { type Dirent, readdirSync, readFileSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { toHex } from "../base/bytes.ts";
import { DecodeError, UsageError } from "../base/errors.ts";
import { decryptKeystore, type Keystore, MAX_KEYSTORE_BYTES, parseKeystore } from "../crypto/keystore.ts";
import type { SecretKey } from "../crypto/secret-key.ts";
import { interopKeys } from "../validator/signer.ts";
import { InputError } from "./exit.ts";

const MAX_PASSWORD_BYTES = 4096;
const MAX_INTEROP_INDEX = 1_000_000;
const MAX_KEYSTORES = 100_000;

/** Where a data directory keeps what its validators have signed. */
export const VALIDATORS_FOLDER = "validators";

export interface KeyOptions {
  /** A folder of keystores, or of folders with one each. */
  keystores?: string;
  /** A file with the password of all, or a folder with a file a keystore. */
  passwords?: string;
  /** Inclusive. */
  interopValidators?: { first: number; last: number };
}

/**
 * Decrypts one keystore after the other, for each may take 256 MiB.
 * @throws UsageError when there is no key at all
 */
export async function loadKeys(
  options: KeyOptions,
  onProgress?: (done: number, of: number) => void,
): Promise<SecretKey[]> {
  const { interopValidators, keystores, passwords } = options;
  const keys = interopValidators ? interopKeys(interopValidators.first, interopValidators.last) : [];
  if (keystores !== undefined) {
    if (passwords === undefined) throw new UsageError("--keystores needs --passwords");
    const files = listKeystores(keystores);
    for (const [i, file] of files.entries()) {
      keys.push(await openKeystore(file, passwords));
      onProgress?.(i + 1, files.length);
    }
  }
  if (keys.length === 0) throw new UsageError("no keys: give --keystores or --interop-validators");
  return keys;
}

/** `0..63`, inclusive, or one number. */
export function parseInteropRange(text: string): { first: number; last: number } {
  const match = /^(\d{1,7})(?:\.\.(\d{1,7}))?$/.exec(text);
  const first = Number(match?.[1]);
  const last = Number(match?.[2] ?? match?.[1]);
  if (!match || last < first || last > MAX_INTEROP_INDEX) throw new UsageError(`${text} is no range like 0..63`);
  return { first, last };
}

function listKeystores(folder: string): string[] {
  const isKeystore = (entry: Dirent): boolean =>
    entry.isFile() && entry.name.endsWith(".json") && !entry.name.startsWith("deposit_data");
  const list = (path: string): Dirent[] => readdirSync(path, { withFileTypes: true });
  const files = list(folder).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (!entry.isDirectory()) return isKeystore(entry) ? [path] : [];
    return list(path)
      .filter(isKeystore)
      .map(({ name }) => join(path, name));
  });
  if (files.length === 0) throw new UsageError(`${folder} has no keystores (files that end in .json)`);
  if (files.length > MAX_KEYSTORES) throw new UsageError(`${folder} has more than ${MAX_KEYSTORES} keystores`);
  return files.sort();
}

async function openKeystore(file: string, passwords: string): Promise<SecretKey> {
  try {
    if (statSync(file).size > MAX_KEYSTORE_BYTES) throw new DecodeError("too big for a keystore");
    const keystore = parseKeystore(readFileSync(file, "utf8"));
    return await decryptKeystore(keystore, readPassword(file, keystore, passwords));
  } catch (error) {
    if (error instanceof DecodeError) throw new InputError(file, "keystore", error);
    if (error instanceof UsageError) throw new UsageError(`${file}: ${error.message}`, { cause: error });
    throw error;
  }
}

/** In a folder the file is named like the keystore, the folder it is in, or the public key; `.txt` may follow. */
function readPassword(file: string, { pubkey }: Keystore, passwords: string): string {
  if (statSync(passwords).isFile()) return passwordIn(passwords);
  const hex = pubkey ? [toHex(pubkey), toHex(pubkey).slice(2)] : [];
  const names = [basename(file, ".json"), basename(dirname(file)), ...hex].flatMap((name) => [`${name}.txt`, name]);
  for (const name of names) {
    const path = join(passwords, name);
    if (statSync(path, { throwIfNoEntry: false })?.isFile()) return passwordIn(path);
  }
  throw new UsageError(`${passwords} has no ${names[0]} with its password`);
}

function passwordIn(path: string): string {
  const { size } = statSync(path);
  if (size > MAX_PASSWORD_BYTES) throw new UsageError(`${path}: ${size} bytes are too many for a password`);
  return readFileSync(path, "utf8").replace(/[\r\n]+$/, "");
}
