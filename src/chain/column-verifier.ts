/** KZG proofs of columns, many in one call: 128 columns of a blob together cost as much as ten alone. */
import { histogram } from "../base/metrics.ts";
import { QueueFullError } from "../base/task-queue.ts";
import type { DataColumnSidecar } from "../spec/containers.ts";
import { VerifierFull } from "./batching-verifier.ts";
import type { CellBatch, KzgCells } from "./kzg-cells.ts";

interface Waiting {
  readonly sidecar: DataColumnSidecar;
  readonly resolve: (isValid: boolean) => void;
  readonly reject: (error: Error) => void;
}

const MAX_BATCH = 128;
/** How long the first column of a batch waits for others. */
const DELAY_MS = 15;
const batches = histogram("cresset_column_batch_sidecars", "Columns checked in one call", [1, 4, 16, 32, 64, 128]);

export class ColumnVerifier {
  readonly #kzgCells: Pick<KzgCells, "verify">;
  #waiting: Waiting[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(kzgCells: Pick<KzgCells, "verify">) {
    this.#kzgCells = kzgCells;
  }

  /** @spec verify_data_column_sidecar_kzg_proofs (fulu) */
  verify(sidecar: DataColumnSidecar): Promise<boolean> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ sidecar, resolve, reject });
      if (this.#waiting.length >= MAX_BATCH) this.#flush();
      else this.#timer ??= setTimeout(() => this.#flush(), DELAY_MS);
    });
  }

  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const batch = this.#waiting;
    this.#waiting = [];
    batches.observe(batch.length);
    this.#check(batch).catch((error: Error) => {
      const reason = error instanceof QueueFullError ? new VerifierFull(error.message) : error;
      for (const { reject } of batch) reject(reason);
    });
  }

  /** Where something is wrong, both halves are looked at, and so on to the columns that are. */
  async #check(batch: readonly Waiting[]): Promise<void> {
    const isValid = await this.#kzgCells.verify(cellsOf(batch.map(({ sidecar }) => sidecar)));
    if (isValid || batch.length === 1) {
      for (const { resolve } of batch) resolve(isValid);
      return;
    }
    const middle = batch.length >> 1;
    await this.#check(batch.slice(0, middle));
    await this.#check(batch.slice(middle));
  }
}

/** The cells of columns with as many commitments and proofs as cells. */
export function cellsOf(sidecars: readonly DataColumnSidecar[]): CellBatch {
  return {
    commitments: sidecars.flatMap(({ kzgCommitments }) => kzgCommitments),
    indices: sidecars.flatMap(({ column, index }) => column.map(() => index)),
    cells: sidecars.flatMap(({ column }) => column),
    proofs: sidecars.flatMap(({ kzgProofs }) => kzgProofs),
  };
}
