/**
 * Proofs of one leaf of a state or block body.
 * https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/tests/formats/light_client/single_merkle_proof.md
 */
import assert from "node:assert/strict";
import { fromHex, toHex } from "../../src/base/bytes.ts";
import type { Types } from "../../src/spec/containers.ts";
import { forkName } from "../../src/spec/fork.ts";
import { computeMerkleProof, floorlog2, getSubtreeIndex } from "../../src/spec/merkle.ts";
import { isValidMerkleBranch } from "../../src/spec/predicates.ts";
import { forkOf, specOf, stateOf } from "./chain.ts";
import type { VectorCase } from "./vectors.ts";

/** The suite names the type of the object. */
export function checkMerkleProof(vector: VectorCase): void {
  const { leaf, leaf_index, branch } = vector.yaml("proof") as {
    leaf: string;
    leaf_index: number | bigint;
    branch: string[];
  };
  const gindex = BigInt(leaf_index);
  const { root, proof } = proveObject(vector, gindex);
  assert.deepEqual(proof.map(toHex), branch);
  const nodes = branch.map(fromHex);
  const depth = floorlog2(gindex);
  const index = getSubtreeIndex(gindex);
  assert.equal(isValidMerkleBranch(fromHex(leaf), nodes, depth, index, root), true);
  assert.equal(isValidMerkleBranch(root, nodes, depth, index, root), false, "another leaf");
  assert.equal(isValidMerkleBranch(fromHex(leaf), nodes.slice(1), depth, index, root), false, "a short branch");
}

function proveObject(vector: VectorCase, gindex: bigint): { root: Uint8Array; proof: Uint8Array[] } {
  if (vector.suite === "BeaconState") {
    const state = stateOf(vector, "object");
    return { root: state.hashTreeRoot(), proof: state.proof(gindex) };
  }
  assert.equal(vector.suite, "BeaconBlockBody");
  // Random bodies hold numbers that no valid one does.
  const type = specOf(vector).exactTypes[forkName(forkOf(vector))].BeaconBlockBody as Types["fulu"]["BeaconBlockBody"];
  const body = type.deserialize(vector.ssz("object"));
  return { root: type.hashTreeRoot(body), proof: computeMerkleProof(type, body, gindex) };
}
