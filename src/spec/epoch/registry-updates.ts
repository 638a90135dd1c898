/**
 * https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/electra/beacon-chain.md
 */
import { getCurrentEpoch, getValidatorActivationChurnLimit } from "../accessors.ts";
import { Fork } from "../fork.ts";
import { computeActivationExitEpoch } from "../misc.ts";
import { initiateValidatorExit, setActivationEpoch } from "../mutators.ts";
import { isActiveValidator, isEligibleForActivation, isEligibleForActivationQueue } from "../predicates.ts";
import type { BeaconState } from "../state.ts";

/**
 * Queues validators for activation, ejects those with too low a balance, activates those whose place is finalized.
 * @spec process_registry_updates (phase0, deneb, electra)
 * @cost one pass over four columns, in which runs of equal pages count once
 */
export function processRegistryUpdates(state: BeaconState): void {
  const candidates = findCandidates(state);
  // [Modified in Electra:EIP7251]
  if (state.fork >= Fork.electra) for (const index of candidates) updateValidator(state, index);
  else updateWithQueue(state, candidates);
}

function updateValidator(state: BeaconState, index: number): void {
  const currentEpoch = getCurrentEpoch(state);
  if (isEligibleForActivationQueue(state, index)) {
    state.validators.activationEligibilityEpoch.set(index, currentEpoch + 1);
  } else if (isToBeEjected(state, index, currentEpoch)) {
    initiateValidatorExit(state, index);
  } else if (isEligibleForActivation(state, index)) {
    setActivationEpoch(state, index, computeActivationExitEpoch(state.spec, currentEpoch));
  }
}

function updateWithQueue(state: BeaconState, candidates: readonly number[]): void {
  const currentEpoch = getCurrentEpoch(state);
  const { activationEligibilityEpoch } = state.validators;
  for (const index of candidates) {
    if (isEligibleForActivationQueue(state, index)) activationEligibilityEpoch.set(index, currentEpoch + 1);
    if (isToBeEjected(state, index, currentEpoch)) initiateValidatorExit(state, index);
  }
  const activationQueue = candidates.filter((index) => isEligibleForActivation(state, index));
  activationQueue.sort((a, b) => activationEligibilityEpoch.get(a) - activationEligibilityEpoch.get(b) || a - b);
  for (const index of activationQueue.slice(0, getValidatorActivationChurnLimit(state))) {
    setActivationEpoch(state, index, computeActivationExitEpoch(state.spec, currentEpoch));
  }
}

function isToBeEjected(state: BeaconState, index: number, currentEpoch: number): boolean {
  const effectiveBalance = state.validators.effectiveBalance.get(index);
  return effectiveBalance <= state.spec.config.EJECTION_BALANCE && isActiveValidator(state, index, currentEpoch);
}

/** The validators that one of the rules may concern, ascending. */
function findCandidates(state: BeaconState): number[] {
  const { activationEligibilityEpoch, activationEpoch, exitEpoch, effectiveBalance } = state.validators;
  const columns = [activationEligibilityEpoch, activationEpoch, exitEpoch, effectiveBalance];
  const pages = columns.map((column) => new Float64Array(column.itemsPerPage));
  const ids = [-1, -1, -1, -1];
  const bounds = boundsOf(state);
  const candidates: number[] = [];
  let found = 0;
  for (let p = 0; p < effectiveBalance.pageCount; p++) {
    let isRepeated = true;
    for (let c = 0; c < columns.length; c++) {
      const column = columns[c]!;
      if (column.pageId(p) === ids[c]) continue;
      ids[c] = column.pageId(p);
      column.readPageRounded(p, pages[c]!);
      isRepeated = false;
    }
    // The same four pages as before, where nothing was found.
    if (isRepeated && found === 0) continue;
    found = 0;
    const count = effectiveBalance.pageLength(p);
    for (let k = nextCandidate(pages, 0, count, bounds); k < count; k = nextCandidate(pages, k + 1, count, bounds)) {
      candidates.push(p * effectiveBalance.itemsPerPage + k);
      found++;
    }
  }
  return candidates;
}

interface Bounds {
  readonly leastToQueue: number;
  readonly mostToEject: number;
  readonly currentEpoch: number;
  readonly finalizedEpoch: number;
}

function boundsOf(state: BeaconState): Bounds {
  const { MIN_ACTIVATION_BALANCE, MAX_EFFECTIVE_BALANCE } = state.spec.preset;
  return {
    leastToQueue: state.fork >= Fork.electra ? MIN_ACTIVATION_BALANCE : MAX_EFFECTIVE_BALANCE,
    mostToEject: state.spec.config.EJECTION_BALANCE,
    currentEpoch: getCurrentEpoch(state),
    finalizedEpoch: state.finalizedCheckpoint.epoch,
  };
}

/** FAR_FUTURE_EPOCH, as a rounded read has it. */
const FAR_ROUNDED = 2 ** 64;

/** Position of the first candidate from `from` on, else count; the predicates then decide exactly. */
function nextCandidate(pages: readonly Float64Array[], from: number, count: number, bounds: Bounds): number {
  const eligibilities = pages[0]!;
  const activations = pages[1]!;
  const exits = pages[2]!;
  const balances = pages[3]!;
  const { leastToQueue, mostToEject, currentEpoch, finalizedEpoch } = bounds;
  for (let k = from; k < count; k++) {
    const eligibility = eligibilities[k]!;
    const activation = activations[k]!;
    const balance = balances[k]!;
    if (eligibility >= FAR_ROUNDED && balance >= leastToQueue) return k;
    if (activation >= FAR_ROUNDED && eligibility <= finalizedEpoch) return k;
    if (balance <= mostToEject && activation <= currentEpoch && currentEpoch < exits[k]!) return k;
  }
  return count;
}
