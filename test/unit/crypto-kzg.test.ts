import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { DecodeError } from "../../src/base/errors.ts";
import {
  BYTES_PER_BLOB,
  BYTES_PER_CELL,
  blobToKzgCommitment,
  CELLS_PER_EXT_BLOB,
  computeBlobKzgProof,
  computeCellsAndKzgProofs,
  recoverCellsAndKzgProofs,
  verifyBlobKzgProof,
  verifyBlobKzgProofBatch,
  verifyCellKzgProofBatch,
} from "../../src/crypto/kzg.ts";

const HALF = CELLS_PER_EXT_BLOB / 2;
/** Compressed infinity: a valid point, and the commitment of the zero blob. */
const INFINITY = Uint8Array.of(0xc0, ...new Uint8Array(47));
/** The x coordinate is not below the modulus. */
const NOT_A_POINT = new Uint8Array(48).fill(0xff);

function blobOf(seed: number): Uint8Array {
  const blob = new Uint8Array(BYTES_PER_BLOB);
  for (let i = 0; i < blob.length; i++) blob[i] = i % 32 === 0 ? 0 : (i * 31 + seed * 97 + (i >> 8)) & 0xff;
  return blob;
}

function flipped(bytes: Uint8Array, at: number): Uint8Array {
  const copy = bytes.slice();
  copy[at]! ^= 1;
  return copy;
}

const blobs = [blobOf(1), blobOf(2)];
const commitments = blobs.map((blob) => blobToKzgCommitment(blob));
const proofs = blobs.map((blob, i) => computeBlobKzgProof(blob, commitments[i]!));
const [cells, cellProofs] = computeCellsAndKzgProofs(blobs[0]!);
const allIndices = cells.map((_, i) => i);
const sameCommitment = cells.map(() => commitments[0]!);

describe("blob proofs", () => {
  test("hold alone and in a batch", () => {
    assert.equal(verifyBlobKzgProof(blobs[0]!, commitments[0]!, proofs[0]!), true);
    assert.equal(verifyBlobKzgProofBatch(blobs, commitments, proofs), true);
    assert.equal(verifyBlobKzgProofBatch([], [], []), true);
  });

  test("the zero blob commits to infinity", () => {
    const zero = new Uint8Array(BYTES_PER_BLOB);
    assert.ok(Buffer.from(INFINITY).equals(blobToKzgCommitment(zero)));
    assert.equal(verifyBlobKzgProof(zero, INFINITY, INFINITY), true);
  });

  test("fail when blob, commitment or proof is another's", () => {
    assert.equal(verifyBlobKzgProof(blobs[1]!, commitments[0]!, proofs[0]!), false);
    assert.equal(verifyBlobKzgProof(blobs[0]!, commitments[1]!, proofs[0]!), false);
    assert.equal(verifyBlobKzgProof(blobs[0]!, commitments[0]!, proofs[1]!), false);
    assert.equal(verifyBlobKzgProof(flipped(blobs[0]!, 31), commitments[0]!, proofs[0]!), false);
    assert.equal(verifyBlobKzgProofBatch(blobs, commitments, [...proofs].reverse()), false);
  });

  test("fail on points that are none and on lists of different lengths", () => {
    assert.equal(verifyBlobKzgProof(blobs[0]!, NOT_A_POINT, proofs[0]!), false);
    assert.equal(verifyBlobKzgProof(blobs[0]!, commitments[0]!, NOT_A_POINT), false);
    assert.equal(verifyBlobKzgProof(blobs[0]!, commitments[0]!, flipped(proofs[0]!, 47)), false);
    assert.equal(verifyBlobKzgProof(new Uint8Array(BYTES_PER_BLOB).fill(0xff), commitments[0]!, proofs[0]!), false);
    assert.equal(verifyBlobKzgProofBatch(blobs, commitments, [proofs[0]!]), false);
    assert.equal(verifyBlobKzgProofBatch(blobs, [commitments[0]!], proofs), false);
  });

  test("computing refuses field elements and points that are none", () => {
    const tooLarge = new Uint8Array(BYTES_PER_BLOB).fill(0xff);
    assert.throws(() => blobToKzgCommitment(tooLarge), DecodeError);
    assert.throws(() => computeBlobKzgProof(blobs[0]!, NOT_A_POINT), DecodeError);
    assert.throws(() => computeCellsAndKzgProofs(tooLarge), DecodeError);
  });

  test("wrong lengths are misuse", () => {
    assert.throws(() => blobToKzgCommitment(new Uint8Array(BYTES_PER_BLOB - 1)), TypeError);
    assert.throws(() => verifyBlobKzgProof(blobs[0]!, new Uint8Array(47), proofs[0]!), TypeError);
    assert.throws(() => verifyBlobKzgProof(blobs[0]!, commitments[0]!, new Uint8Array(0)), TypeError);
    assert.throws(() => blobToKzgCommitment("blob" as unknown as Uint8Array), TypeError);
  });
});

describe("cell proofs", () => {
  test("the first half of the cells is the blob", () => {
    assert.equal(cells.length, CELLS_PER_EXT_BLOB);
    assert.ok(Buffer.concat(cells.slice(0, HALF)).equals(blobs[0]!));
  });

  test("hold for all cells, for one, and for none", () => {
    assert.equal(verifyCellKzgProofBatch(sameCommitment, allIndices, cells, cellProofs), true);
    assert.equal(verifyCellKzgProofBatch([commitments[0]!], [77], [cells[77]!], [cellProofs[77]!]), true);
    assert.equal(verifyCellKzgProofBatch([], [], [], []), true);
  });

  test("fail when index, cell, proof or commitment is another's", () => {
    const [commitment, cell, proof] = [[commitments[0]!], [cells[5]!], [cellProofs[5]!]];
    assert.equal(verifyCellKzgProofBatch(commitment, [5], cell, proof), true);
    assert.equal(verifyCellKzgProofBatch(commitment, [6], cell, proof), false);
    assert.equal(verifyCellKzgProofBatch(commitment, [5], [cells[6]!], proof), false);
    assert.equal(verifyCellKzgProofBatch(commitment, [5], cell, [cellProofs[6]!]), false);
    assert.equal(verifyCellKzgProofBatch([commitments[1]!], [5], cell, proof), false);
    assert.equal(verifyCellKzgProofBatch(commitment, [5], [flipped(cells[5]!, 40)], proof), false);
  });

  test("fail on indices, points and lists that cannot be", () => {
    const [commitment, cell, proof] = [[commitments[0]!], [cells[5]!], [cellProofs[5]!]];
    for (const index of [128, -1, 5.5, Number.NaN, 2 ** 32 + 5, Number.POSITIVE_INFINITY]) {
      assert.equal(verifyCellKzgProofBatch(commitment, [index], cell, proof), false);
    }
    assert.equal(verifyCellKzgProofBatch([NOT_A_POINT], [5], cell, proof), false);
    assert.equal(verifyCellKzgProofBatch(commitment, [5], cell, [NOT_A_POINT]), false);
    assert.equal(verifyCellKzgProofBatch(commitment, [5], [new Uint8Array(BYTES_PER_CELL).fill(0xff)], proof), false);
    assert.equal(verifyCellKzgProofBatch(commitment, [5, 6], cell, proof), false);
    assert.throws(
      () => verifyCellKzgProofBatch(commitment, [5], [new Uint8Array(BYTES_PER_CELL + 1)], proof),
      TypeError,
    );
  });
});

describe("recovery", () => {
  test("from exactly half of the cells, whichever they are", () => {
    for (const pick of [(i: number) => i < HALF, (i: number) => i >= HALF, (i: number) => i % 2 === 1]) {
      const kept = allIndices.filter(pick);
      assert.equal(kept.length, HALF);
      const recovered = recoverCellsAndKzgProofs(
        kept,
        kept.map((i) => cells[i]!),
      );
      // Not deepEqual: the difference of megabytes takes minutes to print.
      assert.ok(Buffer.concat(recovered.flat()).equals(Buffer.concat([cells, cellProofs].flat())));
    }
  });

  test("refuses one cell fewer, repeated, unordered and unknown indices", () => {
    const of = (indices: number[]) => indices.map((i) => cells[i] ?? cells[0]!);
    const half = allIndices.slice(0, HALF);
    for (const indices of [
      half.slice(1),
      [],
      [...half.slice(0, -1), HALF - 2],
      [...half].reverse(),
      [...half.slice(0, -1), 128],
      [...half.slice(0, -1), 63.5],
    ]) {
      assert.throws(() => recoverCellsAndKzgProofs(indices, of(indices)), DecodeError);
    }
    assert.throws(() => recoverCellsAndKzgProofs(half, of(half.slice(1))), TypeError);
  });

  test("refuses cells that hold no field elements", () => {
    const half = allIndices.slice(0, HALF);
    const bad = half.map((i) => (i === 3 ? new Uint8Array(BYTES_PER_CELL).fill(0xff) : cells[i]!));
    assert.throws(() => recoverCellsAndKzgProofs(half, bad), DecodeError);
  });
});
