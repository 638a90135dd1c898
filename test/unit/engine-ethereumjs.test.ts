/**
 * Real execution clients, driven as a beacon node would: ethereumjs, which is a dependency, and geth where the machine
 * has it (on the path, or named by CRESSET_GETH).
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { bytesEqual, fromHex } from "../../src/base/bytes.ts";
import { silentLogger } from "../../src/base/log.ts";
import { ExecutionEngines } from "../../src/chain/engine/engines.ts";
import { loadJwtSecret } from "../../src/chain/engine/jwt.ts";
import { DevnetTransactions, textBlob } from "../../src/cli/devnet-transactions.ts";
import {
  type EmbeddedExecution,
  type ExecutionKind,
  findGeth,
  knowsOsaka,
  startEmbeddedExecution,
} from "../../src/cli/embedded-execution.ts";
import { DEVNET_CHAIN_ID, executionGenesis, genesisPayloadHeader } from "../../src/cli/execution-genesis.ts";
import { devAccounts } from "../../src/cli/execution-keys.ts";
import { blobToKzgCommitment } from "../../src/crypto/kzg.ts";
import { getExecutionRequests } from "../../src/spec/block-production.ts";
import { type ChainSpec, createChainSpec } from "../../src/spec/chain-spec.ts";
import { type Config, MINIMAL_CONFIG } from "../../src/spec/config.ts";
import { FORK_NAMES, Fork } from "../../src/spec/fork.ts";
import { kzgCommitmentToVersionedHash } from "../../src/spec/misc.ts";
import { EngineDriver } from "../support/engine-driver.ts";

const TIMEOUT = { timeout: 120_000 };
const GETH = process.env.CRESSET_GETH ?? "geth";
const folder = mkdtempSync(join(tmpdir(), "cresset-execution-"));
after(() => rmSync(folder, { recursive: true, force: true }));

/** The minimal config with forks at these epochs; those left out stay at 0. */
function specWithForks(epochs: Partial<Record<string, number>> = {}): ChainSpec {
  const forks = FORK_NAMES.slice(1).map((name) => [`${name.toUpperCase()}_FORK_EPOCH`, epochs[name] ?? 0]);
  return createChainSpec({ ...MINIMAL_CONFIG, ...Object.fromEntries(forks) } as Config);
}

async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

interface Run {
  readonly client: EmbeddedExecution;
  readonly engines: ExecutionEngines;
  stop(): Promise<void>;
}

async function startClient(kind: ExecutionKind, spec: ChainSpec, genesisTime: number, dataDir: string): Promise<Run> {
  const [enginePort, rpcPort] = (await freePorts(2)) as [number, number];
  const genesis = executionGenesis(spec, { genesisTime, hasOsaka: knowsOsaka(kind) });
  const ports = { enginePort, rpcPort, gethPath: GETH };
  const client = await startEmbeddedExecution({ kind, dataDir, genesis, ...ports, log: silentLogger });
  const secrets = [loadJwtSecret(client.jwtSecretFile)];
  // A machine that tests is slow.
  const engines = new ExecutionEngines({
    spec,
    urls: [client.engineUrl],
    secrets,
    log: silentLogger,
    timeoutMultiplier: 8,
  });
  await engines.start();
  const stop = async () => {
    await engines.stop();
    await client.stop();
  };
  return { client, engines, stop };
}

function now(): number {
  return Math.floor(Date.now() / 1000);
}

for (const kind of ["ethereumjs", "geth"] as const) {
  const skip = kind === "geth" && !findGeth(GETH) ? "geth is not on the path" : false;
  const hasCellProofs = knowsOsaka(kind);

  test(`${kind} makes ten blocks of fulu with everything in them`, { ...TIMEOUT, skip }, async () => {
    const spec = specWithForks();
    const genesisTime = now() - 60;
    const run = await startClient(kind, spec, genesisTime, join(folder, `${kind}-ten`));
    try {
      const header = genesisPayloadHeader(spec, Fork.fulu, run.client.genesisBlock);
      assert.equal(header.timestamp, BigInt(genesisTime));
      const driver = new EngineDriver(run.engines, Fork.fulu, header.blockHash, header.timestamp);
      const { rpcUrl } = run.client;
      const send = new DevnetTransactions({ spec, rpcUrl, chainId: DEVNET_CHAIN_ID, hasCellProofs });
      const [a, b, c, d, e] = devAccounts(5) as [DevAccountOf, DevAccountOf, DevAccountOf, DevAccountOf, DevAccountOf];
      const [key, otherKey] = [new Uint8Array(48).fill(7), new Uint8Array(48).fill(8)];
      const sent: Uint8Array[] = [];
      const next = (withdrawals = false) =>
        driver.nextBlock({
          buildMs: 300,
          ...(withdrawals && { withdrawals: [{ index: 0, validatorIndex: 3, address: c.address, amount: 77n }] }),
        });

      assert.deepEqual((await next()).built.payload.transactions, []);
      sent.push(await send.transfer(a, b.address, 5n));
      assert.equal((await next()).built.payload.transactions.length, 1);

      const blobs = [textBlob("first"), textBlob("second")];
      sent.push(await send.sendBlobs(a, b.address, blobs));
      const hashes = blobs.map((blob) => kzgCommitmentToVersionedHash(blobToKzgCommitment(blob)));
      const known = await run.engines.getBlobs(hashes);
      assert.deepEqual(
        known!.map((entry) => [bytesEqual(entry!.blob, blobs[known!.indexOf(entry)]!), entry!.proofs.length]),
        blobs.map(() => [true, hasCellProofs ? 128 : 1]),
      );
      const withBlobs = (await next()).built.blobsBundle!;
      assert.equal(withBlobs.blobs.length, 2);
      assert.equal(withBlobs.proofKind, hasCellProofs ? "cell" : "blob");

      const deposit = {
        pubkey: key,
        withdrawalCredentials: new Uint8Array(32).fill(2),
        amount: 32_000_000_000n,
        signature: new Uint8Array(96).fill(3),
      };
      sent.push(await send.deposit(b, deposit));
      const { deposits } = getExecutionRequests(spec, (await next()).built.executionRequests!);
      assert.deepEqual(deposits, [{ ...deposit, index: 0n }]);

      sent.push(await send.requestWithdrawal(d, key, 0n), await send.requestConsolidation(e, key, otherKey));
      const requests = getExecutionRequests(spec, (await next()).built.executionRequests!);
      assert.deepEqual(requests.withdrawals, [{ sourceAddress: d.address, validatorPubkey: key, amount: 0n }]);
      assert.deepEqual(requests.consolidations, [
        { sourceAddress: e.address, sourcePubkey: key, targetPubkey: otherKey },
      ]);
      assert.equal((await next(true)).built.payload.withdrawals.length, 1);
      for (let i = 0; i < 4; i++) await next();
      const done = await Promise.all(sent.map((hash) => send.isDone(hash)));
      assert.deepEqual(
        done,
        sent.map(() => true),
      );
    } finally {
      await run.stop();
    }
    assert.equal(run.client.isRunning(), false);
  });

  test(`${kind} passes every fork from bellatrix to fulu`, { ...TIMEOUT, skip }, async () => {
    const spec = specWithForks({ bellatrix: 1, capella: 2, deneb: 3, electra: 4, fulu: 5 });
    const epochSeconds = (spec.preset.SLOTS_PER_EPOCH * spec.config.SLOT_DURATION_MS) / 1000;
    const genesisTime = now() - 7 * epochSeconds;
    const run = await startClient(kind, spec, genesisTime, join(folder, `${kind}-forks`));
    try {
      const genesisHash = fromHex(run.client.genesisBlock.hash as string);
      const driver = new EngineDriver(run.engines, Fork.bellatrix, genesisHash, BigInt(genesisTime));
      for (const fork of [Fork.bellatrix, Fork.capella, Fork.deneb, Fork.electra, Fork.fulu] as const) {
        const epoch = fork - Fork.bellatrix + 1;
        const timestamp = BigInt(genesisTime + epoch * epochSeconds);
        const first = await driver.nextBlock({ fork, timestamp });
        assert.equal(first.built.blobsBundle?.proofKind, bundleKind(fork, kind));
        await driver.nextBlock({ fork });
      }
    } finally {
      await run.stop();
    }
  });

  test(`${kind} goes on after a restart`, { ...TIMEOUT, skip }, async () => {
    const spec = specWithForks();
    const genesisTime = now() - 60;
    const dataDir = join(folder, `${kind}-restart`);
    const run = await startClient(kind, spec, genesisTime, dataDir);
    const genesisHash = fromHex(run.client.genesisBlock.hash as string);
    const driver = new EngineDriver(run.engines, Fork.fulu, genesisHash, BigInt(genesisTime));
    try {
      for (let i = 0; i < 3; i++) await driver.nextBlock();
    } finally {
      await run.stop();
    }
    const again = await startClient(kind, spec, genesisTime, dataDir);
    try {
      assert.deepEqual(again.client.genesisBlock.hash, run.client.genesisBlock.hash);
      const resumed = new EngineDriver(again.engines, Fork.fulu, driver.head, driver.timestamp);
      assert.equal((await resumed.nextBlock()).built.payload.blockNumber, 4n);
    } finally {
      await again.stop();
    }
  });
}

type DevAccountOf = ReturnType<typeof devAccounts>[number];

function bundleKind(fork: Fork, kind: ExecutionKind): string | undefined {
  if (fork < Fork.deneb) return undefined;
  return fork >= Fork.fulu && knowsOsaka(kind) ? "cell" : "blob";
}

test("a client that cannot start says why, with the end of its log", TIMEOUT, async () => {
  const spec = specWithForks();
  const genesis = { ...executionGenesis(spec, { genesisTime: now(), hasOsaka: false }), difficulty: undefined };
  const [enginePort, rpcPort] = (await freePorts(2)) as [number, number];
  const options = {
    kind: "ethereumjs",
    dataDir: join(folder, "broken"),
    enginePort,
    rpcPort,
    log: silentLogger,
  } as const;
  await assert.rejects(
    startEmbeddedExecution({ ...options, genesis, startTimeoutMs: 20_000 }),
    /ethereumjs did not start: .*ethereumjs\.log ends:\n.*difficulty/s,
  );
});
