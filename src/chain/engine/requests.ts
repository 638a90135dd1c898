/**
 * What the engine is asked about a block, from the block.
 * @see https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/electra/beacon-chain.md
 */
import { concatBytes } from "../../base/bytes.ts";
import type { ChainSpec } from "../../spec/chain-spec.ts";
import { CONSOLIDATION_REQUEST_TYPE, DEPOSIT_REQUEST_TYPE, WITHDRAWAL_REQUEST_TYPE } from "../../spec/constants.ts";
import type { BeaconBlock, ExecutionRequests } from "../../spec/containers.ts";
import { Fork } from "../../spec/fork.ts";
import { kzgCommitmentToVersionedHash } from "../../spec/misc.ts";
import type { NewPayloadRequest } from "./port.ts";

/** Each list that is not empty: its type byte, then its SSZ. @spec get_execution_requests_list (electra) */
export function getExecutionRequestsList(spec: ChainSpec, requests: ExecutionRequests): Uint8Array[] {
  const { DepositRequests, WithdrawalRequests, ConsolidationRequests } = spec.types.electra;
  const list: Uint8Array[] = [];
  const add = (type: number, count: number, serialize: () => Uint8Array) => {
    if (count > 0) list.push(concatBytes(Uint8Array.of(type), serialize()));
  };
  const { deposits, withdrawals, consolidations } = requests;
  add(DEPOSIT_REQUEST_TYPE, deposits.length, () => DepositRequests.serialize(deposits));
  add(WITHDRAWAL_REQUEST_TYPE, withdrawals.length, () => WithdrawalRequests.serialize(withdrawals));
  add(CONSOLIDATION_REQUEST_TYPE, consolidations.length, () => ConsolidationRequests.serialize(consolidations));
  return list;
}

/** @param block of bellatrix or later */
export function newPayloadRequestOf(spec: ChainSpec, fork: Fork, block: BeaconBlock): NewPayloadRequest {
  const { body, parentRoot } = block;
  return {
    fork,
    payload: body.executionPayload,
    ...(fork >= Fork.deneb && {
      versionedHashes: body.blobKzgCommitments.map(kzgCommitmentToVersionedHash),
      parentBeaconBlockRoot: parentRoot,
    }),
    ...(fork >= Fork.electra && { executionRequests: getExecutionRequestsList(spec, body.executionRequests) }),
  };
}
