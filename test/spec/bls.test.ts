/**
 * Reference tests of signatures: the consensus spec's extensions, and ethereum/bls12-381-tests.
 * https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/tests/formats/bls/README.md
 */
import assert from "node:assert/strict";
import * as bls from "../../src/crypto/bls.ts";
import { runVectors, type VectorCase } from "./vectors.ts";

const HASH_DOMAIN = "QUUX-V01-CS02-with-BLS12381G2_XMD:SHA-256_SSWU_RO_";
const table = bls.KeyTable.create();

interface CaseData<Input, Output> {
  input: Input;
  output: Output;
}

function dataOf<Input, Output>(vector: VectorCase): CaseData<Input, Output> {
  return vector.yaml("data") as CaseData<Input, Output>;
}

const bytes = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex.slice(2), "hex"));
const hex = (value: Uint8Array): string => `0x${Buffer.from(value).toString("hex")}`;

/** A refused input is null in the vectors and an error of this module. */
function orNull(produce: () => Uint8Array): string | null {
  try {
    return hex(produce());
  } catch (error) {
    assert.ok(error instanceof RangeError || error instanceof TypeError, String(error));
    return null;
  }
}

/** A point of a wrong length is misuse, which throws; the vectors call it false. */
function isPoint(check: (point: Uint8Array) => boolean, point: Uint8Array, size: number): boolean {
  if (point.length === size) return check(point);
  assert.throws(() => check(point), TypeError);
  return false;
}

type Keys = { pubkeys: string[]; message: string; signature: string };

function fastAggregateVerify(verify: typeof bls.fastAggregateVerify): (vector: VectorCase) => void {
  return (vector) => {
    const { input, output } = dataOf<Keys, boolean>(vector);
    const keys = input.pubkeys.map(bytes);
    assert.equal(verify(keys, bytes(input.message), bytes(input.signature)), output);
  };
}

runVectors("bls", {
  eth_aggregate_pubkeys(vector) {
    const { input, output } = dataOf<string[], string | null>(vector);
    assert.equal(
      orNull(() => bls.aggregatePublicKeys(input.map(bytes))),
      output,
    );
  },
  eth_fast_aggregate_verify: fastAggregateVerify(bls.ethFastAggregateVerify),
});

runVectors("bls12-381", {
  aggregate(vector) {
    const { input, output } = dataOf<string[], string | null>(vector);
    assert.equal(
      orNull(() => bls.aggregateSignatures(input.map(bytes))),
      output,
    );
  },

  aggregate_verify(vector) {
    const { input, output } = dataOf<{ pubkeys: string[]; messages: string[]; signature: string }, boolean>(vector);
    const [keys, messages] = [input.pubkeys.map(bytes), input.messages.map(bytes)];
    const verify = (signature: Uint8Array) => bls.aggregateVerify(keys, messages, signature);
    assert.equal(isPoint(verify, bytes(input.signature), 96), output);
  },

  batch_verify(vector) {
    type Batch = { pubkeys: string[]; messages: string[]; signatures: string[] };
    const { input, output } = dataOf<Batch, boolean>(vector);
    const sets = input.pubkeys.map((pubkey, i) => ({
      table,
      indices: [],
      extraKeys: [bytes(pubkey)],
      message: bytes(input.messages[i]!),
      signature: bytes(input.signatures[i]!),
    }));
    assert.equal(bls.verifySets(sets), output);
    assert.equal(bls.findInvalidSets(sets).length === 0, output);
    assert.equal(
      sets.every((set) => bls.verifySet(set)),
      output,
    );
  },

  deserialization_G1(vector) {
    const { input, output } = dataOf<{ pubkey: string }, boolean>(vector);
    const point = bytes(input.pubkey);
    // Infinity is a point of the group but nobody's key.
    const isInfinity = hex(point) === `0xc0${"00".repeat(47)}`;
    assert.equal(isPoint(bls.keyValidate, point, 48), output && !isInfinity);
  },

  deserialization_G2(vector) {
    const { input, output } = dataOf<{ signature: string }, boolean>(vector);
    assert.equal(isPoint(bls.signatureValidate, bytes(input.signature), 96), output);
  },

  fast_aggregate_verify: fastAggregateVerify(bls.fastAggregateVerify),

  hash_to_G2(vector) {
    const { input, output } = dataOf<{ msg: string }, { x: string; y: string }>(vector);
    const point = bls.hashToG2(new TextEncoder().encode(input.msg), new TextEncoder().encode(HASH_DOMAIN));
    // The vectors write the real part first, serialization the imaginary one.
    const parts = [48, 0, 144, 96].map((at) => hex(point.subarray(at, at + 48)));
    assert.deepEqual(parts, [...output.x.split(","), ...output.y.split(",")]);
  },

  sign(vector) {
    const { input, output } = dataOf<{ privkey: string; message: string }, string | null>(vector);
    assert.equal(
      orNull(() => bls.SecretKey.fromBytes(bytes(input.privkey)).sign(bytes(input.message))),
      output,
    );
  },

  verify(vector) {
    const { input, output } = dataOf<{ pubkey: string; message: string; signature: string }, boolean>(vector);
    assert.equal(bls.verify(bytes(input.pubkey), bytes(input.message), bytes(input.signature)), output);
  },
});
