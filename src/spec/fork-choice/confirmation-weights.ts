/**
 * What validators support, could support and could withhold: the sums behind the fast confirmation rule.
 *
 * @see https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/phase0/fast-confirmation.md
 */
import { assertValid } from "../../base/errors.ts";
import { getActiveValidatorIndices, getBeaconCommittee, getCommitteeCountPerSlot } from "../accessors.ts";
import type { ChainSpec } from "../chain-spec.ts";
import { COMMITTEE_WEIGHT_ESTIMATION_ADJUSTMENT_FACTOR } from "../constants.ts";
import { computeEpochAtSlot, computeStartSlotAtEpoch } from "../misc.ts";
import type { BeaconState } from "../state.ts";
import type { BalanceSource } from "./balance-source.ts";
import { computeProposerScore, getHead } from "./get-head.ts";
import { ExecutionStatus } from "./proto-array.ts";
import { computeSlotsSinceEpochStart, getCurrentSlot, type Store } from "./store.ts";

/** Increments of votes for each row and its descendants, by any state's balances. @spec get_attestation_score (phase0) */
export function computeAttestationScores(store: Store, balances: BalanceSource): Float64Array {
  const { length, parent, executionStatus } = store.array;
  const scores = new Float64Array(length);
  store.messages.count(balances, scores);
  for (let row = length - 1; row >= 0; row--) {
    if (executionStatus[row] === ExecutionStatus.invalidated) scores[row] = 0;
    else if (parent[row]! >= 0) scores[parent[row]!]! += scores[row]!;
  }
  return scores;
}

/** @spec is_full_validator_set_covered (phase0) */
function isFullValidatorSetCovered(spec: ChainSpec, startSlot: number, endSlot: number): boolean {
  const startFullEpoch = computeEpochAtSlot(spec, startSlot + spec.preset.SLOTS_PER_EPOCH - 1);
  return startFullEpoch < computeEpochAtSlot(spec, endSlot + 1);
}

/**
 * About how much the committees of the slots weigh, in Gwei; both ends are included.
 * @spec estimate_committee_weight_between_slots, adjust_committee_weight_estimate_to_ensure_safety (phase0)
 */
export function estimateCommitteeWeightBetweenSlots(
  spec: ChainSpec,
  totalActiveBalance: bigint,
  startSlot: number,
  endSlot: number,
): bigint {
  if (startSlot > endSlot) return 0n;
  if (isFullValidatorSetCovered(spec, startSlot, endSlot)) return totalActiveBalance;
  const slotsPerEpoch = BigInt(spec.preset.SLOTS_PER_EPOCH);
  const committeeWeight = totalActiveBalance / slotsPerEpoch;
  if (computeEpochAtSlot(spec, startSlot) === computeEpochAtSlot(spec, endSlot)) {
    return committeeWeight * BigInt(endSlot - startSlot + 1);
  }
  const slotsInEndEpoch = BigInt(computeSlotsSinceEpochStart(spec, endSlot) + 1);
  const slotsInStartEpoch = slotsPerEpoch - BigInt(computeSlotsSinceEpochStart(spec, startSlot));
  // Members of the start epoch's committees may sit in the end epoch's too: count only the share that likely does not.
  const startWeight = ((committeeWeight * slotsInStartEpoch) / slotsPerEpoch) * (slotsPerEpoch - slotsInEndEpoch);
  const estimate = startWeight + committeeWeight * slotsInEndEpoch;
  return ((estimate + 999n) / 1000n) * BigInt(1000 + COMMITTEE_WEIGHT_ESTIMATION_ADJUSTMENT_FACTOR);
}

/**
 * The most that attackers may weigh in the committees of the slots, in Gwei, less what already gave itself away.
 * @spec compute_adversarial_weight, get_equivocation_score (phase0)
 */
export function computeAdversarialWeight(
  store: Store,
  balances: BalanceSource,
  startSlot: number,
  endSlot: number,
): bigint {
  const { spec } = store;
  const total = balances.totalActiveBalance;
  const maximum = estimateCommitteeWeightBetweenSlots(spec, total, startSlot, endSlot);
  const adversarial = (maximum / 100n) * BigInt(spec.config.CONFIRMATION_BYZANTINE_THRESHOLD);
  if (store.messages.equivocatingCount === 0) return adversarial;
  const equivocating = sumOverMembers(store, balances, startSlot, endSlot, (index) =>
    store.messages.isEquivocating(index) && balances.isActive(index) ? balances.effectiveOf(index) : 0,
  );
  return adversarial > equivocating ? adversarial - equivocating : 0n;
}

/** Gwei of the votes for exactly this block by the committees of the slots. @spec get_block_support_between_slots */
function getBlockSupportBetweenSlots(
  store: Store,
  balances: BalanceSource,
  row: number,
  startSlot: number,
  endSlot: number,
): bigint {
  return sumOverMembers(store, balances, startSlot, endSlot, (index) =>
    store.messages.rowOf(index) === row ? balances.weightOf(index) : 0,
  );
}

/** Gwei. @spec get_adversarial_weight (phase0) */
function getAdversarialWeight(store: Store, balances: BalanceSource, row: number): bigint {
  const { spec, array } = store;
  const slot = array.slot[row]!;
  const epoch = computeEpochAtSlot(spec, slot);
  const isFirstOfEpoch = epoch > computeEpochAtSlot(spec, array.slot[array.parent[row]!]!);
  const startSlot = isFirstOfEpoch ? computeStartSlotAtEpoch(spec, epoch) : slot;
  return computeAdversarialWeight(store, balances, startSlot, getCurrentSlot(store) - 1);
}

/**
 * Gwei of votes for the parent by committees of the empty slots before the block: they cannot turn against the block.
 * @spec compute_empty_slot_support_discount, get_support_discount (phase0)
 */
function getSupportDiscount(store: Store, balances: BalanceSource, row: number): bigint {
  const { array } = store;
  const parent = array.parent[row]!;
  const [firstEmpty, lastEmpty] = [array.slot[parent]! + 1, array.slot[row]! - 1];
  if (firstEmpty > lastEmpty) return 0n;
  const support = getBlockSupportBetweenSlots(store, balances, parent, firstEmpty, lastEmpty);
  const adversarial = computeAdversarialWeight(store, balances, firstEmpty, lastEmpty);
  return support > adversarial ? support - adversarial : 0n;
}

/** Gwei above which the votes for a block cannot be outweighed. @spec compute_safety_threshold (phase0) */
export function computeSafetyThreshold(store: Store, row: number, balances: BalanceSource): bigint {
  const { array, spec } = store;
  const startSlot = array.slot[array.parent[row]!]! + 1;
  const total = balances.totalActiveBalance;
  const maximum = estimateCommitteeWeightBetweenSlots(spec, total, startSlot, getCurrentSlot(store) - 1);
  const discount = getSupportDiscount(store, balances, row);
  const adversarial = getAdversarialWeight(store, balances, row);
  const sum = maximum + computeProposerScore(store, balances) + 2n * adversarial;
  return discount < sum ? (sum - discount) / 2n : 0n;
}

/**
 * Gwei of `incrementsOf` over the members of all committees of the slots, each once, by the head's shuffling.
 * @spec get_slot_committee (phase0)
 */
function sumOverMembers(
  store: Store,
  balances: BalanceSource,
  startSlot: number,
  endSlot: number,
  incrementsOf: (index: number) => number,
): bigint {
  const root = getHead(store);
  const state = store.blockStates.get(root);
  assertValid(state !== undefined, "BLOCK_STATE_UNKNOWN", { root });
  const isMember = new Uint8Array(state.validators.length);
  const { SLOTS_PER_EPOCH } = store.spec.preset;
  for (let slot = startSlot; slot <= endSlot; ) {
    const isWholeEpoch = slot % SLOTS_PER_EPOCH === 0 && slot + SLOTS_PER_EPOCH - 1 <= endSlot;
    // A whole epoch's committees hold every active validator: no need to shuffle.
    if (isWholeEpoch) mark(isMember, getActiveValidatorIndices(state, computeEpochAtSlot(store.spec, slot)));
    else markSlotCommittee(state, slot, isMember);
    slot += isWholeEpoch ? SLOTS_PER_EPOCH : 1;
  }
  let increments = 0;
  for (let index = 0; index < isMember.length; index++) if (isMember[index] === 1) increments += incrementsOf(index);
  return balances.toGwei(increments);
}

function markSlotCommittee(state: BeaconState, slot: number, isMember: Uint8Array): void {
  const committees = getCommitteeCountPerSlot(state, computeEpochAtSlot(state.spec, slot));
  for (let index = 0; index < committees; index++) mark(isMember, getBeaconCommittee(state, slot, index));
}

function mark(flags: Uint8Array, indices: ArrayLike<number>): void {
  for (let k = 0; k < indices.length; k++) flags[indices[k]!] = 1;
}
