/** One stretch of slots of a range sync: asked of a peer, checked, and fetched again from another when it is wrong. */
import { bytesEqual } from "../base/bytes.ts";
import { DecodeError, RequestFailed } from "../base/errors.ts";
import { decodeIncomingBlock, type IncomingBlock } from "../chain/incoming-block.ts";
import type { ByRootChain } from "./by-root.ts";
import type { PeerSource, SyncPeers } from "./peer-source.ts";

const MAX_ATTEMPTS = 5;
const TIMEOUT_MS = 60_000;

export interface BatchParts {
  readonly chain: ByRootChain;
  readonly network: PeerSource;
  readonly peers: SyncPeers;
}

export interface Batch {
  readonly startSlot: number;
  readonly count: number;
  readonly peer: string;
  readonly blocks: readonly IncomingBlock[];
}

/** Downloads the blocks of a range from whoever answers well. Undefined when no peer does. */
export async function downloadBatch(
  parts: BatchParts,
  range: { startSlot: number; count: number },
  signal: AbortSignal,
): Promise<Batch | undefined> {
  const tried = new Set<string>();
  while (tried.size < MAX_ATTEMPTS && !signal.aborted) {
    const [peer] = parts.peers.having(range.startSlot, tried);
    if (peer === undefined) return undefined;
    tried.add(peer);
    const blocks = await askRange(parts, peer, range, signal);
    if (blocks !== undefined) return { ...range, peer, blocks };
  }
  return undefined;
}

async function askRange(
  { chain, network, peers }: BatchParts,
  peer: string,
  range: { startSlot: number; count: number },
  signal: AbortSignal,
): Promise<IncomingBlock[] | undefined> {
  const blocks: IncomingBlock[] = [];
  try {
    const both = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]);
    for await (const { bytes } of network.request(peer, "beacon_blocks_by_range", range, { signal: both })) {
      const from = { source: "range", seenAtMs: chain.slotClock.nowMs() } as const;
      const block = decodeIncomingBlock(chain.spec, bytes, from);
      checkPlace(block, blocks.at(-1), range);
      blocks.push(block);
    }
    return blocks;
  } catch (error) {
    peers.rest(peer);
    if (error instanceof DecodeError) network.reportPeer(peer, "high", error.message);
    else if (!(error instanceof RequestFailed)) throw error;
    else if (error.code === "MALFORMED") network.reportPeer(peer, "mid", error.message);
    else if (error.code === "TIMEOUT" && !signal.aborted) network.reportPeer(peer, "low", error.message);
    return undefined;
  }
}

/** A batch is a part of one chain. @throws DecodeError */
function checkPlace(
  block: IncomingBlock,
  last: IncomingBlock | undefined,
  range: { startSlot: number; count: number },
) {
  const { slot, parentRoot } = block.signedBlock.message;
  if (slot < range.startSlot || slot >= range.startSlot + range.count) {
    throw new DecodeError(`a block of slot ${slot} outside of the range`);
  }
  if (last === undefined) return;
  if (slot <= last.signedBlock.message.slot) throw new DecodeError("blocks out of order");
  if (!bytesEqual(parentRoot, last.root)) throw new DecodeError("blocks that are no chain");
}
