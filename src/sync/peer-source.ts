/** What synchronization asks of the network: peers that answer requests, and somewhere to complain. */
import type { Status } from "../spec/containers.ts";
import type { DataProtocol, RequestBodies, ResponseChunk } from "../spec/requests.ts";

export interface PeerSource {
  request<P extends DataProtocol>(
    peer: string,
    protocol: P,
    body: RequestBodies[P],
    options?: { signal?: AbortSignal },
  ): AsyncIterable<ResponseChunk>;
  reportPeer(peer: string, severity: "fatal" | "high" | "mid" | "low", reason: string): void;
}

const MAX_PEERS = 512;
/** A peer that failed us is asked again after this. */
const REST_MS = 10_000;

interface Known {
  status: Status;
  restsUntilMs: number;
  /** A head that the peer claims and could not show. */
  emptyClaim: number;
}

/** The peers that there are, what they claim to have, and whom to ask next. */
export class SyncPeers {
  readonly #peers = new Map<string, Known>();
  readonly #nowMs: () => number;
  #turn = 0;

  constructor(parts: { nowMs?: () => number } = {}) {
    this.#nowMs = parts.nowMs ?? (() => performance.now());
  }

  get size(): number {
    return this.#peers.size;
  }

  set(peer: string, status: Status): void {
    const known = this.#peers.get(peer);
    if (known !== undefined) known.status = status;
    else if (this.#peers.size < MAX_PEERS) this.#peers.set(peer, { status, restsUntilMs: 0, emptyClaim: -1 });
  }

  delete(peer: string): void {
    this.#peers.delete(peer);
  }

  /** The highest head that a peer claims and might show. */
  best(): { peer: string; status: Status } | undefined {
    let best: { peer: string; status: Status } | undefined;
    for (const [peer, { status, emptyClaim, restsUntilMs }] of this.#peers) {
      if (status.headSlot <= emptyClaim || restsUntilMs > this.#nowMs()) continue;
      if (best === undefined || status.headSlot > best.status.headSlot) best = { peer, status };
    }
    return best;
  }

  /** Peers that should have a slot, each time another one first; those that rest are left out. */
  having(slot: number, except: ReadonlySet<string> = new Set()): string[] {
    const nowMs = this.#nowMs();
    const usable: string[] = [];
    for (const [peer, { status, restsUntilMs }] of this.#peers) {
      const earliest = status.earliestAvailableSlot ?? 0;
      if (except.has(peer) || restsUntilMs > nowMs || status.headSlot < slot || earliest > slot) continue;
      usable.push(peer);
    }
    const turn = usable.length === 0 ? 0 : this.#turn++ % usable.length;
    return [...usable.slice(turn), ...usable.slice(0, turn)];
  }

  /** Leaves a peer alone for a while. */
  rest(peer: string): void {
    const known = this.#peers.get(peer);
    if (known !== undefined) known.restsUntilMs = this.#nowMs() + REST_MS;
  }

  /** The peer did not show the head that it claims: not believed again until it claims more. */
  disbelieve(peer: string): void {
    const known = this.#peers.get(peer);
    if (known !== undefined) known.emptyClaim = known.status.headSlot;
  }
}
