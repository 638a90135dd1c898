/** A beacon node, put together: read from top to bottom, it starts in this order and stops in the reverse one. */
import { join } from "node:path";
import { LocalBeaconApi } from "../api/local-api.ts";
import { type Clock, SlotClock, systemClock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import { genesisAnchor } from "../chain/anchor.ts";
import { BatchingVerifier } from "../chain/batching-verifier.ts";
import { Chain } from "../chain/chain.ts";
import { ColumnVerifier } from "../chain/column-verifier.ts";
import { DataRecovery } from "../chain/data-recovery.ts";
import { ExecutionEngines } from "../chain/engine/engines.ts";
import { Inbox } from "../chain/inbox.ts";
import { KzgCells } from "../chain/kzg-cells.ts";
import { MessageRules } from "../chain/message-rules.ts";
import { Pools } from "../chain/pools/pools.ts";
import { prepareProposals } from "../chain/prepare-proposals.ts";
import { Proposers } from "../chain/proposers.ts";
import { Publishing } from "../chain/publish.ts";
import { Arena } from "../columns/arena.ts";
import { KeyTable } from "../crypto/bls.ts";
import { Database } from "../db/database.ts";
import { Libp2pNetwork } from "../network/libp2p-network.ts";
import type { ChainSpec } from "../spec/chain-spec.ts";
import { forkAtEpoch } from "../spec/config.ts";
import type { ForkDigests } from "../spec/gossip/topic.ts";
import { BeaconState } from "../spec/state.ts";
import { StatusFeed } from "../status/feed.ts";
import { PageServer } from "../status/page-server.ts";
import { serveRequest } from "../sync/serve.ts";
import { isRelevantStatus, localStatus } from "../sync/status.ts";
import { Sync } from "../sync/sync.ts";
import { interopKeys, LocalSigner } from "../validator/signer.ts";
import { ValidatorClient } from "../validator/validator-client.ts";
import type { NodeFaults } from "./node-faults.ts";
import { version } from "./version.ts";

export interface NodeOptions {
  readonly spec: ChainSpec;
  readonly dataDir: string;
  /** SSZ of a genesis state; not read when the database holds a chain. */
  readonly genesis: () => Uint8Array;
  /** Seconds since the Unix epoch. */
  readonly genesisTime: number;
  /** Engine API endpoints; none at all for a network without execution clients. */
  readonly executionUrls: readonly string[];
  readonly jwtSecret?: Uint8Array;
  readonly listen: readonly string[];
  readonly peers: readonly string[];
  /** Interop keys of validators that run in this process, first and last. */
  readonly interopValidators?: readonly [number, number];
  readonly feeRecipient: Uint8Array;
  readonly graffiti: Uint8Array;
  /** Where the status page is served; absent for none. */
  readonly statusPage?: { readonly port: number; readonly address: string };
  /** How far this node's clock is ahead; for test networks. */
  readonly clockOffsetMs?: number;
  /** What goes wrong on purpose; for test networks. */
  readonly faults?: NodeFaults;
  readonly log: Logger;
}

export interface RunningNode {
  readonly chain: Chain;
  readonly network: Libp2pNetwork;
  readonly sync: Sync;
  readonly validators: ValidatorClient | undefined;
  stop(): Promise<void>;
}

const TARGET_PEERS = 32;

export async function startNode(options: NodeOptions): Promise<RunningNode> {
  const { spec, dataDir, log } = options;
  const slotClock = new SlotClock({
    clock: clockOf(options),
    genesisTime: options.genesisTime,
    slotMs: spec.config.SLOT_DURATION_MS,
    slotsPerEpoch: spec.preset.SLOTS_PER_EPOCH,
  });
  const database = await Database.open(spec, join(dataDir, "chain"));
  const engine = createEngine(options);
  await engine?.start();
  const chain = await startChain(options, database, slotClock, engine);
  const pools = new Pools(spec);
  slotClock.onSlot((slot) => pools.onSlot(slot));
  const verifier = new BatchingVerifier();
  const rules = new MessageRules({ chain, pools, verifier });
  const kzgCells = new KzgCells();
  kzgCells.warmUp().catch((error: Error) => log.error({ err: error }, "proofs of blobs cannot be checked"));
  const inbox = new Inbox({ chain, pools, log, verifier, columns: new ColumnVerifier(kzgCells) });
  const proposers = new Proposers({ defaultFeeRecipient: options.feeRecipient });
  prepareProposals({ chain, proposers });

  const { network, sync } = createNetwork(options, { chain, slotClock, inbox, kzgCells });
  await network.start();
  if (options.faults) options.faults.onRefusedPeers = (peers) => network.refusePeers(peers);
  sync.start();
  chain.isSyncing = () => sync.progress().state !== "synced";

  const publishing = new Publishing({
    chain,
    rules,
    kzgCells,
    publisher: network,
    log: log.child({ part: "publish" }),
  });
  const recovery = new DataRecovery({
    ...{ spec, database, availability: chain.availability, execution: engine, kzgCells, log: chain.log },
    onColumns: (block, sidecars) => publishing.columns(block, sidecars),
  });
  chain.recoverData = (block) => recovery.fill(block);
  const api = new LocalBeaconApi({ chain, pools, proposers, kzgCells, publishing, graffiti: () => options.graffiti });
  const validators = await startValidators(options, api);
  const page = await startStatusPage(options, { chain, network, sync, validators });
  reportSlots(chain, network, log);

  const stop = async (): Promise<void> => {
    await page?.stop();
    await validators?.stop();
    await sync.stop();
    await network.stop();
    slotClock.stop();
    await chain.stop();
    await kzgCells.stop();
    await engine?.stop();
    await database.close();
  };
  return { chain, network, sync, validators, stop };
}

function clockOf({ clockOffsetMs = 0 }: NodeOptions): Clock {
  return clockOffsetMs === 0 ? systemClock : { nowMs: () => systemClock.nowMs() + clockOffsetMs };
}

function createEngine({ spec, executionUrls, jwtSecret, log }: NodeOptions): ExecutionEngines | undefined {
  if (executionUrls.length > 0) {
    return new ExecutionEngines({
      spec,
      urls: executionUrls,
      secrets: jwtSecret === undefined ? [] : [jwtSecret],
      log,
    });
  }
  log.warn("no execution client: payloads are not checked, so this is for test networks that have none");
  return undefined;
}

function startChain(
  { spec, genesis, log }: NodeOptions,
  database: Database,
  slotClock: SlotClock,
  engine: ExecutionEngines | undefined,
): Promise<Chain> {
  const stateOptions = { arena: new Arena(), keys: KeyTable.create() };
  const custodyColumns = Array.from({ length: spec.preset.NUMBER_OF_COLUMNS }, (_, index) => index);
  const isNew = database.states.list().length === 0;
  const anchor = isNew ? genesisAnchor(decodeGenesis(spec, genesis(), stateOptions)) : undefined;
  return Chain.start({
    ...{ spec, database, slotClock, log, stateOptions, options: { custodyColumns } },
    ...(engine && { engine }),
    ...(anchor && { anchor }),
  });
}

function decodeGenesis(spec: ChainSpec, bytes: Uint8Array, options: { arena: Arena; keys: KeyTable }): BeaconState {
  return BeaconState.decode(spec, forkAtEpoch(spec.config, 0), bytes, options);
}

function createNetwork(
  options: NodeOptions,
  { chain, slotClock, inbox, kzgCells }: { chain: Chain; slotClock: SlotClock; inbox: Inbox; kzgCells: KzgCells },
): { network: Libp2pNetwork; sync: Sync } {
  const { spec, log } = options;
  // Network and sync know each other: the handlers are asked only once both are there.
  const parts: { digests?: ForkDigests; sync?: Sync } = {};
  const network = new Libp2pNetwork({
    spec,
    genesisValidatorsRoot: chain.genesisValidatorsRoot,
    slotClock,
    log: log.child({ part: "network" }),
    handlers: {
      onGossip: (message) => inbox.onGossip(message),
      onRequest: (_peer, request) => serveRequest({ chain }, request),
      localStatus: () => localStatus(chain, parts.digests!, 0),
      isRelevant: (status) => isRelevantStatus(chain, status),
      onPeerStatus: (peer, status) => parts.sync!.onPeerStatus(peer, status),
      onPeerGone: (peer) => parts.sync!.onPeerGone(peer),
    },
    options: {
      listen: options.listen,
      identityKeyFile: join(options.dataDir, "identity.key"),
      staticPeers: options.peers,
      targetPeers: TARGET_PEERS,
      agent: `Cresset/${version()}`,
      subnets: { attestation: "all", syncCommittee: "all", dataColumn: "all", lightClient: false },
    },
  });
  parts.digests = network.digests;
  const sync = new Sync({ chain, network, verifyCells: (batch) => kzgCells.verify(batch) });
  parts.sync = sync;
  return { network, sync };
}

async function startValidators(options: NodeOptions, api: LocalBeaconApi): Promise<ValidatorClient | undefined> {
  if (options.interopValidators === undefined) return undefined;
  const [first, last] = options.interopValidators;
  return ValidatorClient.start({
    spec: options.spec,
    api: options.faults?.around(api) ?? api,
    clock: clockOf(options),
    signer: new LocalSigner(interopKeys(first, last)),
    folder: join(options.dataDir, "validators"),
    feeRecipient: options.feeRecipient,
    log: options.log.child({ part: "validator" }),
  });
}

async function startStatusPage(
  { statusPage, dataDir, log }: NodeOptions,
  parts: Pick<RunningNode, "chain" | "network" | "sync" | "validators">,
): Promise<PageServer | undefined> {
  if (statusPage === undefined) return undefined;
  const feed = new StatusFeed({ ...parts, dataDir, version: version() });
  const page = await PageServer.start({
    ...statusPage,
    page: "node.html",
    read: () => feed.readWithHealth(),
    onChange: (listener) => feed.onChange(listener),
    log: log.child({ part: "status" }),
  });
  log.info({ url: page.url }, "the status page is served");
  return page;
}

/** One line a slot, shortly before the next. */
function reportSlots(chain: Chain, network: Libp2pNetwork, log: Logger): void {
  const { slotClock, store } = chain;
  slotClock.atIntoSlot(slotClock.slotMs * 0.75, (slot) => {
    const { head } = chain;
    const facts = {
      slot,
      head: head.slot,
      justified: store.justifiedCheckpoint.epoch,
      finalized: store.finalizedCheckpoint.epoch,
      peers: network.peers().length,
      execution: chain.execution?.state() ?? "none",
      rssMiB: Math.round(process.memoryUsage.rss() / 2 ** 20),
    };
    log.info(facts, head.isOptimistic ? "following, not verified yet" : "following");
  });
}
