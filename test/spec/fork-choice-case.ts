/**
 * Runs one case in the fork-choice format, shared by the runners fork_choice, fast_confirmation and sync.
 */
import assert from "node:assert/strict";
import { ForkchoiceReplay, type Step } from "../../src/cli/forkchoice-replay.ts";
import { immediateVerifier, trustingVerifier } from "../../src/spec/signature-sets.ts";
import { forkOf, specOf } from "./chain.ts";
import type { VectorCase } from "./vector-case.ts";

/** bls_setting 2: the signatures of the case are not valid and must not be checked. */
const BLS_IGNORED = 2;

/** Every case runs twice: as the spec keeps its store, and with everything dropped that finality allows to drop. */
export function runForkChoiceCase(vector: VectorCase): void {
  const verifier = vector.meta.bls_setting === BLS_IGNORED ? trustingVerifier : immediateVerifier;
  const steps = vector.yaml("steps") as Step[];
  assert.ok(steps.length > 0);
  for (const prunes of [false, true]) {
    const parts = { spec: specOf(vector), fork: forkOf(vector), files: vector, prunes };
    // The second run need not check the same signatures again.
    const replay = new ForkchoiceReplay({ ...parts, verifier: prunes ? trustingVerifier : verifier });
    for (const [index, step] of steps.entries()) {
      const { problems } = replay.run(step);
      assert.deepEqual(problems, [], `step ${index} of ${steps.length}${prunes ? ", pruning" : ""}`);
    }
  }
}
