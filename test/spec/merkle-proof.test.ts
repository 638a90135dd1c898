/**
 * Inclusion proofs of blob commitments.
 * https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/tests/formats/merkle_proof/README.md
 */
import { checkMerkleProof } from "./merkle-case.ts";
import { runVectors } from "./vectors.ts";

runVectors("merkle_proof", { single_merkle_proof: checkMerkleProof });
