/** A node that is well, as its page shows it, in slot 100 of epochs of 8 slots. */
import type { NodeStatus } from "../../src/status/node-status.ts";

const SLOT_MS = 4000;

export function nodeStatus(changes: Partial<NodeStatus> = {}): NodeStatus {
  const nowMs = Date.now();
  const genesisMs = nowMs - 100 * SLOT_MS;
  const slots = Array.from({ length: 32 }, (_, k) => ({
    slot: 100 - k,
    ...(k % 7 !== 3 && { root: `0x${String(100 - k).padStart(64, "0")}`, proposer: k, delayMs: 120, blobs: k % 3 }),
  }));
  return {
    ...{ version: "0.0.0", network: "test", fork: "fulu", nowMs, startedMs: genesisMs, genesisMs, slotMs: SLOT_MS },
    ...{ slotsPerEpoch: 8, slot: 100, validatorCount: 64, peerCount: 1, addresses: [], execution: [], slots },
    head: { slot: 100, root: `0x${"11".repeat(32)}`, isOptimistic: false },
    justified: { epoch: 11, root: `0x${"22".repeat(32)}` },
    finalized: { epoch: 10, root: `0x${"33".repeat(32)}` },
    participation: { epoch: 11, source: 1, target: 0.985, head: 0.9 },
    sync: { state: "synced", distance: 0, targetSlot: 100, slotsPerSecond: 0 },
    peers: [
      { id: "peer", agent: "test", direction: "inbound", state: "connected", address: "/ip4/127.0.0.1", score: 0 },
    ],
    memory: { rssBytes: 3e8, holders: [{ name: "Heap", bytes: 1e8 }] },
    disk: { freeBytes: 1e11, holders: [{ name: "Blocks", bytes: 1e6 }] },
    ...changes,
  };
}
