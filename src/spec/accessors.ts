/**
 * The spec's `get_*` helpers: epochs, roots, seeds, active validators, committees, proposers, totals.
 * https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/phase0/beacon-chain.md
 */
import { bytesEqual } from "../base/bytes.ts";
import { assertValid } from "../base/errors.ts";
import { sha256 } from "../crypto/sha256.ts";
import { ActiveSet, activeSetWords } from "./active-set.ts";
import { DOMAIN_BEACON_ATTESTER, DOMAIN_BEACON_PROPOSER, GENESIS_EPOCH } from "./constants.ts";
import { Fork } from "./fork.ts";
import { computeDomain, computeEpochAtSlot, computeStartSlotAtEpoch, integerSquareroot, uintToBytes } from "./misc.ts";
import {
  computeCommittee,
  computeProposerIndex,
  computeProposerIndices,
  computeShuffling,
  slotSeed,
} from "./shuffling.ts";
import type { BeaconState } from "./state.ts";
import type { ActiveBalance, EpochEntry } from "./state-cache.ts";

/** @spec get_current_epoch (phase0) */
export function getCurrentEpoch(state: BeaconState): number {
  return computeEpochAtSlot(state.spec, state.slot);
}

/** The current epoch itself at genesis. @spec get_previous_epoch (phase0) */
export function getPreviousEpoch(state: BeaconState): number {
  const currentEpoch = getCurrentEpoch(state);
  return currentEpoch === GENESIS_EPOCH ? GENESIS_EPOCH : currentEpoch - 1;
}

/** @spec get_block_root (phase0) */
export function getBlockRoot(state: BeaconState, epoch: number): Uint8Array {
  return getBlockRootAtSlot(state, computeStartSlotAtEpoch(state.spec, epoch));
}

/** @spec get_block_root_at_slot (phase0) */
export function getBlockRootAtSlot(state: BeaconState, slot: number): Uint8Array {
  const { SLOTS_PER_HISTORICAL_ROOT } = state.spec.preset;
  const isRecent = slot < state.slot && state.slot <= slot + SLOTS_PER_HISTORICAL_ROOT;
  assertValid(isRecent, "SLOT_OUTSIDE_HISTORY", { slot, stateSlot: state.slot });
  return state.blockRoots.get(slot % SLOTS_PER_HISTORICAL_ROOT);
}

/** @spec get_randao_mix (phase0) */
export function getRandaoMix(state: BeaconState, epoch: number): Uint8Array {
  return state.randaoMixes.get(epoch % state.spec.preset.EPOCHS_PER_HISTORICAL_VECTOR);
}

/** @spec get_seed (phase0) */
export function getSeed(state: BeaconState, epoch: number, domainType: Uint8Array): Uint8Array {
  const { EPOCHS_PER_HISTORICAL_VECTOR, MIN_SEED_LOOKAHEAD } = state.spec.preset;
  const input = new Uint8Array(44);
  input.set(domainType);
  input.set(uintToBytes(epoch), 4);
  const mixEpoch = epoch + EPOCHS_PER_HISTORICAL_VECTOR - MIN_SEED_LOOKAHEAD - 1;
  state.randaoMixes.read(mixEpoch % EPOCHS_PER_HISTORICAL_VECTOR, input, 12);
  return sha256(input);
}

/**
 * @spec get_domain (phase0)
 * @param epoch the current one by default; any uint64 that somebody signed
 */
export function getDomain(state: BeaconState, domainType: Uint8Array, epoch?: number | bigint): Uint8Array {
  const { previousVersion, currentVersion, epoch: forkEpoch } = state.forkRecord;
  const version = (epoch ?? getCurrentEpoch(state)) < forkEpoch ? previousVersion : currentVersion;
  return computeDomain(state.spec, domainType, version, state.genesisValidatorsRoot);
}

/** The active validators of an epoch, computed once for the state and its clones. */
export function getActiveSet(state: BeaconState, epoch: number): ActiveSet {
  return epochEntry(state, epoch).active;
}

/** A new array, ascending. @spec get_active_validator_indices (phase0) */
export function getActiveValidatorIndices(state: BeaconState, epoch: number): Uint32Array {
  return getActiveSet(state, epoch).toIndices();
}

/** Length of get_active_validator_indices. */
export function getActiveValidatorCount(state: BeaconState, epoch: number): number {
  return getActiveSet(state, epoch).count;
}

/** @spec get_committee_count_per_slot (phase0) */
export function getCommitteeCountPerSlot(state: BeaconState, epoch: number): number {
  const { MAX_COMMITTEES_PER_SLOT, SLOTS_PER_EPOCH, TARGET_COMMITTEE_SIZE } = state.spec.preset;
  const perSlot = Math.floor(getActiveValidatorCount(state, epoch) / SLOTS_PER_EPOCH);
  return Math.max(1, Math.min(MAX_COMMITTEES_PER_SLOT, Math.floor(perSlot / TARGET_COMMITTEE_SIZE)));
}

/** A view of the epoch's shuffling: not to be written. @spec get_beacon_committee (phase0) */
export function getBeaconCommittee(state: BeaconState, slot: number, index: number): Uint32Array {
  const { SLOTS_PER_EPOCH } = state.spec.preset;
  const epoch = computeEpochAtSlot(state.spec, slot);
  const committeesPerSlot = getCommitteeCountPerSlot(state, epoch);
  const position = (slot % SLOTS_PER_EPOCH) * committeesPerSlot + index;
  return computeCommittee(getShuffledIndices(state, epoch), position, committeesPerSlot * SLOTS_PER_EPOCH);
}

/** All active validators of an epoch in the order in which committees are cut from them; not to be written. */
export function getShuffledIndices(state: BeaconState, epoch: number): Uint32Array {
  const entry = epochEntry(state, epoch);
  const mixesVersion = state.randaoMixes.version;
  if (entry.shuffling !== null && entry.mixesVersion === mixesVersion) return entry.shuffling.indices;
  const seed = getSeed(state, epoch, DOMAIN_BEACON_ATTESTER);
  if (entry.shuffling === null || !bytesEqual(entry.shuffling.seed, seed)) {
    entry.shuffling = state.cache.pooledShuffling(seed, entry.active) ?? null;
    if (entry.shuffling === null) {
      entry.shuffling = { seed, active: entry.active, indices: computeShuffling(state, entry.active, seed) };
      state.cache.poolShuffling(entry.shuffling);
    }
  }
  entry.mixesVersion = mixesVersion;
  return entry.shuffling.indices;
}

/** @spec get_beacon_proposer_index (phase0, fulu) */
export function getBeaconProposerIndex(state: BeaconState): number {
  // [Modified in Fulu:EIP7917]
  if (state.fork >= Fork.fulu) return state.proposerLookahead[state.slot % state.spec.preset.SLOTS_PER_EPOCH]!;
  const epoch = getCurrentEpoch(state);
  const entry = epochEntry(state, epoch);
  const effectiveVersion = state.validators.effectiveBalance.version;
  const seed = getSeed(state, epoch, DOMAIN_BEACON_PROPOSER);
  const known = entry.proposer;
  if (known?.slot === state.slot && known.effectiveVersion === effectiveVersion && bytesEqual(known.seed, seed)) {
    return known.index;
  }
  const index = computeProposerIndex(state, entry.active, slotSeed(seed, state.slot));
  entry.proposer = { slot: state.slot, seed, effectiveVersion, index };
  return index;
}

/** @spec get_beacon_proposer_indices (fulu) */
export function getBeaconProposerIndices(state: BeaconState, epoch: number): number[] {
  const seed = getSeed(state, epoch, DOMAIN_BEACON_PROPOSER);
  return computeProposerIndices(state, epoch, seed, getActiveSet(state, epoch));
}

/** Gwei; at least one increment. @spec get_total_balance (phase0) */
export function getTotalBalance(state: BeaconState, indices: Iterable<number>): bigint {
  let total = 0n;
  for (const index of indices) total += state.validators.effectiveBalance.getBig(index);
  const least = BigInt(state.spec.preset.EFFECTIVE_BALANCE_INCREMENT);
  return total > least ? total : least;
}

/** Gwei. @spec get_total_active_balance (phase0) */
export function getTotalActiveBalance(state: BeaconState): bigint {
  return getActiveBalance(state).gwei;
}

/** Whole increments of get_total_active_balance. */
export function getTotalActiveIncrements(state: BeaconState): number {
  return getActiveBalance(state).increments;
}

/** Gwei. @spec get_base_reward_per_increment (altair) */
export function getBaseRewardPerIncrement(state: BeaconState): number {
  return getActiveBalance(state).baseRewardPerIncrement;
}

/** The current epoch's active balance, computed once while effective balances and activity stay the same. */
export function getActiveBalance(state: BeaconState): ActiveBalance {
  const entry = epochEntry(state, getCurrentEpoch(state));
  const { version } = state.validators.effectiveBalance;
  if (entry.balance !== null && entry.effectiveVersion === version) return entry.balance;
  const pooled = state.cache.pooledBalance(entry.active, version);
  if (pooled === undefined) setActiveBalance(state, sumEffectiveBalances(state, entry.active));
  else {
    entry.balance = pooled;
    entry.effectiveVersion = version;
  }
  return entry.balance!;
}

/** Tells the cache a sum over the current epoch's active validators that a pass has come by. */
export function setActiveBalance(state: BeaconState, sum: bigint): void {
  const { EFFECTIVE_BALANCE_INCREMENT, BASE_REWARD_FACTOR } = state.spec.preset;
  const increment = BigInt(EFFECTIVE_BALANCE_INCREMENT);
  assertValid(sum < 2n ** 64n, "UINT64_OVERFLOW", { totalActiveBalance: sum });
  const gwei = sum > increment ? sum : increment;
  const entry = epochEntry(state, getCurrentEpoch(state));
  const { version } = state.validators.effectiveBalance;
  entry.balance = {
    gwei,
    increments: Number(gwei / increment),
    baseRewardPerIncrement: Number((increment * BigInt(BASE_REWARD_FACTOR)) / integerSquareroot(gwei)),
    balanceChurnLimit: balanceChurnLimit(state, gwei),
  };
  entry.effectiveVersion = version;
  state.cache.poolBalance(entry.active, version, entry.balance);
}

/** Validators that may enter or leave in an epoch. @spec get_validator_churn_limit (phase0) */
export function getValidatorChurnLimit(state: BeaconState): number {
  const { MIN_PER_EPOCH_CHURN_LIMIT, CHURN_LIMIT_QUOTIENT } = state.spec.config;
  const active = getActiveValidatorCount(state, getCurrentEpoch(state));
  return Math.max(MIN_PER_EPOCH_CHURN_LIMIT, Math.floor(active / CHURN_LIMIT_QUOTIENT));
}

/** @spec get_validator_activation_churn_limit (deneb); before deneb the limit of exits too */
export function getValidatorActivationChurnLimit(state: BeaconState): number {
  const limit = getValidatorChurnLimit(state);
  return state.fork >= Fork.deneb ? Math.min(state.spec.config.MAX_PER_EPOCH_ACTIVATION_CHURN_LIMIT, limit) : limit;
}

/** Gwei. @spec get_balance_churn_limit (electra) */
export function getBalanceChurnLimit(state: BeaconState): number {
  return getActiveBalance(state).balanceChurnLimit;
}

/** Gwei. @spec get_activation_exit_churn_limit (electra) */
export function getActivationExitChurnLimit(state: BeaconState): number {
  return Math.min(state.spec.config.MAX_PER_EPOCH_ACTIVATION_EXIT_CHURN_LIMIT, getBalanceChurnLimit(state));
}

/** Gwei. @spec get_consolidation_churn_limit (electra) */
export function getConsolidationChurnLimit(state: BeaconState): number {
  return getBalanceChurnLimit(state) - getActivationExitChurnLimit(state);
}

/** Gwei. @spec get_pending_balance_to_withdraw (electra) */
export function getPendingBalanceToWithdraw(state: BeaconState, validatorIndex: number): bigint {
  let total = 0n;
  for (const withdrawal of state.pendingPartialWithdrawals) {
    if (withdrawal.validatorIndex === validatorIndex) total += BigInt(withdrawal.amount);
  }
  return total;
}

function balanceChurnLimit(state: BeaconState, totalActiveBalance: bigint): number {
  const { MIN_PER_EPOCH_CHURN_LIMIT_ELECTRA, CHURN_LIMIT_QUOTIENT } = state.spec.config;
  const share = Number(totalActiveBalance / BigInt(CHURN_LIMIT_QUOTIENT));
  const churn = Math.max(MIN_PER_EPOCH_CHURN_LIMIT_ELECTRA, share);
  return churn - (churn % state.spec.preset.EFFECTIVE_BALANCE_INCREMENT);
}

function epochEntry(state: BeaconState, epoch: number): EpochEntry {
  const activation = state.validators.activationEpoch.version;
  const exit = state.validators.exitEpoch.version;
  const known = state.cache.entry(epoch);
  if (known?.activationVersion === activation && known.exitVersion === exit) return known;
  const active = findActive(state, epoch);
  if (known === undefined) return state.cache.addEntry(epoch, active, activation, exit);
  if (!known.active.equals(active)) {
    known.active = active;
    known.shuffling = null;
    known.balance = null;
    known.proposer = null;
  }
  known.activationVersion = activation;
  known.exitVersion = exit;
  return known;
}

function findActive(state: BeaconState, epoch: number): ActiveSet {
  const { activationEpoch, exitEpoch } = state.validators;
  const { itemsPerPage } = activationEpoch;
  const bits = new Uint32Array(activeSetWords(state.validators.length));
  const activations = new Float64Array(itemsPerPage);
  const exits = new Float64Array(itemsPerPage);
  const canRepeat = itemsPerPage % 32 === 0;
  let lastActivations = -1;
  let lastExits = -1;
  for (let p = 0; p < activationEpoch.pageCount; p++) {
    const start = p * itemsPerPage;
    const count = activationEpoch.pageLength(p);
    const isRepeated = activationEpoch.pageId(p) === lastActivations && exitEpoch.pageId(p) === lastExits;
    if (isRepeated && canRepeat && count === itemsPerPage) {
      bits.copyWithin(start >>> 5, (start - itemsPerPage) >>> 5, start >>> 5);
      continue;
    }
    if (activationEpoch.pageId(p) !== lastActivations) activationEpoch.readPageRounded(p, activations);
    if (exitEpoch.pageId(p) !== lastExits) exitEpoch.readPageRounded(p, exits);
    lastActivations = activationEpoch.pageId(p);
    lastExits = exitEpoch.pageId(p);
    markActive(bits, start, count, activations, exits, epoch);
  }
  return new ActiveSet(bits);
}

function markActive(
  bits: Uint32Array,
  start: number,
  count: number,
  activations: Float64Array,
  exits: Float64Array,
  epoch: number,
): void {
  let word = 0;
  for (let k = 0; k < count; k++) {
    const bit = (start + k) & 31;
    word |= (Number(activations[k]! <= epoch) & Number(epoch < exits[k]!)) << bit;
    if (bit !== 31 && k !== count - 1) continue;
    bits[(start + k) >>> 5]! |= word;
    word = 0;
  }
}

/** Effective balances up to here add up exactly as doubles over a page. */
const SUMMABLE = 2 ** 42;

function sumEffectiveBalances(state: BeaconState, active: ActiveSet): bigint {
  const column = state.validators.effectiveBalance;
  const page = new Float64Array(column.itemsPerPage);
  let total = 0n;
  for (let p = 0; p < column.pageCount; p++) {
    const start = p * column.itemsPerPage;
    const count = column.readPage(p, page);
    const sum = sumPage(page, count, active, start);
    if (sum >= 0) total += BigInt(sum);
    else for (let k = 0; k < count; k++) if (active.has(start + k)) total += column.getBig(start + k);
  }
  return total;
}

/** The sum over the active among items `start`, a multiple of 32, and on; -1 when it may not be exact. */
function sumPage(page: Float64Array, count: number, active: ActiveSet, start: number): number {
  let sum = 0;
  let highest = 0;
  for (let first = 0; first < count; first += 32) {
    const word = active.word((start + first) >>> 5);
    const end = Math.min(first + 32, count);
    for (let k = first; k < end; k++) {
      const value = (word >>> (k - first)) & 1 ? page[k]! : 0;
      sum += value;
      if (value > highest) highest = value;
    }
  }
  return highest <= SUMMABLE ? sum : -1;
}
