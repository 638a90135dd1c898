/**
 * Chains that cross a fork.
 * https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/tests/formats/transition/README.md
 */
import assert from "node:assert/strict";
import { FORK_NAMES, Fork, isForkName } from "../../src/spec/fork.ts";
import { runBlocks } from "./blocks.ts";
import { specOf, stateOf } from "./chain.ts";
import { runVectors } from "./vectors.ts";

runVectors("transition", {
  core: (vector) => {
    const { post_fork, fork_epoch, fork_block = -1 } = vector.meta;
    assert.ok(isForkName(post_fork), `unknown fork ${post_fork}`);
    const postFork = Fork[post_fork];
    const preFork = (postFork - 1) as Fork;
    const epochs = FORK_NAMES.map((name, fork) => {
      const epoch = fork < postFork ? 0 : fork === postFork ? fork_epoch : Number.POSITIVE_INFINITY;
      return [`${name.toUpperCase()}_FORK_EPOCH`, epoch] as const;
    });
    const spec = specOf(vector, Object.fromEntries(epochs.slice(1)));
    const pre = stateOf(vector, "pre", preFork, spec);
    runBlocks(vector, pre, (i) => (i <= fork_block ? preFork : postFork));
  },
});
