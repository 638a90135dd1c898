/**
 * Whether the blobs that a block commits to can be had.
 *
 * @see https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/fulu/fork-choice.md
 */
import { verifyBlobKzgProofBatch } from "../../crypto/kzg.ts";
import type { ChainSpec } from "../chain-spec.ts";
import type { DataColumnSidecar } from "../containers.ts";
import { verifyDataColumnSidecar, verifyDataColumnSidecarKzgProofs } from "../das.ts";
import { Fork } from "../fork.ts";
import type { ReceivedBlock } from "./on-block.ts";

/** What the network brought for a block; the field of its fork counts. */
export interface RetrievedData {
  /** Deneb and electra: every blob of the block and its proof. */
  readonly blobs?: readonly Uint8Array[];
  readonly proofs?: readonly Uint8Array[];
  /** Fulu: every column that the node samples; undefined when one is missing. */
  readonly columns?: readonly DataColumnSidecar[];
}

/** @spec is_data_available (deneb, fulu) */
export function isDataAvailable(spec: ChainSpec, received: ReceivedBlock, data: RetrievedData): boolean {
  if (received.fork < Fork.deneb) return true;
  // [Modified in Fulu:EIP7594]
  if (received.fork >= Fork.fulu) {
    return (
      data.columns?.every(
        (sidecar) => verifyDataColumnSidecar(spec, sidecar) && verifyDataColumnSidecarKzgProofs(sidecar),
      ) ?? false
    );
  }
  const commitments = received.signedBlock.message.body.blobKzgCommitments;
  const { blobs = [], proofs = [] } = data;
  if (blobs.length !== commitments.length || proofs.length !== commitments.length) return false;
  return commitments.length === 0 || verifyBlobKzgProofBatch(blobs, commitments, proofs);
}
