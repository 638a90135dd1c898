/**
 * Data availability sampling: custody, the matrix of cells, data columns (fulu).
 * @see https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/fulu/das-core.md
 */
import { assertValid } from "../base/errors.ts";
import { computeCellsAndKzgProofs, recoverCellsAndKzgProofs, verifyCellKzgProofBatch } from "../crypto/kzg.ts";
import { sha256 } from "../crypto/sha256.ts";
import { bodyTypeAtSlot, computeSignedBlockHeader } from "./blobs.ts";
import type { ChainSpec } from "./chain-spec.ts";
import { UINT256_MAX } from "./constants.ts";
import type {
  DataColumnSidecar,
  MatrixEntry,
  PartialDataColumnHeader,
  PartialDataColumnSidecar,
  SignedBeaconBlock,
} from "./containers.ts";
import { computeMerkleProof, getGeneralizedIndex, getSubtreeIndex } from "./merkle.ts";
import { computeEpochAtSlot, getBlobParameters } from "./misc.ts";
import { isValidMerkleBranch } from "./predicates.ts";

/** The cells of one extended blob and their proofs, in column order. */
export type CellsAndProofs = readonly [cells: readonly Uint8Array[], proofs: readonly Uint8Array[]];

/**
 * The custody groups of a node, ascending.
 * @spec get_custody_groups (fulu)
 * @cost at most NUMBER_OF_CUSTODY_GROUPS wanted groups, a hash for each draw
 */
export function getCustodyGroups(spec: ChainSpec, nodeId: bigint, custodyGroupCount: number): number[] {
  const { NUMBER_OF_CUSTODY_GROUPS } = spec.config;
  assertValid(custodyGroupCount <= NUMBER_OF_CUSTODY_GROUPS, "CUSTODY_GROUP_COUNT", { custodyGroupCount });
  if (custodyGroupCount === NUMBER_OF_CUSTODY_GROUPS) return Array.from({ length: custodyGroupCount }, (_, i) => i);

  const groups = new Set<number>();
  const idBytes = new Uint8Array(32);
  for (let id = nodeId; groups.size < custodyGroupCount; id = id === UINT256_MAX ? 0n : id + 1n) {
    writeUint256(id, idBytes);
    const draw = Buffer.from(sha256(idBytes)).readBigUInt64LE(0);
    groups.add(Number(draw % BigInt(NUMBER_OF_CUSTODY_GROUPS)));
  }
  return [...groups].sort((a, b) => a - b);
}

/** @spec compute_columns_for_custody_group (fulu) */
export function computeColumnsForCustodyGroup(spec: ChainSpec, custodyGroup: number): number[] {
  const { NUMBER_OF_CUSTODY_GROUPS } = spec.config;
  assertValid(custodyGroup < NUMBER_OF_CUSTODY_GROUPS, "CUSTODY_GROUP", { custodyGroup });
  const columnsPerGroup = Math.floor(spec.preset.NUMBER_OF_COLUMNS / NUMBER_OF_CUSTODY_GROUPS);
  return Array.from({ length: columnsPerGroup }, (_, i) => NUMBER_OF_CUSTODY_GROUPS * i + custodyGroup);
}

/** Every cell of every blob, row by row. @spec compute_matrix (fulu) */
export function computeMatrix(blobs: readonly Uint8Array[]): MatrixEntry[] {
  return blobs.flatMap((blob, rowIndex) => matrixRow(computeCellsAndKzgProofs(blob), rowIndex));
}

/**
 * The full matrix from one of which at least half of each row is there.
 * @spec recover_matrix (fulu)
 */
export function recoverMatrix(partialMatrix: readonly MatrixEntry[], blobCount: number): MatrixEntry[] {
  return Array.from({ length: blobCount }, (_, rowIndex) => {
    const row = partialMatrix.filter((entry) => entry.rowIndex === rowIndex);
    const recovered = recoverCellsAndKzgProofs(
      row.map((entry) => entry.columnIndex),
      row.map((entry) => entry.cell),
    );
    return matrixRow(recovered, rowIndex);
  }).flat();
}

/** @spec compute_max_request_data_column_sidecars (fulu) */
export function computeMaxRequestDataColumnSidecars(spec: ChainSpec): number {
  return spec.config.MAX_REQUEST_BLOCKS_DENEB * spec.preset.NUMBER_OF_COLUMNS;
}

/** @spec compute_subnet_for_data_column_sidecar (fulu) */
export function computeSubnetForDataColumnSidecar(spec: ChainSpec, columnIndex: number): number {
  return columnIndex % spec.config.DATA_COLUMN_SIDECAR_SUBNET_COUNT;
}

/** Index, blob limit and lengths; no cryptography. @spec verify_data_column_sidecar (fulu) */
export function verifyDataColumnSidecar(spec: ChainSpec, sidecar: DataColumnSidecar): boolean {
  if (!(sidecar.index < spec.preset.NUMBER_OF_COLUMNS)) return false;
  const blobCount = sidecar.kzgCommitments.length;
  if (blobCount === 0) return false;
  const epoch = computeEpochAtSlot(spec, sidecar.signedBlockHeader.message.slot);
  if (blobCount > getBlobParameters(spec, epoch).maxBlobsPerBlock) return false;
  return sidecar.column.length === blobCount && sidecar.kzgProofs.length === blobCount;
}

/** @spec verify_data_column_sidecar_kzg_proofs (fulu) */
export function verifyDataColumnSidecarKzgProofs(sidecar: DataColumnSidecar): boolean {
  const cellIndices = sidecar.column.map(() => sidecar.index);
  return verifyCellKzgProofBatch(sidecar.kzgCommitments, cellIndices, sidecar.column, sidecar.kzgProofs);
}

/** @spec verify_data_column_sidecar_inclusion_proof (fulu) */
export function verifyDataColumnSidecarInclusionProof(spec: ChainSpec, sidecar: DataColumnSidecar): boolean {
  return areCommitmentsIncluded(spec, sidecar);
}

/** @spec verify_partial_data_column_header_inclusion_proof (fulu) */
export function verifyPartialDataColumnHeaderInclusionProof(spec: ChainSpec, header: PartialDataColumnHeader): boolean {
  return areCommitmentsIncluded(spec, header);
}

/**
 * @spec verify_partial_data_column_sidecar_kzg_proofs (fulu)
 * @param allCommitments of the block: as many as the sidecar's bitmap is long
 */
export function verifyPartialDataColumnSidecarKzgProofs(
  sidecar: PartialDataColumnSidecar,
  allCommitments: readonly Uint8Array[],
  columnIndex: number,
): boolean {
  const blobIndices = sidecar.cellsPresentBitmap.getTrueBitIndexes();
  return verifyCellKzgProofBatch(
    blobIndices.map((i) => allCommitments[i]!),
    blobIndices.map(() => columnIndex),
    sidecar.partialColumn,
    sidecar.kzgProofs,
  );
}

/** What every sidecar of a block has in common. */
type SidecarBase = Pick<DataColumnSidecar, "signedBlockHeader" | "kzgCommitments" | "kzgCommitmentsInclusionProof">;

/** All columns of a block, to be published. @spec get_data_column_sidecars (fulu) */
export function getDataColumnSidecars(
  spec: ChainSpec,
  base: SidecarBase,
  cellsAndKzgProofs: readonly CellsAndProofs[],
): DataColumnSidecar[] {
  const { signedBlockHeader, kzgCommitments, kzgCommitmentsInclusionProof } = base;
  assertValid(cellsAndKzgProofs.length === kzgCommitments.length, "BLOB_COUNT", {
    blobs: cellsAndKzgProofs.length,
    commitments: kzgCommitments.length,
  });
  return Array.from({ length: spec.preset.NUMBER_OF_COLUMNS }, (_, index) => ({
    index,
    column: cellsAndKzgProofs.map(([cells]) => cells[index]!),
    kzgCommitments,
    kzgProofs: cellsAndKzgProofs.map(([, proofs]) => proofs[index]!),
    signedBlockHeader,
    kzgCommitmentsInclusionProof,
  }));
}

/** @spec get_data_column_sidecars_from_block (fulu) */
export function getDataColumnSidecarsFromBlock(
  spec: ChainSpec,
  signedBlock: SignedBeaconBlock,
  cellsAndKzgProofs: readonly CellsAndProofs[],
): DataColumnSidecar[] {
  const { slot, body } = signedBlock.message;
  const bodyType = bodyTypeAtSlot(spec, slot);
  const gindex = getGeneralizedIndex(bodyType, "blobKzgCommitments");
  const base = {
    signedBlockHeader: computeSignedBlockHeader(spec, signedBlock),
    kzgCommitments: body.blobKzgCommitments,
    kzgCommitmentsInclusionProof: computeMerkleProof(bodyType, body, gindex),
  };
  return getDataColumnSidecars(spec, base, cellsAndKzgProofs);
}

/** For a node that got a column before the block. @spec get_data_column_sidecars_from_column_sidecar (fulu) */
export function getDataColumnSidecarsFromColumnSidecar(
  spec: ChainSpec,
  sidecar: DataColumnSidecar,
  cellsAndKzgProofs: readonly CellsAndProofs[],
): DataColumnSidecar[] {
  return getDataColumnSidecars(spec, sidecar, cellsAndKzgProofs);
}

function areCommitmentsIncluded(spec: ChainSpec, header: SidecarBase): boolean {
  const body = spec.types.fulu.BeaconBlockBody;
  return isValidMerkleBranch(
    body.fields.blobKzgCommitments.hashTreeRoot(header.kzgCommitments),
    header.kzgCommitmentsInclusionProof,
    spec.preset.KZG_COMMITMENTS_INCLUSION_PROOF_DEPTH,
    getSubtreeIndex(getGeneralizedIndex(body, "blobKzgCommitments")),
    header.signedBlockHeader.message.bodyRoot,
  );
}

function matrixRow([cells, proofs]: CellsAndProofs, rowIndex: number): MatrixEntry[] {
  return cells.map((cell, columnIndex) => ({ cell, kzgProof: proofs[columnIndex]!, columnIndex, rowIndex }));
}

function writeUint256(value: bigint, out: Uint8Array): void {
  const view = new DataView(out.buffer, out.byteOffset, 32);
  for (let i = 0; i < 4; i++) view.setBigUint64(i * 8, BigInt.asUintN(64, value >> BigInt(64 * i)), true);
}
