/** A peer that speaks libp2p and sends whatever bytes a test wants. */
import { noise } from "@chainsafe/libp2p-noise";
import { yamux } from "@chainsafe/libp2p-yamux";
import { identify } from "@libp2p/identify";
import type { Libp2p, Stream } from "@libp2p/interface";
import { tcp } from "@libp2p/tcp";
import { multiaddr } from "@multiformats/multiaddr";
import { createLibp2p } from "libp2p";
import { concatBytes } from "../../src/base/bytes.ts";
import { encodePayload } from "../../src/network/chunks.ts";

export function protocolId(name: string, version = 1): string {
  return `/eth2/beacon_chain/req/${name}/${version}/ssz_snappy`;
}

export class RawPeer {
  readonly host: Libp2p;

  private constructor(host: Libp2p) {
    this.host = host;
  }

  static async start(): Promise<RawPeer> {
    const host = await createLibp2p({
      addresses: { listen: ["/ip4/127.0.0.1/tcp/0"] },
      transports: [tcp()],
      connectionEncrypters: [noise()],
      streamMuxers: [yamux()],
      connectionMonitor: { enabled: false },
      services: { identify: identify() },
    });
    return new RawPeer(host);
  }

  get id(): string {
    return this.host.peerId.toString();
  }

  get address(): string {
    return this.host.getMultiaddrs()[0]!.toString();
  }

  /** Answers status requests, so that the handshake succeeds. */
  async answerStatus(statusBytes: Uint8Array, version = 2): Promise<void> {
    await this.host.handle(protocolId("status", version), async (stream) => {
      stream.send(concatBytes(Uint8Array.of(0), encodePayload(statusBytes)));
      await stream.close();
    });
  }

  /** Opens a stream and sends; with `isOpen` the writable half stays open. @returns all that comes back until the end */
  async exchange(
    address: string,
    protocol: string,
    bytes: Uint8Array,
    options: { isOpen?: boolean } = {},
  ): Promise<{ answer: Uint8Array; ms: number }> {
    const connection = await this.host.dial(multiaddr(address));
    const stream = await connection.newStream(protocol);
    const startMs = performance.now();
    const reading = readAll(stream);
    try {
      if (bytes.length > 0) stream.send(bytes);
      if (options.isOpen !== true) await stream.close();
    } catch {
      // The other side was quicker to end it: what came back says so.
    }
    const answer = await reading;
    stream.abort(new Error("done"));
    return { answer, ms: performance.now() - startMs };
  }

  async stop(): Promise<void> {
    await this.host.stop();
  }
}

/** Until the other side ends or resets the stream. */
async function readAll(stream: Stream): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  await new Promise<void>((resolve) => {
    stream.addEventListener("message", (event) => void parts.push(event.data.subarray().slice()));
    if (stream.status !== "open" || stream.readableEnded) resolve();
    stream.addEventListener("end", () => resolve());
    stream.addEventListener("close", () => resolve());
  });
  return concatBytes(...parts);
}
