import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { bytesEqual, toHex, ZERO_BYTES32 } from "../../src/base/bytes.ts";
import { EngineError, UsageError } from "../../src/base/errors.ts";
import { silentLogger } from "../../src/base/log.ts";
import { ExecutionEngines, type ExecutionEnginesOptions } from "../../src/chain/engine/engines.ts";
import type { EngineChange, ForkchoiceState, PayloadVerdict } from "../../src/chain/engine/port.ts";
import { textBlob } from "../../src/cli/devnet-transactions.ts";
import { createChainSpec } from "../../src/spec/chain-spec.ts";
import { MINIMAL_CONFIG } from "../../src/spec/config.ts";
import { Fork, forkName } from "../../src/spec/fork.ts";
import { EngineDriver } from "../support/engine-driver.ts";
import { type EngineFault, EngineStub, type EngineStubOptions } from "../support/engine-stub.ts";

const spec = createChainSpec(MINIMAL_CONFIG);
const SECRET = new Uint8Array(32).fill(0x42);
/** A tenth of a second for the methods that have one, 0.8 s for the others. */
const TIMEOUT_MULTIPLIER = 0.1;

const running: { stop(): Promise<void> }[] = [];
afterEach(async () => {
  for (const part of running.splice(0).reverse()) await part.stop();
});

async function startStub(options: Partial<EngineStubOptions> = {}): Promise<EngineStub> {
  const stub = await EngineStub.start({ spec, secret: SECRET, ...options });
  running.push(stub);
  return stub;
}

async function startEngines(
  urls: readonly string[],
  options: Partial<ExecutionEnginesOptions> = {},
): Promise<ExecutionEngines> {
  const base = { spec, urls, secrets: [SECRET], log: silentLogger, timeoutMultiplier: TIMEOUT_MULTIPLIER };
  const engines = new ExecutionEngines({ ...base, ...options });
  running.push(engines);
  await engines.start();
  return engines;
}

function driverOf(engines: ExecutionEngines, stub: EngineStub, fork: Fork = Fork.fulu): EngineDriver {
  return new EngineDriver(engines, fork, stub.chain.genesisHash, 1_700_000_000n);
}

function headAt(headBlockHash: Uint8Array): ForkchoiceState {
  return { headBlockHash, safeBlockHash: ZERO_BYTES32, finalizedBlockHash: ZERO_BYTES32 };
}

function causeOf(verdict: PayloadVerdict): EngineError {
  assert.equal(verdict.status, "unavailable");
  const { cause } = verdict as Extract<PayloadVerdict, { status: "unavailable" }>;
  assert.ok(cause instanceof EngineError, String(cause));
  return cause;
}

async function until(condition: () => boolean, what: string): Promise<void> {
  const deadline = Date.now() + 5000;
  while (!condition()) {
    assert.ok(Date.now() < deadline, `not within 5 s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

for (const fork of [Fork.bellatrix, Fork.capella, Fork.deneb, Fork.electra, Fork.fulu] as const) {
  test(`an engine builds, judges and follows blocks of ${forkName(fork)}`, async () => {
    const stub = await startStub({ fork });
    const engines = await startEngines([stub.url], { timeoutMultiplier: 2 });
    const driver = driverOf(engines, stub, fork);
    if (fork >= Fork.electra) stub.chain.nextRequests = [Uint8Array.of(1, 2, 3)];
    if (fork >= Fork.deneb) stub.chain.addBlob(textBlob("a blob"));
    const { built } = await driver.nextBlock();
    assert.equal(built.blobsBundle?.blobs.length, fork >= Fork.deneb ? 1 : undefined);
    assert.equal(built.blobsBundle?.proofs.length, fork >= Fork.fulu ? 128 : fork >= Fork.deneb ? 1 : undefined);
    assert.equal(built.executionRequests?.length, fork >= Fork.electra ? 1 : undefined);
    assert.equal(built.value, fork >= Fork.capella ? 1_000_000_007n : 0n);
    await driver.nextBlock();
    assert.ok(bytesEqual(stub.chain.head, driver.head));
    assert.equal(engines.state(), "synced");
  });
}

test("an engine that ends at prague gives blob proofs for fulu", async () => {
  const methods = ["newPayloadV4", "forkchoiceUpdatedV3", "getPayloadV4", "getBlobsV1"].map((name) => `engine_${name}`);
  const stub = await startStub({ methods });
  const engines = await startEngines([stub.url]);
  const { versionedHash } = stub.chain.addBlob(textBlob("a blob"));
  const { built } = await driverOf(engines, stub).nextBlock();
  assert.equal(built.blobsBundle!.proofKind, "blob");
  assert.equal(built.blobsBundle!.proofs.length, 1);
  const blobs = await engines.getBlobs([versionedHash, new Uint8Array(32)]);
  assert.equal(blobs![0]!.proofs.length, 1);
  assert.equal(blobs![1], null);
});

test("who it is is known", async () => {
  const stub = await startStub();
  const engines = await startEngines([stub.url]);
  assert.deepEqual(engines.clientVersions(), [{ code: "ST", name: "stand-in", version: "1", commit: "0x00000000" }]);
  const { url, state, isPrimary } = engines.status()[0]!;
  assert.deepEqual({ url, state, isPrimary }, { url: stub.url, state: "synced", isPrimary: true });
});

test("a wrong secret is told apart from an engine that is off", async () => {
  const stub = await startStub();
  const engines = await startEngines([stub.url], { secrets: [new Uint8Array(32)] });
  assert.equal(engines.state(), "auth-failed");
  const cause = causeOf(await engines.forkchoiceUpdated(headAt(stub.chain.genesisHash), Fork.fulu));
  assert.equal(cause.code, "ENGINE_AUTH");
  assert.match(cause.message, /same JWT secret, and their clocks must agree within 60 seconds/);
});

test("a clock that is wrong by minutes is refused, and accepted again when it is right", async () => {
  const stub = await startStub();
  let offset = 120_000;
  const engines = await startEngines([stub.url], { nowMs: () => Date.now() + offset });
  assert.equal(engines.state(), "auth-failed");
  offset = 0;
  const verdict = await engines.forkchoiceUpdated(headAt(stub.chain.genesisHash), Fork.fulu);
  assert.equal(verdict.status, "valid");
});

test("no engine at all is unavailable, and said to be offline", async () => {
  const engines = await startEngines(["http://127.0.0.1:1"]);
  assert.equal(engines.state(), "offline");
  const cause = causeOf(await engines.forkchoiceUpdated(headAt(ZERO_BYTES32), Fork.fulu));
  assert.equal(cause.code, "ENGINE_OFFLINE");
  assert.match(cause.message, /127\.0\.0\.1:1 cannot be reached: ECONNREFUSED/);
  assert.equal(await engines.getBlobs([ZERO_BYTES32]), undefined);
  assert.equal(await engines.getPowBlock(ZERO_BYTES32), undefined);
});

test("an engine that hangs is unavailable after the time limit", async () => {
  const stub = await startStub();
  const engines = await startEngines([stub.url]);
  stub.fault = () => ({ kind: "hang" });
  const start = Date.now();
  const cause = causeOf(await engines.forkchoiceUpdated(headAt(stub.chain.genesisHash), Fork.fulu));
  assert.equal(cause.code, "ENGINE_TIMEOUT");
  assert.match(cause.message, /did not answer engine_forkchoiceUpdatedV3 within 800 ms/);
  assert.ok(Date.now() - start < 3000);
  assert.equal(engines.state(), "offline");
});

test("a late answer within the limit counts", async () => {
  const stub = await startStub();
  const engines = await startEngines([stub.url]);
  stub.fault = () => ({ kind: "late", ms: 300 });
  const verdict = await engines.forkchoiceUpdated(headAt(stub.chain.genesisHash), Fork.fulu);
  assert.equal(verdict.status, "valid");
});

test("a payload that comes late is asked for a second time", async () => {
  const stub = await startStub();
  const engines = await startEngines([stub.url]);
  stub.fault = (method) =>
    method.startsWith("engine_getPayload") && stub.count("engine_getPayload") === 1 ? { kind: "hang" } : undefined;
  await driverOf(engines, stub).nextBlock();
  assert.equal(stub.count("engine_getPayload"), 2);
});

const nonsense: Record<string, EngineFault> = {
  "no JSON": { kind: "text", text: "<html>busy</html>" },
  "half an answer": { kind: "text", text: '{"jsonrpc":"2.0","id":' },
  null: { kind: "text", text: "null" },
  "the answer to another question": { kind: "text", text: '{"jsonrpc":"2.0","id":-1,"result":{}}' },
  nothing: { kind: "text", text: "" },
  "too many bytes": { kind: "bytes", count: 100_000 },
  "a status of the server": { kind: "status", code: 502 },
  "an unknown verdict": { kind: "result", value: { payloadStatus: { status: "PERHAPS" }, payloadId: null } },
  "a verdict of the wrong shape": { kind: "result", value: [[[]]] },
  "a hash of the wrong length": {
    kind: "result",
    value: { payloadStatus: { status: "INVALID", latestValidHash: "0xab" }, payloadId: null },
  },
};

for (const [name, fault] of Object.entries(nonsense)) {
  test(`${name} is no verdict, and the engine is used again`, async () => {
    const stub = await startStub();
    const engines = await startEngines([stub.url]);
    stub.fault = () => fault;
    const head = headAt(stub.chain.genesisHash);
    assert.equal(causeOf(await engines.forkchoiceUpdated(head, Fork.fulu)).code, "ENGINE_ANSWER");
    stub.fault = undefined;
    assert.equal((await engines.forkchoiceUpdated(head, Fork.fulu)).status, "valid");
  });
}

test("an error of the engine carries its words", async () => {
  const stub = await startStub();
  const engines = await startEngines([stub.url]);
  stub.fault = () => ({ kind: "error", code: -38_002, message: "Invalid forkchoice state" });
  const cause = causeOf(await engines.forkchoiceUpdated(headAt(stub.chain.genesisHash), Fork.fulu));
  assert.equal(cause.code, "ENGINE_RPC");
  assert.equal(cause.rpcCode, -38_002);
  assert.match(cause.message, /Invalid forkchoice state/);
});

test("an ancestor that turns out invalid is reported with the latest valid hash", async () => {
  const stub = await startStub();
  const engines = await startEngines([stub.url]);
  const driver = driverOf(engines, stub);
  const first = await driver.nextBlock();
  const second = await driver.nextBlock();
  await driver.nextBlock();
  stub.chain.invalidate(second.built.payload.blockHash, first.built.payload.blockHash);
  const verdict = await engines.forkchoiceUpdated(headAt(driver.head), Fork.fulu);
  assert.equal(verdict.status, "invalid");
  const { latestValidHash } = verdict as { latestValidHash: Uint8Array };
  assert.equal(toHex(latestValidHash), toHex(first.built.payload.blockHash));
});

test("an engine that lies, VALID and then INVALID, is passed on as it speaks", async () => {
  const stub = await startStub();
  const engines = await startEngines([stub.url]);
  const driver = driverOf(engines, stub);
  const { built, verdict } = await driver.nextBlock();
  assert.equal(verdict.status, "valid");
  stub.chain.invalidate(built.payload.blockHash, stub.chain.genesisHash);
  assert.equal((await engines.forkchoiceUpdated(headAt(driver.head), Fork.fulu)).status, "invalid");
});

test("a payload whose hash is wrong is invalid", async () => {
  const stub = await startStub();
  const engines = await startEngines([stub.url]);
  const { built } = await driverOf(engines, stub).nextBlock();
  const verdict = await engines.notifyNewPayload({
    fork: Fork.fulu,
    payload: { ...built.payload, gasUsed: 5n },
    versionedHashes: [],
    parentBeaconBlockRoot: ZERO_BYTES32,
    executionRequests: [],
  });
  assert.equal(verdict.status, "invalid");
});

test("an engine that syncs for a while is syncing, then synced", async () => {
  const stub = await startStub();
  const engines = await startEngines([stub.url]);
  const states: string[] = [];
  engines.onChange(({ to }) => states.push(to));
  stub.syncingAnswers = 2;
  const head = headAt(stub.chain.genesisHash);
  const statuses: string[] = [];
  for (let i = 0; i < 3; i++) statuses.push((await engines.forkchoiceUpdated(head, Fork.fulu)).status);
  assert.deepEqual(statuses, ["syncing", "syncing", "valid"]);
  assert.deepEqual(states, ["syncing", "synced"]);
});

test("an engine that was away is found again, and its return is told once", async () => {
  const stub = await startStub();
  const engines = await startEngines([stub.url]);
  const changes: EngineChange[] = [];
  engines.onChange((change) => changes.push(change));
  const { port } = stub;
  await stub.stop();
  causeOf(await engines.forkchoiceUpdated(headAt(stub.chain.genesisHash), Fork.fulu));
  assert.equal(engines.state(), "offline");
  await startStub({ port });
  await until(() => engines.state() === "synced", "the engine is found again");
  assert.deepEqual(
    changes.map(({ to, isOnlineAgain }) => [to, isOnlineAgain]),
    [
      ["offline", false],
      ["synced", true],
    ],
  );
});

test("a connection closed while it was idle costs no answer", async () => {
  const stub = await startStub();
  const engines = await startEngines([stub.url]);
  let closings = 0;
  stub.fault = () => (closings++ === 0 ? { kind: "close" } : undefined);
  const verdict = await engines.forkchoiceUpdated(headAt(stub.chain.genesisHash), Fork.fulu);
  assert.equal(verdict.status, "valid");
  assert.equal(closings, 2);
});

test("when the primary fails, the next answers in the same request, and knows the chain", async () => {
  const [first, second] = [await startStub(), await startStub()];
  const engines = await startEngines([first.url, second.url]);
  const driver = driverOf(engines, first);
  await driver.nextBlock();
  await until(() => bytesEqual(second.chain.head, driver.head), "the standby follows");
  assert.equal(engines.status()[0]!.isPrimary, true);
  await first.stop();
  await driver.nextBlock();
  assert.ok(bytesEqual(second.chain.head, driver.head));
  assert.deepEqual(
    engines.status().map(({ state, isPrimary }) => [state, isPrimary]),
    [
      ["offline", false],
      ["synced", true],
    ],
  );
});

test("a payload is had from the standby when the primary dies while it builds", async () => {
  const [first, second] = [await startStub(), await startStub()];
  const engines = await startEngines([first.url, second.url]);
  const started = await engines.forkchoiceUpdated(headAt(first.chain.genesisHash), Fork.fulu, {
    timestamp: 1_700_000_006,
    prevRandao: ZERO_BYTES32,
    suggestedFeeRecipient: new Uint8Array(20),
    withdrawals: [],
    parentBeaconBlockRoot: ZERO_BYTES32,
  });
  assert.ok("payloadId" in started && started.payloadId !== undefined);
  await until(() => second.chain.building.size === 1, "the standby builds too");
  await first.stop();
  const built = await engines.getPayload(Fork.fulu, started.payloadId);
  assert.equal(built.payload.timestamp, 1_700_000_006n);
});

test("an engine that hangs does not take the block with it when there is another", async () => {
  const [first, second] = [await startStub(), await startStub()];
  const engines = await startEngines([first.url, second.url]);
  first.fault = () => ({ kind: "hang" });
  const verdict = await engines.forkchoiceUpdated(headAt(first.chain.genesisHash), Fork.fulu);
  assert.equal(verdict.status, "valid");
  assert.equal(second.count("engine_forkchoiceUpdated") > 0, true);
});

test("where two engines disagree, the first is believed", async () => {
  const [first, second] = [await startStub(), await startStub()];
  const errors: string[] = [];
  const log = Object.assign(Object.create(silentLogger), {
    child: () => log,
    error: (_: object, text: string) => void errors.push(text),
  });
  const engines = await startEngines([first.url, second.url], { log });
  second.fault = (method) => {
    const payloadStatus = { status: "INVALID", latestValidHash: null, validationError: "no" };
    return method.startsWith("engine_forkchoiceUpdated") ? { kind: "result", value: { payloadStatus } } : undefined;
  };
  const verdict = await engines.forkchoiceUpdated(headAt(first.chain.genesisHash), Fork.fulu);
  assert.equal(verdict.status, "valid");
  await until(() => errors.length > 0, "the disagreement is logged");
  assert.match(errors[0]!, /disagree/);
});

test("stopping ends what is under way", async () => {
  const stub = await startStub();
  const engines = await startEngines([stub.url]);
  stub.fault = () => ({ kind: "hang" });
  const asked = engines.forkchoiceUpdated(headAt(stub.chain.genesisHash), Fork.fulu);
  await until(() => stub.count("engine_forkchoiceUpdated") === 1, "the question is out");
  await engines.stop();
  assert.equal(causeOf(await asked).code, "ENGINE_OFFLINE");
});

test("a payload that nobody builds cannot be had", async () => {
  const stub = await startStub();
  const engines = await startEngines([stub.url]);
  await assert.rejects(engines.getPayload(Fork.fulu, "0x0000000000000001"), /no execution client builds payload/);
});

test("addresses and secrets that cannot be are refused at once", () => {
  const make = (urls: string[], secrets: Uint8Array[] = [SECRET]) =>
    new ExecutionEngines({ spec, urls, secrets, log: silentLogger });
  assert.throws(() => make([]), UsageError);
  assert.throws(() => make(["ws://127.0.0.1:8551"]), /like http:\/\/127\.0\.0\.1:8551/);
  assert.throws(() => make(["localhost:8551"]), UsageError);
  assert.throws(() => make(["http://a", "http://b", "http://c"], [SECRET, SECRET]), /2 JWT secrets for 3/);
});
