/** Cells and proofs of blobs, computed on a thread of their own: a blob takes a quarter of a second. */
import { isMainThread, parentPort, Worker } from "node:worker_threads";
import { BoundedMap } from "../base/bounded.ts";
import { toHex } from "../base/bytes.ts";
import { SerialQueue } from "../base/task-queue.ts";
import { computeCellsAndKzgProofs } from "../crypto/kzg.ts";
import type { CellsAndProofs } from "../spec/das.ts";

/** Blobs that may wait; a block has at most some dozens. */
const QUEUE_LIMIT = 256;
/** Cells of the blobs computed last: a proposer asks for them twice. */
const BLOBS_KEPT = 16;

export class KzgCells {
  #worker: Worker | undefined;
  readonly #queue = new SerialQueue(QUEUE_LIMIT);
  readonly #known = new BoundedMap<string, CellsAndProofs>({ limit: BLOBS_KEPT, sizeOf: () => 128 * (2048 + 48) });

  get bytes(): number {
    return this.#known.bytes;
  }

  /** @param commitment of the blob: what the result is kept under */
  async compute(blob: Uint8Array, commitment: Uint8Array): Promise<CellsAndProofs> {
    const key = toHex(commitment);
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const result = await this.#queue.run(() => this.#ask(blob));
    this.#known.set(key, result);
    return result;
  }

  async stop(): Promise<void> {
    await this.#worker?.terminate();
    this.#worker = undefined;
  }

  #ask(blob: Uint8Array): Promise<CellsAndProofs> {
    this.#worker ??= new Worker(new URL(import.meta.url));
    const worker = this.#worker;
    worker.unref();
    return new Promise((resolve, reject) => {
      const settle = (act: () => void) => () => {
        worker.off("message", onMessage);
        worker.off("error", onError);
        act();
      };
      const onMessage = (reply: { cells: CellsAndProofs } | { error: string }): void =>
        settle(() => ("cells" in reply ? resolve(reply.cells) : reject(new Error(reply.error))))();
      const onError = (error: Error): void => {
        this.#worker = undefined;
        settle(() => reject(error))();
      };
      worker.on("message", onMessage);
      worker.on("error", onError);
      worker.postMessage(blob);
    });
  }
}

// The same file is the worker.
if (!isMainThread && parentPort !== null) {
  const port = parentPort;
  port.on("message", (blob: Uint8Array) => {
    try {
      port.postMessage({ cells: computeCellsAndKzgProofs(blob) });
    } catch (error) {
      port.postMessage({ error: (error as Error).message });
    }
  });
}
