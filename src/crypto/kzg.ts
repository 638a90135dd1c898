/**
 * KZG commitments of blobs and cells, by c-kzg with the ceremony's trusted setup that it brings. Verification of
 * malformed points is false; computing with them throws DecodeError; a wrong length throws TypeError before the call.
 * @see https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/fulu/polynomial-commitments-sampling.md
 */
import { createRequire } from "node:module";
import { DecodeError } from "../base/errors.ts";

export const BYTES_PER_BLOB = 131072;
export const BYTES_PER_CELL = 2048;
export const CELLS_PER_EXT_BLOB = 128;
const POINT_BYTES = 48;
/** Larger tables prove faster: 8 takes 100 MiB for a third less time. 0 needs 3 MiB. */
const PRECOMPUTE = 0;

type Bytes = Uint8Array;
type Library = typeof import("c-kzg");

let loaded: Library | undefined;

/** The setup is read once per isolate, when first needed. */
function library(): Library {
  if (loaded === undefined) {
    const kzg = createRequire(import.meta.url)("c-kzg") as Library;
    kzg.loadTrustedSetup(PRECOMPUTE);
    loaded = kzg;
  }
  return loaded;
}

/** @spec blob_to_kzg_commitment (deneb) */
export function blobToKzgCommitment(blob: Bytes): Bytes {
  checkLengths("blob", [blob], BYTES_PER_BLOB);
  return plain(computed(() => library().blobToKzgCommitment(blob)));
}

/** @spec compute_blob_kzg_proof (deneb) */
export function computeBlobKzgProof(blob: Bytes, commitment: Bytes): Bytes {
  checkLengths("blob", [blob], BYTES_PER_BLOB);
  checkLengths("commitment", [commitment], POINT_BYTES);
  return plain(computed(() => library().computeBlobKzgProof(blob, commitment)));
}

/** @spec verify_blob_kzg_proof (deneb) */
export function verifyBlobKzgProof(blob: Bytes, commitment: Bytes, proof: Bytes): boolean {
  return verifyBlobKzgProofBatch([blob], [commitment], [proof]);
}

/** Lists of different lengths are false. @spec verify_blob_kzg_proof_batch (deneb) */
export function verifyBlobKzgProofBatch(
  blobs: readonly Bytes[],
  commitments: readonly Bytes[],
  proofs: readonly Bytes[],
): boolean {
  checkLengths("blob", blobs, BYTES_PER_BLOB);
  checkLengths("commitment", commitments, POINT_BYTES);
  checkLengths("proof", proofs, POINT_BYTES);
  if (commitments.length !== blobs.length || proofs.length !== blobs.length) return false;
  return verified(() => library().verifyBlobKzgProofBatch([...blobs], [...commitments], [...proofs]));
}

/** @spec compute_cells_and_kzg_proofs (fulu) */
export function computeCellsAndKzgProofs(blob: Bytes): [cells: Bytes[], proofs: Bytes[]] {
  checkLengths("blob", [blob], BYTES_PER_BLOB);
  return plainPair(computed(() => library().computeCellsAndKzgProofs(blob)));
}

/**
 * All cells and proofs of a blob from at least half of its cells.
 * @param cellIndices ascending
 * @spec recover_cells_and_kzg_proofs (fulu)
 */
export function recoverCellsAndKzgProofs(
  cellIndices: readonly number[],
  cells: readonly Bytes[],
): [cells: Bytes[], proofs: Bytes[]] {
  checkLengths("cell", cells, BYTES_PER_CELL);
  if (cellIndices.length !== cells.length) throw new TypeError("as many cells as cell indices are needed");
  if (!cellIndices.every((index, i) => isCellIndex(index) && (i === 0 || index > cellIndices[i - 1]!))) {
    throw new DecodeError("cell indices must ascend and be cells of a blob");
  }
  if (cells.length < CELLS_PER_EXT_BLOB / 2) {
    throw new DecodeError(`${cells.length} cells are too few to recover a blob from`);
  }
  return plainPair(computed(() => library().recoverCellsAndKzgProofs([...cellIndices], [...cells])));
}

/** Lists of different lengths, and indices that no cell has, are false. @spec verify_cell_kzg_proof_batch (fulu) */
export function verifyCellKzgProofBatch(
  commitments: readonly Bytes[],
  cellIndices: readonly number[],
  cells: readonly Bytes[],
  proofs: readonly Bytes[],
): boolean {
  checkLengths("commitment", commitments, POINT_BYTES);
  checkLengths("cell", cells, BYTES_PER_CELL);
  checkLengths("proof", proofs, POINT_BYTES);
  const isEven = [cellIndices, cells, proofs].every((list) => list.length === commitments.length);
  if (!isEven || !cellIndices.every(isCellIndex)) return false;
  return verified(() => library().verifyCellKzgProofBatch([...commitments], [...cellIndices], [...cells], [...proofs]));
}

/** The library returns Buffers, whose slice() shares memory where a Uint8Array's copies. */
function plain(bytes: Bytes): Bytes {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function plainPair([cells, proofs]: [Bytes[], Bytes[]]): [Bytes[], Bytes[]] {
  return [cells.map(plain), proofs.map(plain)];
}

function isCellIndex(index: number): boolean {
  return Number.isInteger(index) && index >= 0 && index < CELLS_PER_EXT_BLOB;
}

function checkLengths(name: string, items: readonly Bytes[], size: number): void {
  items.forEach((item, i) => {
    if (!(item instanceof Uint8Array)) throw new TypeError(`${name} ${i} must be a Uint8Array`);
    if (item.length !== size) throw new TypeError(`${name} ${i} must have ${size} bytes, not ${item.length}`);
  });
}

/** The library calls points and field elements that are none "bad arguments"; anything else is not the input's fault. */
function isBadInput(error: unknown): boolean {
  return error instanceof Error && error.message.includes("C_KZG_BADARGS");
}

function verified(verify: () => boolean): boolean {
  try {
    return verify();
  } catch (error) {
    if (isBadInput(error)) return false;
    throw error;
  }
}

function computed<T>(compute: () => T): T {
  try {
    return compute();
  } catch (error) {
    if (isBadInput(error)) throw new DecodeError("not a blob, cell or commitment", "", -1, { cause: error });
    throw error;
  }
}
