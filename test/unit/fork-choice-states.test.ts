import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { bytesEqual, toHex } from "../../src/base/bytes.ts";
import { InvalidBlock } from "../../src/base/errors.ts";
import { createChainSpec } from "../../src/spec/chain-spec.ts";
import { MINIMAL_CONFIG } from "../../src/spec/config.ts";
import { Fork } from "../../src/spec/fork.ts";
import { BalanceSource } from "../../src/spec/fork-choice/balance-source.ts";
import { CheckpointStates } from "../../src/spec/fork-choice/checkpoint-states.ts";
import { getFastConfirmationStore, onFastConfirmation } from "../../src/spec/fork-choice/fast-confirmation.ts";
import { getHead } from "../../src/spec/fork-choice/get-head.ts";
import { onBlock } from "../../src/spec/fork-choice/on-block.ts";
import { onTick } from "../../src/spec/fork-choice/on-tick.ts";
import { ExecutionStatus } from "../../src/spec/fork-choice/proto-array.ts";
import { getForkchoiceStore } from "../../src/spec/fork-choice/store.ts";
import { forkTypes } from "../../src/spec/fork-types.ts";
import { initializeInteropState } from "../../src/spec/interop.ts";
import { trustingVerifier } from "../../src/spec/signature-sets.ts";
import type { BeaconState } from "../../src/spec/state.ts";
import { rootOf } from "./fork-choice-builder.ts";

const SPEC = createChainSpec({ ...MINIMAL_CONFIG, ALTAIR_FORK_EPOCH: 0 });
const GENESIS_TIME = 1_600_000_000;

let genesis: BeaconState;
before(() => {
  genesis = initializeInteropState(SPEC, { validatorCount: 64, genesisTime: GENESIS_TIME, fork: Fork.altair });
});

function genesisBlock() {
  return { ...forkTypes(genesis).BeaconBlock.defaultValue(), stateRoot: genesis.hashTreeRoot() };
}

describe("CheckpointStates", () => {
  function onlyGenesis() {
    const asked: string[] = [];
    const blockStates = {
      get(root: Uint8Array) {
        asked.push(toHex(root).slice(0, 4));
        return bytesEqual(root, rootOf("a")) ? genesis : undefined;
      },
    };
    return { asked, blockStates };
  }

  test("advances the block's state to the epoch and keeps the last few", () => {
    const { asked, blockStates } = onlyGenesis();
    const states = new CheckpointStates({ blockStates, maxStates: 2, maxBalances: 2 });
    const at = (epoch: number) => states.stateAt({ epoch, root: rootOf("a") });
    assert.equal(at(1).slot, 8);
    assert.equal(at(2).slot, 16);
    assert.equal(at(1).slot, 8);
    assert.equal(asked.length, 2, "a kept state is not built again");
    at(3);
    at(1);
    assert.equal(asked.length, 3, "the one used last stays");
    at(2);
    assert.equal(asked.length, 4, "the one not used was dropped");
    assert.equal(genesis.slot, 0, "the owner's state is untouched");
    states.clear();
    assert.equal(states.sizeBytes, 0);
  });

  test("keeps balances longer than states", () => {
    const { asked, blockStates } = onlyGenesis();
    const states = new CheckpointStates({ blockStates, maxStates: 1, maxBalances: 4 });
    const first = states.balancesAt({ epoch: 0, root: rootOf("a") });
    states.stateAt({ epoch: 1, root: rootOf("a") });
    assert.equal(states.balancesAt({ epoch: 0, root: rootOf("a") }), first);
    assert.equal(asked.length, 2);
    assert.equal(first.totalActiveBalance, 64n * 32_000_000_000n);
  });

  test("an unknown block is refused, to be offered again", () => {
    const states = new CheckpointStates({ blockStates: onlyGenesis().blockStates });
    assert.throws(
      () => states.stateAt({ epoch: 0, root: rootOf("b") }),
      (error: InvalidBlock) => error.code === "CHECKPOINT_STATE_UNKNOWN",
    );
  });
});

describe("BalanceSource", () => {
  test("reads activity and slashings at the state's epoch", () => {
    const state = genesis.clone();
    state.validators.exitEpoch.set(1, 0);
    state.validators.activationEpoch.set(2, 1);
    state.validators.slashed.set(3, 1);
    state.validators.effectiveBalance.set(4, 7_000_000_000);
    const balances = BalanceSource.fromState(state);
    assert.deepEqual(
      [0, 1, 2, 3, 4].map((index) => balances.weightOf(index)),
      [32, 0, 0, 0, 7],
    );
    assert.deepEqual(
      [1, 2, 3].map((index) => balances.isActive(index)),
      [false, false, true],
    );
    assert.equal(balances.totalActiveBalance, (61n * 32n + 7n) * 1_000_000_000n);
    state.drop();
  });

  test("does not round a balance that no rule could have set", () => {
    const state = genesis.clone();
    state.validators.effectiveBalance.set(5, 31_999_999_999);
    assert.throws(() => BalanceSource.fromState(state), /validator 5: effective balance 31999999999/);
    state.drop();
  });
});

describe("a new store", () => {
  function newStore() {
    return getForkchoiceStore({
      anchorState: genesis,
      anchorBlock: genesisBlock(),
      blockStates: { get: () => genesis },
    });
  }

  test("starts at its anchor, at the anchor's time", () => {
    const store = newStore();
    assert.equal(store.time, GENESIS_TIME);
    assert.ok(bytesEqual(getHead(store), forkTypes(genesis).BeaconBlock.hashTreeRoot(genesisBlock())));
    assert.equal(store.array.executionStatus[0], ExecutionStatus.irrelevant);
  });

  test("refuses an anchor block of another state", () => {
    const anchorBlock = { ...genesisBlock(), stateRoot: rootOf("x") };
    assert.throws(
      () => getForkchoiceStore({ anchorState: genesis, anchorBlock, blockStates: { get: () => genesis } }),
      (error: InvalidBlock) => error.code === "ANCHOR_STATE_ROOT_MISMATCH",
    );
  });

  test("a refused block leaves no trace", () => {
    const store = newStore();
    onTick(store, GENESIS_TIME + 6);
    const types = forkTypes(genesis);
    const parentRoot = getHead(store);
    const block = { ...types.BeaconBlock.defaultValue(), slot: 1, parentRoot };
    const signedBlock = { message: block, signature: new Uint8Array(96) };
    const received = { signedBlock, root: types.BeaconBlock.hashTreeRoot(block), fork: genesis.fork };
    const before = [store.array.length, store.timeMs, toHex(getHead(store)), toHex(genesis.hashTreeRoot())];
    const parts = { verifier: trustingVerifier, isDataAvailable: () => true };
    assert.throws(() => onBlock(store, received, parts), InvalidBlock);
    assert.throws(
      () => onBlock(store, received, { ...parts, isDataAvailable: () => false }),
      (error: InvalidBlock) => error.code === "DATA_UNAVAILABLE",
    );
    assert.deepEqual([store.array.length, store.timeMs, toHex(getHead(store)), toHex(genesis.hashTreeRoot())], before);
  });

  test("without blocks the fast confirmation rule stays at the anchor", () => {
    const store = newStore();
    const fcrStore = getFastConfirmationStore(store);
    for (let slot = 1; slot < 40; slot++) {
      onTick(store, GENESIS_TIME + slot * 6);
      onFastConfirmation(fcrStore);
      assert.deepEqual(fcrStore.confirmedRoot, store.finalizedCheckpoint.root);
    }
  });
});
