/**
 * Secret keys under a password.
 * @see https://eips.ethereum.org/EIPS/eip-2335
 */
import {
  createCipheriv,
  createDecipheriv,
  pbkdf2,
  randomBytes,
  randomUUID,
  scrypt,
  timingSafeEqual,
} from "node:crypto";
import { promisify } from "node:util";
import { fromHex } from "../base/bytes.ts";
import { DecodeError, UsageError } from "../base/errors.ts";
import { SecretKey } from "./secret-key.ts";
import { sha256 } from "./sha256.ts";

export const MAX_KEYSTORE_BYTES = 64 * 1024;
const SECRET_BYTES = 32;
const DERIVED_BYTES = 32;
/** A file from somebody else must not take more: 128 * n * r bytes, and time in proportion. */
const MAX_SCRYPT_BYTES = 512 * 2 ** 20;
const MAX_SCRYPT_COST = 2 ** 26;
const MAX_PBKDF2_COUNT = 2 ** 24;
const MAX_SALT_BYTES = 256;
/** What was chosen for new keystores: what everybody's default is. */
const NEW_SCRYPT = { n: 2 ** 18, r: 8, p: 1 } as const;

const scryptAsync = promisify<string | Uint8Array, Uint8Array, number, object, Buffer>(scrypt);
const pbkdf2Async = promisify(pbkdf2);

type Kdf =
  | { readonly kind: "scrypt"; readonly n: number; readonly r: number; readonly p: number; readonly salt: Uint8Array }
  | { readonly kind: "pbkdf2"; readonly count: number; readonly salt: Uint8Array };

export interface Keystore {
  /** 48 bytes; undefined where the file does not say. */
  readonly pubkey: Uint8Array | undefined;
  readonly path: string;
  readonly kdf: Kdf;
  readonly checksum: Uint8Array;
  readonly iv: Uint8Array;
  readonly cipherText: Uint8Array;
}

/** @throws DecodeError for what is no keystore of version 4, or asks for too much time or memory */
export function parseKeystore(text: string): Keystore {
  if (text.length > MAX_KEYSTORE_BYTES) throw new DecodeError(`a keystore of ${text.length} characters`);
  const file = record(parseJson(text), "");
  if (file.version !== 4) throw new DecodeError("only version 4 is known", "version");
  const crypto = record(file.crypto, "crypto");
  const [checksum, cipher] = [record(crypto.checksum, "crypto.checksum"), record(crypto.cipher, "crypto.cipher")];
  demand(checksum.function === "sha256", "crypto.checksum.function", "not sha256");
  demand(cipher.function === "aes-128-ctr", "crypto.cipher.function", "not aes-128-ctr");
  const { pubkey, path } = file;
  return {
    pubkey: pubkey === undefined || pubkey === "" ? undefined : hex(pubkey, "pubkey", 48),
    path: typeof path === "string" ? path : "",
    kdf: parseKdf(record(crypto.kdf, "crypto.kdf")),
    checksum: hex(checksum.message, "crypto.checksum.message", 32),
    iv: hex(record(cipher.params, "crypto.cipher.params").iv, "crypto.cipher.params.iv", 16),
    cipherText: hex(cipher.message, "crypto.cipher.message", SECRET_BYTES),
  };
}

/**
 * @param password as typed: it is normalized, and control characters are left out
 * @throws UsageError when the password is not the keystore's
 */
export async function decryptKeystore(keystore: Keystore, password: string): Promise<SecretKey> {
  const secret = await decryptKeystoreSecret(keystore, password);
  try {
    const key = SecretKey.fromBytes(secret);
    if (keystore.pubkey && !timingSafeEqual(key.toPublicKey(), keystore.pubkey)) {
      key.destroy();
      throw new DecodeError("the secret key is of another public key", "pubkey");
    }
    return key;
  } finally {
    secret.fill(0);
  }
}

/** The 32 bytes in it; the caller wipes them. */
export async function decryptKeystoreSecret(keystore: Keystore, password: string): Promise<Uint8Array> {
  const derived = await deriveKey(keystore.kdf, password);
  try {
    if (!timingSafeEqual(checksumOf(derived, keystore.cipherText), keystore.checksum)) {
      throw new UsageError("wrong password");
    }
    const decipher = createDecipheriv("aes-128-ctr", derived.subarray(0, 16), keystore.iv);
    return decipher.update(keystore.cipherText);
  } finally {
    derived.fill(0);
  }
}

/** A new keystore's text. @param secret 32 bytes, which stay the caller's to wipe */
export async function encryptKeystore(
  secret: Uint8Array,
  password: string,
  options: { path?: string; description?: string; scrypt?: { n: number; r: number; p: number } } = {},
): Promise<string> {
  const { n, r, p } = options.scrypt ?? NEW_SCRYPT;
  const [salt, iv] = [randomBytes(32), randomBytes(16)];
  const derived = await deriveKey({ kind: "scrypt", n, r, p, salt }, password);
  const cipherText = createCipheriv("aes-128-ctr", derived.subarray(0, 16), iv).update(secret);
  const checksum = checksumOf(derived, cipherText);
  derived.fill(0);
  const key = SecretKey.fromBytes(secret);
  const pubkey = Buffer.from(key.toPublicKey()).toString("hex");
  key.destroy();
  const file = {
    crypto: {
      kdf: { function: "scrypt", params: { dklen: DERIVED_BYTES, n, r, p, salt: salt.toString("hex") }, message: "" },
      checksum: { function: "sha256", params: {}, message: Buffer.from(checksum).toString("hex") },
      cipher: { function: "aes-128-ctr", params: { iv: iv.toString("hex") }, message: cipherText.toString("hex") },
    },
    description: options.description ?? "",
    pubkey,
    path: options.path ?? "",
    uuid: randomUUID(),
    version: 4,
  };
  return `${JSON.stringify(file, null, 2)}\n`;
}

function parseKdf(kdf: Record<string, unknown>): Kdf {
  const path = "crypto.kdf.params";
  const params = record(kdf.params, path);
  demand(params.dklen === DERIVED_BYTES, `${path}.dklen`, `not ${DERIVED_BYTES}`);
  const salt = hex(params.salt, `${path}.salt`);
  demand(salt.length <= MAX_SALT_BYTES, `${path}.salt`, "too long");
  if (kdf.function === "scrypt") {
    const [n, r, p] = [positive(params.n, `${path}.n`), positive(params.r, `${path}.r`), positive(params.p, path)];
    demand(n > 1 && Number.isInteger(Math.log2(n)), `${path}.n`, "no power of two");
    demand(128 * n * r <= MAX_SCRYPT_BYTES && 128 * r * p <= MAX_SCRYPT_BYTES, path, "takes too much memory");
    demand(n * r * p <= MAX_SCRYPT_COST, path, "takes too much time");
    return { kind: "scrypt", n, r, p, salt };
  }
  demand(kdf.function === "pbkdf2", "crypto.kdf.function", "neither scrypt nor pbkdf2");
  demand(params.prf === "hmac-sha256", `${path}.prf`, "not hmac-sha256");
  const count = positive(params.c, `${path}.c`);
  demand(count <= MAX_PBKDF2_COUNT, `${path}.c`, "takes too much time");
  return { kind: "pbkdf2", count, salt };
}

async function deriveKey(kdf: Kdf, password: string): Promise<Buffer> {
  const bytes = normalizedPassword(password);
  try {
    if (kdf.kind === "pbkdf2") return await pbkdf2Async(bytes, kdf.salt, kdf.count, DERIVED_BYTES, "sha256");
    const { n, r, p, salt } = kdf;
    const maxmem = 128 * n * r + 128 * r * p + 2 ** 20;
    return await scryptAsync(bytes, salt, DERIVED_BYTES, { N: n, r, p, maxmem });
  } finally {
    bytes.fill(0);
  }
}

function checksumOf(derived: Uint8Array, cipherText: Uint8Array): Uint8Array {
  return sha256(Buffer.concat([derived.subarray(16, 32), cipherText]));
}

/** NFKD, without the control codes C0, C1 and Delete. */
function normalizedPassword(password: string): Buffer {
  return Buffer.from(password.normalize("NFKD").replaceAll(/\p{Cc}/gu, ""), "utf8");
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The parser's message would quote the file.
    throw new DecodeError("not JSON");
  }
}

function record(value: unknown, path: string): Record<string, unknown> {
  demand(typeof value === "object" && value !== null && !Array.isArray(value), path, "not an object");
  return value as Record<string, unknown>;
}

function hex(value: unknown, path: string, length?: number): Uint8Array {
  demand(typeof value === "string" && /^(0x)?([0-9a-fA-F]{2})*$/.test(value), path, "not hexadecimal");
  const bytes = fromHex(value as string);
  demand(length === undefined || bytes.length === length, path, `not ${length} bytes`);
  return bytes;
}

function positive(value: unknown, path: string): number {
  demand(Number.isSafeInteger(value) && (value as number) > 0, path, "not a positive number");
  return value as number;
}

function demand(condition: boolean, path: string, message: string): asserts condition {
  if (!condition) throw new DecodeError(message, path);
}
