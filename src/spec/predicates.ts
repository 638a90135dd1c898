/**
 * The spec's `is_*` helpers. A validator is named by the state and its index.
 * https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/electra/beacon-chain.md
 */
import { bytesEqual } from "../base/bytes.ts";
import { verify } from "../crypto/bls.ts";
import { hash64 } from "../crypto/sha256.ts";
import type { ChainSpec } from "./chain-spec.ts";
import {
  COMPOUNDING_WITHDRAWAL_PREFIX,
  DOMAIN_DEPOSIT,
  ETH1_ADDRESS_WITHDRAWAL_PREFIX,
  FAR_FUTURE_EPOCH,
} from "./constants.ts";
import type { BeaconBlockBody } from "./containers.ts";
import { Fork } from "./fork.ts";
import { forkTypes } from "./fork-types.ts";
import { computeDomain, computeSigningRoot } from "./misc.ts";
import type { BeaconState } from "./state.ts";

/** @spec is_active_validator (phase0) */
export function isActiveValidator(state: BeaconState, index: number, epoch: number): boolean {
  return state.validators.activationEpoch.get(index) <= epoch && epoch < state.validators.exitEpoch.get(index);
}

/** @spec is_eligible_for_activation_queue (phase0, electra) */
export function isEligibleForActivationQueue(state: BeaconState, index: number): boolean {
  const { activationEligibilityEpoch, effectiveBalance } = state.validators;
  if (activationEligibilityEpoch.get(index) !== FAR_FUTURE_EPOCH) return false;
  const { MAX_EFFECTIVE_BALANCE, MIN_ACTIVATION_BALANCE } = state.spec.preset;
  // [Modified in Electra:EIP7251]
  return state.fork >= Fork.electra
    ? effectiveBalance.get(index) >= MIN_ACTIVATION_BALANCE
    : effectiveBalance.get(index) === MAX_EFFECTIVE_BALANCE;
}

/** @spec is_eligible_for_activation (phase0) */
export function isEligibleForActivation(state: BeaconState, index: number): boolean {
  return (
    state.validators.activationEligibilityEpoch.get(index) <= state.finalizedCheckpoint.epoch &&
    state.validators.activationEpoch.get(index) === FAR_FUTURE_EPOCH
  );
}

/** @spec is_slashable_validator (phase0) */
export function isSlashableValidator(state: BeaconState, index: number, epoch: number): boolean {
  const { slashed, activationEpoch, withdrawableEpoch } = state.validators;
  return slashed.get(index) === 0 && activationEpoch.get(index) <= epoch && epoch < withdrawableEpoch.get(index);
}

interface FfgVote {
  readonly slot: bigint;
  readonly index: bigint;
  readonly beaconBlockRoot: Uint8Array;
  readonly source: { readonly epoch: bigint; readonly root: Uint8Array };
  readonly target: { readonly epoch: bigint; readonly root: Uint8Array };
}

/** Double vote, or the first surrounds the second. @spec is_slashable_attestation_data (phase0) */
export function isSlashableAttestationData(data1: FfgVote, data2: FfgVote): boolean {
  if (data1.target.epoch === data2.target.epoch) return !isSameVote(data1, data2);
  return data1.source.epoch < data2.source.epoch && data2.target.epoch < data1.target.epoch;
}

function isSameVote(a: FfgVote, b: FfgVote): boolean {
  return (
    a.slot === b.slot &&
    a.index === b.index &&
    bytesEqual(a.beaconBlockRoot, b.beaconBlockRoot) &&
    a.source.epoch === b.source.epoch &&
    bytesEqual(a.source.root, b.source.root) &&
    bytesEqual(a.target.root, b.target.root)
  );
}

/** @spec compute_merkle_branch_root (phase0) */
export function computeMerkleBranchRoot(
  leaf: Uint8Array,
  branch: readonly Uint8Array[],
  depth: number,
  index: number,
): Uint8Array {
  let node = leaf;
  for (let i = 0; i < depth; i++) {
    const isRight = Math.floor(index / 2 ** i) % 2 === 1;
    node = isRight ? hash64(branch[i]!, node) : hash64(node, branch[i]!);
  }
  return node;
}

/** @spec is_valid_merkle_branch (phase0) */
export function isValidMerkleBranch(
  leaf: Uint8Array,
  branch: readonly Uint8Array[],
  depth: number,
  index: number,
  root: Uint8Array,
): boolean {
  return branch.length === depth && bytesEqual(computeMerkleBranchRoot(leaf, branch, depth, index), root);
}

/** Proof of possession of a new validator's key; holds on every fork. @spec is_valid_deposit_signature (phase0) */
export function isValidDepositSignature(
  spec: ChainSpec,
  pubkey: Uint8Array,
  withdrawalCredentials: Uint8Array,
  amount: bigint,
  signature: Uint8Array,
): boolean {
  const message = spec.types.phase0.DepositMessage.hashTreeRoot({ pubkey, withdrawalCredentials, amount });
  return verify(pubkey, computeSigningRoot(message, computeDomain(spec, DOMAIN_DEPOSIT)), signature);
}

/** @spec has_eth1_withdrawal_credential (capella) */
export function hasEth1WithdrawalCredential(state: BeaconState, index: number): boolean {
  return state.validators.withdrawalCredentials.firstByte(index) === ETH1_ADDRESS_WITHDRAWAL_PREFIX;
}

/** @spec is_compounding_withdrawal_credential (electra) */
export function isCompoundingWithdrawalCredential(withdrawalCredentials: Uint8Array): boolean {
  return withdrawalCredentials[0] === COMPOUNDING_WITHDRAWAL_PREFIX;
}

/** @spec has_compounding_withdrawal_credential (electra) */
export function hasCompoundingWithdrawalCredential(state: BeaconState, index: number): boolean {
  return state.validators.withdrawalCredentials.firstByte(index) === COMPOUNDING_WITHDRAWAL_PREFIX;
}

/** @spec has_execution_withdrawal_credential (electra) */
export function hasExecutionWithdrawalCredential(state: BeaconState, index: number): boolean {
  return hasEth1WithdrawalCredential(state, index) || hasCompoundingWithdrawalCredential(state, index);
}

/** @spec is_fully_withdrawable_validator (capella, electra) */
export function isFullyWithdrawableValidator(
  state: BeaconState,
  index: number,
  balance: number | bigint,
  epoch: number,
): boolean {
  // [Modified in Electra:EIP7251]
  const canWithdraw =
    state.fork >= Fork.electra
      ? hasExecutionWithdrawalCredential(state, index)
      : hasEth1WithdrawalCredential(state, index);
  return canWithdraw && state.validators.withdrawableEpoch.get(index) <= epoch && balance > 0;
}

/** @spec is_partially_withdrawable_validator (capella, electra) */
export function isPartiallyWithdrawableValidator(state: BeaconState, index: number, balance: number | bigint): boolean {
  if (!hasExecutionWithdrawalCredential(state, index)) return false;
  if (state.fork < Fork.electra && !hasEth1WithdrawalCredential(state, index)) return false;
  const maxEffectiveBalance = getMaxEffectiveBalance(state, index);
  return state.validators.effectiveBalance.get(index) === maxEffectiveBalance && balance > maxEffectiveBalance;
}

/** @spec is_eligible_for_partial_withdrawals (electra) */
export function isEligibleForPartialWithdrawals(state: BeaconState, index: number, balance: number | bigint): boolean {
  const { MIN_ACTIVATION_BALANCE } = state.spec.preset;
  const { exitEpoch, effectiveBalance } = state.validators;
  return (
    exitEpoch.get(index) === FAR_FUTURE_EPOCH &&
    effectiveBalance.get(index) >= MIN_ACTIVATION_BALANCE &&
    balance > MIN_ACTIVATION_BALANCE
  );
}

/** Gwei. @spec get_max_effective_balance (electra); before electra the one maximum of all */
export function getMaxEffectiveBalance(state: BeaconState, index: number): number {
  const { MAX_EFFECTIVE_BALANCE, MAX_EFFECTIVE_BALANCE_ELECTRA, MIN_ACTIVATION_BALANCE } = state.spec.preset;
  if (state.fork < Fork.electra) return MAX_EFFECTIVE_BALANCE;
  return hasCompoundingWithdrawalCredential(state, index) ? MAX_EFFECTIVE_BALANCE_ELECTRA : MIN_ACTIVATION_BALANCE;
}

/** Whether a payload came before: true for good after the first. @spec is_merge_transition_complete (bellatrix) */
export function isMergeTransitionComplete(state: BeaconState): boolean {
  const type = forkTypes(state).ExecutionPayloadHeader;
  return !type.equals(state.latestExecutionPayloadHeader, type.defaultValue());
}

/** @spec is_merge_transition_block (bellatrix) */
export function isMergeTransitionBlock(state: BeaconState, body: BeaconBlockBody): boolean {
  const type = forkTypes(state).ExecutionPayload;
  return !isMergeTransitionComplete(state) && !type.equals(body.executionPayload, type.defaultValue());
}

/** Whether a bellatrix block must be executed. @spec is_execution_enabled (bellatrix) */
export function isExecutionEnabled(state: BeaconState, body: BeaconBlockBody): boolean {
  return isMergeTransitionComplete(state) || isMergeTransitionBlock(state, body);
}
