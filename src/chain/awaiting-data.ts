/** Blocks whose blobs or columns did not come in time, kept until they do. */
import { BoundedMap } from "../base/bounded.ts";
import { toHex } from "../base/bytes.ts";
import { gauge } from "../base/metrics.ts";
import type { IncomingBlock } from "./incoming-block.ts";

/** As many as a few slots have proposers and equivocations. */
const MOST_BLOCKS = 32;
const waitingBlocks = gauge("cresset_blocks_awaiting_data", "Blocks that wait for their blobs or columns");

export class AwaitingData {
  /** By root. */
  readonly #blocks = new BoundedMap<string, IncomingBlock>({
    limit: MOST_BLOCKS,
    sizeOf: (block) => block.bytes.length * 3,
  });

  get bytes(): number {
    return this.#blocks.bytes;
  }

  park(block: IncomingBlock): void {
    this.#blocks.set(toHex(block.root), block);
    waitingBlocks.set(this.#blocks.size);
  }

  get(root: Uint8Array): IncomingBlock | undefined {
    return this.#blocks.get(toHex(root));
  }

  delete(root: Uint8Array): void {
    this.#blocks.delete(toHex(root));
    waitingBlocks.set(this.#blocks.size);
  }

  prune(finalizedSlot: number): void {
    for (const [key, block] of [...this.#blocks.entries()]) {
      if (block.signedBlock.message.slot <= finalizedSlot) this.#blocks.delete(key);
    }
    waitingBlocks.set(this.#blocks.size);
  }
}
