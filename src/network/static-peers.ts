/** Peers that the user named: dialled at once, and again whenever they are gone. */
import { type Multiaddr, multiaddr } from "@multiformats/multiaddr";
import { UsageError } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";

const FIRST_RETRY_MS = 1_000;
const MAX_RETRY_MS = 60_000;
const MAX_STATIC_PEERS = 256;

interface StaticPeer {
  readonly address: Multiaddr;
  /** Known from the address, or since the first connection. */
  peerId: string | undefined;
  retryMs: number;
  nextMs: number;
  isDialling: boolean;
}

export interface StaticPeersParts {
  readonly log: Logger;
  readonly isConnected: (peer: string) => boolean;
  /** @returns the peer id of who answers there */
  readonly dial: (address: Multiaddr) => Promise<string>;
  readonly nowMs?: () => number;
}

export class StaticPeers {
  readonly #parts: StaticPeersParts;
  readonly #peers: StaticPeer[] = [];
  readonly #nowMs: () => number;

  constructor(parts: StaticPeersParts) {
    this.#parts = parts;
    this.#nowMs = parts.nowMs ?? (() => performance.now());
  }

  /** @throws UsageError where this is no multiaddr */
  add(text: string): void {
    if (this.#peers.length >= MAX_STATIC_PEERS) throw new UsageError(`more than ${MAX_STATIC_PEERS} static peers`);
    const address = parseMultiaddr(text);
    const peerId = peerIdOf(address);
    this.#peers.push({ address, peerId, retryMs: FIRST_RETRY_MS, nextMs: 0, isDialling: false });
  }

  has(peer: string): boolean {
    return this.#peers.some(({ peerId }) => peerId === peer);
  }

  /** Dials whoever is due. */
  tick(): void {
    const nowMs = this.#nowMs();
    for (const peer of this.#peers) {
      if (peer.isDialling) continue;
      if (peer.peerId !== undefined && this.#parts.isConnected(peer.peerId)) peer.retryMs = FIRST_RETRY_MS;
      else if (nowMs >= peer.nextMs) void this.#dial(peer);
    }
  }

  async #dial(peer: StaticPeer): Promise<void> {
    peer.isDialling = true;
    try {
      peer.peerId = await this.#parts.dial(peer.address);
    } catch (error) {
      this.#parts.log.debug({ address: peer.address.toString(), reason: (error as Error).message }, "cannot dial");
    } finally {
      peer.isDialling = false;
      // Also after success: a peer that hangs up at once is not dialled in a loop.
      peer.nextMs = this.#nowMs() + peer.retryMs * (0.8 + 0.4 * Math.random());
      peer.retryMs = Math.min(peer.retryMs * 2, MAX_RETRY_MS);
    }
  }
}

export function parseMultiaddr(text: string): Multiaddr {
  // The empty string is a multiaddr of nowhere.
  if (text === "") throw new UsageError("an empty string is no multiaddr");
  try {
    return multiaddr(text);
  } catch (cause) {
    throw new UsageError(`${text} is no multiaddr: ${(cause as Error).message}`, { cause });
  }
}

export function peerIdOf(address: Multiaddr): string | undefined {
  return address.getComponents().find(({ name }) => name === "p2p")?.value;
}
