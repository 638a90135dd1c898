/**
 * Getting to know a peer: status, metadata, pings, goodbyes.
 * https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/phase0/p2p-interface.md
 */
import type { Connection } from "@libp2p/interface";
import { bytesEqual } from "../base/bytes.ts";
import { RequestFailed } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import type { ChainSpec } from "../spec/chain-spec.ts";
import type { MetaData, Status } from "../spec/containers.ts";
import type { ServedChunk } from "../spec/requests.ts";
import type { Peer, Peers } from "./peers.ts";
import type { Protocol, ProtocolBodies, ProtocolName } from "./protocols.ts";
import type { Requester } from "./requester.ts";

export const Goodbye = Object.freeze({ shutdown: 1, irrelevantNetwork: 2, fault: 3, tooManyPeers: 129, banned: 251 });
export type Goodbye = (typeof Goodbye)[keyof typeof Goodbye];

export interface HandshakeParts {
  readonly spec: ChainSpec;
  readonly peers: Peers;
  readonly requester: Requester;
  readonly log: Logger;
  readonly nowMs: () => number;
  readonly localStatus: () => Status;
  readonly localMetadata: () => MetaData;
  readonly isRelevant: (status: Status) => Promise<boolean>;
  readonly onStatus: (peer: Peer, status: Status) => void;
  /** Says goodbye and closes. */
  readonly leave: (peer: string, reason: Goodbye) => Promise<void>;
}

export class Handshake {
  readonly #parts: HandshakeParts;

  constructor(parts: HandshakeParts) {
    this.#parts = parts;
  }

  /** Sends our status and judges the peer's; a peer without a status is no use. */
  async exchangeStatus(peer: Peer, connection: Connection): Promise<void> {
    const { requester, localStatus, log } = this.#parts;
    try {
      const status = await one(requester.request(connection, "status", localStatus()), (bytes) =>
        this.#decodeStatus(bytes),
      );
      await this.judge(peer, status);
    } catch (error) {
      log.debug({ peer: peer.id, reason: (error as Error).message }, "no status from a peer");
      await this.#parts.leave(peer.id, Goodbye.fault);
    }
  }

  async fetchMetadata(peer: Peer, connection: Connection): Promise<void> {
    const { fulu, altair, phase0 } = this.#parts.spec.types;
    const metadata = await one(this.#parts.requester.request(connection, "metadata", undefined), (bytes) => {
      const types = [fulu.MetaData, altair.MetaData, phase0.MetaData];
      const type = types.find(({ minSize }) => minSize === bytes.length);
      if (type === undefined) throw new RequestFailed("MALFORMED", `metadata of ${bytes.length} bytes`);
      return type.deserialize(bytes) as MetaData;
    });
    peer.metadata = metadata;
  }

  /** Shows that the peer is alive, and whether its metadata has changed. */
  async ping(peer: Peer, connection: Connection): Promise<void> {
    const seqNumber = Number(this.#parts.localMetadata().seqNumber);
    const theirs = await one(this.#parts.requester.request(connection, "ping", seqNumber), readUint64);
    if (peer.metadata === undefined || peer.metadata.seqNumber < theirs) await this.fetchMetadata(peer, connection);
  }

  /** What we answer to the protocols of this file. */
  async *answer(peer: Peer | undefined, protocol: Protocol, body: ProtocolBodies[ProtocolName]) {
    const { localStatus, localMetadata, leave } = this.#parts;
    const encode = (value: unknown): ServedChunk => {
      return { slot: 0, bytes: protocol.response(0).serialize(value) };
    };
    if (protocol.name === "status") {
      yield encode(localStatus());
      if (peer !== undefined) await this.judge(peer, body as Status);
    } else if (protocol.name === "ping") {
      yield encode(Number(localMetadata().seqNumber));
    } else if (protocol.name === "metadata") {
      yield encode(localMetadata());
    } else {
      yield encode(Goodbye.shutdown);
      if (peer === undefined) return;
      this.#parts.log.debug({ peer: peer.id, reason: body }, "a peer says goodbye");
      await leave(peer.id, Goodbye.shutdown);
    }
  }

  /** Keeps a peer of our chain, and parts from any other. */
  async judge(peer: Peer, status: Status): Promise<void> {
    const { localStatus, isRelevant, log, leave, nowMs, onStatus } = this.#parts;
    const isOurFork = bytesEqual(status.forkDigest, localStatus().forkDigest);
    if (!isOurFork || !(await isRelevant(status))) {
      log.debug({ peer: peer.id, isOurFork }, "a peer of another chain");
      await leave(peer.id, Goodbye.irrelevantNetwork);
      return;
    }
    peer.status = status;
    peer.statusAtMs = nowMs();
    onStatus(peer, status);
  }

  /** Version 1 has no field for the oldest slot that a peer has. */
  #decodeStatus(bytes: Uint8Array): Status {
    const { fulu, phase0 } = this.#parts.spec.types;
    const isNew = bytes.length === fulu.Status.minSize;
    return (isNew ? fulu.Status : phase0.Status).deserialize(bytes) as Status;
  }
}

async function one<T>(
  chunks: AsyncIterable<{ readonly bytes: Uint8Array }>,
  decode: (bytes: Uint8Array) => T,
): Promise<T> {
  for await (const { bytes } of chunks) return decode(bytes);
  throw new RequestFailed("MALFORMED", "an empty answer");
}

function readUint64(bytes: Uint8Array): number {
  return Number(new DataView(bytes.buffer, bytes.byteOffset, bytes.length).getBigUint64(0, true));
}
