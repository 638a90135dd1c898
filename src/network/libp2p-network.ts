/** The network on libp2p: gossip, requests, peers, as one object. */

import { BitArray } from "@chainsafe/ssz";
import type { Connection, PeerId } from "@libp2p/interface";
import type { SlotClock } from "../base/clock.ts";
import { RequestFailed } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import type { ChainSpec } from "../spec/chain-spec.ts";
import { SYNC_COMMITTEE_SUBNET_COUNT } from "../spec/constants.ts";
import type { MetaData, Status } from "../spec/containers.ts";
import type { GossipMessage } from "../spec/gossip/message.ts";
import { ForkDigests } from "../spec/gossip/topic.ts";
import type { DataProtocol, DataRequest, RequestBodies, ResponseChunk, ServedChunk } from "../spec/requests.ts";
import { Gossip, gossipOptions } from "./gossip.ts";
import { Goodbye, Handshake } from "./handshake.ts";
import { createHost, type Host } from "./host.ts";
import { loadIdentityKey } from "./identity-key.ts";
import { type Peer, Peers } from "./peers.ts";
import type { Network, NetworkHandlers, NetworkIdentity, PeerInfo, Severity, SubnetWishes } from "./port.ts";
import { createProtocols, type Protocol, type ProtocolBodies, type ProtocolName } from "./protocols.ts";
import { Requester } from "./requester.ts";
import { Responder } from "./responder.ts";
import { parseMultiaddr, peerIdOf, StaticPeers } from "./static-peers.ts";
import { wantedTopics } from "./subscriptions.ts";
import { createTopicTable, type KnownTopic } from "./topic-table.ts";

const TICK_MS = 1_000;
const PING_MS = 20_000;
const STATUS_MS = 60_000;
/** A peer that dialled us has this long to say who it is. */
const INBOUND_STATUS_MS = 10_000;
const GOODBYE_MS = 1_000;
const MAX_STREAMS_PER_PROTOCOL = 8;
/** Beyond the target, for peers that dial us. */
const SPARE_CONNECTIONS = 16;

export interface NetworkOptions {
  readonly listen: readonly string[];
  readonly announce?: readonly string[];
  /** Absent: another identity each time. */
  readonly identityKeyFile?: string;
  readonly staticPeers: readonly string[];
  readonly targetPeers: number;
  readonly agent: string;
  readonly subnets: SubnetWishes;
}

export interface NetworkParts {
  readonly spec: ChainSpec;
  readonly genesisValidatorsRoot: Uint8Array;
  readonly slotClock: SlotClock;
  readonly handlers: NetworkHandlers;
  readonly log: Logger;
  readonly options: NetworkOptions;
}

interface Built {
  readonly host: Host;
  readonly gossip: Gossip;
  readonly handshake: Handshake;
  readonly responder: Responder;
}

export class Libp2pNetwork implements Network {
  readonly digests: ForkDigests;
  readonly #parts: NetworkParts;
  readonly #topics: Map<string, KnownTopic>;
  readonly #protocols: Protocol[];
  readonly #requester: Requester;
  readonly #peers: Peers;
  readonly #statics: StaticPeers;
  #wishes: SubnetWishes;
  #seqNumber = 1n;
  #built: Built | undefined;
  #timer: NodeJS.Timeout | undefined;
  #refused: ReadonlySet<string> = new Set();
  readonly #pingedAtMs = new Map<string, number>();

  constructor(parts: NetworkParts) {
    const { spec, genesisValidatorsRoot, options, slotClock, log } = parts;
    this.#parts = parts;
    this.digests = new ForkDigests(spec, genesisValidatorsRoot);
    this.#topics = createTopicTable(spec, this.digests);
    this.#protocols = createProtocols(spec);
    this.#requester = new Requester({ spec, digests: this.digests, protocols: this.#protocols });
    this.#peers = new Peers({ nowMs: () => slotClock.nowMs() });
    this.#wishes = options.subnets;
    this.#statics = new StaticPeers({
      log,
      isConnected: (peer) => this.#peers.get(peer) !== undefined,
      dial: async (address) => (await this.#host.dial(address)).remotePeer.toString(),
    });
    for (const address of options.staticPeers) this.#statics.add(address);
  }

  async start(): Promise<void> {
    const built = await this.#build();
    this.#built = built;
    const { host } = built;
    for (const protocol of this.#protocols) {
      await host.handle(protocol.id, (stream, connection) => built.responder.handle(stream, connection, protocol), {
        maxInboundStreams: MAX_STREAMS_PER_PROTOCOL,
        maxOutboundStreams: MAX_STREAMS_PER_PROTOCOL,
      });
    }
    host.addEventListener("peer:connect", (event) => this.#onConnect(event.detail));
    host.addEventListener("peer:disconnect", (event) => this.#onDisconnect(event.detail));
    host.addEventListener("peer:identify", ({ detail }) => {
      const peer = this.#peers.get(detail.peerId.toString());
      if (peer !== undefined) peer.agent = (detail.agentVersion ?? "").slice(0, 128).replaceAll(/\p{Cc}/gu, "?");
    });
    await host.start();
    this.#refreshTopics();
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
    this.#statics.tick();
    const { addresses } = this.identity();
    this.#parts.log.info({ addresses, peers: this.#parts.options.staticPeers.length }, "listening for peers");
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    const built = this.#built;
    if (built === undefined) return;
    await Promise.all(this.#peers.all().map(({ id }) => this.#leave(id, Goodbye.shutdown)));
    await built.host.stop();
    this.#built = undefined;
  }

  async publish(message: Parameters<Network["publish"]>[0]): Promise<void> {
    await this.#gossip.publish(message, this.#epoch());
  }

  setSubnets(wishes: SubnetWishes): void {
    this.#wishes = wishes;
    this.#seqNumber++;
    if (this.#built !== undefined) this.#refreshTopics();
  }

  async connect(address: string): Promise<void> {
    const parsed = parseMultiaddr(address);
    const peer = peerIdOf(parsed);
    if (peer !== undefined && this.#peers.isBanned(peer)) throw new RequestFailed("CLOSED", `${peer} is banned`);
    await this.#host.dial(parsed);
  }

  async disconnect(peer: string): Promise<void> {
    await this.#leave(peer, Goodbye.tooManyPeers);
  }

  async *request<P extends DataProtocol>(
    peer: string,
    protocol: P,
    body: RequestBodies[P],
    options: { signal?: AbortSignal } = {},
  ): AsyncGenerator<ResponseChunk> {
    const connection = this.#connectionOf(peer);
    if (connection === undefined) throw new RequestFailed("CLOSED", `${peer} is not connected`);
    yield* this.#requester.request(connection, protocol, body as ProtocolBodies[P], options.signal);
  }

  peers(): PeerInfo[] {
    return this.#peers.all().map((peer) => this.#peers.info(peer));
  }

  identity(): NetworkIdentity {
    const { host } = this.#builtOrThrow();
    const addresses = host.getMultiaddrs().map((address) => address.toString());
    return { peerId: host.peerId.toString(), addresses, metadata: this.#metadata() };
  }

  reportPeer(peer: string, severity: Severity, reason: string): void {
    const consequence = this.#peers.report(peer, severity);
    this.#parts.log.debug({ peer, severity, reason, consequence }, "a peer misbehaves");
    if (consequence === "none") return;
    void this.#leave(peer, consequence === "ban" ? Goodbye.banned : Goodbye.fault);
  }

  /** Keeps no connection with these peers, and takes none, until other ones are named. */
  refusePeers(peers: ReadonlySet<string>): void {
    this.#refused = peers;
    for (const id of peers) void this.#leave(id, Goodbye.fault);
  }

  /** How many peers are known to be subscribed to a topic. */
  subscribers(topic: string): number {
    return this.#gossip.subscribers(topic);
  }

  async #build(): Promise<Built> {
    const { spec, options, log, slotClock, handlers } = this.#parts;
    const gossipParts = {
      spec,
      digests: this.digests,
      topics: this.#topics,
      log,
      nowMs: () => slotClock.nowMs(),
      onGossip: (message: GossipMessage) => handlers.onGossip(message),
      appSpecificScore: (peer: string) => this.#peers.score(peer),
    };
    const host = await createHost({
      privateKey: await loadIdentityKey(options.identityKeyFile),
      listen: options.listen,
      ...(options.announce && { announce: options.announce }),
      maxConnections: options.targetPeers + SPARE_CONNECTIONS,
      agent: options.agent,
      gossip: gossipOptions(gossipParts),
      isBanned: (peer) => this.#refused.has(peer) || this.#peers.isBanned(peer),
    });
    const handshake = new Handshake({
      spec,
      peers: this.#peers,
      requester: this.#requester,
      log,
      nowMs: () => slotClock.nowMs(),
      localStatus: () => handlers.localStatus(),
      localMetadata: () => this.#metadata(),
      isRelevant: (status) => handlers.isRelevant(status),
      onStatus: (peer, status) => this.#onStatus(peer, status),
      leave: (peer, reason) => this.#leave(peer, reason),
    });
    const responder = new Responder({
      spec,
      digests: this.digests,
      answer: (peer, request) => this.#answer(handshake, peer, request),
      onMisbehaviour: (peer, severity, reason) => this.reportPeer(peer, severity, reason),
    });
    return { host, handshake, responder, gossip: new Gossip(host.services.gossipsub, gossipParts) };
  }

  #answer(
    handshake: Handshake,
    peer: string,
    { protocol, body }: { protocol: Protocol; body: ProtocolBodies[ProtocolName] },
  ): AsyncIterable<ServedChunk> {
    const { name } = protocol;
    if (name === "status" || name === "ping" || name === "metadata" || name === "goodbye") {
      return handshake.answer(this.#peers.get(peer), protocol, body);
    }
    return this.#parts.handlers.onRequest(peer, { protocol: name, body } as DataRequest);
  }

  #onConnect(peerId: PeerId): void {
    const id = peerId.toString();
    const connection = this.#connectionOf(id);
    if (connection === undefined || this.#peers.get(id) !== undefined) return;
    if (this.#refused.has(id)) {
      void this.#host.hangUp(peerId).catch(() => {});
      return;
    }
    const peer = this.#peers.add(id, connection.direction, connection.remoteAddr.toString());
    if (peer === undefined) {
      void this.#host.hangUp(peerId).catch(() => {});
      return;
    }
    this.#pingedAtMs.set(id, this.#parts.slotClock.nowMs());
    if (peer.direction === "outbound") void this.#greet(peer, connection);
  }

  async #greet(peer: Peer, connection: Connection): Promise<void> {
    await this.#handshake.exchangeStatus(peer, connection);
    if (peer.status === undefined || peer.isLeaving) return;
    await this.#handshake.fetchMetadata(peer, connection).catch(() => {});
  }

  #onStatus(peer: Peer, status: Status): void {
    this.#parts.handlers.onPeerStatus(peer.id, status);
    const connection = this.#connectionOf(peer.id);
    if (peer.metadata !== undefined || peer.direction === "outbound" || connection === undefined) return;
    void this.#handshake.fetchMetadata(peer, connection).catch(() => {});
  }

  #onDisconnect(peerId: PeerId): void {
    const id = peerId.toString();
    this.#pingedAtMs.delete(id);
    if (this.#peers.delete(id)) this.#parts.handlers.onPeerGone(id);
  }

  /** Says goodbye if there is time, and closes. */
  async #leave(id: string, reason: Goodbye): Promise<void> {
    const peer = this.#peers.get(id);
    const connection = this.#connectionOf(id);
    if (peer?.isLeaving || connection === undefined) return;
    if (peer !== undefined) peer.isLeaving = true;
    try {
      const signal = AbortSignal.timeout(GOODBYE_MS);
      for await (const _ of this.#requester.request(connection, "goodbye", reason, signal)) break;
    } catch {
      // Whether it heard us changes nothing.
    }
    await this.#host.hangUp(connection.remotePeer).catch(() => {});
  }

  #tick(): void {
    const nowMs = this.#parts.slotClock.nowMs();
    this.#statics.tick();
    this.#refreshTopics();
    this.#gossip.updateMetrics();
    for (const peer of this.#peers.all()) this.#care(peer, nowMs);
  }

  #care(peer: Peer, nowMs: number): void {
    const connection = this.#connectionOf(peer.id);
    if (connection === undefined || peer.isLeaving) return;
    if (peer.status === undefined) {
      if (peer.direction === "inbound" && nowMs - peer.sinceMs > INBOUND_STATUS_MS) void this.#greet(peer, connection);
      return;
    }
    if (nowMs - peer.statusAtMs > STATUS_MS) {
      peer.statusAtMs = nowMs;
      void this.#handshake.exchangeStatus(peer, connection);
    }
    if (nowMs - (this.#pingedAtMs.get(peer.id) ?? 0) <= PING_MS) return;
    this.#pingedAtMs.set(peer.id, nowMs);
    this.#handshake.ping(peer, connection).catch((error: Error) => this.reportPeer(peer.id, "mid", error.message));
  }

  #refreshTopics(): void {
    this.#gossip.subscribe(wantedTopics(this.#parts.spec, this.digests, this.#epoch(), this.#wishes));
  }

  #metadata(): MetaData {
    const { config } = this.#parts.spec;
    const { attestation, syncCommittee, dataColumn } = this.#wishes;
    const groups = config.NUMBER_OF_CUSTODY_GROUPS;
    const custody = dataColumn === "all" ? groups : Math.max(config.CUSTODY_REQUIREMENT, dataColumn.length);
    return {
      seqNumber: this.#seqNumber,
      attnets: bitsOf(attestation, config.ATTESTATION_SUBNET_COUNT),
      syncnets: bitsOf(syncCommittee, SYNC_COMMITTEE_SUBNET_COUNT),
      custodyGroupCount: Math.min(custody, groups),
    };
  }

  #connectionOf(id: string): Connection | undefined {
    if (this.#built === undefined) return undefined;
    return this.#host
      .getConnections()
      .find(({ remotePeer, status }) => status === "open" && remotePeer.toString() === id);
  }

  #epoch(): number {
    return Math.max(0, this.#parts.slotClock.currentEpoch());
  }

  #builtOrThrow(): Built {
    if (this.#built === undefined) throw new Error("the network is not started");
    return this.#built;
  }

  get #host(): Host {
    return this.#builtOrThrow().host;
  }

  get #gossip(): Gossip {
    return this.#builtOrThrow().gossip;
  }

  get #handshake(): Handshake {
    return this.#builtOrThrow().handshake;
  }
}

function bitsOf(subnets: readonly number[] | "all", count: number): BitArray {
  const bits = BitArray.fromBitLen(count);
  for (let i = 0; i < count; i++) bits.set(i, subnets === "all" || subnets.includes(i));
  return bits;
}
