/**
 * The rules that messages carrying a signed block header share: blob sidecars, data columns and partial columns.
 * @see https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/fulu/p2p-interface.md
 */
import { bytesEqual } from "../../base/bytes.ts";
import { getDomain } from "../accessors.ts";
import { DOMAIN_BEACON_PROPOSER } from "../constants.ts";
import type { BeaconBlockHeader, SignedBeaconBlockHeader } from "../containers.ts";
import { computeEpochAtSlot, computeSigningRoot, computeStartSlotAtEpoch } from "../misc.ts";
import { computeExpectedProposer, isNotFromFutureSlot } from "../p2p.ts";
import type { BeaconState } from "../state.ts";
import { type GossipVerifier, rejectBadSignature, signatureSet } from "./signature.ts";
import { type GossipStore, ignore, reject, type Verdict } from "./verdict.ts";

/** How reasons name what carries the header. */
type Carrier = "blob sidecar" | "sidecar" | "header" | "corresponding header";

/** Not from the future, and after finality. */
export function checkHeaderSlot(
  store: GossipStore,
  state: BeaconState,
  header: BeaconBlockHeader,
  nowMs: number,
  carrier: Carrier,
): Verdict | undefined {
  if (!isNotFromFutureSlot(state, header.slot, nowMs)) return ignore(`${carrier} is from a future slot`);
  const finalizedSlot = computeStartSlotAtEpoch(state.spec, store.finalizedCheckpoint.epoch);
  if (header.slot <= finalizedSlot) {
    return ignore(`${carrier} is not from a slot greater than the latest finalized slot`);
  }
  return undefined;
}

/** The proposer is in the registry and signed the header. */
export async function checkHeaderSignature(
  state: BeaconState,
  signedHeader: SignedBeaconBlockHeader,
  verifier: GossipVerifier,
  reason: string,
): Promise<Verdict | undefined> {
  const { message: header, signature } = signedHeader;
  if (!(header.proposerIndex < state.validators.length)) return reject("proposer index out of range");
  const domain = getDomain(state, DOMAIN_BEACON_PROPOSER, computeEpochAtSlot(state.spec, header.slot));
  const root = state.spec.types.phase0.BeaconBlockHeader.hashTreeRoot(header);
  const set = signatureSet(state, [header.proposerIndex], computeSigningRoot(root, domain), signature);
  return rejectBadSignature(verifier, [{ set, reason }]);
}

/** The header's parent is a valid block of an earlier slot that descends from the finalized checkpoint. */
export function checkHeaderParent(
  store: GossipStore,
  header: BeaconBlockHeader,
  carrier: Carrier,
): Verdict | undefined {
  const parentSlot = store.blockSlot(header.parentRoot);
  if (parentSlot === undefined) return ignore(`${carrier}'s parent has not been seen`);
  if (!store.isValidBlock(header.parentRoot)) return reject(`${carrier}'s parent failed validation`);
  if (header.slot <= parentSlot) return reject(`${carrier} is not from a higher slot than its parent`);
  const { epoch, root } = store.finalizedCheckpoint;
  const checkpointBlock = store.checkpointBlock(header.parentRoot, epoch);
  if (!checkpointBlock || !bytesEqual(checkpointBlock, root)) {
    return reject(`finalized checkpoint is not an ancestor of ${carrier}'s block`);
  }
  return undefined;
}

/** The header's proposer is the one that its parent's state expects. */
export function checkHeaderProposer(
  store: GossipStore,
  header: BeaconBlockHeader,
  carrier: Carrier,
): Verdict | undefined {
  const parentState = store.blockState(header.parentRoot);
  if (!parentState) return ignore(`shuffling of the ${carrier}'s parent is not available`);
  if (header.proposerIndex !== computeExpectedProposer(parentState, header.slot)) {
    return reject(`${carrier} proposer_index does not match expected proposer`);
  }
  return undefined;
}
