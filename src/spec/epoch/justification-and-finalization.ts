/**
 * https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/altair/beacon-chain.md
 */
import { BitArray } from "@chainsafe/ssz";
import { getBlockRoot, getCurrentEpoch, getPreviousEpoch, getTotalActiveBalance } from "../accessors.ts";
import { GENESIS_EPOCH, JUSTIFICATION_BITS_LENGTH, TIMELY_TARGET_FLAG_INDEX } from "../constants.ts";
import type { Checkpoint } from "../containers.ts";
import { Fork } from "../fork.ts";
import { uint64 } from "../misc.ts";
import type { BeaconState } from "../state.ts";
import { getAttestingBalance, getMatchingTargetAttestations } from "./pending-attestations.ts";
import { RegistryScan } from "./registry-scan.ts";

/**
 * Justifies and finalizes checkpoints by the weight of target votes.
 * @spec process_justification_and_finalization (phase0, altair)
 */
export function processJustificationAndFinalization(state: BeaconState, scan = new RegistryScan(state)): void {
  // Until then the checkpoints hold a zero root that stands for no block.
  if (getCurrentEpoch(state) <= GENESIS_EPOCH + 1) return;
  let previousTargetBalance: bigint;
  let currentTargetBalance: bigint;
  if (state.fork >= Fork.altair) {
    previousTargetBalance = scan.previousFlagBalance(TIMELY_TARGET_FLAG_INDEX);
    currentTargetBalance = scan.currentTargetBalance();
  } else {
    const [previous, current] = [getPreviousEpoch(state), getCurrentEpoch(state)];
    previousTargetBalance = getAttestingBalance(state, getMatchingTargetAttestations(state, previous));
    currentTargetBalance = getAttestingBalance(state, getMatchingTargetAttestations(state, current));
  }
  weighJustificationAndFinalization(state, getTotalActiveBalance(state), previousTargetBalance, currentTargetBalance);
}

/** @spec weigh_justification_and_finalization (phase0) */
export function weighJustificationAndFinalization(
  state: BeaconState,
  totalActiveBalance: bigint,
  previousEpochTargetBalance: bigint,
  currentEpochTargetBalance: bigint,
): void {
  const previousEpoch = getPreviousEpoch(state);
  const currentEpoch = getCurrentEpoch(state);
  const oldPreviousJustified = state.previousJustifiedCheckpoint;
  const oldCurrentJustified = state.currentJustifiedCheckpoint;

  state.previousJustifiedCheckpoint = oldCurrentJustified;
  const oldBits = state.justificationBits.toBoolArray();
  const bits = [false, ...oldBits.slice(0, JUSTIFICATION_BITS_LENGTH - 1)];
  const twoThirds = uint64(totalActiveBalance * 2n);
  if (uint64(previousEpochTargetBalance * 3n) >= twoThirds) {
    state.currentJustifiedCheckpoint = checkpointOf(state, previousEpoch);
    bits[1] = true;
  }
  if (uint64(currentEpochTargetBalance * 3n) >= twoThirds) {
    state.currentJustifiedCheckpoint = checkpointOf(state, currentEpoch);
    bits[0] = true;
  }
  state.justificationBits = BitArray.fromBoolArray(bits);

  const isJustified = (from: number, to: number) => bits.slice(from, to).every(Boolean);
  const finalize = (source: Checkpoint, epochsAgo: number, from: number, to: number) => {
    if (isJustified(from, to) && source.epoch + epochsAgo === currentEpoch) state.finalizedCheckpoint = source;
  };
  finalize(oldPreviousJustified, 3, 1, 4);
  finalize(oldPreviousJustified, 2, 1, 3);
  finalize(oldCurrentJustified, 2, 0, 3);
  finalize(oldCurrentJustified, 1, 0, 2);
}

function checkpointOf(state: BeaconState, epoch: number): Checkpoint {
  return { epoch, root: getBlockRoot(state, epoch) };
}
