/**
 * Topic `beacon_block`.
 * @see https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/fulu/p2p-interface.md
 */
import { bytesEqual } from "../../base/bytes.ts";
import { getCurrentEpoch, getDomain } from "../accessors.ts";
import { maxBlobsOfFork } from "../blobs.ts";
import { forkAtEpoch } from "../config.ts";
import { DOMAIN_BEACON_PROPOSER } from "../constants.ts";
import type { BeaconBlock, SignedBeaconBlock } from "../containers.ts";
import { Fork, forkName } from "../fork.ts";
import {
  computeEpochAtSlot,
  computeSigningRoot,
  computeStartSlotAtEpoch,
  computeTimeAtSlot,
  getBlobParameters,
} from "../misc.ts";
import { computeExpectedProposer, isNotFromFutureSlot } from "../p2p.ts";
import { isExecutionEnabled } from "../predicates.ts";
import type { BeaconState } from "../state.ts";
import type { Seen } from "./seen.ts";
import { type GossipVerifier, rejectBadSignature, signatureSet } from "./signature.ts";
import { ACCEPT, type GossipStore, ignore, reject, type Verdict } from "./verdict.ts";

/**
 * @spec validate_beacon_block_gossip (phase0, bellatrix, capella, deneb, electra, fulu)
 * @param state head state advanced to the current slot; not mutated
 * @param signedBlock decoded as the container of the fork at its slot
 */
export async function validateBeaconBlockGossip(
  seen: Seen,
  store: GossipStore,
  state: BeaconState,
  signedBlock: SignedBeaconBlock,
  nowMs: number,
  verifier: GossipVerifier,
): Promise<Verdict> {
  const block = signedBlock.message;
  const { spec } = state;

  if (!isNotFromFutureSlot(state, block.slot, nowMs)) return ignore("block is from a future slot");

  const finalizedSlot = computeStartSlotAtEpoch(spec, store.finalizedCheckpoint.epoch);
  if (block.slot <= finalizedSlot) return ignore("block is not from a slot greater than the latest finalized slot");

  const proposerSeen = (): boolean => seen.proposerSlots.get(block.slot)?.has(block.proposerIndex) ?? false;
  const alreadySeen = ignore("block is not the first valid block for this proposer and slot");
  if (proposerSeen()) return alreadySeen;

  if (!(block.proposerIndex < state.validators.length)) return reject("proposer index out of range");

  const fork = forkAtEpoch(spec.config, computeEpochAtSlot(spec, block.slot));
  const badSignature = await rejectBadSignature(verifier, [
    { set: proposerSignatureSet(state, fork, signedBlock), reason: "invalid proposer signature" },
  ]);
  if (badSignature) return badSignature;

  const rejected = checkParent(store, state, fork, block) ?? checkBlobs(state, fork, block);
  if (rejected) return rejected;

  const parentState = store.blockState(block.parentRoot);
  if (!parentState) return ignore("shuffling of the block's parent is not available");
  if (block.proposerIndex !== computeExpectedProposer(parentState, block.slot)) {
    return reject("block proposer_index does not match expected proposer");
  }

  // The verifier may have let another block through meanwhile.
  if (proposerSeen()) return alreadySeen;
  seen.proposerSlots.open(block.slot).add(block.proposerIndex);
  return ACCEPT;
}

function proposerSignatureSet(state: BeaconState, fork: Fork, signedBlock: SignedBeaconBlock) {
  const block = signedBlock.message;
  const { spec } = state;
  const domain = getDomain(state, DOMAIN_BEACON_PROPOSER, computeEpochAtSlot(spec, block.slot));
  const root = spec.types[forkName(fork)].BeaconBlock.hashTreeRoot(block as never);
  return signatureSet(state, [block.proposerIndex], computeSigningRoot(root, domain), signedBlock.signature);
}

function checkParent(store: GossipStore, state: BeaconState, fork: Fork, block: BeaconBlock): Verdict | undefined {
  const parentSlot = store.blockSlot(block.parentRoot);
  if (parentSlot === undefined) return ignore("block's parent has not been seen");

  const invalidParent = hasExecution(state, fork, block)
    ? checkParentPayload(store, state, block)
    : checkParentWithoutPayload(store, fork, block);
  if (invalidParent) return invalidParent;

  if (block.slot <= parentSlot) return reject("block is not from a higher slot than its parent");

  const { epoch, root } = store.finalizedCheckpoint;
  const checkpointBlock = store.checkpointBlock(block.parentRoot, epoch);
  if (!checkpointBlock || !bytesEqual(checkpointBlock, root)) {
    return reject("finalized checkpoint is not an ancestor of block");
  }
  return undefined;
}

/** [New in Bellatrix], [Modified in Capella]: always. */
function hasExecution(state: BeaconState, fork: Fork, block: BeaconBlock): boolean {
  if (fork < Fork.bellatrix) return false;
  if (fork >= Fork.capella) return true;
  // A state of an earlier fork cannot have completed the merge: its first slot only lets an early block in.
  return state.fork >= Fork.bellatrix && isExecutionEnabled(state, block.body);
}

function checkParentPayload(store: GossipStore, state: BeaconState, block: BeaconBlock): Verdict | undefined {
  if (block.body.executionPayload.timestamp !== BigInt(computeTimeAtSlot(state, block.slot))) {
    return reject("incorrect execution payload timestamp");
  }
  const payloadStatus = store.payloadStatus(block.parentRoot);
  if (!store.isValidBlock(block.parentRoot)) {
    return payloadStatus === "NOT_VALIDATED"
      ? reject("block's parent is invalid and its payload is optimistic")
      : ignore("block's parent is invalid and its payload is processed");
  }
  if (payloadStatus === "INVALIDATED") return ignore("block's parent is valid and its payload is invalid");
  return undefined;
}

function checkParentWithoutPayload(store: GossipStore, fork: Fork, block: BeaconBlock): Verdict | undefined {
  if (store.isValidBlock(block.parentRoot)) return undefined;
  return reject(
    fork >= Fork.bellatrix ? "block's parent is invalid and execution is not enabled" : "block's parent is invalid",
  );
}

function checkBlobs(state: BeaconState, fork: Fork, block: BeaconBlock): Verdict | undefined {
  if (fork < Fork.deneb) return undefined;
  // [Modified in Fulu:EIP7892]
  const maxBlobs =
    fork >= Fork.fulu
      ? getBlobParameters(state.spec, getCurrentEpoch(state)).maxBlobsPerBlock
      : maxBlobsOfFork(state.spec, fork);
  return block.body.blobKzgCommitments.length > maxBlobs ? reject("too many blob kzg commitments") : undefined;
}
