/** Key tables on disk for tests: the keys that go in, and what a file can suffer. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import { KeyTable, SecretKey, type SignatureSet } from "../../src/crypto/bls.ts";
import { invalidKeys, secretBytes, validKeys } from "./crypto-keys.ts";

/** Keys that share a checksum. */
export const BLOCK = 4096;
export const folder = mkdtempSync(join(tmpdir(), "cresset-keys-"));
after(() => rmSync(folder, { recursive: true, force: true }));

const good = validKeys(64);
/** Two blocks and a bit; cheap to judge, with valid keys at known places. */
export const keys = invalidKeys(2 * BLOCK + 300);
export const VALID_PLACES = [0, BLOCK - 1, BLOCK, 2 * BLOCK + 299];
VALID_PLACES.forEach((place, i) => {
  keys.set(good.subarray(48 * i, 48 * i + 48), 48 * place);
});
export const TOTAL = keys.length / 48;

export function key(i: number): Uint8Array {
  return keys.subarray(48 * i, 48 * i + 48);
}

/** A signature by one of the valid keys. */
export function setFor(table: KeyTable, place: number): SignatureSet {
  const message = new Uint8Array(32).fill(3);
  const secret = SecretKey.fromBytes(secretBytes(VALID_PLACES.indexOf(place)));
  return { table, indices: [place], message, signature: secret.sign(message) };
}

let made = 0;
/** Where there is nothing yet. */
export function freshPath(): string {
  return join(folder, `table-${made++}`);
}

/** A table on disk, committed in several steps. */
export function written(...steps: number[]): string {
  const path = freshPath();
  const table = KeyTable.open(path, { write: true });
  let at = 0;
  for (const count of steps) {
    table.append(keys.subarray(48 * at, 48 * (at + count)));
    table.flushSync(1);
    at += count;
  }
  table.close();
  return path;
}

export function copied(path: string): string {
  const copy = freshPath();
  cpSync(path, copy, { recursive: true });
  return copy;
}

export function flip(path: string, at: number): void {
  const bytes = readFileSync(path);
  bytes[at]! ^= 0x41;
  writeFileSync(path, bytes);
}
