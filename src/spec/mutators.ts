/**
 * The spec's helpers that change a state: balances, exits, slashings, churn, new validators.
 * https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/electra/beacon-chain.md
 */
import { assertValid, InvalidBlock } from "../base/errors.ts";
import { Uint64Overflow } from "../columns/u64-column.ts";
import {
  getActivationExitChurnLimit,
  getBeaconProposerIndex,
  getConsolidationChurnLimit,
  getCurrentEpoch,
  getValidatorChurnLimit,
} from "./accessors.ts";
import {
  COMPOUNDING_WITHDRAWAL_PREFIX,
  FAR_FUTURE_EPOCH,
  G2_POINT_AT_INFINITY,
  GENESIS_SLOT,
  PROPOSER_WEIGHT,
  WEIGHT_DENOMINATOR,
} from "./constants.ts";
import { Fork } from "./fork.ts";
import { computeActivationExitEpoch } from "./misc.ts";
import { isCompoundingWithdrawalCredential } from "./predicates.ts";
import type { BeaconState } from "./state.ts";
import type { ExitQueue, RegistryVersions } from "./state-cache.ts";
import type { NewValidator } from "./validators.ts";

/** @spec increase_balance (phase0) */
export function increaseBalance(state: BeaconState, index: number, delta: number | bigint): void {
  try {
    state.balances.add(index, delta);
  } catch (cause) {
    if (cause instanceof Uint64Overflow) throw new InvalidBlock("UINT64_OVERFLOW", { balanceOf: index, delta });
    throw cause;
  }
}

/** Stops at 0. @spec decrease_balance (phase0) */
export function decreaseBalance(state: BeaconState, index: number, delta: number | bigint): void {
  state.balances.sub(index, delta);
}

/** Writes an activation epoch; epochs before both the old and the new one keep their cached active sets. */
export function setActivationEpoch(state: BeaconState, index: number, epoch: number): void {
  const column = state.validators.activationEpoch;
  const before = registryVersions(state);
  const firstEpoch = Math.min(column.get(index), epoch);
  column.set(index, epoch);
  state.cache.registryChanged(before, registryVersions(state), firstEpoch);
}

/** Writes an exit epoch; epochs before both the old and the new one keep their cached active sets. */
export function setExitEpoch(state: BeaconState, index: number, epoch: number): void {
  const column = state.validators.exitEpoch;
  const before = registryVersions(state);
  const firstEpoch = Math.min(column.get(index), epoch);
  column.set(index, epoch);
  state.cache.registryChanged(before, registryVersions(state), firstEpoch);
}

/** @spec initiate_validator_exit (phase0, electra) */
export function initiateValidatorExit(state: BeaconState, index: number): void {
  const { exitEpoch, withdrawableEpoch, effectiveBalance } = state.validators;
  if (exitEpoch.get(index) !== FAR_FUTURE_EPOCH) return;
  // [Modified in Electra:EIP7251]
  const exitQueueEpoch =
    state.fork >= Fork.electra
      ? computeExitEpochAndUpdateChurn(state, effectiveBalance.get(index))
      : joinExitQueue(state);
  const withdrawable = exitQueueEpoch + state.spec.config.MIN_VALIDATOR_WITHDRAWABILITY_DELAY;
  // DEVIATION: the spec fails past 2^64 only; no chain comes near epoch 2^53.
  assertValid(withdrawable <= Number.MAX_SAFE_INTEGER, "UINT64_OVERFLOW", { exitQueueEpoch });
  setExitEpoch(state, index, exitQueueEpoch);
  if (state.fork < Fork.electra) {
    state.cache.exitQueue = { ...state.cache.exitQueue!, exitVersion: exitEpoch.version };
  }
  withdrawableEpoch.set(index, withdrawable);
}

/** @spec slash_validator (phase0 to electra) */
export function slashValidator(state: BeaconState, slashedIndex: number, whistleblowerIndex?: number): void {
  const { preset } = state.spec;
  const epoch = getCurrentEpoch(state);
  initiateValidatorExit(state, slashedIndex);
  const { slashed, withdrawableEpoch } = state.validators;
  const effectiveBalance = state.validators.effectiveBalance.getBig(slashedIndex);
  slashed.set(slashedIndex, 1);
  const earliest = epoch + preset.EPOCHS_PER_SLASHINGS_VECTOR;
  if (withdrawableEpoch.get(slashedIndex) < earliest) withdrawableEpoch.set(slashedIndex, earliest);
  addSlashing(state, epoch % preset.EPOCHS_PER_SLASHINGS_VECTOR, effectiveBalance);
  decreaseBalance(state, slashedIndex, effectiveBalance / minSlashingPenaltyQuotient(state));

  const proposerIndex = getBeaconProposerIndex(state);
  // [Modified in Electra:EIP7251]
  const rewardQuotient =
    state.fork >= Fork.electra ? preset.WHISTLEBLOWER_REWARD_QUOTIENT_ELECTRA : preset.WHISTLEBLOWER_REWARD_QUOTIENT;
  const whistleblowerReward = effectiveBalance / BigInt(rewardQuotient);
  // [Modified in Altair]
  const proposerReward =
    state.fork >= Fork.altair
      ? (whistleblowerReward * BigInt(PROPOSER_WEIGHT)) / BigInt(WEIGHT_DENOMINATOR)
      : whistleblowerReward / BigInt(preset.PROPOSER_REWARD_QUOTIENT);
  increaseBalance(state, proposerIndex, proposerReward);
  increaseBalance(state, whistleblowerIndex ?? proposerIndex, whistleblowerReward - proposerReward);
}

/** Gives the validator 0x02 credentials and queues what it holds above the minimum. @spec switch_to_compounding_validator (electra) */
export function switchToCompoundingValidator(state: BeaconState, index: number): void {
  const credentials = state.validators.withdrawalCredentials.get(index);
  credentials[0] = COMPOUNDING_WITHDRAWAL_PREFIX;
  state.validators.withdrawalCredentials.set(index, credentials);
  queueExcessActiveBalance(state, index);
}

/** @spec queue_excess_active_balance (electra) */
export function queueExcessActiveBalance(state: BeaconState, index: number): void {
  const { MIN_ACTIVATION_BALANCE } = state.spec.preset;
  const excess = state.balances.getBig(index) - BigInt(MIN_ACTIVATION_BALANCE);
  if (excess <= 0n) return;
  state.balances.set(index, MIN_ACTIVATION_BALANCE);
  queueBalanceAsDeposit(state, index, excess);
}

/** Appends a pending deposit that needs no signature: its slot is the genesis slot's, unlike any request's. */
export function queueBalanceAsDeposit(state: BeaconState, index: number, amount: bigint): void {
  state.pendingDeposits.push({
    pubkey: state.validators.getPubkey(index),
    withdrawalCredentials: state.validators.withdrawalCredentials.get(index),
    amount,
    signature: G2_POINT_AT_INFINITY,
    slot: GENESIS_SLOT,
  });
}

/** @spec compute_exit_epoch_and_update_churn (electra) */
export function computeExitEpochAndUpdateChurn(state: BeaconState, exitBalance: number): number {
  const earliest = computeActivationExitEpoch(state.spec, getCurrentEpoch(state));
  const perEpochChurn = getActivationExitChurnLimit(state);
  const isNewEpoch = state.earliestExitEpoch < earliest;
  let exitEpoch = Math.max(state.earliestExitEpoch, earliest);
  let balanceToConsume = isNewEpoch ? perEpochChurn : state.exitBalanceToConsume;
  if (exitBalance > balanceToConsume) {
    const additionalEpochs = Math.floor((exitBalance - balanceToConsume - 1) / perEpochChurn) + 1;
    exitEpoch += additionalEpochs;
    balanceToConsume += additionalEpochs * perEpochChurn;
  }
  state.exitBalanceToConsume = balanceToConsume - exitBalance;
  state.earliestExitEpoch = exitEpoch;
  return exitEpoch;
}

/** @spec compute_consolidation_epoch_and_update_churn (electra) */
export function computeConsolidationEpochAndUpdateChurn(state: BeaconState, consolidationBalance: number): number {
  const earliest = computeActivationExitEpoch(state.spec, getCurrentEpoch(state));
  const perEpochChurn = getConsolidationChurnLimit(state);
  const isNewEpoch = state.earliestConsolidationEpoch < earliest;
  let consolidationEpoch = Math.max(state.earliestConsolidationEpoch, earliest);
  let balanceToConsume = isNewEpoch ? perEpochChurn : state.consolidationBalanceToConsume;
  if (consolidationBalance > balanceToConsume) {
    if (perEpochChurn === 0) throw new InvalidBlock("NO_CONSOLIDATION_CHURN");
    const additionalEpochs = Math.floor((consolidationBalance - balanceToConsume - 1) / perEpochChurn) + 1;
    consolidationEpoch += additionalEpochs;
    balanceToConsume += additionalEpochs * perEpochChurn;
  }
  state.consolidationBalanceToConsume = balanceToConsume - consolidationBalance;
  state.earliestConsolidationEpoch = consolidationEpoch;
  return consolidationEpoch;
}

/** @spec get_validator_from_deposit (phase0, electra) */
export function getValidatorFromDeposit(
  state: BeaconState,
  pubkey: Uint8Array,
  withdrawalCredentials: Uint8Array,
  amount: bigint,
): NewValidator {
  const { preset } = state.spec;
  // [Modified in Electra:EIP7251]
  let maxEffectiveBalance = preset.MAX_EFFECTIVE_BALANCE;
  if (state.fork >= Fork.electra) {
    const isCompounding = isCompoundingWithdrawalCredential(withdrawalCredentials);
    maxEffectiveBalance = isCompounding ? preset.MAX_EFFECTIVE_BALANCE_ELECTRA : preset.MIN_ACTIVATION_BALANCE;
  }
  const rounded = amount - (amount % BigInt(preset.EFFECTIVE_BALANCE_INCREMENT));
  return {
    pubkey,
    withdrawalCredentials,
    effectiveBalance: rounded < BigInt(maxEffectiveBalance) ? Number(rounded) : maxEffectiveBalance,
    slashed: false,
    activationEligibilityEpoch: FAR_FUTURE_EPOCH,
    activationEpoch: FAR_FUTURE_EPOCH,
    exitEpoch: FAR_FUTURE_EPOCH,
    withdrawableEpoch: FAR_FUTURE_EPOCH,
  };
}

/** Appends a validator that is not active yet, with its balance. @spec add_validator_to_registry (phase0, altair, electra) */
export function addValidatorToRegistry(
  state: BeaconState,
  pubkey: Uint8Array,
  withdrawalCredentials: Uint8Array,
  amount: bigint,
): void {
  const before = registryVersions(state);
  const { exitQueue } = state.cache;
  state.validators.push(getValidatorFromDeposit(state, pubkey, withdrawalCredentials, amount));
  const after = registryVersions(state);
  state.cache.registryChanged(before, after, FAR_FUTURE_EPOCH);
  if (exitQueue?.exitVersion === before.exit) state.cache.exitQueue = { ...exitQueue, exitVersion: after.exit };
  state.balances.push(amount);
  // [New in Altair]
  if (state.fork < Fork.altair) return;
  state.previousEpochParticipation.push(0);
  state.currentEpochParticipation.push(0);
  state.inactivityScores.push(0);
}

function registryVersions(state: BeaconState): RegistryVersions {
  const { activationEpoch, exitEpoch, effectiveBalance } = state.validators;
  return { activation: activationEpoch.version, exit: exitEpoch.version, effective: effectiveBalance.version };
}

function minSlashingPenaltyQuotient(state: BeaconState): bigint {
  const { preset } = state.spec;
  if (state.fork >= Fork.electra) return BigInt(preset.MIN_SLASHING_PENALTY_QUOTIENT_ELECTRA);
  if (state.fork >= Fork.bellatrix) return BigInt(preset.MIN_SLASHING_PENALTY_QUOTIENT_BELLATRIX);
  if (state.fork >= Fork.altair) return BigInt(preset.MIN_SLASHING_PENALTY_QUOTIENT_ALTAIR);
  return BigInt(preset.MIN_SLASHING_PENALTY_QUOTIENT);
}

function addSlashing(state: BeaconState, index: number, amount: bigint): void {
  const sum = state.slashings.getBig(index) + amount;
  if (sum >= 2n ** 64n) throw new InvalidBlock("UINT64_OVERFLOW", { slashings: index });
  state.slashings.setBig(index, sum);
}

/** The epoch in which the next to exit leaves, counted in the queue. */
function joinExitQueue(state: BeaconState): number {
  const { exitEpoch } = state.validators;
  const kept = state.cache.exitQueue;
  let { epoch, churn }: ExitQueue = kept?.exitVersion === exitEpoch.version ? kept : findExitQueue(state);
  const earliest = computeActivationExitEpoch(state.spec, getCurrentEpoch(state));
  // Nobody exits after the queue's last epoch, so none in a later one.
  if (epoch < earliest) [epoch, churn] = [earliest, 0];
  if (churn >= getValidatorChurnLimit(state)) [epoch, churn] = [epoch + 1, 0];
  state.cache.exitQueue = { exitVersion: exitEpoch.version, epoch, churn: churn + 1 };
  return epoch;
}

function findExitQueue(state: BeaconState): ExitQueue {
  const column = state.validators.exitEpoch;
  const page = new Float64Array(column.itemsPerPage);
  let epoch = 0;
  let churn = 0;
  for (let p = 0; p < column.pageCount; p++) {
    const count = column.readPage(p, page);
    for (let k = 0; k < count; k++) {
      const exit = page[k]!;
      if (exit === FAR_FUTURE_EPOCH || exit < epoch) continue;
      if (exit > epoch) [epoch, churn] = [exit, 0];
      churn++;
    }
  }
  return { exitVersion: column.version, epoch, churn };
}
