/**
 * Topics `data_column_sidecar_{subnet_id}` (fulu).
 * @see https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/fulu/p2p-interface.md
 */
import type { DataColumnSidecar } from "../containers.ts";
import {
  computeSubnetForDataColumnSidecar,
  verifyDataColumnSidecar,
  verifyDataColumnSidecarInclusionProof,
  verifyDataColumnSidecarKzgProofs,
} from "../das.ts";
import type { BeaconState } from "../state.ts";
import { checkHeaderParent, checkHeaderProposer, checkHeaderSignature, checkHeaderSlot } from "./block-header.ts";
import { type Seen, tupleKey } from "./seen.ts";
import type { GossipVerifier } from "./signature.ts";
import { ACCEPT, type GossipStore, ignore, reject, type Verdict } from "./verdict.ts";

/**
 * @spec validate_data_column_sidecar_gossip (fulu)
 * @param state head state advanced to the current slot; not mutated
 * @param verifyKzgProofs may answer later, to check proofs elsewhere or in batches
 */
export async function validateDataColumnSidecarGossip(
  seen: Seen,
  store: GossipStore,
  state: BeaconState,
  sidecar: DataColumnSidecar,
  nowMs: number,
  subnetId: number,
  verifier: GossipVerifier,
  verifyKzgProofs: (sidecar: DataColumnSidecar) => boolean | Promise<boolean> = verifyDataColumnSidecarKzgProofs,
): Promise<Verdict> {
  const header = sidecar.signedBlockHeader.message;

  const sidecarSeen = (): boolean =>
    seen.dataColumnSidecarTuples.get(header.slot)?.has(tupleKey(header.proposerIndex, sidecar.index)) ?? false;
  const alreadySeen = ignore("already seen sidecar from this proposer for this slot and index");
  if (sidecarSeen()) return alreadySeen;

  if (!verifyDataColumnSidecar(state.spec, sidecar)) return reject("invalid sidecar");

  if (computeSubnetForDataColumnSidecar(state.spec, sidecar.index) !== subnetId) {
    return reject("sidecar is for wrong subnet");
  }

  const untimely = checkHeaderSlot(store, state, header, nowMs, "sidecar");
  if (untimely) return untimely;

  const reason = "invalid proposer signature on sidecar block header";
  const badSignature = await checkHeaderSignature(state, sidecar.signedBlockHeader, verifier, reason);
  if (badSignature) return badSignature;

  const badParent = checkHeaderParent(store, header, "sidecar");
  if (badParent) return badParent;

  if (!verifyDataColumnSidecarInclusionProof(state.spec, sidecar)) return reject("invalid sidecar inclusion proof");

  if (!(await verifyKzgProofs(sidecar))) return reject("invalid sidecar kzg proofs");

  const badProposer = checkHeaderProposer(store, header, "sidecar");
  if (badProposer) return badProposer;

  // The verifiers may have let another copy through meanwhile.
  if (sidecarSeen()) return alreadySeen;
  seen.dataColumnSidecarTuples.open(header.slot).add(tupleKey(header.proposerIndex, sidecar.index));
  return ACCEPT;
}
