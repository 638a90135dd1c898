/** Who we are connected to, what they told us, and how they behave. */
import { BoundedMap } from "../base/bounded.ts";
import { counter, gauge } from "../base/metrics.ts";
import type { MetaData, Status } from "../spec/containers.ts";
import type { PeerInfo, Severity } from "./port.ts";

const MAX_PEERS = 512;
const MAX_SCORES = 4096;
const POINTS: Readonly<Record<Severity, number>> = { fatal: 100, high: 20, mid: 10, low: 2 };
/** At this the connection ends, and the peer stays away. */
const BAN_POINTS = 100;
const DISCONNECT_POINTS = 50;
/** Points halve in this time. */
const HALF_LIFE_MS = 10 * 60_000;
const BAN_MS = 30 * 60_000;

const connected = gauge("libp2p_peers", "Peers that are connected");
const reports = counter("cresset_network_peer_reports_total", "Misbehaviour of peers", ["severity"]);

export interface Peer {
  readonly id: string;
  readonly direction: "inbound" | "outbound";
  readonly address: string;
  readonly sinceMs: number;
  agent: string;
  status?: Status;
  /** When the status came. */
  statusAtMs: number;
  metadata?: MetaData;
  isLeaving: boolean;
}

interface Score {
  points: number;
  atMs: number;
  bannedUntilMs: number;
}

export class Peers {
  readonly #peers = new Map<string, Peer>();
  /** Outlives connections. */
  readonly #scores = new BoundedMap<string, Score>({ limit: MAX_SCORES, sizeOf: () => 80 });
  readonly #nowMs: () => number;

  constructor(parts: { nowMs: () => number }) {
    this.#nowMs = parts.nowMs;
  }

  get size(): number {
    return this.#peers.size;
  }

  get bytes(): number {
    return this.#peers.size * 1024 + this.#scores.bytes;
  }

  /** @returns undefined when there are too many */
  add(id: string, direction: "inbound" | "outbound", address: string): Peer | undefined {
    if (this.#peers.size >= MAX_PEERS) return undefined;
    const peer: Peer = {
      id,
      direction,
      address,
      sinceMs: this.#nowMs(),
      agent: "",
      statusAtMs: 0,
      isLeaving: false,
    };
    this.#peers.set(id, peer);
    connected.set(this.#peers.size);
    return peer;
  }

  get(id: string): Peer | undefined {
    return this.#peers.get(id);
  }

  delete(id: string): boolean {
    const isKnown = this.#peers.delete(id);
    connected.set(this.#peers.size);
    return isKnown;
  }

  all(): Peer[] {
    return [...this.#peers.values()];
  }

  /** Notes misbehaviour. @returns what follows from it */
  report(id: string, severity: Severity): "none" | "disconnect" | "ban" {
    reports.inc({ severity });
    const nowMs = this.#nowMs();
    const score = this.#decayed(id, nowMs);
    score.points += POINTS[severity];
    const isBan = score.points >= BAN_POINTS;
    if (isBan) score.bannedUntilMs = nowMs + BAN_MS;
    this.#scores.set(id, score);
    if (isBan) return "ban";
    return score.points >= DISCONNECT_POINTS ? "disconnect" : "none";
  }

  isBanned(id: string): boolean {
    return (this.#scores.get(id)?.bannedUntilMs ?? 0) > this.#nowMs();
  }

  /** 0 is neutral, -100 the worst. */
  score(id: string): number {
    const { points } = this.#decayed(id, this.#nowMs());
    return points === 0 ? 0 : -Math.min(100, points);
  }

  /** @param isConnected whether the connection is open */
  info(peer: Peer): PeerInfo {
    const { id, agent, direction, address, status, metadata } = peer;
    const state = peer.isLeaving ? "disconnecting" : "connected";
    const known = { ...(status && { status }), ...(metadata && { metadata }) };
    return { id, agent, direction, state, address, score: this.score(id), ...known };
  }

  #decayed(id: string, nowMs: number): Score {
    const score = this.#scores.get(id);
    if (score === undefined) return { points: 0, atMs: nowMs, bannedUntilMs: 0 };
    const points = score.points * 0.5 ** (Math.max(0, nowMs - score.atMs) / HALF_LIFE_MS);
    return { ...score, points: points < 0.5 ? 0 : points, atMs: nowMs };
  }
}
