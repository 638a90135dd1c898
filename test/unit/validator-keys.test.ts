import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { toHex } from "../../src/base/bytes.ts";
import { UsageError } from "../../src/base/errors.ts";
import { InputError } from "../../src/cli/exit.ts";
import { loadKeys, parseInteropRange } from "../../src/cli/validator-keys.ts";
import { encryptKeystore } from "../../src/crypto/keystore.ts";
import { interopPublicKey, interopSecretKeyBytes } from "../../src/spec/interop.ts";

let folder: string;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), "cresset-keys-"));
  for (const name of ["keys", "keys/two", "passwords", "empty", "broken"]) mkdirSync(join(folder, name));
  const scrypt = { n: 2, r: 1, p: 1 };
  const write = (name: string, text: string): void => writeFileSync(join(folder, name), text);
  write("keys/one.json", await encryptKeystore(interopSecretKeyBytes(0), "pass one", { scrypt }));
  write("keys/two/voting-keystore.json", await encryptKeystore(interopSecretKeyBytes(1), "pass two", { scrypt }));
  write("keys/deposit_data-1.json", "[]");
  write("passwords/one.txt", "pass one\n");
  write(`passwords/${toHex(interopPublicKey(1))}`, "pass two");
  write("all.txt", "pass one\r\n");
  write("broken/one.json", "{");
});

after(() => rmSync(folder, { recursive: true, force: true }));

describe("keys of a command line", () => {
  it("come from keystores in a folder, each with its password", async () => {
    const keys = await loadKeys({ keystores: join(folder, "keys"), passwords: join(folder, "passwords") });
    const pubkeys = keys.map((key) => toHex(key.toPublicKey()));
    assert.deepEqual(
      pubkeys,
      [0, 1].map((index) => toHex(interopPublicKey(index))),
    );
  });

  it("come from a range of well-known ones", async () => {
    const keys = await loadKeys({ interopValidators: parseInteropRange("2..4") });
    assert.deepEqual(
      keys.map((key) => toHex(key.toPublicKey())),
      [2, 3, 4].map((index) => toHex(interopPublicKey(index))),
    );
    assert.deepEqual(parseInteropRange("7"), { first: 7, last: 7 });
    for (const bad of ["", "3..1", "a", "1..", "-1", "0..99999999"])
      assert.throws(() => parseInteropRange(bad), UsageError);
  });

  it("are refused with the file's name", async () => {
    const keystores = join(folder, "keys");
    await assert.rejects(loadKeys({}), /no keys/);
    await assert.rejects(loadKeys({ keystores }), /--passwords/);
    await assert.rejects(loadKeys({ keystores, passwords: join(folder, "all.txt") }), /voting-keystore\.json: wrong/);
    await assert.rejects(loadKeys({ keystores, passwords: join(folder, "empty") }), /one\.json: .*has no one\.txt/);
    await assert.rejects(
      loadKeys({ keystores: join(folder, "empty"), passwords: join(folder, "all.txt") }),
      /no keystores/,
    );
    await assert.rejects(
      loadKeys({ keystores: join(folder, "broken"), passwords: join(folder, "all.txt") }),
      InputError,
    );
  });
});
