/**
 * KZG work on a thread of its own: cells and proofs of a blob take a quarter of a second and more, and to read the
 * trusted setup takes seconds on a small machine.
 */
import { isMainThread, parentPort, Worker } from "node:worker_threads";
import { BoundedMap } from "../base/bounded.ts";
import { toHex } from "../base/bytes.ts";
import { gauge } from "../base/metrics.ts";
import { QueueFullError } from "../base/task-queue.ts";
import {
  BYTES_PER_BLOB,
  blobToKzgCommitment,
  computeCellsAndKzgProofs,
  recoverCellsAndKzgProofs,
  verifyCellKzgProofBatch,
} from "../crypto/kzg.ts";
import type { CellsAndProofs } from "../spec/das.ts";

/** Cells to be checked, each with its commitment, its column and its proof. */
export interface CellBatch {
  readonly commitments: readonly Uint8Array[];
  readonly indices: readonly number[];
  readonly cells: readonly Uint8Array[];
  readonly proofs: readonly Uint8Array[];
}

type Task =
  | { readonly kind: "warm-up" }
  | { readonly kind: "compute"; readonly blob: Uint8Array }
  | { readonly kind: "recover"; readonly indices: readonly number[]; readonly cells: readonly Uint8Array[] }
  | { readonly kind: "verify"; readonly batch: CellBatch };

type Answer = { readonly value: unknown } | { readonly error: string };

interface Waiting {
  readonly task: Task;
  readonly resolve: (value: never) => void;
  readonly reject: (error: Error) => void;
}

/** Tasks that may wait; a block has at most some dozens of blobs. */
const QUEUE_LIMIT = 256;
/** Cells of the blobs computed last: a proposer asks for them twice. */
const BLOBS_KEPT = 16;

const waitingGauge = gauge("cresset_kzg_tasks", "Blobs and batches of cells that wait for the thread or are in work");

export class KzgCells {
  #worker: Worker | undefined;
  #running: Waiting | undefined;
  readonly #waiting: Waiting[] = [];
  readonly #known = new BoundedMap<string, CellsAndProofs>({ limit: BLOBS_KEPT, sizeOf: () => 128 * (2048 + 48) });
  /** By commitment. */
  readonly #computing = new Map<string, Promise<CellsAndProofs>>();

  get bytes(): number {
    return this.#known.bytes;
  }

  /** Reads the trusted setup, so that the first block with blobs does not wait for it. */
  async warmUp(): Promise<void> {
    await this.#run({ kind: "warm-up" });
  }

  /** @param commitment of the blob: what the result is kept under */
  compute(blob: Uint8Array, commitment: Uint8Array): Promise<CellsAndProofs> {
    return this.#once(commitment, { kind: "compute", blob });
  }

  /** All cells from at least half of them. @param indices ascending @throws Error when they are of no blob */
  recover(indices: readonly number[], cells: readonly Uint8Array[], commitment: Uint8Array): Promise<CellsAndProofs> {
    return this.#once(commitment, { kind: "recover", indices, cells });
  }

  /** Goes before everything that waits: peers wait for the verdict. */
  verify(batch: CellBatch): Promise<boolean> {
    return this.#run({ kind: "verify", batch });
  }

  async stop(): Promise<void> {
    const worker = this.#worker;
    this.#abandon(new Error("stopped"));
    for (const { reject } of this.#waiting.splice(0)) reject(new Error("stopped"));
    await worker?.terminate();
  }

  /** Who asks while the same is computed gets the same answer. */
  async #once(commitment: Uint8Array, task: Task): Promise<CellsAndProofs> {
    const key = toHex(commitment);
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const running = this.#computing.get(key) ?? this.#run<CellsAndProofs>(task);
    this.#computing.set(key, running);
    try {
      const result = await running;
      this.#known.set(key, result);
      return result;
    } finally {
      this.#computing.delete(key);
    }
  }

  #run<T>(task: Task): Promise<T> {
    if (this.#waiting.length >= QUEUE_LIMIT) return Promise.reject(new QueueFullError(QUEUE_LIMIT));
    return new Promise<T>((resolve, reject) => {
      const waiting = { task, resolve, reject };
      if (task.kind === "verify") this.#waiting.unshift(waiting);
      else this.#waiting.push(waiting);
      this.#next();
    });
  }

  #next(): void {
    waitingGauge.set(this.#waiting.length + (this.#running === undefined ? 0 : 1));
    if (this.#running !== undefined) return;
    this.#running = this.#waiting.shift();
    if (this.#running === undefined) return;
    this.#worker ??= this.#startWorker();
    this.#worker.postMessage(this.#running.task);
  }

  #startWorker(): Worker {
    const worker = new Worker(new URL(import.meta.url));
    // The thread alone does not keep the program from ending.
    worker.unref();
    worker.on("message", (answer: Answer) => {
      const asked = this.#running;
      this.#running = undefined;
      if ("value" in answer) asked?.resolve(answer.value as never);
      else asked?.reject(new Error(answer.error));
      this.#next();
    });
    worker.on("error", (error: Error) => {
      this.#abandon(error);
      this.#next();
    });
    return worker;
  }

  #abandon(error: Error): void {
    const asked = this.#running;
    this.#running = undefined;
    this.#worker = undefined;
    asked?.reject(error);
  }
}

function answer(task: Task): unknown {
  switch (task.kind) {
    case "compute":
      return computeCellsAndKzgProofs(task.blob);
    case "recover":
      return recoverCellsAndKzgProofs(task.indices, task.cells);
    case "verify": {
      const { commitments, indices, cells, proofs } = task.batch;
      return verifyCellKzgProofBatch(commitments, indices, cells, proofs);
    }
    case "warm-up":
      blobToKzgCommitment(new Uint8Array(BYTES_PER_BLOB));
      return undefined;
  }
}

// The same file is the worker.
if (!isMainThread && parentPort !== null) {
  const port = parentPort;
  port.on("message", (task: Task) => {
    try {
      port.postMessage({ value: answer(task) });
    } catch (error) {
      port.postMessage({ error: (error as Error).message });
    }
  });
}
