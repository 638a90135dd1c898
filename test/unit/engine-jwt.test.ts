import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { toHex } from "../../src/base/bytes.ts";
import { UsageError } from "../../src/base/errors.ts";
import { type Logger, silentLogger } from "../../src/base/log.ts";
import { createToken, loadJwtSecret, loadOrCreateJwtSecret, parseJwtSecret } from "../../src/chain/engine/jwt.ts";

const folder = mkdtempSync(join(tmpdir(), "cresset-jwt-"));
after(() => rmSync(folder, { recursive: true }));

const SECRET_HEX = "0x000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

function warnings(): { log: Logger; texts: string[] } {
  const texts: string[] = [];
  const log = Object.assign(Object.create(silentLogger), { warn: (_: object, text: string) => void texts.push(text) });
  return { log, texts };
}

test("a token carries the time of issue in seconds and an HS256 signature", () => {
  const secret = parseJwtSecret(SECRET_HEX, "test");
  const [header, claims, signature, ...rest] = createToken(secret, 1_700_000_000_999).split(".");
  assert.deepEqual(rest, []);
  assert.deepEqual(JSON.parse(Buffer.from(header!, "base64url").toString()), { alg: "HS256", typ: "JWT" });
  assert.deepEqual(JSON.parse(Buffer.from(claims!, "base64url").toString()), { iat: 1_700_000_000 });
  assert.equal(signature, createHmac("sha256", secret).update(`${header}.${claims}`).digest("base64url"));
});

test("a secret may have 0x, capitals and white space around it", () => {
  for (const text of [SECRET_HEX, SECRET_HEX.slice(2), ` ${SECRET_HEX.toUpperCase()}\r\n`]) {
    assert.equal(toHex(parseJwtSecret(text, "test")), SECRET_HEX);
  }
});

test("what is no secret says so, with the file and what is wrong", () => {
  const wrong: [string, RegExp][] = [
    ["", /file\.hex: .* this has 0/],
    [SECRET_HEX.slice(0, -2), /this has 62/],
    [`${SECRET_HEX}00`, /this has 66/],
    [`${SECRET_HEX.slice(0, -1)}g`, /other characters/],
  ];
  for (const [text, message] of wrong) {
    assert.throws(
      () => parseJwtSecret(text, "file.hex"),
      (error: Error) => error instanceof UsageError && message.test(error.message),
    );
  }
});

test("a missing secret is made once, for its owner alone", () => {
  const path = join(folder, "new", "jwt.hex");
  const made = loadOrCreateJwtSecret(path);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.equal(readFileSync(path, "utf8"), `${toHex(made)}\n`);
  assert.deepEqual(loadOrCreateJwtSecret(path), made);
  assert.deepEqual(loadJwtSecret(path), made);
});

test("a secret that every user can read is used with a warning", () => {
  const path = join(folder, "open.hex");
  writeFileSync(path, SECRET_HEX);
  chmodSync(path, 0o644);
  const { log, texts } = warnings();
  assert.equal(toHex(loadJwtSecret(path, log)), SECRET_HEX);
  assert.match(texts.join(), /other users can read/);
  chmodSync(path, 0o640);
  texts.length = 0;
  loadJwtSecret(path, log);
  assert.deepEqual(texts, []);
});

test("a secret that cannot be read is an error with the reason", () => {
  assert.throws(() => loadJwtSecret(join(folder, "absent.hex")), /cannot read the JWT secret: ENOENT/);
  assert.throws(() => loadJwtSecret(folder), /cannot read the JWT secret: EISDIR/);
});
