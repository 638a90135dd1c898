/**
 * Topics `blob_sidecar_{subnet_id}` (deneb, electra).
 * @see https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/deneb/p2p-interface.md
 */
import { verifyBlobKzgProof } from "../../crypto/kzg.ts";
import { computeSubnetForBlobSidecar, maxBlobsOfFork, verifyBlobSidecarInclusionProof } from "../blobs.ts";
import type { BlobSidecar } from "../containers.ts";
import type { BeaconState } from "../state.ts";
import { checkHeaderParent, checkHeaderProposer, checkHeaderSignature, checkHeaderSlot } from "./block-header.ts";
import { type Seen, tupleKey } from "./seen.ts";
import type { GossipVerifier } from "./signature.ts";
import { ACCEPT, type GossipStore, ignore, reject, type Verdict } from "./verdict.ts";

/**
 * @spec validate_blob_sidecar_gossip (deneb, electra)
 * @param state head state advanced to the current slot; not mutated
 * @param verifyProof may answer later, to check proofs elsewhere or in batches
 */
export async function validateBlobSidecarGossip(
  seen: Seen,
  store: GossipStore,
  state: BeaconState,
  sidecar: BlobSidecar,
  nowMs: number,
  subnetId: number,
  verifier: GossipVerifier,
  verifyProof: (sidecar: BlobSidecar) => boolean | Promise<boolean> = verifyBlob,
): Promise<Verdict> {
  const header = sidecar.signedBlockHeader.message;

  if (!(sidecar.index < maxBlobsOfFork(state.spec, state.fork))) return reject("blob index out of range");

  if (computeSubnetForBlobSidecar(state.spec, state.fork, sidecar.index) !== subnetId) {
    return reject("blob sidecar is for wrong subnet");
  }

  const untimely = checkHeaderSlot(store, state, header, nowMs, "blob sidecar");
  if (untimely) return untimely;

  const reason = "invalid proposer signature on blob sidecar block header";
  const badSignature = await checkHeaderSignature(state, sidecar.signedBlockHeader, verifier, reason);
  if (badSignature) return badSignature;

  const badParent = checkHeaderParent(store, header, "blob sidecar");
  if (badParent) return badParent;

  if (!verifyBlobSidecarInclusionProof(state.spec, sidecar)) return reject("invalid blob sidecar inclusion proof");

  if (!(await verifyProof(sidecar))) {
    return reject("invalid blob kzg proof");
  }

  const key = tupleKey(header.proposerIndex, sidecar.index);
  if (seen.blobSidecarTuples.get(header.slot)?.has(key)) {
    return ignore("already seen blob sidecar from this proposer for this slot and index");
  }

  const badProposer = checkHeaderProposer(store, header, "blob sidecar");
  if (badProposer) return badProposer;

  seen.blobSidecarTuples.open(header.slot).add(key);
  return ACCEPT;
}

function verifyBlob({ blob, kzgCommitment, kzgProof }: BlobSidecar): boolean {
  return verifyBlobKzgProof(blob, kzgCommitment, kzgProof);
}
