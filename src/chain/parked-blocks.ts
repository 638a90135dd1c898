/** Blocks that wait for something, a bounded number of them: the one that waits longest goes first. */
import { BoundedMap } from "../base/bounded.ts";
import { toHex } from "../base/bytes.ts";
import { gauge } from "../base/metrics.ts";
import type { IncomingBlock } from "./incoming-block.ts";

const parked = gauge("cresset_parked_blocks", "Blocks that wait for their parent or their data", { labels: ["for"] });

export class ParkedBlocks {
  readonly #reason: "parent" | "data";
  /** By root. */
  readonly #blocks: BoundedMap<string, IncomingBlock>;

  constructor(reason: "parent" | "data", limit: number) {
    this.#reason = reason;
    // The bytes, and about twice as much for the value decoded from them.
    this.#blocks = new BoundedMap({ limit, sizeOf: (block) => block.bytes.length * 3 });
  }

  get size(): number {
    return this.#blocks.size;
  }

  get bytes(): number {
    return this.#blocks.bytes;
  }

  park(block: IncomingBlock): void {
    this.#blocks.set(toHex(block.root), block);
    this.#count();
  }

  get(root: Uint8Array): IncomingBlock | undefined {
    return this.#blocks.get(toHex(root));
  }

  delete(root: Uint8Array): void {
    this.#blocks.delete(toHex(root));
    this.#count();
  }

  /** Takes out the children of a block. */
  takeChildren(root: Uint8Array): IncomingBlock[] {
    if (this.#blocks.size === 0) return [];
    const wanted = toHex(root);
    return this.#take((block) => toHex(block.signedBlock.message.parentRoot) === wanted);
  }

  /** Forgets what finality has left behind. */
  prune(finalizedSlot: number): void {
    this.#take((block) => block.signedBlock.message.slot <= finalizedSlot);
  }

  #take(isWanted: (block: IncomingBlock) => boolean): IncomingBlock[] {
    const taken = [...this.#blocks.values()].filter(isWanted);
    for (const block of taken) this.#blocks.delete(toHex(block.root));
    this.#count();
    return taken;
  }

  #count(): void {
    parked.set({ for: this.#reason }, this.#blocks.size);
  }
}
