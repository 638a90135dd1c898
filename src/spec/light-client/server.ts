/**
 * What a full node derives from blocks and states for light clients.
 * @see https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/altair/light-client/full-node.md
 */
import { bytesEqual, ZERO_BYTES32 } from "../../base/bytes.ts";
import { assertValid } from "../../base/errors.ts";
import type { ChainSpec } from "../chain-spec.ts";
import { forkAtEpoch } from "../config.ts";
import { GENESIS_SLOT } from "../constants.ts";
import type {
  LightClientBootstrap,
  LightClientFinalityUpdate,
  LightClientOptimisticUpdate,
  LightClientUpdate,
  SignedBeaconBlock,
} from "../containers.ts";
import { Fork } from "../fork.ts";
import { forkTypes } from "../fork-types.ts";
import { computeEpochAtSlot, computeSyncCommitteePeriodAtSlot } from "../misc.ts";
import type { BeaconState } from "../state.ts";
import {
  blockToLightClientHeader,
  currentSyncCommitteeGindexAtSlot,
  finalizedRootGindexAtSlot,
  nextSyncCommitteeGindexAtSlot,
} from "./header.ts";

/**
 * Where a light client starts: a trusted block and the committee of its time.
 * @spec create_light_client_bootstrap (altair)
 * @param state post-state of the block
 */
export function createLightClientBootstrap(state: BeaconState, signedBlock: SignedBeaconBlock): LightClientBootstrap {
  const { spec } = state;
  assertValid(state.fork >= Fork.altair, "LC_BEFORE_ALTAIR", { slot: state.slot });
  assertPostState(state, signedBlock);
  return {
    header: blockToLightClientHeader(spec, state.fork, signedBlock),
    currentSyncCommittee: state.currentSyncCommittee,
    currentSyncCommitteeBranch: state.proof(currentSyncCommitteeGindexAtSlot(spec, state.slot)),
  };
}

export interface UpdateSource {
  /** Block whose sync aggregate signs the attested block, and its post-state. */
  readonly state: BeaconState;
  readonly block: SignedBeaconBlock;
  /** The block's parent, and its post-state. */
  readonly attestedState: BeaconState;
  readonly attestedBlock: SignedBeaconBlock;
  /** Finalized in the attested state, when at hand. */
  readonly finalizedBlock?: SignedBeaconBlock | undefined;
}

/**
 * Proof, signed by the sync committee, of a block with its next committee and finalized block.
 * @spec create_light_client_update (altair)
 * @returns of the attested block's fork
 */
export function createLightClientUpdate(source: UpdateSource): LightClientUpdate {
  const { state, block, attestedState, attestedBlock, finalizedBlock } = source;
  const { spec, fork } = attestedState;
  const { syncAggregate } = block.message.body;
  assertValid(fork >= Fork.altair, "LC_BEFORE_ALTAIR", { slot: attestedState.slot });
  const participants = syncAggregate.syncCommitteeBits.getTrueBitIndexes().length;
  assertValid(participants >= spec.preset.MIN_SYNC_COMMITTEE_PARTICIPANTS, "LC_TOO_FEW_PARTICIPANTS", { participants });

  assertPostState(state, block);
  const attestedRoot = assertPostState(attestedState, attestedBlock);
  assertValid(bytesEqual(attestedRoot, block.message.parentRoot), "LC_ATTESTED_NOT_PARENT", { attestedRoot });

  const update = forkTypes(attestedState).LightClientUpdate.defaultValue();
  update.attestedHeader = blockToLightClientHeader(spec, fork, attestedBlock);

  // The next committee is of use only to who knows the committee that signed.
  const attestedPeriod = computeSyncCommitteePeriodAtSlot(spec, attestedBlock.message.slot);
  if (attestedPeriod === computeSyncCommitteePeriodAtSlot(spec, block.message.slot)) {
    update.nextSyncCommittee = attestedState.nextSyncCommittee;
    update.nextSyncCommitteeBranch = attestedState.proof(nextSyncCommitteeGindexAtSlot(spec, attestedState.slot));
  }
  if (finalizedBlock) {
    const finalizedRoot = attestedState.finalizedCheckpoint.root;
    if (finalizedBlock.message.slot !== GENESIS_SLOT) {
      update.finalizedHeader = blockToLightClientHeader(spec, fork, finalizedBlock);
      const root = spec.types.phase0.BeaconBlockHeader.hashTreeRoot(update.finalizedHeader.beacon);
      assertValid(bytesEqual(root, finalizedRoot), "LC_FINALIZED_BLOCK", { root, finalizedRoot });
    } else {
      // Genesis is finalized under a root of zeros, with an empty header.
      assertValid(bytesEqual(finalizedRoot, ZERO_BYTES32), "LC_FINALIZED_BLOCK", { finalizedRoot });
    }
    update.finalityBranch = attestedState.proof(finalizedRootGindexAtSlot(spec, attestedState.slot));
  }
  update.syncAggregate = syncAggregate;
  update.signatureSlot = block.message.slot;
  return update;
}

/** @spec create_light_client_finality_update (altair) */
export function createLightClientFinalityUpdate(update: LightClientUpdate): LightClientFinalityUpdate {
  const { attestedHeader, finalizedHeader, finalityBranch, syncAggregate, signatureSlot } = update;
  return { attestedHeader, finalizedHeader, finalityBranch, syncAggregate, signatureSlot };
}

/** @spec create_light_client_optimistic_update (altair) */
export function createLightClientOptimisticUpdate(update: LightClientUpdate): LightClientOptimisticUpdate {
  const { attestedHeader, syncAggregate, signatureSlot } = update;
  return { attestedHeader, syncAggregate, signatureSlot };
}

/** The state is the block's own post-state; returns the block's root. */
function assertPostState(state: BeaconState, signedBlock: SignedBeaconBlock): Uint8Array {
  const { spec, latestBlockHeader } = state;
  assertValid(state.slot === latestBlockHeader.slot, "LC_STATE_PAST_BLOCK", { slot: state.slot });
  const header = { ...latestBlockHeader, stateRoot: state.hashTreeRoot() };
  const headerRoot = spec.types.phase0.BeaconBlockHeader.hashTreeRoot(header);
  const blockRoot = blockRootOf(spec, signedBlock);
  assertValid(bytesEqual(headerRoot, blockRoot), "LC_STATE_NOT_OF_BLOCK", { headerRoot, blockRoot });
  return blockRoot;
}

function blockRootOf(spec: ChainSpec, signedBlock: SignedBeaconBlock): Uint8Array {
  const fork = forkAtEpoch(spec.config, computeEpochAtSlot(spec, signedBlock.message.slot));
  return forkTypes({ spec, fork }).BeaconBlock.hashTreeRoot(signedBlock.message);
}
