import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { BatchingVerifier } from "../../src/chain/batching-verifier.ts";
import { KeyTable, type SignatureSet } from "../../src/crypto/bls.ts";
import { interopPublicKey, interopSecretKey } from "../../src/spec/interop.ts";

const COUNT = 150;
const table = KeyTable.create();
for (let index = 0; index < 8; index++) table.append(interopPublicKey(index));

function setOf(n: number, isGood = true): SignatureSet {
  const index = n % 8;
  const message = new Uint8Array(32).fill(n % 5);
  const key = interopSecretKey(index);
  const signature = key.sign(isGood ? message : new Uint8Array(32).fill(99));
  key.destroy();
  return { table, indices: [index], message, signature };
}

describe("the batching verifier", () => {
  it("finds each wrong signature among many, and no other", async () => {
    const verifier = new BatchingVerifier({ delayMs: 5 });
    const bad = new Set([0, 63, 64, 100, COUNT - 1]);
    const answers = await Promise.all(Array.from({ length: COUNT }, (_, n) => verifier.verify(setOf(n, !bad.has(n)))));
    for (const [n, answer] of answers.entries()) assert.equal(answer, !bad.has(n), `set ${n}`);
    assert.equal(verifier.waiting, 0);
  });

  it("answers a single set after a short time", async () => {
    const verifier = new BatchingVerifier({ delayMs: 5 });
    assert.equal(await verifier.verify(setOf(1)), true);
    assert.equal(await verifier.verify(setOf(2, false)), false);
  });

  it("leaves nobody waiting when a batch cannot be checked, and goes on", async () => {
    const verifier = new BatchingVerifier({ delayMs: 5 });
    const broken = { ...setOf(1), signature: new Uint8Array(3) };
    const [first] = await Promise.allSettled([verifier.verify(broken), verifier.verify(setOf(2))]);
    assert.notDeepEqual(first, { status: "fulfilled", value: true });
    assert.equal(await verifier.verify(setOf(3)), true);
  });
});
