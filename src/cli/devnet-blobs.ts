/** Blobs for a test network: a transaction with some every few slots. */
import { SlotClock } from "../base/clock.ts";
import type { ChainSpec } from "../spec/chain-spec.ts";
import { forkAtEpoch } from "../spec/config.ts";
import { Fork } from "../spec/fork.ts";
import { DevnetTransactions, textBlob } from "./devnet-transactions.ts";
import { type EmbeddedExecution, knowsOsaka } from "./embedded-execution.ts";
import { DEVNET_CHAIN_ID } from "./execution-genesis.ts";
import { type DevAccount, devAccounts } from "./execution-keys.ts";

/** Blobs of a transaction: 1, 2, and again. A machine that runs a whole network has to compute the cells of each. */
const MOST_BLOBS = 2;
const PATIENCE_SLOTS = 12;

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
  const [from, to] = devAccounts(2) as [DevAccount, DevAccount];
  let sent = 0;
  let last: { slot: number; isDone: () => Promise<boolean> } | undefined;
  const send = async (slot: number, fork: Fork): Promise<void> => {
    // A client forgets transactions of blocks that were left behind: what is not done for long is sent again.
    if (last !== undefined && slot - last.slot < PATIENCE_SLOTS && !(await last.isDone())) return;
    const hasCellProofs = fork >= Fork.fulu && knowsOsaka(execution.kind);
    // Another each time, because it asks for the account's count of transactions but once.
    const sender = new DevnetTransactions({
      ...{ spec, rpcUrl: execution.rpcUrl, chainId: DEVNET_CHAIN_ID, hasCellProofs },
    });
    const blobs = Array.from({ length: 1 + (sent++ % MOST_BLOBS) }, (_, k) => textBlob(`cresset ${slot}/${k}`));
    const hash = await sender.sendBlobs(from, to.address, blobs);
    last = { slot, isDone: () => sender.isDone(hash) };
  };
  clock.onSlot((slot) => {
    const fork = forkAtEpoch(spec.config, clock.currentEpoch());
    if (fork >= Fork.deneb && slot > 0 && slot % everySlots === 0) send(slot, fork).catch(onError);
  });
  return () => clock.stop();
}
