/** A node of the network on loopback, whose chain is a few records in memory. */
import { SlotClock } from "../../src/base/clock.ts";
import { RequestFailed } from "../../src/base/errors.ts";
import { silentLogger } from "../../src/base/log.ts";
import { Libp2pNetwork, type NetworkOptions } from "../../src/network/libp2p-network.ts";
import type { GossipVerdict, NetworkHandlers } from "../../src/network/port.ts";
import { type ChainSpec, createChainSpec } from "../../src/spec/chain-spec.ts";
import { MINIMAL_CONFIG } from "../../src/spec/config.ts";
import type { Status } from "../../src/spec/containers.ts";
import type { GossipMessage } from "../../src/spec/gossip/message.ts";
import { ForkDigests } from "../../src/spec/gossip/topic.ts";
import type { DataRequest, ServedChunk } from "../../src/spec/requests.ts";

export const GENESIS_ROOT = new Uint8Array(32).fill(7);

/** Fulu from the start. */
export function fuluSpec(): ChainSpec {
  const forks = ["ALTAIR", "BELLATRIX", "CAPELLA", "DENEB", "ELECTRA", "FULU"];
  const epochs = Object.fromEntries(forks.map((fork) => [`${fork}_FORK_EPOCH`, 0]));
  return createChainSpec({ ...MINIMAL_CONFIG, ...epochs });
}

export function blockBytes(spec: ChainSpec, slot: number, graffiti = 0): Uint8Array {
  const block = spec.types.fulu.SignedBeaconBlock.defaultValue();
  block.message.slot = slot;
  block.message.body.graffiti = new Uint8Array(32).fill(graffiti);
  return spec.types.fulu.SignedBeaconBlock.serialize(block);
}

export class TestNode {
  readonly network: Libp2pNetwork;
  readonly spec: ChainSpec;
  readonly messages: GossipMessage[] = [];
  readonly statuses = new Map<string, Status>();
  readonly gone: string[] = [];
  /** Served by range and root alike. */
  chunks: ServedChunk[] = [];
  readonly requests: DataRequest[] = [];
  verdict: (message: GossipMessage) => GossipVerdict = () => "accept";
  isRelevant: (status: Status) => boolean = () => true;
  status: Status;

  constructor(options: Partial<NetworkOptions> & { genesisRoot?: Uint8Array; spec?: ChainSpec } = {}) {
    const { genesisRoot = GENESIS_ROOT, spec = fuluSpec(), ...rest } = options;
    this.spec = spec;
    const { SLOT_DURATION_MS } = spec.config;
    const genesisTime = Math.floor(Date.now() / 1000) - 60;
    const slotClock = new SlotClock({
      genesisTime,
      slotMs: SLOT_DURATION_MS,
      slotsPerEpoch: spec.preset.SLOTS_PER_EPOCH,
    });
    this.status = {
      ...spec.types.fulu.Status.defaultValue(),
      forkDigest: new ForkDigests(spec, genesisRoot).atEpoch(slotClock.currentEpoch()).digest,
    };
    this.network = new Libp2pNetwork({
      spec,
      genesisValidatorsRoot: genesisRoot,
      slotClock,
      handlers: this.#handlers(),
      log: silentLogger,
      options: {
        listen: ["/ip4/127.0.0.1/tcp/0"],
        staticPeers: [],
        targetPeers: 16,
        agent: "Cresset/test",
        subnets: { attestation: [0, 1], syncCommittee: [], dataColumn: [3], lightClient: false },
        ...rest,
      },
    });
  }

  get address(): string {
    return this.network.identity().addresses[0]!;
  }

  get id(): string {
    return this.network.identity().peerId;
  }

  #handlers(): NetworkHandlers {
    return {
      onGossip: async (message) => {
        this.messages.push(message);
        return this.verdict(message);
      },
      onRequest: (_, request) => this.#serve(request),
      localStatus: () => this.status,
      isRelevant: async (status) => this.isRelevant(status),
      onPeerStatus: (peer, status) => this.statuses.set(peer, status),
      onPeerGone: (peer) => this.gone.push(peer),
    };
  }

  async *#serve(request: DataRequest): AsyncGenerator<ServedChunk> {
    this.requests.push(request);
    if (request.protocol === "light_client_bootstrap") throw new RequestFailed("RESOURCE_UNAVAILABLE", "not here");
    yield* this.chunks;
  }
}

export async function waitUntil(condition: () => boolean, what: string, timeoutMs = 10_000): Promise<void> {
  const endMs = Date.now() + timeoutMs;
  while (!condition()) {
    if (Date.now() > endMs) throw new Error(`waited ${timeoutMs} ms in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
