/**
 * A block's effect on the state, as a table of steps.
 * https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/fulu/beacon-chain.md#block-processing
 */
import { InvalidBlock } from "../../base/errors.ts";
import { Uint64Overflow } from "../../columns/u64-column.ts";
import type { BeaconBlock } from "../containers.ts";
import { Fork } from "../fork.ts";
import { isExecutionEnabled } from "../predicates.ts";
import type { Verifier } from "../signature-sets.ts";
import type { BeaconState } from "../state.ts";
import { type StepObserver, unobserved } from "../step-observer.ts";
import { processEth1Data } from "./eth1-data.ts";
import { acceptingEngine, type ExecutionEngine, processExecutionPayload } from "./execution-payload.ts";
import { processBlockHeader } from "./header.ts";
import { processOperations } from "./operations.ts";
import { processRandao } from "./randao.ts";
import { processSyncAggregate } from "./sync-aggregate.ts";
import { processWithdrawals } from "./withdrawals.ts";

export interface BlockContext {
  readonly verifier: Verifier;
  readonly executionEngine: ExecutionEngine;
  readonly observer: StepObserver;
}

export interface BlockStep {
  /** The spec's name without `process_`. */
  readonly name: string;
  readonly from: Fork;
  readonly step: (state: BeaconState, block: BeaconBlock, context: BlockContext) => void;
}

/** The steps in the spec's order. @spec process_block (phase0 to fulu) */
export const BLOCK_STEPS: readonly BlockStep[] = Object.freeze([
  { name: "block_header", from: Fork.phase0, step: processBlockHeader },
  {
    name: "withdrawals",
    from: Fork.capella,
    step: (state, { body }) => processWithdrawals(state, body.executionPayload),
  },
  {
    name: "execution_payload",
    from: Fork.bellatrix,
    step: (state, { body }, { executionEngine }) => {
      // [Modified in Capella] no block is before the merge
      if (state.fork === Fork.bellatrix && !isExecutionEnabled(state, body)) return;
      processExecutionPayload(state, body, executionEngine);
    },
  },
  { name: "randao", from: Fork.phase0, step: (state, { body }, { verifier }) => processRandao(state, body, verifier) },
  { name: "eth1_data", from: Fork.phase0, step: (state, { body }) => processEth1Data(state, body) },
  {
    name: "operations",
    from: Fork.phase0,
    step: (state, { body }, { verifier, observer }) => processOperations(state, body, verifier, observer),
  },
  {
    name: "sync_aggregate",
    from: Fork.altair,
    step: (state, { body }, { verifier }) => processSyncAggregate(state, body.syncAggregate, verifier),
  },
] satisfies BlockStep[]);

export interface ProcessBlockOptions {
  verifier: Verifier;
  /** Accepts every payload by default. */
  executionEngine?: ExecutionEngine;
  /** Wraps each step, and inside "operations" each operation. */
  observer?: StepObserver;
}

/**
 * Applies a block to the state of its slot.
 * @spec process_block (phase0, altair, bellatrix, capella, electra)
 * @param state mutated; of no use after an error
 * @throws InvalidBlock
 */
export function processBlock(state: BeaconState, block: BeaconBlock, options: ProcessBlockOptions): void {
  const { verifier, executionEngine = acceptingEngine, observer = unobserved } = options;
  const context = { verifier, executionEngine, observer };
  try {
    for (const { name, from, step } of BLOCK_STEPS) {
      if (state.fork >= from) observer(name, () => step(state, block, context));
    }
  } catch (error) {
    if (error instanceof Uint64Overflow) throw new InvalidBlock("UINT64_OVERFLOW", { message: error.message });
    throw error;
  }
}
