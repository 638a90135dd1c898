/**
 * How long a finalized state may be trusted by a node that was offline.
 * @see https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/electra/weak-subjectivity.md
 */
import { bytesEqual } from "../base/bytes.ts";
import { assertValid } from "../base/errors.ts";
import {
  getActiveValidatorCount,
  getBalanceChurnLimit,
  getBlockRoot,
  getCurrentEpoch,
  getTotalActiveBalance,
  getValidatorChurnLimit,
} from "./accessors.ts";
import { ETH_TO_GWEI, SAFETY_DECAY } from "./constants.ts";
import type { Checkpoint } from "./containers.ts";
import { Fork } from "./fork.ts";
import { computeEpochAtSlot } from "./misc.ts";
import type { BeaconState } from "./state.ts";

/** Epochs. @spec compute_weak_subjectivity_period (phase0, electra) */
export function computeWeakSubjectivityPeriod(state: BeaconState): number {
  const delay = BigInt(state.spec.config.MIN_VALIDATOR_WITHDRAWABILITY_DELAY);
  return Number(delay + (state.fork >= Fork.electra ? balanceChurnEpochs(state) : validatorChurnEpochs(state)));
}

/**
 * @spec is_within_weak_subjectivity_period (phase0, electra)
 * @param currentSlot by the clock
 * @throws InvalidBlock when the state is not the checkpoint's
 */
export function isWithinWeakSubjectivityPeriod(
  currentSlot: number,
  wsState: BeaconState,
  wsCheckpoint: Checkpoint,
): boolean {
  const blockRoot = getBlockRoot(wsState, wsCheckpoint.epoch);
  assertValid(bytesEqual(blockRoot, wsCheckpoint.root), "WS_CHECKPOINT_ROOT", { blockRoot, root: wsCheckpoint.root });
  const wsStateEpoch = getCurrentEpoch(wsState);
  assertValid(wsStateEpoch === wsCheckpoint.epoch, "WS_CHECKPOINT_EPOCH", { wsStateEpoch, epoch: wsCheckpoint.epoch });
  return computeEpochAtSlot(wsState.spec, currentSlot) <= wsStateEpoch + computeWeakSubjectivityPeriod(wsState);
}

/** [Modified in Electra] */
function balanceChurnEpochs(state: BeaconState): bigint {
  const t = getTotalActiveBalance(state);
  const delta = BigInt(getBalanceChurnLimit(state));
  return (BigInt(SAFETY_DECAY) * t) / (2n * delta * 100n);
}

/** The spec's letters: N validators of t ETH on average and T at most, churn delta, top-ups Delta, decay D. */
function validatorChurnEpochs(state: BeaconState): bigint {
  const { MAX_EFFECTIVE_BALANCE, MAX_DEPOSITS, SLOTS_PER_EPOCH } = state.spec.preset;
  const N = BigInt(getActiveValidatorCount(state, getCurrentEpoch(state)));
  const t = getTotalActiveBalance(state) / N / BigInt(ETH_TO_GWEI);
  const T = BigInt(MAX_EFFECTIVE_BALANCE) / BigInt(ETH_TO_GWEI);
  const delta = BigInt(getValidatorChurnLimit(state));
  const Delta = BigInt(MAX_DEPOSITS * SLOTS_PER_EPOCH);
  const D = BigInt(SAFETY_DECAY);
  if (t * (200n + 12n * D) <= T * (200n + 3n * D)) return (3n * N * D * t) / (200n * Delta * (T - t));
  const forChurn = (N * (t * (200n + 12n * D) - T * (200n + 3n * D))) / (600n * delta * (2n * t + T));
  const forTopUps = (N * (200n + 3n * D)) / (600n * Delta);
  return forChurn > forTopUps ? forChurn : forTopUps;
}
