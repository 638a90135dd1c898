/**
 * The execution layer's block inside the beacon block.
 * https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/fulu/beacon-chain.md#modified-process_execution_payload
 */
import { bytesEqual } from "../../base/bytes.ts";
import { assertValid } from "../../base/errors.ts";
import { getCurrentEpoch, getRandaoMix } from "../accessors.ts";
import type { BeaconBlockBody, ExecutionPayload, ExecutionPayloadHeader, ExecutionRequests } from "../containers.ts";
import { Fork } from "../fork.ts";
import { forkTypes } from "../fork-types.ts";
import { computeTimeAtSlot, getBlobParameters, kzgCommitmentToVersionedHash } from "../misc.ts";
import { isMergeTransitionComplete } from "../predicates.ts";
import type { BeaconState } from "../state.ts";

/** What the execution engine is asked to judge; later forks fill more of it. */
export interface NewPayloadRequest {
  executionPayload: ExecutionPayload;
  /** From deneb on. */
  versionedHashes?: Uint8Array[];
  parentBeaconBlockRoot?: Uint8Array;
  /** From electra on. */
  executionRequests?: ExecutionRequests;
}

/** The execution layer as the state transition sees it. */
export interface ExecutionEngine {
  /** @spec verify_and_notify_new_payload (bellatrix) */
  verifyAndNotifyNewPayload(request: NewPayloadRequest): boolean;
}

/** Takes every payload for valid: for replay, and where the engine is asked elsewhere at the same time. */
export const acceptingEngine: ExecutionEngine = { verifyAndNotifyNewPayload: () => true };

/**
 * Checks the payload against the state, asks the engine, and keeps the payload's header.
 * @spec process_execution_payload (bellatrix, capella, deneb, electra, fulu)
 */
export function processExecutionPayload(state: BeaconState, body: BeaconBlockBody, engine: ExecutionEngine): void {
  const payload = body.executionPayload;
  // [Modified in Capella] the merge is over
  if (state.fork >= Fork.capella || isMergeTransitionComplete(state)) {
    const parentHash = state.latestExecutionPayloadHeader.blockHash;
    assertValid(bytesEqual(payload.parentHash, parentHash), "PAYLOAD_WRONG_PARENT", {
      payload: payload.parentHash,
      expected: parentHash,
    });
  }
  const mix = getRandaoMix(state, getCurrentEpoch(state));
  assertValid(bytesEqual(payload.prevRandao, mix), "PAYLOAD_WRONG_RANDAO", { payload: payload.prevRandao });
  const time = BigInt(computeTimeAtSlot(state, state.slot));
  assertValid(BigInt(payload.timestamp) === time, "PAYLOAD_WRONG_TIME", { payload: payload.timestamp, expected: time });
  const request: NewPayloadRequest = { executionPayload: payload };
  // [New in Deneb:EIP4844]
  if (state.fork >= Fork.deneb) {
    const commitments = body.blobKzgCommitments;
    const limit = maxBlobsPerBlock(state);
    assertValid(commitments.length <= limit, "PAYLOAD_TOO_MANY_BLOBS", { blobs: commitments.length, limit });
    request.versionedHashes = commitments.map(kzgCommitmentToVersionedHash);
    // [New in Deneb:EIP4788]
    request.parentBeaconBlockRoot = state.latestBlockHeader.parentRoot;
  }
  // [New in Electra]
  if (state.fork >= Fork.electra) request.executionRequests = body.executionRequests;
  assertValid(engine.verifyAndNotifyNewPayload(request), "PAYLOAD_REFUSED_BY_ENGINE", {
    blockHash: payload.blockHash,
  });
  state.latestExecutionPayloadHeader = payloadToHeader(state, payload);
}

/** The most blobs that a block of the state's epoch may carry. */
export function maxBlobsPerBlock(state: BeaconState): number {
  const { spec, fork } = state;
  // [Modified in Fulu:EIP7892]
  if (fork >= Fork.fulu) return getBlobParameters(spec, getCurrentEpoch(state)).maxBlobsPerBlock;
  // [Modified in Electra:EIP7691]
  return fork >= Fork.electra ? spec.config.MAX_BLOBS_PER_BLOCK_ELECTRA : spec.config.MAX_BLOBS_PER_BLOCK;
}

/** The payload with its lists replaced by their roots. */
export function payloadToHeader(state: BeaconState, payload: ExecutionPayload): ExecutionPayloadHeader {
  const { fields } = forkTypes(state).ExecutionPayload;
  const { transactions, withdrawals, ...shared } = payload;
  const header = { ...shared, transactionsRoot: fields.transactions.hashTreeRoot(transactions) };
  // [New in Capella]
  if (state.fork < Fork.capella) return header as ExecutionPayloadHeader;
  return { ...header, withdrawalsRoot: fields.withdrawals.hashTreeRoot(withdrawals) };
}
