import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ListCompositeType } from "@chainsafe/ssz";
import { InvalidBlock } from "../../../src/base/errors.ts";
import { getActiveValidatorCount } from "../../../src/spec/accessors.ts";
import { createChainSpec } from "../../../src/spec/chain-spec.ts";
import { MINIMAL_CONFIG } from "../../../src/spec/config.ts";
import { DOMAIN_DEPOSIT } from "../../../src/spec/constants.ts";
import type { Deposit, DepositData } from "../../../src/spec/containers.ts";
import { FORK_NAMES, Fork } from "../../../src/spec/fork.ts";
import { initializeBeaconStateFromEth1, isValidGenesisState } from "../../../src/spec/genesis.ts";
import { interopSecretKey } from "../../../src/spec/interop.ts";
import { computeMerkleProof } from "../../../src/spec/merkle.ts";
import { computeDomain, computeSigningRoot } from "../../../src/spec/misc.ts";
import { processSlots } from "../../../src/spec/transition.ts";

const VALIDATORS = 64;
const SMALL = 16_000_000_000n;
const ETH1_HASH = new Uint8Array(32).fill(9);
const base = createChainSpec(MINIMAL_CONFIG);
const { Deposit: depositType, DepositData: dataType, DepositMessage: messageType } = base.types.phase0;
const listType = new ListCompositeType(dataType, 2 ** 32);

function signedDeposit(index: number, amount: bigint): DepositData {
  const key = interopSecretKey(index);
  const message = { pubkey: key.toPublicKey(), withdrawalCredentials: new Uint8Array(32).fill(index), amount };
  message.withdrawalCredentials[0] = index % 3;
  const root = computeSigningRoot(messageType.hashTreeRoot(message), computeDomain(base, DOMAIN_DEPOSIT));
  return { ...message, signature: key.sign(root) };
}

/** Each deposit is proven against the tree as it was just after it. */
function proven(list: DepositData[]): Deposit[] {
  return list.map((data, i) => {
    const leaf = 2n ** 33n + BigInt(i);
    return { proof: computeMerkleProof(listType, list.slice(0, i + 1), leaf), data };
  });
}

// The last validator comes in two halves, and one deposit is signed by nobody.
const amounts = Array.from({ length: VALIDATORS }, (_, i) => (i === VALIDATORS - 1 ? SMALL : 32_000_000_000n));
const list = amounts.map((amount, index) => signedDeposit(index, amount));
list.push({ ...signedDeposit(VALIDATORS, 32_000_000_000n), signature: list[0]!.signature });
const incomplete = proven(list);
list.push({ ...signedDeposit(VALIDATORS - 1, SMALL), signature: new Uint8Array(96) });
const deposits = proven(list);

describe("genesis from deposits", () => {
  for (const name of FORK_NAMES) {
    const fork = Fork[name];
    const versions = FORK_NAMES.slice(1, fork + 1).map((earlier) => [`${earlier.toUpperCase()}_FORK_EPOCH`, 0]);
    const spec = createChainSpec({ ...MINIMAL_CONFIG, ...Object.fromEntries(versions) });

    test(`at ${name}`, () => {
      const state = initializeBeaconStateFromEth1(spec, ETH1_HASH, MINIMAL_CONFIG.MIN_GENESIS_TIME, deposits, { fork });
      assert.equal(state.validators.length, VALIDATORS, "the unsigned deposit makes no validator");
      assert.equal(state.balances.getBig(VALIDATORS - 1), 32_000_000_000n, "the second half is credited");
      assert.equal(getActiveValidatorCount(state, 0), VALIDATORS);
      assert.equal(state.eth1DepositIndex, deposits.length);
      assert.deepEqual(state.eth1Data.depositRoot, listType.hashTreeRoot(list));
      assert.deepEqual(state.genesisValidatorsRoot, state.validators.hashTreeRoot());
      if (fork >= Fork.electra) assert.equal(state.pendingDeposits.length, 0);
      assert.ok(isValidGenesisState(state));
      assert.equal(processSlots(state, 2 * spec.preset.SLOTS_PER_EPOCH).fork, fork);
    });

    test(`at ${name}, not yet`, () => {
      const { MIN_GENESIS_TIME, GENESIS_DELAY } = MINIMAL_CONFIG;
      const begin = (list: Deposit[], time: number) =>
        initializeBeaconStateFromEth1(spec, ETH1_HASH, time, list, { fork });
      assert.equal(isValidGenesisState(begin(incomplete, MIN_GENESIS_TIME)), false, "one validator is not active");
      assert.equal(isValidGenesisState(begin(deposits, MIN_GENESIS_TIME - GENESIS_DELAY)), true, "the first second");
      assert.equal(isValidGenesisState(begin(deposits, MIN_GENESIS_TIME - GENESIS_DELAY - 1)), false, "a second early");
    });
  }

  test("a wrong proof is refused", () => {
    const wrong = depositType.clone(deposits[3]!);
    wrong.proof[5]![0]! ^= 1;
    const given = [...deposits.slice(0, 3), wrong];
    assert.throws(() => initializeBeaconStateFromEth1(base, ETH1_HASH, 0, given), InvalidBlock);
  });
});
