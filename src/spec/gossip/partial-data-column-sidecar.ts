/**
 * Partial messages of the topics `data_column_sidecar_{subnet_id}` (fulu).
 * @see https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/fulu/partial-columns/p2p-interface.md
 */
import { bytesEqual, toHex } from "../../base/bytes.ts";
import type { PartialDataColumnGroupID, PartialDataColumnHeader, PartialDataColumnSidecar } from "../containers.ts";
import { verifyPartialDataColumnHeaderInclusionProof, verifyPartialDataColumnSidecarKzgProofs } from "../das.ts";
import type { BeaconState } from "../state.ts";
import { checkHeaderParent, checkHeaderProposer, checkHeaderSignature, checkHeaderSlot } from "./block-header.ts";
import type { Seen } from "./seen.ts";
import type { GossipVerifier } from "./signature.ts";
import { ACCEPT, type GossipStore, ignore, reject, type Verdict } from "./verdict.ts";

/**
 * @spec validate_partial_data_column_sidecar_gossip (fulu)
 * @param state head state advanced to the current slot; not mutated
 * @param verifyKzgProofs may answer later, to check proofs elsewhere or in batches
 */
export async function validatePartialDataColumnSidecarGossip(
  seen: Seen,
  store: GossipStore,
  state: BeaconState,
  sidecar: PartialDataColumnSidecar,
  nowMs: number,
  groupId: PartialDataColumnGroupID,
  columnIndex: number,
  verifier: GossipVerifier,
  verifyKzgProofs: (
    ...args: Parameters<typeof verifyPartialDataColumnSidecarKzgProofs>
  ) => boolean | Promise<boolean> = verifyPartialDataColumnSidecarKzgProofs,
): Promise<Verdict> {
  const cellCount = sidecar.cellsPresentBitmap.getTrueBitIndexes().length;
  const newHeader = sidecar.header[0];
  if (!newHeader && cellCount === 0) return reject("partial message is semantically empty");
  if (sidecar.partialColumn.length !== cellCount) return reject("number of cells does not match number of set bits");
  if (sidecar.kzgProofs.length !== cellCount) return reject("number of proofs does not match number of set bits");

  if (newHeader) {
    const refused = await checkNewHeader(seen, store, state, newHeader, nowMs, groupId, verifier);
    if (refused) return refused;
    seen.partialDataColumnHeaders.set(toHex(groupId.beaconBlockRoot), newHeader);
  }
  if (cellCount === 0) return ACCEPT;

  const header = seen.partialDataColumnHeaders.get(toHex(groupId.beaconBlockRoot));
  if (!header) return ignore("valid corresponding header has not been seen");

  const untimely = checkHeaderSlot(store, state, header.signedBlockHeader.message, nowMs, "corresponding header");
  if (untimely) return untimely;

  if (sidecar.cellsPresentBitmap.bitLen !== header.kzgCommitments.length) {
    return reject("bitmap length does not match commitments length");
  }
  if (!(await verifyKzgProofs(sidecar, header.kzgCommitments, columnIndex))) {
    return reject("invalid sidecar kzg proofs");
  }
  return ACCEPT;
}

async function checkNewHeader(
  seen: Seen,
  store: GossipStore,
  state: BeaconState,
  header: PartialDataColumnHeader,
  nowMs: number,
  groupId: PartialDataColumnGroupID,
  verifier: GossipVerifier,
): Promise<Verdict | undefined> {
  const blockHeader = header.signedBlockHeader.message;
  const { types } = state.spec;

  const differsFromPrior = (): boolean => {
    const prior = seen.partialDataColumnHeaders.get(toHex(groupId.beaconBlockRoot));
    return prior !== undefined && !types.fulu.PartialDataColumnHeader.equals(prior, header);
  };
  if (differsFromPrior()) return reject("header differs from previously validated header");

  const blockRoot = types.phase0.BeaconBlockHeader.hashTreeRoot(blockHeader);
  if (!bytesEqual(blockRoot, groupId.beaconBlockRoot)) {
    return reject("header's block root does not match group id's block root");
  }
  if (header.kzgCommitments.length === 0) return reject("header's kzg_commitments is empty");

  const untimely = checkHeaderSlot(store, state, blockHeader, nowMs, "header");
  if (untimely) return untimely;

  const reason = "invalid proposer signature on header";
  const badSignature = await checkHeaderSignature(state, header.signedBlockHeader, verifier, reason);
  if (badSignature) return badSignature;

  const badParent = checkHeaderParent(store, blockHeader, "header");
  if (badParent) return badParent;

  if (!verifyPartialDataColumnHeaderInclusionProof(state.spec, header)) {
    return reject("invalid header inclusion proof");
  }
  const badProposer = checkHeaderProposer(store, blockHeader, "header");
  if (badProposer) return badProposer;

  // The verifier may have let another header through meanwhile.
  return differsFromPrior() ? reject("header differs from previously validated header") : undefined;
}
