import {
  BYTES_PER_BLOB,
  blobToKzgCommitment,
  CELLS_PER_EXT_BLOB,
  computeCellsAndKzgProofs,
  recoverCellsAndKzgProofs,
  verifyCellKzgProofBatch,
} from "../crypto/kzg.ts";
import { type Figure, medianTime } from "./bench-measure.ts";

const FIELD_ELEMENT_BYTES = 32;
/** What a node without validators keeps of each block. */
const COLUMNS = 8;
const BLOBS = 6;

/** Blobs as a node meets them: columns of others to verify, its own to compute, lost ones to recover. */
export function benchKzg(options: { runs: number }): Figure[] {
  const { runs } = options;
  const figure = (name: string, work: () => void): Figure => {
    return { part: "kzg", name, value: medianTime(runs, work), unit: "ms", runs };
  };
  const blob = sampleBlob();
  const commitment = blobToKzgCommitment(blob);
  const [cells, proofs] = computeCellsAndKzgProofs(blob);
  const wanted = Array.from({ length: COLUMNS * BLOBS }, (_, i) => i % COLUMNS);
  const commitments = wanted.map(() => commitment);
  const wantedCells = wanted.map((i) => cells[i]!);
  const wantedProofs = wanted.map((i) => proofs[i]!);
  const half = Array.from({ length: CELLS_PER_EXT_BLOB / 2 }, (_, i) => 2 * i);
  const halfOfCells = half.map((i) => cells[i]!);
  return [
    figure(`verify ${COLUMNS} columns of ${BLOBS} blobs`, () => {
      if (!verifyCellKzgProofBatch(commitments, wanted, wantedCells, wantedProofs)) {
        throw new Error("valid cells were refused");
      }
    }),
    figure("commitment of a blob", () => blobToKzgCommitment(blob)),
    figure("cells and proofs of a blob", () => computeCellsAndKzgProofs(blob)),
    figure("recover a blob from half of its cells", () => recoverCellsAndKzgProofs(half, halfOfCells)),
  ];
}

/** Field elements, each below the modulus because its first byte is zero. */
function sampleBlob(): Uint8Array {
  const blob = new Uint8Array(BYTES_PER_BLOB);
  for (let i = 0; i < blob.length; i++) blob[i] = i % FIELD_ELEMENT_BYTES === 0 ? 0 : (i * 31) & 255;
  return blob;
}
