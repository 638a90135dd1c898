/**
 * Single operations on a state.
 * https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/tests/formats/operations/README.md
 */
import assert from "node:assert/strict";
import { InvalidBlock } from "../../src/base/errors.ts";
import { processAttestation } from "../../src/spec/block/attestation.ts";
import { processAttesterSlashing } from "../../src/spec/block/attester-slashing.ts";
import { processBlsToExecutionChange } from "../../src/spec/block/bls-to-execution-change.ts";
import { processConsolidationRequest } from "../../src/spec/block/consolidation-request.ts";
import { processDeposit } from "../../src/spec/block/deposit.ts";
import { processDepositRequest } from "../../src/spec/block/deposit-request.ts";
import { processExecutionPayload } from "../../src/spec/block/execution-payload.ts";
import { processBlockHeader } from "../../src/spec/block/header.ts";
import { processProposerSlashing } from "../../src/spec/block/proposer-slashing.ts";
import { processSyncAggregate } from "../../src/spec/block/sync-aggregate.ts";
import { processVoluntaryExit } from "../../src/spec/block/voluntary-exit.ts";
import { processWithdrawalRequest } from "../../src/spec/block/withdrawal-request.ts";
import { processWithdrawals } from "../../src/spec/block/withdrawals.ts";
import type { Types } from "../../src/spec/containers.ts";
import { forkTypes } from "../../src/spec/fork-types.ts";
import type { Verifier } from "../../src/spec/signature-sets.ts";
import type { BeaconState } from "../../src/spec/state.ts";
import { verifierOf } from "./blocks.ts";
import { assertState, stateOf } from "./chain.ts";
import { runVectors, type VectorCase, type VectorHandler } from "./vectors.ts";

type OperationType = keyof Types["fulu"];

// biome-ignore lint/suspicious/noExplicitAny: the table below pairs each type with the function that takes it
type Process = (state: BeaconState, operation: any, verifier: Verifier, vector: VectorCase) => void;

function operation(typeName: OperationType, file: string, process: Process): VectorHandler {
  return (vector) => {
    const state = stateOf(vector, "pre");
    const value = forkTypes(state)[typeName].deserialize(vector.ssz(file));
    const run = () => process(state, value, verifierOf(vector), vector);
    if (vector.has("post.ssz_snappy")) {
      run();
      assertState(state, vector, "post");
    } else {
      assert.throws(run, InvalidBlock);
    }
    state.drop();
  };
}

runVectors("operations", {
  attestation: operation("Attestation", "attestation", processAttestation),
  attester_slashing: operation("AttesterSlashing", "attester_slashing", processAttesterSlashing),
  block_header: operation("BeaconBlock", "block", processBlockHeader),
  bls_to_execution_change: operation("SignedBLSToExecutionChange", "address_change", processBlsToExecutionChange),
  consolidation_request: operation("ConsolidationRequest", "consolidation_request", processConsolidationRequest),
  deposit: operation("Deposit", "deposit", processDeposit),
  deposit_request: operation("DepositRequest", "deposit_request", processDepositRequest),
  execution_payload: operation("BeaconBlockBody", "body", (state, body, _, vector) => {
    const { execution_valid } = vector.yaml("execution") as { execution_valid: boolean };
    processExecutionPayload(state, body, { verifyAndNotifyNewPayload: () => execution_valid });
  }),
  proposer_slashing: operation("ProposerSlashing", "proposer_slashing", processProposerSlashing),
  sync_aggregate: operation("SyncAggregate", "sync_aggregate", processSyncAggregate),
  voluntary_exit: operation("SignedVoluntaryExit", "voluntary_exit", processVoluntaryExit),
  withdrawal_request: operation("WithdrawalRequest", "withdrawal_request", processWithdrawalRequest),
  withdrawals: operation("ExecutionPayload", "execution_payload", processWithdrawals),
});
