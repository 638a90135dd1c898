/**
 * Data that gossip did not bring: from half of a block's columns, or from the blobs that the execution client has seen.
 * @see https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/fulu/das-core.md
 */

import type { Logger } from "../base/log.ts";
import { counter } from "../base/metrics.ts";
import { uncompressFrames } from "../base/snappy.ts";
import type { Database } from "../db/database.ts";
import { RECORD_KINDS } from "../db/record.ts";
import { getBlobSidecars } from "../spec/blobs.ts";
import type { ChainSpec } from "../spec/chain-spec.ts";
import type { DataColumnSidecar } from "../spec/containers.ts";
import { type CellsAndProofs, getDataColumnSidecarsFromBlock } from "../spec/das.ts";
import { Fork } from "../spec/fork.ts";
import { forkTypes } from "../spec/fork-types.ts";
import { kzgCommitmentToVersionedHash } from "../spec/misc.ts";
import { decodeSsz } from "../spec/ssz-decode.ts";
import type { Availability } from "./availability.ts";
import type { BlobAndProofs, ExecutionEngine } from "./engine/port.ts";
import type { IncomingBlock } from "./incoming-block.ts";
import type { KzgCells } from "./kzg-cells.ts";

const recoveries = counter("cresset_data_recoveries_total", "Blocks whose missing data was made here", ["source"]);

export interface DataRecoveryParts {
  readonly spec: ChainSpec;
  readonly database: Database;
  readonly availability: Availability;
  readonly execution?: ExecutionEngine | undefined;
  readonly kzgCells: KzgCells;
  readonly log: Logger;
  /** Columns that peers may lack as well. */
  readonly onColumns?: (block: IncomingBlock, sidecars: readonly DataColumnSidecar[]) => Promise<void>;
}

export class DataRecovery {
  readonly #parts: DataRecoveryParts;

  constructor(parts: DataRecoveryParts) {
    this.#parts = parts;
  }

  /** Tries what there is. @returns whether the block has its data now */
  async fill(block: IncomingBlock): Promise<boolean> {
    const { availability, log } = this.#parts;
    if (availability.missing(block).length === 0) return true;
    const source = await this.#fill(block);
    if (source !== undefined) {
      recoveries.inc({ source });
      log.debug({ slot: block.signedBlock.message.slot, source }, "made the missing data of a block");
    }
    return availability.missing(block).length === 0;
  }

  async #fill(block: IncomingBlock): Promise<"columns" | "engine" | undefined> {
    if (block.fork >= Fork.fulu) {
      const cells = await this.#cellsFromColumns(block);
      if (cells !== undefined) {
        await this.#addColumns(block, cells);
        return "columns";
      }
    }
    const blobs = await this.#blobsFromEngine(block);
    if (blobs === undefined) return undefined;
    if (block.fork >= Fork.fulu) await this.#addColumns(block, await this.#cellsOf(block, blobs));
    else await this.#addBlobs(block, blobs);
    return "engine";
  }

  /** Undefined with fewer than half of the columns. */
  async #cellsFromColumns(block: IncomingBlock): Promise<CellsAndProofs[] | undefined> {
    const { spec, kzgCells } = this.#parts;
    const columns = await this.#storedColumns(block, spec.preset.NUMBER_OF_COLUMNS / 2);
    if (columns === undefined) return undefined;
    const indices = columns.map(({ index }) => index);
    return Promise.all(
      block.signedBlock.message.body.blobKzgCommitments.map((commitment, row) => {
        const cells = columns.map(({ column }) => column[row]!);
        return kzgCells.recover(indices, cells, commitment);
      }),
    );
  }

  async #storedColumns({ root, fork, signedBlock }: IncomingBlock, count: number) {
    const { spec, database, availability } = this.#parts;
    const { slot } = signedBlock.message;
    const indices = availability.custodyColumns.filter((index) => availability.has(root, index));
    if (indices.length < count) return undefined;
    const type = forkTypes({ spec, fork }).DataColumnSidecar;
    const columns: DataColumnSidecar[] = [];
    for (const index of indices.slice(0, count)) {
      const record = await database.dataColumnSidecars.read({ slot, root, index });
      if (record === undefined) return undefined;
      const bytes = uncompressFrames(
        record.frames,
        Math.min(record.sszLength, RECORD_KINDS.dataColumnSidecar.maxBytes),
      );
      columns.push(decodeSsz(type, bytes) as DataColumnSidecar);
    }
    return columns;
  }

  async #blobsFromEngine({ signedBlock, fork }: IncomingBlock): Promise<BlobAndProofs[] | undefined> {
    const hashes = signedBlock.message.body.blobKzgCommitments.map(kzgCommitmentToVersionedHash);
    const blobs = await this.#parts.execution?.getBlobs(hashes, fork);
    const isWhole = blobs?.length === hashes.length && blobs.every((blob) => blob !== null);
    return isWhole ? (blobs as BlobAndProofs[]) : undefined;
  }

  #cellsOf({ signedBlock }: IncomingBlock, blobs: readonly BlobAndProofs[]): Promise<CellsAndProofs[]> {
    const commitments = signedBlock.message.body.blobKzgCommitments;
    return Promise.all(blobs.map(({ blob }, row) => this.#parts.kzgCells.compute(blob, commitments[row]!)));
  }

  async #addColumns(block: IncomingBlock, cells: readonly CellsAndProofs[]): Promise<void> {
    const { spec, availability, onColumns } = this.#parts;
    const missing = new Set(availability.missing(block));
    const sidecars = getDataColumnSidecarsFromBlock(spec, block.signedBlock, cells);
    const fresh = sidecars.filter(({ index }) => missing.has(index));
    await Promise.all(fresh.map((sidecar) => availability.addColumn(block.root, sidecar)));
    await onColumns?.(block, fresh);
  }

  async #addBlobs(block: IncomingBlock, blobs: readonly BlobAndProofs[]): Promise<void> {
    const { spec, availability } = this.#parts;
    const [bytes, proofs] = [blobs.map(({ blob }) => blob), blobs.map(({ proofs: [proof] }) => proof!)];
    const sidecars = getBlobSidecars(spec, block.signedBlock, bytes, proofs);
    await Promise.all(sidecars.map((sidecar) => availability.addBlob(block.root, sidecar)));
  }
}
