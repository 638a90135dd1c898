import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { fromHex, toHex } from "../../src/base/bytes.ts";
import { DecodeError, UsageError } from "../../src/base/errors.ts";
import { decryptKeystore, decryptKeystoreSecret, encryptKeystore, parseKeystore } from "../../src/crypto/keystore.ts";

/** Whatever JSON holds, for tests that change it. */
type Json = ReturnType<typeof JSON.parse>;

/** The test vectors of EIP-2335. */
const PASSWORD = "𝔱𝔢𝔰𝔱𝔭𝔞𝔰𝔰𝔴𝔬𝔯𝔡🔑";
const SECRET = "0x000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f";
const PUBKEY = "9612d7a727c9d0a22e185a1c768478dfe919cada9266988cb32359c11f2b7b27f4ae4040902382ae2910c15e2b420d07";
const SALT = "d4e56740f876aef8c010b86a40d5f56745a118d0906a34e69aec8c0db1cb8fa3";
const IV = "264daa3f303d7259501c93d997d84fe6";

function vector(kdf: "scrypt" | "pbkdf2"): Record<string, Json> {
  const isScrypt = kdf === "scrypt";
  return {
    crypto: {
      kdf: {
        function: kdf,
        params: isScrypt
          ? { dklen: 32, n: 262144, p: 1, r: 8, salt: SALT }
          : { dklen: 32, c: 262144, prf: "hmac-sha256", salt: SALT },
        message: "",
      },
      checksum: {
        function: "sha256",
        params: {},
        message: isScrypt
          ? "d2217fe5f3e9a1e34581ef8a78f7c9928e436d36dacc5e846690a5581e8ea484"
          : "8a9f5d9912ed7e75ea794bc5a89bca5f193721d30868ade6f73043c6ea6febf1",
      },
      cipher: {
        function: "aes-128-ctr",
        params: { iv: IV },
        message: isScrypt
          ? "06ae90d55fe0a6e9c5c3bc5b170827b2e5cce3929ed3f116c2811e6366dfe20f"
          : "cee03fde2af33149775b7223e7845e4fb2c8ae1792e5f99fe9ecf474cc8c16ad",
      },
    },
    description: "This is a test keystore.",
    pubkey: PUBKEY,
    path: "m/12381/60/0/0",
    uuid: "64625def-3331-4eea-ab6f-782f3ed16a83",
    version: 4,
  };
}

/** A vector with one value changed. */
function changed(kdf: "scrypt" | "pbkdf2", path: string, value: unknown): string {
  const file = vector(kdf);
  const steps = path.split(".");
  const last = steps.pop()!;
  let at = file;
  for (const step of steps) at = at[step];
  at[last] = value;
  return JSON.stringify(file);
}

describe("keystores", () => {
  for (const kdf of ["scrypt", "pbkdf2"] as const) {
    it(`reads the ${kdf} vector, whose password is of many code points`, async () => {
      const keystore = parseKeystore(JSON.stringify(vector(kdf)));
      assert.equal(toHex(await decryptKeystoreSecret(keystore, PASSWORD)), SECRET);
      assert.equal(toHex(await decryptKeystoreSecret(keystore, `\u007f${PASSWORD}\n`)), SECRET);
      const key = await decryptKeystore(keystore, "testpassword🔑");
      assert.equal(toHex(key.toPublicKey()), `0x${PUBKEY}`);
      key.destroy();
      await assert.rejects(decryptKeystoreSecret(keystore, "testpassword"), UsageError);
    });
  }

  it("reads what it writes", async () => {
    const text = await encryptKeystore(fromHex(SECRET), "päss", {
      path: "m/12381/3600/0/0/0",
      scrypt: { n: 2, r: 8, p: 1 },
    });
    const keystore = parseKeystore(text);
    assert.equal(keystore.path, "m/12381/3600/0/0/0");
    assert.equal(toHex(await decryptKeystoreSecret(keystore, "pa\u0308ss")), SECRET);
  });

  it("notices a key of another public key", async () => {
    const pubkey = `${PUBKEY.slice(0, -2)}08`;
    await assert.rejects(decryptKeystore(parseKeystore(changed("pbkdf2", "pubkey", pubkey)), PASSWORD), DecodeError);
  });

  it("refuses what takes too much, before it takes it", () => {
    const hostile: [string, unknown][] = [
      ["crypto.kdf.params.n", 2 ** 24],
      ["crypto.kdf.params.n", 2 ** 18 + 1],
      ["crypto.kdf.params.n", 1],
      ["crypto.kdf.params.n", -2],
      ["crypto.kdf.params.r", 2 ** 20],
      ["crypto.kdf.params.p", 2 ** 20],
      ["crypto.kdf.params.p", "1"],
      ["crypto.kdf.params.dklen", 2 ** 31],
      ["crypto.kdf.params.salt", "00".repeat(257)],
    ];
    for (const [path, value] of hostile)
      assert.throws(() => parseKeystore(changed("scrypt", path, value)), DecodeError, path);
    assert.throws(() => parseKeystore(changed("pbkdf2", "crypto.kdf.params.c", 2 ** 31)), DecodeError);
    assert.throws(() => parseKeystore(" ".repeat(70_000)), DecodeError);
  });

  it("refuses what is no keystore, and says where", () => {
    const broken: [string, unknown, RegExp][] = [
      ["version", 3, /version/],
      ["crypto", null, /crypto/],
      ["crypto.kdf.function", "argon2", /kdf\.function/],
      ["crypto.kdf.params.prf", "hmac-md5", /prf/],
      ["crypto.cipher.function", "xor", /cipher\.function/],
      ["crypto.cipher.params.iv", "00", /iv/],
      ["crypto.cipher.message", "0011", /cipher\.message/],
      ["crypto.checksum.message", "zz", /checksum\.message/],
      ["crypto.checksum.function", "md5", /checksum\.function/],
      ["pubkey", "00", /pubkey/],
    ];
    for (const [path, value, where] of broken)
      assert.throws(() => parseKeystore(changed("pbkdf2", path, value)), where);
    assert.throws(
      () => parseKeystore("{ secret"),
      (error: Error) => !error.message.includes("secret"),
    );
    assert.throws(() => parseKeystore("[]"), DecodeError);
  });
});
