import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { toHex } from "../../src/base/bytes.ts";
import { DecodeError } from "../../src/base/errors.ts";
import {
  readBlobs,
  readBuiltPayload,
  readForkchoiceAnswer,
  readPowBlock,
  readVerdict,
} from "../../src/chain/engine/answers.ts";
import { attributesToJson, payloadFromJson, payloadToJson, quantity } from "../../src/chain/engine/json.ts";
import { getBlobsMethod, getPayloadMethod, limitsOf, newPayloadMethod } from "../../src/chain/engine/methods.ts";
import { getExecutionRequestsList } from "../../src/chain/engine/requests.ts";
import { getExecutionRequests } from "../../src/spec/block-production.ts";
import { type ChainSpec, createChainSpec } from "../../src/spec/chain-spec.ts";
import { MAINNET_CONFIG, MINIMAL_CONFIG } from "../../src/spec/config.ts";
import type { ExecutionPayload } from "../../src/spec/containers.ts";
import { Fork, forkName } from "../../src/spec/fork.ts";

const minimal = createChainSpec(MINIMAL_CONFIG);
const mainnet = createChainSpec(MAINNET_CONFIG);
const PAYLOAD_FORKS = [Fork.bellatrix, Fork.capella, Fork.deneb, Fork.electra, Fork.fulu];

/** The same bytes for the same seed. */
class Random {
  #state: Buffer;
  constructor(seed: string) {
    this.#state = createHash("sha256").update(seed).digest();
  }
  bytes(length: number): Uint8Array {
    const out = new Uint8Array(length);
    for (let at = 0; at < length; at += 32) {
      this.#state = createHash("sha256").update(this.#state).digest();
      out.set(this.#state.subarray(0, Math.min(32, length - at)), at);
    }
    return out;
  }
  int(limit: number): number {
    return Buffer.from(this.bytes(4)).readUInt32LE() % limit;
  }
  uint64(): bigint {
    const widths = [0n, 1n, 7n, 32n, 53n, 64n];
    return BigInt(toHex(this.bytes(8))) & (2n ** widths[this.int(widths.length)]! - 1n);
  }
}

function randomPayload(spec: ChainSpec, fork: Fork, random: Random): ExecutionPayload {
  const payload: Partial<ExecutionPayload> = {
    parentHash: random.bytes(32),
    feeRecipient: random.bytes(20),
    stateRoot: random.bytes(32),
    receiptsRoot: random.bytes(32),
    logsBloom: random.bytes(256),
    prevRandao: random.bytes(32),
    blockNumber: random.uint64(),
    gasLimit: random.uint64(),
    gasUsed: random.uint64(),
    timestamp: random.uint64(),
    extraData: random.bytes(random.int(33)),
    baseFeePerGas: BigInt(toHex(random.bytes(1 + random.int(32)))),
    blockHash: random.bytes(32),
    transactions: Array.from({ length: random.int(4) }, () => random.bytes(random.int(300))),
  };
  if (fork >= Fork.capella) {
    payload.withdrawals = Array.from({ length: random.int(spec.preset.MAX_WITHDRAWALS_PER_PAYLOAD + 1) }, () => ({
      index: random.int(2 ** 31),
      validatorIndex: random.int(2 ** 31),
      address: random.bytes(20),
      amount: random.uint64(),
    }));
  }
  if (fork >= Fork.deneb) Object.assign(payload, { blobGasUsed: random.uint64(), excessBlobGas: random.uint64() });
  return payload as ExecutionPayload;
}

for (const spec of [minimal, mainnet]) {
  for (const fork of PAYLOAD_FORKS) {
    test(`random payloads of ${forkName(fork)} survive JSON, ${spec.preset.PRESET_BASE}`, () => {
      const type = (spec.types[forkName(fork)] as ChainSpec["types"]["fulu"]).ExecutionPayload;
      for (let i = 0; i < 50; i++) {
        const payload = randomPayload(spec, fork, new Random(`${fork} ${i}`));
        const text = JSON.stringify(payloadToJson(fork, payload));
        const back = payloadFromJson(spec, fork, JSON.parse(text));
        assert.deepEqual(back, payload);
        assert.deepEqual(type.hashTreeRoot(back), type.hashTreeRoot(payload));
      }
    });
  }
}

test("a payload has exactly the fields of its fork", () => {
  const counts = PAYLOAD_FORKS.map((fork) => {
    const payload = randomPayload(minimal, fork, new Random("fields"));
    return Object.keys(payloadToJson(fork, payload)).length;
  });
  assert.deepEqual(counts, [14, 15, 17, 17, 17]);
});

test("quantities are the shortest hexadecimal; infinity is the largest uint64", () => {
  assert.deepEqual([0n, 1n, 255, 2n ** 64n - 1n].map(quantity), ["0x0", "0x1", "0xff", `0x${"f".repeat(16)}`]);
  assert.equal(quantity(Number.POSITIVE_INFINITY), `0x${"f".repeat(16)}`);
});

/** A good payload of fulu with one field replaced. */
function withField(name: string, value: unknown): unknown {
  const json = payloadToJson(Fork.fulu, randomPayload(minimal, Fork.fulu, new Random("bad")));
  return { ...json, [name]: value };
}

test("each wrong field of a payload is named", () => {
  const withdrawal = { index: "0x1", validatorIndex: "0x1", address: `0x${"00".repeat(20)}`, amount: "0x1" };
  const wrong: [name: string, value: unknown, path: string][] = [
    ["parentHash", "0x00", "executionPayload.parentHash"],
    ["feeRecipient", undefined, "executionPayload.feeRecipient"],
    ["logsBloom", `0x${"zz".repeat(256)}`, "executionPayload.logsBloom"],
    ["prevRandao", 7, "executionPayload.prevRandao"],
    ["stateRoot", `0x${"00".repeat(33)}`, "executionPayload.stateRoot"],
    ["blockNumber", 12, "executionPayload.blockNumber"],
    ["gasUsed", "12", "executionPayload.gasUsed"],
    ["gasLimit", "0x10000000000000000", "executionPayload.gasLimit"],
    ["timestamp", "0x", "executionPayload.timestamp"],
    ["baseFeePerGas", `0x1${"0".repeat(64)}`, "executionPayload.baseFeePerGas"],
    ["extraData", `0x${"00".repeat(33)}`, "executionPayload.extraData"],
    ["extraData", "0x0", "executionPayload.extraData"],
    ["transactions", "0x", "executionPayload.transactions"],
    ["transactions", ["0x00", null], "executionPayload.transactions[1]"],
    ["withdrawals", Array(5).fill(withdrawal), "executionPayload.withdrawals"],
    ["withdrawals", [{ ...withdrawal, address: "0x" }], "executionPayload.withdrawals[0].address"],
    ["withdrawals", [{ ...withdrawal, index: "0x20000000000000" }], "executionPayload.withdrawals[0].index"],
    ["excessBlobGas", null, "executionPayload.excessBlobGas"],
  ];
  for (const [name, value, path] of wrong) {
    assert.throws(
      () => payloadFromJson(minimal, Fork.fulu, withField(name, value)),
      (error) => error instanceof DecodeError && error.path === path,
      `${name} = ${JSON.stringify(value)?.slice(0, 50)}`,
    );
  }
  for (const value of [null, [], "0x", 5]) {
    assert.throws(() => payloadFromJson(minimal, Fork.fulu, value), DecodeError);
  }
});

test("attributes have the fields of their fork, and a missing one is the caller's mistake", () => {
  const attributes = {
    timestamp: 16,
    prevRandao: new Uint8Array(32).fill(1),
    suggestedFeeRecipient: new Uint8Array(20).fill(2),
    withdrawals: [],
    parentBeaconBlockRoot: new Uint8Array(32).fill(3),
  };
  const keys = [Fork.bellatrix, Fork.capella, Fork.fulu].map((fork) =>
    Object.keys(attributesToJson(fork, attributes) as object),
  );
  assert.deepEqual(
    keys.map((list) => list.length),
    [3, 4, 5],
  );
  const { parentBeaconBlockRoot: _, ...partial } = attributes;
  assert.throws(() => attributesToJson(Fork.deneb, partial), /parentBeaconBlockRoot is missing/);
});

test("verdicts are read, and strange ones refused", () => {
  const hash = `0x${"ab".repeat(32)}`;
  const invalid = { status: "INVALID", latestValidHash: hash, validationError: "x".repeat(5000) };
  const verdict = readVerdict(invalid);
  assert.equal(verdict.status, "invalid");
  assert.equal(toHex(verdict.latestValidHash!), hash);
  assert.equal(verdict.error!.length, 1000);
  assert.deepEqual(readVerdict({ status: "SYNCING", latestValidHash: null, validationError: null }), {
    status: "syncing",
  });
  for (const status of ["valid", "", 5, "toString", "__proto__", undefined]) {
    assert.throws(() => readVerdict({ status }), DecodeError);
  }
  assert.throws(() => readVerdict({ status: "VALID", latestValidHash: "0x00" }), /latestValidHash/);
  assert.throws(() => readForkchoiceAnswer({ payloadStatus: { status: "ACCEPTED" } }), DecodeError);
  assert.throws(() => readForkchoiceAnswer({ payloadStatus: { status: "VALID" }, payloadId: "0x01" }), /payloadId/);
});

const blobHex = `0x${"00".repeat(131_072)}`;
const pointHex = `0x${"c0".padEnd(96, "0")}`;

function builtJson(changes: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    executionPayload: payloadToJson(Fork.fulu, randomPayload(minimal, Fork.fulu, new Random("built"))),
    blockValue: "0x2a",
    blobsBundle: { commitments: [pointHex], proofs: Array(128).fill(pointHex), blobs: [blobHex] },
    executionRequests: ["0x0001", "0x0102"],
    shouldOverrideBuilder: true,
    ...changes,
  };
}

test("a built payload is read with its blobs, by the version that was asked", () => {
  const built = readBuiltPayload(minimal, Fork.fulu, "engine_getPayloadV5", builtJson());
  assert.equal(built.value, 42n);
  assert.equal(built.shouldOverrideBuilder, true);
  assert.equal(built.blobsBundle!.proofKind, "cell");
  assert.equal(built.blobsBundle!.proofs.length, 128);
  assert.deepEqual(built.executionRequests!.map(toHex), ["0x0001", "0x0102"]);
  const blobsBundle = { commitments: [pointHex], proofs: [pointHex], blobs: [blobHex] };
  const old = readBuiltPayload(minimal, Fork.fulu, "engine_getPayloadV4", builtJson({ blobsBundle }));
  assert.equal(old.blobsBundle!.proofKind, "blob");
});

test("each wrong part of a built payload is named", () => {
  const bundle = { commitments: [pointHex], proofs: Array(128).fill(pointHex), blobs: [blobHex] };
  const wrong: [Record<string, unknown>, string][] = [
    [{ blockValue: undefined }, "blockValue"],
    [{ blobsBundle: undefined }, "blobsBundle"],
    [{ blobsBundle: { ...bundle, blobs: [] } }, "blobsBundle.blobs"],
    [{ blobsBundle: { ...bundle, blobs: ["0x00"] } }, "blobsBundle.blobs[0]"],
    [{ blobsBundle: { ...bundle, proofs: [pointHex] } }, "blobsBundle.proofs"],
    [{ blobsBundle: { ...bundle, commitments: ["0x"] } }, "blobsBundle.commitments[0]"],
    [{ executionRequests: ["0x00"] }, "executionRequests[0]"],
    [{ executionRequests: ["0x0101", "0x0002"] }, "executionRequests[1]"],
    [{ executionRequests: null }, "executionRequests"],
  ];
  for (const [changes, path] of wrong) {
    assert.throws(
      () => readBuiltPayload(minimal, Fork.fulu, "engine_getPayloadV5", builtJson(changes)),
      (error) => error instanceof DecodeError && error.path === path,
      path,
    );
  }
});

test("blobs are as many as were asked for, null where the engine has none", () => {
  const one = { blob: blobHex, proof: pointHex };
  const blobs = readBlobs(minimal, "engine_getBlobsV1", 2, [null, one]);
  assert.equal(blobs[0], null);
  assert.equal(blobs[1]!.proofs.length, 1);
  assert.deepEqual(readBlobs(minimal, "engine_getBlobsV2", 2, null), [null, null]);
  assert.throws(() => readBlobs(minimal, "engine_getBlobsV1", 2, [one]), /1 items instead of 2/);
  assert.throws(() => readBlobs(minimal, "engine_getBlobsV1", 1, [one, one]), /2 items where at most 1/);
  assert.throws(() => readBlobs(minimal, "engine_getBlobsV2", 1, [{ blob: blobHex, proofs: [pointHex] }]), /proofs/);
});

test("a proof-of-work block must be the one that was asked for", () => {
  const hash = new Uint8Array(32).fill(5);
  const block = { hash: toHex(hash), parentHash: `0x${"06".repeat(32)}`, totalDifficulty: "0x100" };
  assert.equal(readPowBlock(block, hash)!.totalDifficulty, 256n);
  assert.equal(readPowBlock(null, hash), undefined);
  assert.throws(() => readPowBlock(block, new Uint8Array(32)), /another block/);
});

test("requests become the list that the engine wants and come back", () => {
  const { electra } = minimal.types;
  const requests = {
    deposits: [{ ...electra.DepositRequest.defaultValue(), amount: 2n ** 63n }],
    withdrawals: [],
    consolidations: [electra.ConsolidationRequest.defaultValue()],
  };
  const list = getExecutionRequestsList(minimal, requests);
  assert.deepEqual(
    list.map((bytes) => [bytes[0], bytes.length]),
    [
      [0, 193],
      [2, 117],
    ],
  );
  assert.deepEqual(getExecutionRequests(minimal, list), requests);
});

test("methods follow the fork, and what the engine lists", () => {
  assert.deepEqual(
    PAYLOAD_FORKS.map((fork) => newPayloadMethod(fork).at(-1)),
    ["1", "2", "3", "4", "4"],
  );
  const prague = new Set(["engine_getPayloadV4", "engine_getBlobsV1"]);
  const osaka = new Set([...prague, "engine_getPayloadV5", "engine_getBlobsV2"]);
  assert.equal(getPayloadMethod(Fork.fulu, prague), "engine_getPayloadV4");
  assert.equal(getPayloadMethod(Fork.fulu, osaka), "engine_getPayloadV5");
  assert.equal(getPayloadMethod(Fork.electra, osaka), "engine_getPayloadV4");
  assert.equal(getBlobsMethod(Fork.fulu, prague), "engine_getBlobsV1");
  assert.equal(getBlobsMethod(Fork.fulu, osaka), "engine_getBlobsV2");
  assert.equal(getBlobsMethod(Fork.deneb, osaka), "engine_getBlobsV1");
  assert.equal(getBlobsMethod(Fork.fulu, new Set()), undefined);
  assert.equal(limitsOf("engine_newPayloadV4").timeoutMs, 8000);
  assert.equal(limitsOf("engine_getPayloadV5").timeoutMs, 1000);
});
