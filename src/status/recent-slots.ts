/** The last slots of the head's chain with what their blocks hold, read once a block. */
import { BoundedMap } from "../base/bounded.ts";
import { toHex } from "../base/bytes.ts";
import type { Chain } from "../chain/chain.ts";
import { decodeIncomingBlock } from "../chain/incoming-block.ts";
import type { SyncAggregate } from "../spec/containers.ts";
import type { SlotStatus } from "./node-status.ts";

/** Slots on the page. */
export const RECENT_SLOTS = 32;
/** Of blocks whose contents are remembered: some forks more than are shown. */
const CONTENTS_LIMIT = 128;
const NO_CONTENTS: Contents = {};

type Contents = Pick<SlotStatus, "blobs" | "transactions" | "graffiti" | "attestations" | "syncFraction">;

export type SlotsChain = Pick<Chain, "spec" | "slotClock" | "store" | "head" | "events" | "blockBytes">;

export class RecentSlots {
  readonly #chain: SlotsChain;
  readonly #contents = new BoundedMap<string, Contents>({ limit: CONTENTS_LIMIT });
  readonly #delays = new BoundedMap<string, number>({ limit: CONTENTS_LIMIT });
  readonly #stop: () => void;

  constructor(chain: SlotsChain) {
    this.#chain = chain;
    this.#stop = chain.events.on("block", ({ root, slot }) => {
      const { slotClock } = chain;
      const delayMs = slotClock.nowMs() - slotClock.slotStartMs(slot);
      if (delayMs < slotClock.slotMs) this.#delays.set(toHex(root), Math.round(delayMs));
    });
  }

  /** Newest first, from the current slot back to where fork choice begins. */
  async read(): Promise<SlotStatus[]> {
    const { store, head, slotClock } = this.#chain;
    const { array } = store;
    const slots: SlotStatus[] = [];
    let row = array.indexOf(head.root);
    const newest = Math.max(slotClock.currentSlot(), head.slot);
    for (let slot = newest; slot > newest - RECENT_SLOTS && slot >= 0 && row >= 0; slot--) {
      if (array.slot[row]! < slot) {
        slots.push({ slot });
        continue;
      }
      const root = array.rootAt(row);
      const proposer = array.proposerIndex[row]!;
      row = array.parent[row]!;
      const delayMs = this.#delays.get(toHex(root));
      slots.push({ slot, root: toHex(root), proposer, ...(delayMs !== undefined && { delayMs }) });
    }
    return Promise.all(slots.map(async (of) => ({ ...of, ...(await this.#contentsOf(of)) })));
  }

  stop(): void {
    this.#stop();
  }

  async #contentsOf({ root }: SlotStatus): Promise<Contents> {
    if (root === undefined) return NO_CONTENTS;
    const known = this.#contents.get(root);
    if (known !== undefined) return known;
    const contents = await this.#read(root);
    this.#contents.set(root, contents);
    return contents;
  }

  /** Genesis has no block that somebody signed. */
  async #read(root: string): Promise<Contents> {
    const { spec, blockBytes } = this.#chain;
    const bytes = await blockBytes.call(this.#chain, Buffer.from(root.slice(2), "hex"));
    if (bytes === undefined) return NO_CONTENTS;
    const { body } = decodeIncomingBlock(spec, bytes, { source: "replay", seenAtMs: 0 }).signedBlock.message;
    // Earlier forks lack some of these.
    const { blobKzgCommitments, executionPayload, syncAggregate } = body as Partial<typeof body>;
    return {
      ...(blobKzgCommitments && { blobs: blobKzgCommitments.length }),
      ...(executionPayload && { transactions: executionPayload.transactions.length }),
      graffiti: textOf(body.graffiti),
      attestations: body.attestations.length,
      ...(syncAggregate && { syncFraction: fractionOf(syncAggregate) }),
    };
  }
}

function fractionOf({ syncCommitteeBits }: SyncAggregate): number {
  return syncCommitteeBits.getTrueBitIndexes().length / syncCommitteeBits.bitLen;
}

/** Anybody may put anything there: what is no plain text becomes dots. */
function textOf(graffiti: Uint8Array): string {
  const text = new TextDecoder().decode(graffiti).replace(/\0+$/, "");
  return text.replaceAll(/[\p{Cc}\p{Cf}\uFFFD]/gu, "·");
}
