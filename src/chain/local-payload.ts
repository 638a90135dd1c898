/** Payloads of networks that have no execution clients: empty, and good for consensus alone. */
import { concatBytes } from "../base/bytes.ts";
import { sha256 } from "../crypto/sha256.ts";
import type { PayloadPreparation } from "../spec/block-production.ts";
import type { ExecutionPayload } from "../spec/containers.ts";
import { forkTypes } from "../spec/fork-types.ts";
import { uintToBytes } from "../spec/misc.ts";
import type { BeaconState } from "../spec/state.ts";

const GAS_LIMIT = 30_000_000n;

/**
 * A payload that every node without an execution client takes, and that no execution client would.
 * @param state advanced to the slot of the proposal
 */
export function emptyPayload(state: BeaconState, preparation: PayloadPreparation): ExecutionPayload {
  const { payloadAttributes: attributes, headBlockHash } = preparation;
  const blockHash = sha256(concatBytes(headBlockHash, uintToBytes(state.slot), attributes.prevRandao));
  return {
    ...(forkTypes(state).ExecutionPayload.defaultValue() as ExecutionPayload),
    parentHash: headBlockHash,
    feeRecipient: attributes.suggestedFeeRecipient,
    prevRandao: attributes.prevRandao,
    blockNumber: BigInt(state.latestExecutionPayloadHeader.blockNumber) + 1n,
    gasLimit: GAS_LIMIT,
    timestamp: BigInt(attributes.timestamp),
    baseFeePerGas: 7n,
    blockHash,
    ...(attributes.withdrawals && { withdrawals: attributes.withdrawals }),
  };
}
