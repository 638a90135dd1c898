/**
 * The first state of a chain, from deposits or from the interop keys of test networks.
 * https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/phase0/beacon-chain.md#genesis
 */

import { getActiveValidatorCount } from "./accessors.ts";
import { processDeposit } from "./block/deposit.ts";
import type { ChainSpec } from "./chain-spec.ts";
import { forkVersion } from "./config.ts";
import { GENESIS_EPOCH, UNSET_DEPOSIT_REQUESTS_START_INDEX } from "./constants.ts";
import type { Deposit, ExecutionPayloadHeader } from "./containers.ts";
import { DepositTree } from "./deposit-tree.ts";
import { Fork } from "./fork.ts";
import { forkTypes } from "./fork-types.ts";
import { increaseBalance, setActivationEpoch } from "./mutators.ts";
import { getMaxEffectiveBalance } from "./predicates.ts";
import { BeaconState, type StateOptions } from "./state.ts";
import { getNextSyncCommittee } from "./sync-committee.ts";
import { initializeProposerLookahead } from "./upgrade.ts";

export interface GenesisOptions extends StateOptions {
  /** The chain's first fork; phase0 by default. Later ones are for test networks, which begin there. */
  fork?: Fork;
  /** Header of the execution layer's genesis block, from bellatrix on; the merge is still ahead without it. */
  executionPayloadHeader?: ExecutionPayloadHeader;
}

/**
 * The state that a chain begins with once the deposit contract holds enough deposits.
 *
 * The spec defines it for phase0 only. A later first fork takes what the upgrades to it would have left.
 * @spec initialize_beacon_state_from_eth1 (phase0)
 * @throws InvalidBlock when a deposit's proof is wrong
 */
export function initializeBeaconStateFromEth1(
  spec: ChainSpec,
  eth1BlockHash: Uint8Array,
  eth1Timestamp: number,
  deposits: readonly Deposit[],
  options: GenesisOptions = {},
): BeaconState {
  const state = emptyGenesisState(spec, eth1BlockHash, BigInt(deposits.length), options);
  state.genesisTime = eth1Timestamp + spec.config.GENESIS_DELAY;
  const tree = new DepositTree();
  const type = spec.types.phase0.DepositData;
  for (const deposit of deposits) {
    tree.push(type.hashTreeRoot(deposit.data));
    state.eth1Data = { ...state.eth1Data, depositRoot: tree.root() };
    processDeposit(state, deposit);
  }
  if (state.fork >= Fork.electra) creditPendingDeposits(state);
  activateGenesisValidators(state);
  return finishGenesisState(state, options);
}

/**
 * Whether a candidate may begin the chain.
 * @spec is_valid_genesis_state (phase0)
 */
export function isValidGenesisState(state: BeaconState): boolean {
  const { MIN_GENESIS_TIME, MIN_GENESIS_ACTIVE_VALIDATOR_COUNT } = state.spec.config;
  return (
    state.genesisTime >= MIN_GENESIS_TIME &&
    getActiveValidatorCount(state, GENESIS_EPOCH) >= MIN_GENESIS_ACTIVE_VALIDATOR_COUNT
  );
}

/** A state without validators, at slot 0 of a chain that begins at the fork. */
export function emptyGenesisState(
  spec: ChainSpec,
  eth1BlockHash: Uint8Array,
  depositCount: bigint,
  options: GenesisOptions,
): BeaconState {
  const fork = options.fork ?? Fork.phase0;
  const state = BeaconState.empty(spec, fork, options);
  state.forkRecord = {
    previousVersion: forkVersion(spec.config, Math.max(fork - 1, Fork.phase0) as Fork),
    currentVersion: forkVersion(spec.config, fork),
    epoch: GENESIS_EPOCH,
  };
  state.eth1Data = { ...state.eth1Data, depositCount, blockHash: eth1BlockHash };
  const body = forkTypes(state).BeaconBlockBody;
  state.latestBlockHeader = { ...state.latestBlockHeader, bodyRoot: body.hashTreeRoot(body.defaultValue()) };
  for (let i = 0; i < spec.preset.EPOCHS_PER_HISTORICAL_VECTOR; i++) state.randaoMixes.set(i, eth1BlockHash);
  if (fork >= Fork.electra) {
    // [Modified in Fulu] deposits come as requests from the first block on
    state.depositRequestsStartIndex = fork >= Fork.fulu ? depositCount : UNSET_DEPOSIT_REQUESTS_START_INDEX;
  }
  return state;
}

/** Fills in what depends on the whole registry. */
export function finishGenesisState(state: BeaconState, options: GenesisOptions): BeaconState {
  state.genesisValidatorsRoot = state.validators.hashTreeRoot();
  if (state.fork >= Fork.altair) {
    // Both periods have the same committee at genesis.
    const committee = getNextSyncCommittee(state);
    state.currentSyncCommittee = committee;
    state.nextSyncCommittee = committee;
  }
  if (state.fork >= Fork.bellatrix && options.executionPayloadHeader !== undefined) {
    state.latestExecutionPayloadHeader = options.executionPayloadHeader;
  }
  if (state.fork >= Fork.fulu) state.proposerLookahead = initializeProposerLookahead(state);
  return state;
}

/** From electra on deposits wait in a queue, which genesis does not. */
function creditPendingDeposits(state: BeaconState): void {
  for (const { pubkey, amount } of state.pendingDeposits) {
    increaseBalance(state, state.validators.indexOf(pubkey), amount);
  }
  state.pendingDeposits.replaceAll([]);
}

function activateGenesisValidators(state: BeaconState): void {
  const { EFFECTIVE_BALANCE_INCREMENT, MAX_EFFECTIVE_BALANCE, MIN_ACTIVATION_BALANCE } = state.spec.preset;
  // [Modified in Electra:EIP7251]
  const threshold = state.fork >= Fork.electra ? MIN_ACTIVATION_BALANCE : MAX_EFFECTIVE_BALANCE;
  const { effectiveBalance, activationEligibilityEpoch } = state.validators;
  for (let i = 0; i < state.validators.length; i++) {
    const balance = state.balances.get(i);
    const whole = balance - (balance % EFFECTIVE_BALANCE_INCREMENT);
    effectiveBalance.set(i, Math.min(whole, getMaxEffectiveBalance(state, i)));
    if (effectiveBalance.get(i) < threshold) continue;
    activationEligibilityEpoch.set(i, GENESIS_EPOCH);
    setActivationEpoch(state, i, GENESIS_EPOCH);
  }
}
