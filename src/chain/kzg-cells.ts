/** Cells and proofs of blobs, computed on a thread of their own: a blob takes a quarter of a second. */
import { isMainThread, parentPort, Worker } from "node:worker_threads";
import { BoundedMap } from "../base/bounded.ts";
import { toHex } from "../base/bytes.ts";
import { SerialQueue } from "../base/task-queue.ts";
import { computeCellsAndKzgProofs, recoverCellsAndKzgProofs } from "../crypto/kzg.ts";
import type { CellsAndProofs } from "../spec/das.ts";

/** A blob, or at least half of its cells. */
type Task =
  | { readonly blob: Uint8Array }
  | { readonly indices: readonly number[]; readonly cells: readonly Uint8Array[] };

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
  compute(blob: Uint8Array, commitment: Uint8Array): Promise<CellsAndProofs> {
    return this.#once(commitment, { blob });
  }

  /** All cells from at least half of them. @param indices ascending @throws Error when they are of no blob */
  recover(indices: readonly number[], cells: readonly Uint8Array[], commitment: Uint8Array): Promise<CellsAndProofs> {
    return this.#once(commitment, { indices, cells });
  }

  async #once(commitment: Uint8Array, task: Task): Promise<CellsAndProofs> {
    const key = toHex(commitment);
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const result = await this.#queue.run(() => this.#ask(task));
    this.#known.set(key, result);
    return result;
  }

  async stop(): Promise<void> {
    await this.#worker?.terminate();
    this.#worker = undefined;
  }

  #ask(task: Task): Promise<CellsAndProofs> {
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
      worker.postMessage(task);
    });
  }
}

// The same file is the worker.
if (!isMainThread && parentPort !== null) {
  const port = parentPort;
  port.on("message", (task: Task) => {
    try {
      const isBlob = "blob" in task;
      const cells = isBlob ? computeCellsAndKzgProofs(task.blob) : recoverCellsAndKzgProofs(task.indices, task.cells);
      port.postMessage({ cells });
    } catch (error) {
      port.postMessage({ error: (error as Error).message });
    }
  });
}
