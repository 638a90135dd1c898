import assert from "node:assert/strict";
import { test } from "node:test";
import { type ChainSpec, createChainSpec } from "../../../src/spec/chain-spec.ts";
import { MAINNET_CONFIG } from "../../../src/spec/config.ts";
import { FORK_NAMES, Fork } from "../../../src/spec/fork.ts";
import { initializeInteropState } from "../../../src/spec/interop.ts";
import type { BeaconState } from "../../../src/spec/state.ts";
import { computeWeakSubjectivityPeriod, isWithinWeakSubjectivityPeriod } from "../../../src/spec/weak-subjectivity.ts";

const GWEI = 10 ** 9;

function mainnetAt(fork: Fork): ChainSpec {
  const epochs = FORK_NAMES.slice(1).map((name) => [
    `${name.toUpperCase()}_FORK_EPOCH`,
    Fork[name] <= fork ? 0 : Number.POSITIVE_INFINITY,
  ]);
  return createChainSpec({ ...MAINNET_CONFIG, ...Object.fromEntries(epochs) });
}

function stateOf(spec: ChainSpec, fork: Fork, validatorCount: number, eth: number): BeaconState {
  // Without sync committees keys are only stored, so any 48 different bytes will do.
  const pubkeys = fork < Fork.altair ? Array.from({ length: validatorCount }, (_, i) => fakeKey(i)) : undefined;
  const state = initializeInteropState(spec, { fork, validatorCount, genesisTime: 0, ...(pubkeys && { pubkeys }) });
  setBalances(state, eth);
  return state;
}

function fakeKey(index: number): Uint8Array {
  const key = new Uint8Array(48);
  new DataView(key.buffer).setUint32(0, index);
  return key;
}

function setBalances(state: BeaconState, eth: number): void {
  for (let i = 0; i < state.validators.length; i++) state.validators.effectiveBalance.set(i, eth * GWEI);
}

test("periods before electra are those that the spec lists", () => {
  const spec = mainnetAt(Fork.phase0);
  const rows = [
    [28, 32768, 504],
    [28, 65536, 752],
    [32, 32768, 665],
    [32, 65536, 1075],
    [32, 131072, 1894],
  ] as const;
  for (const [eth, count, epochs] of rows) {
    const state = stateOf(spec, Fork.phase0, count, eth);
    assert.equal(computeWeakSubjectivityPeriod(state), epochs, `${count} validators of ${eth} ETH`);
    state.drop();
  }
});

test("periods from electra on are those that the spec lists", () => {
  const spec = mainnetAt(Fork.electra);
  const count = 4096;
  const state = stateOf(spec, Fork.electra, count, 32);
  const rows = [
    [256, 665],
    [512, 1075],
    [1024, 1894],
    [2048, 3532],
  ] as const;
  for (const [eth, epochs] of rows) {
    setBalances(state, eth);
    assert.equal(computeWeakSubjectivityPeriod(state), epochs, `${count} validators of ${eth} ETH`);
  }
});

test("a state is trusted for its period and not an epoch longer", () => {
  const spec = mainnetAt(Fork.phase0);
  const state = stateOf(spec, Fork.phase0, 1024, 32);
  const { SLOTS_PER_EPOCH } = spec.preset;
  const root = new Uint8Array(32).fill(9);
  state.slot = 3 * SLOTS_PER_EPOCH + 1;
  state.blockRoots.set(3 * SLOTS_PER_EPOCH, root);
  const last = (3 + computeWeakSubjectivityPeriod(state) + 1) * SLOTS_PER_EPOCH - 1;
  assert.equal(isWithinWeakSubjectivityPeriod(last, state, { epoch: 3, root }), true);
  assert.equal(isWithinWeakSubjectivityPeriod(last + 1, state, { epoch: 3, root }), false);
  assert.throws(() => isWithinWeakSubjectivityPeriod(last, state, { epoch: 3, root: new Uint8Array(32) }), {
    code: "WS_CHECKPOINT_ROOT",
  });
  state.blockRoots.set(2 * SLOTS_PER_EPOCH, root);
  assert.throws(() => isWithinWeakSubjectivityPeriod(last, state, { epoch: 2, root }), { code: "WS_CHECKPOINT_EPOCH" });
});
