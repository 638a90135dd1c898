/**
 * The shared secret of consensus and execution client, and the tokens signed with it.
 * @see https://github.com/ethereum/execution-apis/blob/main/src/engine/authentication.md
 */
import { createHmac, randomBytes } from "node:crypto";
import { closeSync, fchmodSync, fstatSync, mkdirSync, openSync, readSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { UsageError } from "../../base/errors.ts";
import type { Logger } from "../../base/log.ts";

export const JWT_SECRET_BYTES = 32;
/** Far more than 0x and 64 digits, far less than a mistaken file can hold. */
const MAX_FILE_BYTES = 1024;

const HEADER = encode({ alg: "HS256", typ: "JWT" });

/** A fresh token: engines refuse one issued more than 60 seconds before or after their own time. */
export function createToken(secret: Uint8Array, nowMs: number): string {
  const signed = `${HEADER}.${encode({ iat: Math.floor(nowMs / 1000) })}`;
  return `${signed}.${createHmac("sha256", secret).update(signed).digest("base64url")}`;
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}

/** @param where what the text is, for the error, e.g. the path of its file */
export function parseJwtSecret(text: string, where: string): Uint8Array {
  const digits = text.trim().replace(/^0[xX]/, "");
  if (!/^[0-9a-fA-F]*$/.test(digits)) {
    throw new UsageError(`${where}: a JWT secret is 64 hexadecimal digits; this has other characters`);
  }
  if (digits.length !== 2 * JWT_SECRET_BYTES) {
    throw new UsageError(`${where}: a JWT secret is 64 hexadecimal digits; this has ${digits.length}`);
  }
  return new Uint8Array(Buffer.from(digits, "hex"));
}

/** Warns where other users of the machine can read the file: who has the secret commands the execution client. */
export function loadJwtSecret(path: string, log?: Logger): Uint8Array {
  let text: string;
  try {
    text = readSmallFile(path, log);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`cannot read the JWT secret: ${(error as Error).message}`, { cause: error });
  }
  return parseJwtSecret(text, path);
}

function readSmallFile(path: string, log?: Logger): string {
  const file = openSync(path, "r");
  try {
    const { mode } = fstatSync(file);
    if ((mode & 0o004) !== 0) log?.warn({ path }, `other users can read the JWT secret: chmod 640 ${path}`);
    const buffer = Buffer.alloc(MAX_FILE_BYTES);
    return buffer.toString("utf8", 0, readSync(file, buffer));
  } finally {
    closeSync(file);
  }
}

/** Makes the file with a new secret where there is none, readable by its owner alone. */
export function loadOrCreateJwtSecret(path: string, log?: Logger): Uint8Array {
  mkdirSync(dirname(path), { recursive: true });
  let file: number;
  try {
    file = openSync(path, "wx", 0o600);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return loadJwtSecret(path, log);
    throw new UsageError(`cannot create the JWT secret: ${(error as Error).message}`, { cause: error });
  }
  try {
    fchmodSync(file, 0o600);
    const secret = randomBytes(JWT_SECRET_BYTES);
    writeSync(file, `0x${secret.toString("hex")}\n`);
    log?.info({ path }, "made a JWT secret; give the same file to the execution client");
    return new Uint8Array(secret);
  } finally {
    closeSync(file);
  }
}
