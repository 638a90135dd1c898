/**
 * Blocks and empty slots.
 * https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/tests/formats/sanity/README.md
 */
import { processSlots } from "../../src/spec/transition.ts";
import { runBlocks } from "./blocks.ts";
import { assertState, stateOf } from "./chain.ts";
import { runVectors } from "./vectors.ts";

runVectors("sanity", {
  blocks: (vector) => runBlocks(vector),
  slots: (vector) => {
    const state = stateOf(vector, "pre");
    assertState(processSlots(state, state.slot + (vector.yaml("slots") as number)), vector, "post");
  },
});
