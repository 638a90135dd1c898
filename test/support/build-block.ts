/** Blocks without votes on top of any state of interop validators, for tests that need no validator client. */
import { emptyPayload } from "../../src/chain/local-payload.ts";
import { getBeaconProposerIndex } from "../../src/spec/accessors.ts";
import { acceptingEngine } from "../../src/spec/block/execution-payload.ts";
import { processBlock } from "../../src/spec/block/block.ts";
import { prepareExecutionPayload } from "../../src/spec/block-production.ts";
import { G2_POINT_AT_INFINITY } from "../../src/spec/constants.ts";
import type { BeaconBlock, BeaconBlockBody, SignedBeaconBlock } from "../../src/spec/containers.ts";
import { Fork } from "../../src/spec/fork.ts";
import { forkTypes } from "../../src/spec/fork-types.ts";
import { interopSecretKey } from "../../src/spec/interop.ts";
import { trustingVerifier } from "../../src/spec/signature-sets.ts";
import type { BeaconState } from "../../src/spec/state.ts";
import { processSlots } from "../../src/spec/transition.ts";
import { getBlockSignature, getEpochSignature } from "../../src/spec/validator-signatures.ts";

export interface BlockContent {
  /** Tells blocks of one slot apart. */
  readonly graffiti?: number;
  readonly blobKzgCommitments?: readonly Uint8Array[];
  /** To be included; they must be valid in the block. */
  readonly attestations?: BeaconBlockBody["attestations"];
}

export interface BuiltBlock {
  readonly signedBlock: SignedBeaconBlock;
  readonly root: Uint8Array;
  /** After the block. */
  readonly state: BeaconState;
}

/** @param parent post-state of the parent; not changed */
export function buildBlock(parent: BeaconState, slot: number, content: BlockContent = {}): BuiltBlock {
  const state = processSlots(parent.clone(), slot);
  const types = forkTypes(state);
  const proposerIndex = getBeaconProposerIndex(state);
  const key = interopSecretKey(proposerIndex);
  const body = types.BeaconBlockBody.defaultValue() as BeaconBlockBody;
  body.eth1Data = state.eth1Data;
  body.graffiti = new Uint8Array(32).fill(content.graffiti ?? 0);
  if (state.fork >= Fork.altair) body.syncAggregate.syncCommitteeSignature = G2_POINT_AT_INFINITY;
  const preparation = state.fork >= Fork.capella ? prepareExecutionPayload(state, new Uint8Array(20)) : undefined;
  if (preparation) body.executionPayload = emptyPayload(state, preparation);
  if (content.blobKzgCommitments) body.blobKzgCommitments = [...content.blobKzgCommitments];
  if (content.attestations) body.attestations = content.attestations;
  const header = { ...state.latestBlockHeader };
  const block: BeaconBlock = {
    ...{ slot, proposerIndex, body },
    parentRoot: types.BeaconBlockHeader.hashTreeRoot(header),
    stateRoot: new Uint8Array(32),
  };
  body.randaoReveal = getEpochSignature(state, block, key);
  processBlock(state, block, { verifier: trustingVerifier, executionEngine: acceptingEngine });
  block.stateRoot = state.hashTreeRoot();
  const signature = getBlockSignature(state, block, key);
  key.destroy();
  return { signedBlock: { message: block, signature }, root: types.BeaconBlock.hashTreeRoot(block), state };
}
