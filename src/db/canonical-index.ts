/** Which block is the finalized one of a slot: what tells it from the orphans that segment files hold too. */
import { Bucket, type KeyValue, type KeyValueOperation } from "./key-value.ts";
import { uint64 } from "./record-index.ts";

const REMOVE_STEP = 4096;

export class CanonicalIndex {
  readonly #keyValue: KeyValue;

  constructor(keyValue: KeyValue) {
    this.#keyValue = keyValue;
  }

  /** Notes finalized blocks. A power cut may take the latest notes back, the newest first: finalization repeats them. */
  async add(blocks: readonly { slot: number; root: Uint8Array }[]): Promise<void> {
    const operations = blocks.map(({ slot, root }): KeyValueOperation => {
      return { type: "put", bucket: Bucket.canonicalRoots, key: uint64(slot), value: root };
    });
    await this.#keyValue.batch(operations, { sync: false });
  }

  async root(slot: number): Promise<Uint8Array | undefined> {
    return this.#keyValue.get(Bucket.canonicalRoots, uint64(slot));
  }

  /** Finalized blocks from a slot on, in order. */
  async range(from: number, limit: number): Promise<{ slot: number; root: Uint8Array }[]> {
    const blocks: { slot: number; root: Uint8Array }[] = [];
    for await (const [key, root] of this.#keyValue.entries(Bucket.canonicalRoots, { from: uint64(from), limit })) {
      blocks.push({ slot: Number(Buffer.from(key).readBigUInt64BE()), root: root.slice() });
    }
    return blocks;
  }

  async removeBefore(slot: number): Promise<void> {
    const range = { to: uint64(slot), limit: REMOVE_STEP };
    for (;;) {
      const operations: KeyValueOperation[] = [];
      for await (const [key] of this.#keyValue.entries(Bucket.canonicalRoots, range)) {
        operations.push({ type: "del", bucket: Bucket.canonicalRoots, key: key.slice() });
      }
      if (operations.length === 0) return;
      await this.#keyValue.batch(operations, { sync: false });
    }
  }
}
