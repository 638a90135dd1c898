/**
 * Upgrades of a state to the next fork.
 * https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/tests/formats/forks/README.md
 */
import assert from "node:assert/strict";
import { Fork, isForkName } from "../../src/spec/fork.ts";
import { upgradeTo } from "../../src/spec/upgrade.ts";
import { assertState, stateOf } from "./chain.ts";
import { runVectors } from "./vectors.ts";

runVectors("fork", {
  fork: (vector) => {
    const name = vector.meta.fork;
    assert.ok(isForkName(name), `unknown fork ${name}`);
    const pre = stateOf(vector, "pre", (Fork[name] - 1) as Fork);
    const before = pre.encode();
    const post = upgradeTo(Fork[name], pre);
    assertState(post, vector, "post");
    assert.deepEqual(pre.encode(), before, "the pre-state is as it was");
    post.drop();
    pre.drop();
  },
});
