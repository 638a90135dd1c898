import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Arena } from "../../src/columns/arena.ts";
import { createChainSpec } from "../../src/spec/chain-spec.ts";
import { MINIMAL_CONFIG } from "../../src/spec/config.ts";
import { Fork } from "../../src/spec/fork.ts";
import { BeaconState } from "../../src/spec/state.ts";

const spec = createChainSpec(MINIMAL_CONFIG);
const PATIENCE_MS = 10_000;

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

function forgetClones(state: BeaconState, count: number): void {
  for (let i = 0; i < count; i++) state.clone().balances.set(0, 100 + i);
}

test("states that were forgotten give their pages back, and only theirs", async () => {
  const arena = new Arena();
  const state = BeaconState.empty(spec, Fork.fulu, { arena });
  state.balances.fill(7, 1000);
  const before = arena.pagesUsed;
  forgetClones(state, 20);
  assert.equal(arena.pagesUsed, before + 20);
  for (const end = Date.now() + PATIENCE_MS; arena.pagesUsed > before && Date.now() < end; ) {
    collect();
    await setTimeout(5);
  }
  assert.equal(arena.pagesUsed, before);
  assert.equal(state.balances.get(0), 7);
  state.drop();
});
