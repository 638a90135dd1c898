/**
 * Blob sidecars (deneb, electra).
 * @see https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/deneb/p2p-interface.md
 */
import { assertValid } from "../base/errors.ts";
import type { ChainSpec } from "./chain-spec.ts";
import { forkAtEpoch } from "./config.ts";
import type { BlobSidecar, SignedBeaconBlock, SignedBeaconBlockHeader } from "./containers.ts";
import { Fork, forkName } from "./fork.ts";
import { computeMerkleProof, getGeneralizedIndex, getSubtreeIndex } from "./merkle.ts";
import { computeEpochAtSlot } from "./misc.ts";
import { isValidMerkleBranch } from "./predicates.ts";

/** The most blobs in a block of a fork, before the schedule of fulu. */
export function maxBlobsOfFork(spec: ChainSpec, fork: Fork): number {
  // [Modified in Electra:EIP7691]
  return fork >= Fork.electra ? spec.config.MAX_BLOBS_PER_BLOCK_ELECTRA : spec.config.MAX_BLOBS_PER_BLOCK;
}

/** @spec compute_subnet_for_blob_sidecar (deneb, electra) */
export function computeSubnetForBlobSidecar(spec: ChainSpec, fork: Fork, blobIndex: number): number {
  const { BLOB_SIDECAR_SUBNET_COUNT, BLOB_SIDECAR_SUBNET_COUNT_ELECTRA } = spec.config;
  return blobIndex % (fork >= Fork.electra ? BLOB_SIDECAR_SUBNET_COUNT_ELECTRA : BLOB_SIDECAR_SUBNET_COUNT);
}

/** @spec compute_max_request_blob_sidecars (deneb, electra) */
export function computeMaxRequestBlobSidecars(spec: ChainSpec, fork: Fork): number {
  return spec.config.MAX_REQUEST_BLOCKS_DENEB * maxBlobsOfFork(spec, fork);
}

/**
 * @spec verify_blob_sidecar_inclusion_proof (deneb)
 * @param sidecar its index below MAX_BLOB_COMMITMENTS_PER_BLOCK
 */
export function verifyBlobSidecarInclusionProof(spec: ChainSpec, sidecar: BlobSidecar): boolean {
  if (!(sidecar.index < spec.preset.MAX_BLOB_COMMITMENTS_PER_BLOCK)) return false;
  const body = spec.types.deneb.BeaconBlockBody;
  return isValidMerkleBranch(
    spec.types.deneb.BlobKzgCommitments.elementType.hashTreeRoot(sidecar.kzgCommitment),
    sidecar.kzgCommitmentInclusionProof,
    spec.preset.KZG_COMMITMENT_INCLUSION_PROOF_DEPTH,
    getSubtreeIndex(getGeneralizedIndex(body, "blobKzgCommitments", sidecar.index)),
    sidecar.signedBlockHeader.message.bodyRoot,
  );
}

/** @spec compute_signed_block_header (deneb) */
export function computeSignedBlockHeader(spec: ChainSpec, signedBlock: SignedBeaconBlock): SignedBeaconBlockHeader {
  const { slot, proposerIndex, parentRoot, stateRoot, body } = signedBlock.message;
  const bodyRoot = bodyTypeAtSlot(spec, slot).hashTreeRoot(body);
  return { message: { slot, proposerIndex, parentRoot, stateRoot, bodyRoot }, signature: signedBlock.signature };
}

/** @spec get_blob_sidecars (deneb) */
export function getBlobSidecars(
  spec: ChainSpec,
  signedBlock: SignedBeaconBlock,
  blobs: readonly Uint8Array[],
  blobKzgProofs: readonly Uint8Array[],
): BlobSidecar[] {
  const { slot, body } = signedBlock.message;
  assertValid(blobs.length === blobKzgProofs.length, "BLOB_PROOF_COUNT", {
    blobs: blobs.length,
    proofs: blobKzgProofs.length,
  });
  assertValid(blobs.length <= body.blobKzgCommitments.length, "BLOB_COUNT", { blobs: blobs.length });
  const signedBlockHeader = computeSignedBlockHeader(spec, signedBlock);
  const bodyType = bodyTypeAtSlot(spec, slot);
  return blobs.map((blob, index) => ({
    index,
    blob,
    kzgCommitment: body.blobKzgCommitments[index]!,
    kzgProof: blobKzgProofs[index]!,
    signedBlockHeader,
    kzgCommitmentInclusionProof: computeMerkleProof(
      bodyType,
      body,
      getGeneralizedIndex(bodyType, "blobKzgCommitments", index),
    ),
  }));
}

/** The type of the body of a block at a slot; callers hand it values of the same fork. */
export function bodyTypeAtSlot(spec: ChainSpec, slot: number): ChainSpec["types"]["fulu"]["BeaconBlockBody"] {
  const fork = forkAtEpoch(spec.config, computeEpochAtSlot(spec, slot));
  return spec.types[forkName(fork)].BeaconBlockBody as ChainSpec["types"]["fulu"]["BeaconBlockBody"];
}
