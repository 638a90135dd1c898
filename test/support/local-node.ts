/** A node in this process without network and execution client, with validators of its own. */
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LocalBeaconApi } from "../../src/api/local-api.ts";
import { SlotClock } from "../../src/base/clock.ts";
import { type Logger, silentLogger } from "../../src/base/log.ts";
import { genesisAnchor } from "../../src/chain/anchor.ts";
import { BatchingVerifier } from "../../src/chain/batching-verifier.ts";
import { Chain } from "../../src/chain/chain.ts";
import type { ChainOptions } from "../../src/chain/chain-parts.ts";
import { DataRecovery } from "../../src/chain/data-recovery.ts";
import type { ExecutionEngine } from "../../src/chain/engine/port.ts";
import { Inbox } from "../../src/chain/inbox.ts";
import { KzgCells } from "../../src/chain/kzg-cells.ts";
import { MessageRules } from "../../src/chain/message-rules.ts";
import { Pools } from "../../src/chain/pools/pools.ts";
import { Proposers } from "../../src/chain/proposers.ts";
import { type Publisher, Publishing } from "../../src/chain/publish.ts";
import { Arena } from "../../src/columns/arena.ts";
import { KeyTable } from "../../src/crypto/bls.ts";
import { Database } from "../../src/db/database.ts";
import { type ChainSpec, createChainSpec } from "../../src/spec/chain-spec.ts";
import { MINIMAL_CONFIG } from "../../src/spec/config.ts";
import { FORK_NAMES, type Fork } from "../../src/spec/fork.ts";
import { initializeInteropState } from "../../src/spec/interop.ts";
import { interopKeys, LocalSigner } from "../../src/validator/signer.ts";
import { ValidatorClient } from "../../src/validator/validator-client.ts";

export interface LocalNode {
  readonly chain: Chain;
  readonly api: LocalBeaconApi;
  readonly inbox: Inbox;
  readonly pools: Pools;
  readonly folder: string;
  stop(): Promise<void>;
}

/** The minimal preset with one fork from genesis, or forks at epochs of their own. */
export function devSpec(slotMs: number, forkEpochs: Partial<Record<keyof typeof Fork, number>>): ChainSpec {
  const config = {
    ...MINIMAL_CONFIG,
    CONFIG_NAME: "sim",
    SLOT_DURATION_MS: slotMs,
    SECONDS_PER_SLOT: Math.ceil(slotMs / 1000),
  };
  const epochs: Record<string, number> = {};
  for (const name of FORK_NAMES.slice(1))
    epochs[`${name.toUpperCase()}_FORK_EPOCH`] = forkEpochs[name] ?? Number.POSITIVE_INFINITY;
  return createChainSpec({ ...config, ...epochs, TERMINAL_TOTAL_DIFFICULTY: 0n } as typeof MINIMAL_CONFIG);
}

export function newFolder(): string {
  return mkdtempSync(join(tmpdir(), "cresset-sim-"));
}

/** Starts from what the folder holds, or from an interop genesis. */
export async function startNode(options: {
  spec: ChainSpec;
  folder: string;
  validators: number;
  /** Seconds since the Unix epoch. */
  genesisTime: number;
  fork: Fork;
  publisher?: Publisher;
  engine?: ExecutionEngine;
  /** The clock on the wall, unless told. */
  slotClock?: SlotClock;
  chainOptions?: Partial<ChainOptions>;
  log?: Logger;
}): Promise<LocalNode> {
  const { spec, folder, log = silentLogger } = options;
  const { SLOTS_PER_EPOCH: slotsPerEpoch } = spec.preset;
  const { SLOT_DURATION_MS: slotMs } = spec.config;
  const slotClock = options.slotClock ?? new SlotClock({ genesisTime: options.genesisTime, slotMs, slotsPerEpoch });
  const database = await Database.open(spec, join(folder, "db"));
  const stateOptions = { arena: new Arena(), keys: KeyTable.create() };
  const { validators: validatorCount, genesisTime, fork } = options;
  const genesis = initializeInteropState(spec, { ...stateOptions, validatorCount, genesisTime, fork } as never);
  const custodyColumns = Array.from({ length: spec.preset.NUMBER_OF_COLUMNS }, (_, index) => index);
  const chain = await Chain.start({
    ...{ spec, database, slotClock, log, stateOptions },
    anchor: genesisAnchor(genesis),
    options: { custodyColumns, ...options.chainOptions },
    ...(options.engine && { engine: options.engine }),
  });
  const pools = new Pools(spec);
  slotClock.onSlot((slot) => pools.onSlot(slot));
  const rules = new MessageRules({ chain, pools, verifier: new BatchingVerifier() });
  const kzgCells = new KzgCells();
  const proposers = new Proposers();
  const publisher = options.publisher ?? { publish: () => Promise.resolve() };
  const publishing = new Publishing({ chain, rules, kzgCells, publisher, log });
  const recovery = new DataRecovery({
    ...{ spec, database, availability: chain.availability, execution: options.engine, kzgCells, log },
    onColumns: (block, sidecars) => publishing.columns(block, sidecars),
  });
  chain.recoverData = (block) => recovery.fill(block);
  const api = new LocalBeaconApi({ chain, pools, proposers, kzgCells, publishing, graffiti: () => new Uint8Array(32) });
  const stop = async (): Promise<void> => {
    slotClock.stop();
    await chain.stop();
    await kzgCells.stop();
    await database.close();
  };
  return { chain, api, inbox: new Inbox({ chain, pools, log }), pools, folder, stop };
}

/** Interop validators [first, last] that work through a node. */
export function startValidators(
  node: LocalNode,
  first: number,
  last: number,
  log: Logger = silentLogger,
): Promise<ValidatorClient> {
  return ValidatorClient.start({
    spec: node.chain.spec,
    api: node.api,
    signer: new LocalSigner(interopKeys(first, last)),
    folder: join(node.folder, `validators-${first}`),
    feeRecipient: new Uint8Array(20),
    log,
  });
}
