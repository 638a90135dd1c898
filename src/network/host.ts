/** The libp2p node: transports, encryption, multiplexers, limits. */
import { noise } from "@chainsafe/libp2p-noise";
import { yamux } from "@chainsafe/libp2p-yamux";
import { type GossipSub, type GossipsubOpts, gossipsub } from "@libp2p/gossipsub";
import { type Identify, identify } from "@libp2p/identify";
import type { Libp2p, PrivateKey } from "@libp2p/interface";
import { mplex } from "@libp2p/mplex";
import { tcp } from "@libp2p/tcp";
import { createLibp2p } from "libp2p";
import { withEarlyEnds } from "./early-end.ts";

const MAX_STREAMS = 128;
const SOCKET_IDLE_MS = 5 * 60_000;
const IDENTIFY_MAX_BYTES = 1024 * 16;

export type Host = Libp2p<{ identify: Identify; gossipsub: GossipSub }>;

export interface HostOptions {
  readonly privateKey: PrivateKey;
  /** Multiaddrs to listen on. */
  readonly listen: readonly string[];
  /** Multiaddrs to tell others of instead. */
  readonly announce?: readonly string[];
  readonly maxConnections: number;
  readonly agent: string;
  readonly gossip: Partial<GossipsubOpts>;
  readonly isBanned: (peer: string) => boolean;
}

export async function createHost(options: HostOptions): Promise<Host> {
  const { isBanned, maxConnections } = options;
  return createLibp2p({
    start: false,
    privateKey: options.privateKey,
    nodeInfo: { name: "cresset", userAgent: options.agent },
    addresses: { listen: [...options.listen], announce: [...(options.announce ?? [])] },
    transports: [
      tcp({
        maxConnections: maxConnections + 16,
        backlog: 32,
        inboundSocketInactivityTimeout: SOCKET_IDLE_MS,
        outboundSocketInactivityTimeout: SOCKET_IDLE_MS,
      }),
    ],
    connectionEncrypters: [noise()],
    streamMuxers: [
      withEarlyEnds(yamux({ maxInboundStreams: MAX_STREAMS, maxOutboundStreams: MAX_STREAMS })),
      withEarlyEnds(mplex({ disconnectThreshold: 64 })),
    ],
    connectionManager: {
      maxConnections,
      maxParallelDials: 16,
      maxDialQueueLength: 128,
      maxIncomingPendingConnections: 32,
      inboundConnectionThreshold: 16,
      // Redialling is the node's own business: it knows who is worth it.
      reconnectRetries: 0,
    },
    // Peers need not speak libp2p's ping: the protocol has its own.
    connectionMonitor: { enabled: false },
    connectionGater: {
      denyDialMultiaddr: () => false,
      denyDialPeer: (peer) => isBanned(peer.toString()),
      denyInboundEncryptedConnection: (peer) => isBanned(peer.toString()),
    },
    services: {
      identify: identify({ maxMessageSize: IDENTIFY_MAX_BYTES, maxObservedAddresses: 4 }),
      gossipsub: gossipsub(options.gossip) as (components: object) => GossipSub,
    },
  });
}
