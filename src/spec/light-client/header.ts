/**
 * Light-client headers: a block's header and, from capella on, its payload's with the proof that they belong together.
 * @see https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/deneb/light-client/sync-protocol.md
 */
import { bytesEqual, ZERO_BYTES32 } from "../../base/bytes.ts";
import { bodyTypeAtSlot } from "../blobs.ts";
import type { ChainSpec } from "../chain-spec.ts";
import {
  CURRENT_SYNC_COMMITTEE_GINDEX,
  CURRENT_SYNC_COMMITTEE_GINDEX_ELECTRA,
  EXECUTION_PAYLOAD_GINDEX,
  FINALIZED_ROOT_GINDEX,
  FINALIZED_ROOT_GINDEX_ELECTRA,
  NEXT_SYNC_COMMITTEE_GINDEX,
  NEXT_SYNC_COMMITTEE_GINDEX_ELECTRA,
} from "../constants.ts";
import type { BeaconBlock, ExecutionPayload, LightClientHeader, SignedBeaconBlock } from "../containers.ts";
import { Fork } from "../fork.ts";
import { forkTypes } from "../fork-types.ts";
import { computeMerkleProof, floorlog2, getSubtreeIndex } from "../merkle.ts";
import { computeEpochAtSlot } from "../misc.ts";
import { isValidMerkleBranch } from "../predicates.ts";

/** @spec finalized_root_gindex_at_slot (altair, electra) */
export function finalizedRootGindexAtSlot(spec: ChainSpec, slot: number): bigint {
  return isElectra(spec, slot) ? FINALIZED_ROOT_GINDEX_ELECTRA : FINALIZED_ROOT_GINDEX;
}

/** @spec current_sync_committee_gindex_at_slot (altair, electra) */
export function currentSyncCommitteeGindexAtSlot(spec: ChainSpec, slot: number): bigint {
  return isElectra(spec, slot) ? CURRENT_SYNC_COMMITTEE_GINDEX_ELECTRA : CURRENT_SYNC_COMMITTEE_GINDEX;
}

/** @spec next_sync_committee_gindex_at_slot (altair, electra) */
export function nextSyncCommitteeGindexAtSlot(spec: ChainSpec, slot: number): bigint {
  return isElectra(spec, slot) ? NEXT_SYNC_COMMITTEE_GINDEX_ELECTRA : NEXT_SYNC_COMMITTEE_GINDEX;
}

/**
 * @spec block_to_light_client_header (altair, capella, deneb)
 * @param fork whose header is wanted: the block's or a later one
 */
export function blockToLightClientHeader(
  spec: ChainSpec,
  fork: Fork,
  signedBlock: SignedBeaconBlock,
): LightClientHeader {
  const { slot, proposerIndex, parentRoot, stateRoot, body } = signedBlock.message;
  const bodyRoot = bodyTypeAtSlot(spec, slot).hashTreeRoot(body);
  const beacon = { slot, proposerIndex, parentRoot, stateRoot, bodyRoot };
  if (fork < Fork.capella) return { beacon } as LightClientHeader;

  const { execution, executionBranch } = forkTypes({ spec, fork }).LightClientHeader.defaultValue();
  // A finalized header may be older: its payload was not in the light-client data of its own time either.
  if (computeEpochAtSlot(spec, slot) < spec.config.CAPELLA_FORK_EPOCH) return { beacon, execution, executionBranch };
  return {
    beacon,
    execution: { ...execution, ...payloadHeaderFields(spec, signedBlock.message) },
    executionBranch: computeMerkleProof(bodyTypeAtSlot(spec, slot), body, EXECUTION_PAYLOAD_GINDEX),
  };
}

function payloadHeaderFields(spec: ChainSpec, block: BeaconBlock) {
  const { fields } = bodyTypeAtSlot(spec, block.slot).fields.executionPayload;
  const { transactions, withdrawals, ...shared }: ExecutionPayload = block.body.executionPayload;
  return {
    ...shared,
    transactionsRoot: fields.transactions.hashTreeRoot(transactions),
    withdrawalsRoot: fields.withdrawals.hashTreeRoot(withdrawals),
  };
}

/** Zeros before capella. @spec get_lc_execution_root (capella, deneb) */
export function getLcExecutionRoot(spec: ChainSpec, header: LightClientHeader): Uint8Array {
  const epoch = computeEpochAtSlot(spec, header.beacon.slot);
  const { types, config } = spec;
  if (epoch >= config.DENEB_FORK_EPOCH) return types.deneb.ExecutionPayloadHeader.hashTreeRoot(header.execution);
  // The capella type leaves the later fields out.
  if (epoch >= config.CAPELLA_FORK_EPOCH) return types.capella.ExecutionPayloadHeader.hashTreeRoot(header.execution);
  return ZERO_BYTES32;
}

/**
 * @spec is_valid_light_client_header (altair, capella, deneb)
 * @param fork of the header's container
 */
export function isValidLightClientHeader(spec: ChainSpec, fork: Fork, header: LightClientHeader): boolean {
  if (fork < Fork.capella) return true;
  const epoch = computeEpochAtSlot(spec, header.beacon.slot);
  // A header of this age has fields that the container it came in lacks.
  if (fork < Fork.deneb && epoch >= spec.config.DENEB_FORK_EPOCH) return false;
  const { execution, executionBranch } = header;

  if (fork >= Fork.deneb && epoch < spec.config.DENEB_FORK_EPOCH) {
    if (execution.blobGasUsed !== 0n || execution.excessBlobGas !== 0n) return false;
  }
  if (epoch < spec.config.CAPELLA_FORK_EPOCH) {
    const type = forkTypes({ spec, fork }).ExecutionPayloadHeader;
    const isEmpty = executionBranch.every((node) => bytesEqual(node, ZERO_BYTES32));
    return isEmpty && type.equals(execution, type.defaultValue());
  }
  return isValidMerkleBranch(
    getLcExecutionRoot(spec, header),
    executionBranch,
    floorlog2(EXECUTION_PAYLOAD_GINDEX),
    getSubtreeIndex(EXECUTION_PAYLOAD_GINDEX),
    header.beacon.bodyRoot,
  );
}

/** [Modified in Electra] */
function isElectra(spec: ChainSpec, slot: number): boolean {
  return computeEpochAtSlot(spec, slot) >= spec.config.ELECTRA_FORK_EPOCH;
}
