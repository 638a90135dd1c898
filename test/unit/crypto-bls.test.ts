import assert from "node:assert/strict";
import { test } from "node:test";
import { KeyTable, SecretKey, verify, verifySets } from "../../src/crypto/bls.ts";

test("a signature holds for its key and message only", () => {
  const secret = SecretKey.fromBytes(new Uint8Array(32).fill(7));
  const message = new Uint8Array(32).fill(1);
  const signature = secret.sign(message);
  assert.equal(verify(secret.toPublicKey(), message, signature), true);
  assert.equal(verify(secret.toPublicKey(), new Uint8Array(32), signature), false);
  const table = KeyTable.create();
  table.append(secret.toPublicKey());
  assert.equal(verifySets([{ table, indices: [0], message, signature }]), true);
});
