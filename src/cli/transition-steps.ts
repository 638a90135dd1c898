/** The sub-steps of epochs and blocks by the names of the reference tests' handlers. */
import { UsageError } from "../base/errors.ts";
import { processAttestation } from "../spec/block/attestation.ts";
import { processAttesterSlashing } from "../spec/block/attester-slashing.ts";
import { processBlsToExecutionChange } from "../spec/block/bls-to-execution-change.ts";
import { processConsolidationRequest } from "../spec/block/consolidation-request.ts";
import { processDeposit } from "../spec/block/deposit.ts";
import { processDepositRequest } from "../spec/block/deposit-request.ts";
import { acceptingEngine, processExecutionPayload } from "../spec/block/execution-payload.ts";
import { processBlockHeader } from "../spec/block/header.ts";
import { processProposerSlashing } from "../spec/block/proposer-slashing.ts";
import { processRandao } from "../spec/block/randao.ts";
import { processSyncAggregate } from "../spec/block/sync-aggregate.ts";
import { processVoluntaryExit } from "../spec/block/voluntary-exit.ts";
import { processWithdrawalRequest } from "../spec/block/withdrawal-request.ts";
import { processWithdrawals } from "../spec/block/withdrawals.ts";
import { type EpochStep, epochSteps } from "../spec/epoch/epoch.ts";
import type { Fork } from "../spec/fork.ts";
import type { Verifier } from "../spec/signature-sets.ts";
import type { BeaconState } from "../spec/state.ts";

/** A step of a block that takes one object. */
export interface OperationStep {
  /** SSZ type of the object. */
  readonly typeName: string;
  // biome-ignore lint/suspicious/noExplicitAny: each row pairs a type's name with the function that takes its value
  readonly process: (state: BeaconState, operation: any, verifier: Verifier) => void;
}

export const OPERATION_STEPS: Readonly<Record<string, OperationStep>> = Object.freeze({
  attestation: { typeName: "Attestation", process: processAttestation },
  attester_slashing: { typeName: "AttesterSlashing", process: processAttesterSlashing },
  block_header: { typeName: "BeaconBlock", process: processBlockHeader },
  bls_to_execution_change: { typeName: "SignedBLSToExecutionChange", process: processBlsToExecutionChange },
  consolidation_request: { typeName: "ConsolidationRequest", process: processConsolidationRequest },
  deposit: { typeName: "Deposit", process: processDeposit },
  deposit_request: { typeName: "DepositRequest", process: processDepositRequest },
  execution_payload: {
    typeName: "BeaconBlockBody",
    process: (state, body) => processExecutionPayload(state, body, acceptingEngine),
  },
  proposer_slashing: { typeName: "ProposerSlashing", process: processProposerSlashing },
  randao: { typeName: "BeaconBlockBody", process: processRandao },
  sync_aggregate: { typeName: "SyncAggregate", process: processSyncAggregate },
  voluntary_exit: { typeName: "SignedVoluntaryExit", process: processVoluntaryExit },
  withdrawal_request: { typeName: "WithdrawalRequest", process: processWithdrawalRequest },
  withdrawals: { typeName: "ExecutionPayload", process: processWithdrawals },
});

export function operationStep(name: string): OperationStep {
  if (!Object.hasOwn(OPERATION_STEPS, name)) {
    throw new UsageError(`no block step ${JSON.stringify(name)}: known are ${Object.keys(OPERATION_STEPS).join(", ")}`);
  }
  return OPERATION_STEPS[name]!;
}

export function epochStep(name: string, fork: Fork): EpochStep {
  const steps = epochSteps(fork);
  const step = steps.find((candidate) => candidate.name === name);
  if (step === undefined) {
    throw new UsageError(
      `no epoch step ${JSON.stringify(name)}: known are ${steps.map((each) => each.name).join(", ")}`,
    );
  }
  return step;
}
