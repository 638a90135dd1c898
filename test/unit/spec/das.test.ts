import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { BitArray } from "@chainsafe/ssz";
import { blobToKzgCommitment, computeBlobKzgProof, computeCellsAndKzgProofs } from "../../../src/crypto/kzg.ts";
import { computeSignedBlockHeader, getBlobSidecars, verifyBlobSidecarInclusionProof } from "../../../src/spec/blobs.ts";
import { createChainSpec } from "../../../src/spec/chain-spec.ts";
import { MINIMAL_CONFIG } from "../../../src/spec/config.ts";
import type { DataColumnSidecar, SignedBeaconBlock } from "../../../src/spec/containers.ts";
import {
  type CellsAndProofs,
  computeColumnsForCustodyGroup,
  computeMatrix,
  getCustodyGroups,
  getDataColumnSidecarsFromBlock,
  getDataColumnSidecarsFromColumnSidecar,
  recoverMatrix,
  verifyDataColumnSidecar,
  verifyDataColumnSidecarInclusionProof,
  verifyDataColumnSidecarKzgProofs,
  verifyPartialDataColumnHeaderInclusionProof,
  verifyPartialDataColumnSidecarKzgProofs,
} from "../../../src/spec/das.ts";

const FORKS = ["ALTAIR", "BELLATRIX", "CAPELLA", "DENEB", "ELECTRA", "FULU"];
const spec = createChainSpec({
  ...MINIMAL_CONFIG,
  ...Object.fromEntries(FORKS.map((name) => [`${name}_FORK_EPOCH`, 0])),
});
const COLUMNS = spec.preset.NUMBER_OF_COLUMNS;

/** Field elements must stay below the modulus: the first byte of each is left zero. */
function makeBlob(seed: number): Uint8Array {
  return Uint8Array.from({ length: 131072 }, (_, i) => (i % 32 === 0 ? 0 : (i * 31 + seed * 97 + (i >> 8)) & 0xff));
}

function flipped(bytes: Uint8Array): Uint8Array {
  const copy = bytes.slice();
  copy[copy.length - 1]! ^= 1;
  return copy;
}

describe("data columns of a block with two blobs", () => {
  const blobs = [makeBlob(1), makeBlob(2)];
  let rows: CellsAndProofs[];
  let block: SignedBeaconBlock;
  let sidecars: DataColumnSidecar[];

  before(() => {
    rows = blobs.map(computeCellsAndKzgProofs);
    block = spec.types.fulu.SignedBeaconBlock.defaultValue();
    block.message.slot = 5;
    block.message.body.blobKzgCommitments = blobs.map(blobToKzgCommitment);
    sidecars = getDataColumnSidecarsFromBlock(spec, block, rows);
  });

  test("every column verifies", () => {
    assert.equal(sidecars.length, COLUMNS);
    const { bodyRoot } = computeSignedBlockHeader(spec, block).message;
    assert.deepEqual(bodyRoot, spec.types.fulu.BeaconBlockBody.hashTreeRoot(block.message.body));
    for (const index of [0, 1, COLUMNS - 1]) {
      const sidecar = sidecars[index]!;
      assert.equal(sidecar.index, index);
      assert.equal(verifyDataColumnSidecar(spec, sidecar), true);
      assert.equal(verifyDataColumnSidecarInclusionProof(spec, sidecar), true);
      assert.equal(verifyPartialDataColumnHeaderInclusionProof(spec, sidecar), true);
      assert.equal(verifyDataColumnSidecarKzgProofs(sidecar), true);
    }
    assert.deepEqual(getDataColumnSidecarsFromColumnSidecar(spec, sidecars[7]!, rows), sidecars);
  });

  test("a column that was tampered with does not verify", () => {
    const sidecar = sidecars[3]!;
    const [commitment, other] = sidecar.kzgCommitments as [Uint8Array, Uint8Array];
    const badCells = { ...sidecar, column: [flipped(sidecar.column[0]!), sidecar.column[1]!] };
    assert.equal(verifyDataColumnSidecarKzgProofs(badCells), false);
    assert.equal(verifyDataColumnSidecarKzgProofs({ ...sidecar, index: 4 }), false);
    assert.equal(verifyDataColumnSidecarKzgProofs({ ...sidecar, kzgCommitments: [other, commitment] }), false);
    assert.equal(
      verifyDataColumnSidecarKzgProofs({
        ...sidecar,
        kzgProofs: [flipped(sidecar.kzgProofs[0]!), sidecar.kzgProofs[1]!],
      }),
      false,
    );
    assert.equal(verifyDataColumnSidecarInclusionProof(spec, { ...sidecar, kzgCommitments: [commitment] }), false);
    const branch = sidecar.kzgCommitmentsInclusionProof;
    const badBranch = { ...sidecar, kzgCommitmentsInclusionProof: [flipped(branch[0]!), ...branch.slice(1)] };
    assert.equal(verifyDataColumnSidecarInclusionProof(spec, badBranch), false);
    const shortBranch = { ...sidecar, kzgCommitmentsInclusionProof: branch.slice(1) };
    assert.equal(verifyDataColumnSidecarInclusionProof(spec, shortBranch), false);
  });

  test("shape is checked before cryptography", () => {
    const sidecar = sidecars[3]!;
    assert.equal(verifyDataColumnSidecar(spec, { ...sidecar, index: COLUMNS }), false);
    assert.equal(verifyDataColumnSidecar(spec, { ...sidecar, kzgCommitments: [] }), false);
    assert.equal(verifyDataColumnSidecar(spec, { ...sidecar, column: sidecar.column.slice(1) }), false);
    assert.equal(verifyDataColumnSidecar(spec, { ...sidecar, kzgProofs: sidecar.kzgProofs.slice(1) }), false);
    const limit = spec.config.MAX_BLOBS_PER_BLOCK_ELECTRA;
    const repeat = (item: Uint8Array) => Array.from({ length: limit + 1 }, () => item);
    const tooMany = {
      ...sidecar,
      column: repeat(sidecar.column[0]!),
      kzgCommitments: repeat(sidecar.kzgCommitments[0]!),
      kzgProofs: repeat(sidecar.kzgProofs[0]!),
    };
    assert.equal(verifyDataColumnSidecar(spec, tooMany), false);
  });

  test("a partial column verifies for the cells it has", () => {
    const { column, kzgProofs, kzgCommitments } = sidecars[9]!;
    const partial = {
      cellsPresentBitmap: BitArray.fromBoolArray([false, true]),
      partialColumn: [column[1]!],
      kzgProofs: [kzgProofs[1]!],
      header: [],
    };
    assert.equal(verifyPartialDataColumnSidecarKzgProofs(partial, kzgCommitments, 9), true);
    assert.equal(verifyPartialDataColumnSidecarKzgProofs(partial, kzgCommitments, 10), false);
    const misplaced = { ...partial, cellsPresentBitmap: BitArray.fromBoolArray([true, false]) };
    assert.equal(verifyPartialDataColumnSidecarKzgProofs(misplaced, kzgCommitments, 9), false);
  });

  test("the matrix is recovered from half of each row", () => {
    const matrix = computeMatrix(blobs);
    assert.equal(matrix.length, blobs.length * COLUMNS);
    assert.deepEqual(matrix[COLUMNS + 5]!.cell, sidecars[5]!.column[1]);
    const half = matrix.filter(({ columnIndex, rowIndex }) => columnIndex % 2 === rowIndex);
    assert.deepEqual(recoverMatrix(half, blobs.length), matrix);
    assert.throws(() => recoverMatrix(half.slice(1), blobs.length), { code: "DECODE" });
  });

  test("blob sidecars prove their commitment", () => {
    const proofs = blobs.map((blob, i) => computeBlobKzgProof(blob, block.message.body.blobKzgCommitments[i]!));
    const made = getBlobSidecars(spec, block, blobs, proofs);
    for (const sidecar of made) assert.equal(verifyBlobSidecarInclusionProof(spec, sidecar), true);
    assert.equal(verifyBlobSidecarInclusionProof(spec, { ...made[0]!, index: 1 }), false);
    assert.equal(verifyBlobSidecarInclusionProof(spec, { ...made[0]!, index: Number.POSITIVE_INFINITY }), false);
    assert.throws(() => getBlobSidecars(spec, block, blobs, []), { code: "BLOB_PROOF_COUNT" });
  });

  test("rows must match the commitments", () => {
    assert.throws(() => getDataColumnSidecarsFromBlock(spec, block, rows.slice(1)), { code: "BLOB_COUNT" });
  });
});

test("custody groups are distinct, ascending and grow with the count", () => {
  const nodeId = 2n ** 256n - 3n; // wraps around while it draws
  let previous: number[] = [];
  for (let count = 0; count <= 64; count++) {
    const groups = getCustodyGroups(spec, nodeId, count);
    assert.equal(new Set(groups).size, count);
    assert.deepEqual(
      groups,
      groups.toSorted((a, b) => a - b),
    );
    assert.ok(previous.every((group) => groups.includes(group)));
    previous = groups;
  }
  assert.throws(() => getCustodyGroups(spec, 0n, spec.config.NUMBER_OF_CUSTODY_GROUPS + 1), {
    code: "CUSTODY_GROUP_COUNT",
  });
});

test("every column belongs to one custody group", () => {
  const groups = Array.from({ length: spec.config.NUMBER_OF_CUSTODY_GROUPS }, (_, group) =>
    computeColumnsForCustodyGroup(spec, group),
  );
  assert.deepEqual(
    groups.flat().toSorted((a, b) => a - b),
    Array.from({ length: COLUMNS }, (_, i) => i),
  );
  assert.throws(() => computeColumnsForCustodyGroup(spec, groups.length), { code: "CUSTODY_GROUP" });
});
