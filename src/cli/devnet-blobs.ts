/** Blobs for a test network: a transaction with some every few slots. */
import { SlotClock } from "../base/clock.ts";
import type { ChainSpec } from "../spec/chain-spec.ts";
import { forkAtEpoch } from "../spec/config.ts";
import { Fork } from "../spec/fork.ts";
import { DevnetTransactions, textBlob } from "./devnet-transactions.ts";
import type { EmbeddedExecution } from "./embedded-execution.ts";
import { knowsOsaka } from "./embedded-execution.ts";
import { DEVNET_CHAIN_ID } from "./execution-genesis.ts";
import { devAccounts } from "./execution-keys.ts";

/** Blobs of a transaction: 1, 2, 3, and again. */
const MOST_BLOBS = 3;

export interface BlobWork {
  readonly spec: ChainSpec;
  /** Seconds since the Unix epoch. */
  readonly genesisTime: number;
  readonly execution: EmbeddedExecution;
  /** Slots between two transactions. */
  readonly everySlots: number;
  readonly onError: (error: Error) => void;
}

/** Begins with deneb, and goes on until it is stopped. @returns stops it */
export function sendBlobsRegularly({ spec, genesisTime, execution, everySlots, onError }: BlobWork): () => void {
  const { SLOTS_PER_EPOCH: slotsPerEpoch } = spec.preset;
  const clock = new SlotClock({ genesisTime, slotMs: spec.config.SLOT_DURATION_MS, slotsPerEpoch });
  const [from, to] = devAccounts(2);
  let sender: DevnetTransactions | undefined;
  let sent = 0;
  clock.onSlot((slot) => {
    const fork = forkAtEpoch(spec.config, clock.currentEpoch());
    if (fork < Fork.deneb || slot % everySlots !== 0 || slot === 0) return;
    const hasCellProofs = fork >= Fork.fulu && knowsOsaka(execution.kind);
    // Another kind of proof from fulu on.
    if (sender === undefined || sender.hasCellProofs !== hasCellProofs) {
      sender = new DevnetTransactions({ spec, rpcUrl: execution.rpcUrl, chainId: DEVNET_CHAIN_ID, hasCellProofs });
    }
    const blobs = Array.from({ length: 1 + (sent++ % MOST_BLOBS) }, (_, k) => textBlob(`cresset ${slot}/${k}`));
    sender.sendBlobs(from!, to!.address, blobs).catch(onError);
  });
  return () => clock.stop();
}
