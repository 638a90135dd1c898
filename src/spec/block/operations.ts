/**
 * The lists of operations in a block's body, in the order in which they apply.
 * https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/fulu/beacon-chain.md#modified-process_operations
 */
import { assertValid } from "../../base/errors.ts";
import type { BeaconBlockBody } from "../containers.ts";
import { Fork } from "../fork.ts";
import type { Verifier } from "../signature-sets.ts";
import type { BeaconState } from "../state.ts";
import type { StepObserver } from "../step-observer.ts";
import { processAttestation } from "./attestation.ts";
import { processAttesterSlashing } from "./attester-slashing.ts";
import { processBlsToExecutionChange } from "./bls-to-execution-change.ts";
import { processConsolidationRequest } from "./consolidation-request.ts";
import { processDeposit } from "./deposit.ts";
import { processDepositRequest } from "./deposit-request.ts";
import { processProposerSlashing } from "./proposer-slashing.ts";
import { processVoluntaryExit } from "./voluntary-exit.ts";
import { processWithdrawalRequest } from "./withdrawal-request.ts";

interface OperationList<T> {
  /** The operation's name in the spec and in the vectors. */
  readonly name: string;
  readonly from: Fork;
  /** The first fork without it. */
  readonly until?: Fork;
  readonly list: (body: BeaconBlockBody) => readonly T[];
  readonly process: (state: BeaconState, operation: T, verifier: Verifier) => void;
}

/** Lists of different elements side by side: each row is type-checked by itself, then its element is forgotten. */
function row<T>(operation: OperationList<T>): OperationList<unknown> {
  return operation as OperationList<unknown>;
}

export const OPERATIONS: readonly OperationList<unknown>[] = Object.freeze([
  row({
    name: "proposer_slashing",
    from: Fork.phase0,
    list: (body) => body.proposerSlashings,
    process: processProposerSlashing,
  }),
  row({
    name: "attester_slashing",
    from: Fork.phase0,
    list: (body) => body.attesterSlashings,
    process: processAttesterSlashing,
  }),
  row({ name: "attestation", from: Fork.phase0, list: (body) => body.attestations, process: processAttestation }),
  row({
    name: "deposit",
    from: Fork.phase0,
    until: Fork.fulu,
    list: (body) => body.deposits,
    process: processDeposit,
  }),
  row({
    name: "voluntary_exit",
    from: Fork.phase0,
    list: (body) => body.voluntaryExits,
    process: processVoluntaryExit,
  }),
  row({
    name: "bls_to_execution_change",
    from: Fork.capella,
    list: (body) => body.blsToExecutionChanges,
    process: processBlsToExecutionChange,
  }),
  row({
    name: "deposit_request",
    from: Fork.electra,
    list: (body) => body.executionRequests.deposits,
    process: processDepositRequest,
  }),
  row({
    name: "withdrawal_request",
    from: Fork.electra,
    list: (body) => body.executionRequests.withdrawals,
    process: processWithdrawalRequest,
  }),
  row({
    name: "consolidation_request",
    from: Fork.electra,
    list: (body) => body.executionRequests.consolidations,
    process: processConsolidationRequest,
  }),
]);

/**
 * Applies every operation of the body.
 * @spec process_operations (phase0, capella, electra, fulu)
 */
export function processOperations(
  state: BeaconState,
  body: BeaconBlockBody,
  verifier: Verifier,
  observer: StepObserver,
): void {
  const expected = expectedDeposits(state);
  assertValid(body.deposits.length === expected, "OPERATIONS_WRONG_DEPOSIT_COUNT", {
    deposits: body.deposits.length,
    expected,
  });
  for (const { name, from, until, list, process } of OPERATIONS) {
    if (state.fork < from || (until !== undefined && state.fork >= until)) continue;
    for (const operation of list(body)) {
      observer(name, () => process(state, operation, verifier));
    }
  }
}

/** How many deposits the body must carry: as many as are voted in and fit. */
export function expectedDeposits(state: BeaconState): number {
  // [Modified in Fulu] deposits come as requests alone
  if (state.fork >= Fork.fulu) return 0;
  const { eth1DepositIndex, eth1Data, spec } = state;
  let limit = eth1Data.depositCount;
  // [Modified in Electra:EIP6110]
  if (state.fork >= Fork.electra) {
    if (state.depositRequestsStartIndex < limit) limit = state.depositRequestsStartIndex;
    if (eth1DepositIndex >= limit) return 0;
  }
  assertValid(eth1DepositIndex <= limit, "OPERATIONS_DEPOSIT_COUNT_FELL", { eth1DepositIndex, depositCount: limit });
  // A limit that a number does not hold exactly is far beyond all that fit.
  return Math.min(spec.preset.MAX_DEPOSITS, Number(limit) - eth1DepositIndex);
}
