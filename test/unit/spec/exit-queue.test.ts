import assert from "node:assert/strict";
import { test } from "node:test";
import { InvalidBlock } from "../../../src/base/errors.ts";
import { getCurrentEpoch, getValidatorChurnLimit } from "../../../src/spec/accessors.ts";
import { createChainSpec } from "../../../src/spec/chain-spec.ts";
import { MINIMAL_CONFIG } from "../../../src/spec/config.ts";
import { FAR_FUTURE_EPOCH } from "../../../src/spec/constants.ts";
import { Fork } from "../../../src/spec/fork.ts";
import { computeActivationExitEpoch } from "../../../src/spec/misc.ts";
import { addValidatorToRegistry, initiateValidatorExit } from "../../../src/spec/mutators.ts";
import { BeaconState } from "../../../src/spec/state.ts";
import { seededRandom } from "../../property/random.ts";

const spec = createChainSpec(MINIMAL_CONFIG);
const random = seededRandom(5);

function stateOf(validators: number): BeaconState {
  const state = BeaconState.empty(spec, Fork.deneb);
  state.slot = 10 * spec.preset.SLOTS_PER_EPOCH;
  for (let i = 0; i < validators; i++) {
    addValidatorToRegistry(state, random.bytes(48), random.bytes(32), 32_000_000_000n);
    state.validators.activationEpoch.set(i, 0);
  }
  return state;
}

/** The queue's epoch, counted anew over all validators as the spec has it. */
function naiveExitEpoch(state: BeaconState): number {
  const exits = Array.from({ length: state.validators.length }, (_, i) => state.validators.exitEpoch.get(i));
  const earliest = computeActivationExitEpoch(spec, getCurrentEpoch(state));
  const last = Math.max(earliest, ...exits.filter((epoch) => epoch !== FAR_FUTURE_EPOCH));
  const churn = exits.filter((epoch) => epoch === last).length;
  return churn >= getValidatorChurnLimit(state) ? last + 1 : last;
}

test("the remembered exit queue is the one counted anew, across new validators, other writes and time", () => {
  const state = stateOf(150);
  for (let round = 0; round < 120; round++) {
    const index = random.below(state.validators.length);
    const before = state.validators.exitEpoch.get(index);
    const expected = before === FAR_FUTURE_EPOCH ? naiveExitEpoch(state) : before;
    initiateValidatorExit(state, index);
    assert.equal(state.validators.exitEpoch.get(index), expected, `round ${round}`);
    const kind = random.below(12);
    if (kind === 0) addValidatorToRegistry(state, random.bytes(48), random.bytes(32), 32_000_000_000n);
    if (kind === 1) state.validators.exitEpoch.set(random.below(state.validators.length), 12 + random.below(20));
    if (kind === 2) state.slot += spec.preset.SLOTS_PER_EPOCH;
  }
});

test("an exit so late that the withdrawal would be past 2^53 is refused", () => {
  const state = stateOf(40);
  state.validators.exitEpoch.set(7, 2 ** 53 - 20);
  assert.throws(() => initiateValidatorExit(state, 3), InvalidBlock);
  assert.equal(state.validators.exitEpoch.get(3), FAR_FUTURE_EPOCH, "nothing was written");
});
