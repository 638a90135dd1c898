/** The key by which peers know this node. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { generateKeyPair, privateKeyFromRaw } from "@libp2p/crypto/keys";
import type { PrivateKey } from "@libp2p/interface";
import { StorageError } from "../base/errors.ts";

/** Reads the secp256k1 key of a file, 64 hexadecimal digits, or makes the file. Without a file the key is new each time. */
export async function loadIdentityKey(path: string | undefined): Promise<PrivateKey> {
  if (path === undefined) return generateKeyPair("secp256k1");
  const text = await readIfThere(path);
  if (text !== undefined) {
    const digits = text.trim().replace(/^0x/, "");
    if (!/^[0-9a-fA-F]{64}$/.test(digits)) throw new StorageError(`${path} holds no identity key of 64 hex digits`);
    try {
      return privateKeyFromRaw(Buffer.from(digits, "hex"));
    } catch (cause) {
      throw new StorageError(`${path} holds no valid secp256k1 key`, { cause });
    }
  }
  const key = await generateKeyPair("secp256k1");
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, `${Buffer.from(key.raw).toString("hex")}\n`, { mode: 0o600, flag: "wx" });
  return key;
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new StorageError(`cannot read ${path}: ${(cause as Error).message}`, { cause });
  }
}
