/** Blocks whose parent has not come yet, kept for a while in one bounded map. */
import { BoundedMap } from "../base/bounded.ts";
import { toHex } from "../base/bytes.ts";
import { gauge } from "../base/metrics.ts";
import type { IncomingBlock } from "./incoming-block.ts";

/** Asked for blocks that others refer to; answers by importing them. */
export interface BlockFetcher {
  fetchBlock(root: Uint8Array): void;
}

const MOST_BLOCKS = 64;
const parked = gauge("cresset_parked_blocks", "Blocks that wait for their parent");

export class UnknownParents {
  /** By the block's own root. */
  readonly #blocks = new BoundedMap<string, IncomingBlock>({
    limit: MOST_BLOCKS,
    sizeOf: (block) => block.bytes.length * 3,
  });

  get bytes(): number {
    return this.#blocks.bytes;
  }

  park(block: IncomingBlock): void {
    this.#blocks.set(toHex(block.root), block);
    parked.set(this.#blocks.size);
  }

  /** Takes out the children of a block that was imported. */
  takeChildren(root: Uint8Array): IncomingBlock[] {
    const wanted = toHex(root);
    const children = [...this.#blocks.values()].filter(
      (block) => toHex(block.signedBlock.message.parentRoot) === wanted,
    );
    for (const child of children) this.#blocks.delete(toHex(child.root));
    parked.set(this.#blocks.size);
    return children;
  }

  prune(finalizedSlot: number): void {
    for (const [key, block] of [...this.#blocks.entries()]) {
      if (block.signedBlock.message.slot <= finalizedSlot) this.#blocks.delete(key);
    }
  }
}
