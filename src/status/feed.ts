/** Reads a node's status from its parts: cheap enough for once a second, and only while somebody looks. */
import { statfs } from "node:fs/promises";
import { toHex } from "../base/bytes.ts";
import type { Chain } from "../chain/chain.ts";
import { forkName } from "../spec/fork.ts";
import type { Sync } from "../sync/sync.ts";
import { type Health, healthOf } from "./health.ts";
import type {
  ExecutionStatus,
  HolderStatus,
  NodeStatus,
  PeerStatus,
  ValidatorStatus,
  ValidatorsStatus,
} from "./node-status.ts";
import { ParticipationMeter } from "./participation.ts";
import { RecentSlots } from "./recent-slots.ts";

/** Peers and validators on the page; the numbers count all. */
const MAX_LISTED = 64;

/** The network, as the page sees it. */
export interface StatusNetwork {
  peers(): readonly (Omit<PeerStatus, "headSlot"> & { readonly status?: { readonly headSlot: number } })[];
  identity(): { readonly addresses: readonly string[] };
}

/** The validators of the node's own process, as the page sees them. */
export interface StatusValidators {
  status(): {
    readonly nextProposal: ValidatorsStatus["nextProposal"] | undefined;
    readonly duties: ValidatorsStatus["duties"];
    readonly validators: readonly (Omit<ValidatorStatus, "index"> & { readonly index: number | undefined })[];
  };
}

export interface FeedParts {
  readonly chain: Chain;
  readonly sync: Pick<Sync, "progress">;
  readonly network: StatusNetwork;
  readonly validators?: StatusValidators | undefined;
  readonly version: string;
  readonly dataDir: string;
  /** What the node may use, where there is a limit. */
  readonly memoryLimitBytes?: number;
}

export class StatusFeed {
  readonly #parts: FeedParts;
  readonly #slots: RecentSlots;
  readonly #participation = new ParticipationMeter();
  readonly #startedMs: number;

  constructor(parts: FeedParts) {
    this.#parts = parts;
    this.#slots = new RecentSlots(parts.chain);
    this.#startedMs = parts.chain.slotClock.nowMs();
  }

  /** Calls back when the page should change: with slots, heads and finality. @returns ends it */
  onChange(listener: () => void): () => void {
    const { events, slotClock } = this.#parts.chain;
    const cancels = [
      slotClock.onSlot(listener),
      events.on("head", listener),
      events.on("finalized_checkpoint", listener),
    ];
    return () => {
      for (const cancel of cancels) cancel();
    };
  }

  async read(): Promise<NodeStatus> {
    const { chain, version, validators, network } = this.#parts;
    const { spec, slotClock, head } = chain;
    const state = chain.headState();
    const participation = this.#participation.read(toHex(head.stateRoot), () => chain.headState());
    const peers = network.peers();
    return {
      version,
      network: String(spec.config.CONFIG_NAME),
      fork: forkName(state.fork),
      nowMs: slotClock.nowMs(),
      startedMs: this.#startedMs,
      genesisMs: slotClock.genesisTimeMs,
      slotMs: slotClock.slotMs,
      slotsPerEpoch: slotClock.slotsPerEpoch,
      slot: slotClock.currentSlot(),
      head: { slot: head.slot, root: toHex(head.root), isOptimistic: head.isOptimistic },
      justified: checkpoint(chain.store.justifiedCheckpoint),
      finalized: checkpoint(chain.store.finalizedCheckpoint),
      validatorCount: state.validators.length,
      ...(participation && { participation }),
      sync: this.#sync(),
      peerCount: peers.length,
      peers: peers.slice(0, MAX_LISTED).map(peerStatus),
      addresses: network.identity().addresses,
      execution: (chain.execution?.status() ?? []).map(executionStatus),
      ...(validators && { validators: validatorsStatus(validators.status()) }),
      memory: this.#memory(),
      slots: await this.#slots.read(),
      disk: await this.#disk(),
    };
  }

  /** What the page is sent. */
  async readWithHealth(): Promise<NodeStatus & { readonly health: Health }> {
    const status = await this.read();
    return { ...status, health: healthOf(status) };
  }

  stop(): void {
    this.#slots.stop();
  }

  #sync(): NodeStatus["sync"] {
    const { state, targetSlot, slotsPerSecond, secondsLeft } = this.#parts.sync.progress();
    const { distance } = this.#parts.chain.syncStatus();
    return { state, distance, targetSlot, slotsPerSecond, ...(secondsLeft !== undefined && { secondsLeft }) };
  }

  #memory(): NodeStatus["memory"] {
    const { chain, memoryLimitBytes: limitBytes } = this.#parts;
    const { rss, heapUsed, heapTotal, external, arrayBuffers } = process.memoryUsage();
    const state = chain.headState();
    const named: HolderStatus[] = [
      { name: "JavaScript heap in use", bytes: heapUsed },
      { name: "JavaScript heap in reserve", bytes: heapTotal - heapUsed },
      { name: "State pages", bytes: state.arena.bytesReserved },
      { name: "Public keys", bytes: state.validators.keys.table.memory().anonymous },
      { name: "Buffers", bytes: Math.max(0, external + arrayBuffers - state.arena.bytesReserved) },
    ];
    const known = named.reduce((sum, { bytes }) => sum + bytes, 0);
    const holders = [...named, { name: "Code, native libraries, the rest", bytes: Math.max(0, rss - known) }];
    return { rssBytes: rss, ...(limitBytes !== undefined && { limitBytes }), holders };
  }

  async #disk(): Promise<NodeStatus["disk"]> {
    const { chain, dataDir } = this.#parts;
    const [{ records, states, index }, { bavail, bsize }] = await Promise.all([
      chain.database.stats(),
      statfs(dataDir),
    ]);
    const names = { block: "Blocks", blobSidecar: "Blobs", dataColumnSidecar: "Data columns" };
    const holders = [
      ...records.map(({ kind, bytes }) => ({ name: names[kind], bytes })),
      { name: "States", bytes: states.bytes },
      { name: "Index", bytes: index.bytes },
    ];
    return { freeBytes: bavail * bsize, holders };
  }
}

function checkpoint({ epoch, root }: { epoch: number; root: Uint8Array }): NodeStatus["finalized"] {
  return { epoch, root: toHex(root) };
}

function peerStatus(peer: ReturnType<StatusNetwork["peers"]>[number]): PeerStatus {
  const { id, agent, direction, state, address, score, status } = peer;
  return { id, agent, direction, state, address, score, ...(status && { headSlot: status.headSlot }) };
}

function executionStatus(endpoint: ReturnType<NonNullable<Chain["execution"]>["status"]>[number]): ExecutionStatus {
  const { url, state, client, error } = endpoint;
  return {
    url,
    state,
    ...(client && { client: `${client.name} ${client.version}`.slice(0, 128) }),
    ...(error !== undefined && state !== "synced" && { error: error.slice(0, 256) }),
  };
}

function validatorsStatus({
  nextProposal,
  duties,
  validators,
}: ReturnType<StatusValidators["status"]>): ValidatorsStatus {
  // Those with trouble first, or the page of a large operator would hide them.
  const trouble = (of: (typeof validators)[number]): number =>
    Math.max(of.lastMissedAttestationSlot, of.lastMissedProposalSlot);
  const list = [...validators].sort((a, b) => trouble(b) - trouble(a)).slice(0, MAX_LISTED);
  return {
    count: validators.length,
    active: validators.filter(({ status }) => status.startsWith("active")).length,
    ...(nextProposal && { nextProposal }),
    duties,
    list: list.map(({ index, ...rest }) => ({ ...rest, ...(index !== undefined && { index }) })),
  };
}
