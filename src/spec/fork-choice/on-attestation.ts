/**
 * Votes move weight; equivocators lose theirs.
 *
 * @see https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/phase0/fork-choice.md
 */
import { assertValid } from "../../base/errors.ts";
import { getIndexedAttestation, isValidIndexedAttestation } from "../attestations.ts";
import type { Attestation, AttestationData, AttesterSlashing } from "../containers.ts";
import { computeEpochAtSlot } from "../misc.ts";
import { isSlashableAttestationData } from "../predicates.ts";
import type { Verifier } from "../signature-sets.ts";
import { ExecutionStatus } from "./proto-array.ts";
import { getCheckpointRow, getCurrentSlot, getCurrentStoreEpoch, type Store } from "./store.ts";

/**
 * Checks an attestation in full and applies it.
 * @spec on_attestation (phase0)
 * @throws InvalidBlock with a code of its own for each rule; what depends on time or on unknown blocks may pass later
 */
export function onAttestation(
  store: Store,
  attestation: Attestation,
  options: { verifier: Verifier; isFromBlock?: boolean },
): void {
  validateOnAttestation(store, attestation.data, options.isFromBlock ?? false);
  const targetState = store.checkpoints.stateAt(attestation.data.target);
  const indexed = getIndexedAttestation(targetState, attestation);
  const isValid = isValidIndexedAttestation(targetState, indexed, options.verifier);
  assertValid(isValid, "ATTESTATION_INVALID", { slot: attestation.data.slot });
  updateLatestMessages(store, indexed.attestingIndices, attestation.data);
}

/**
 * Applies the votes of an attestation whose committee and signature were checked elsewhere: by gossip rules, or as part of
 * its block.
 * @spec on_attestation (phase0)
 */
export function onVerifiedAttestation(
  store: Store,
  data: AttestationData,
  attestingIndices: ArrayLike<number>,
  isFromBlock: boolean,
): void {
  validateOnAttestation(store, data, isFromBlock);
  updateLatestMessages(store, attestingIndices, data);
}

/** @spec validate_on_attestation, validate_target_epoch_against_current_time (phase0) */
function validateOnAttestation(store: Store, data: AttestationData, isFromBlock: boolean): void {
  const { spec, array } = store;
  const { slot, target, beaconBlockRoot } = data;
  if (!isFromBlock) {
    const currentEpoch = getCurrentStoreEpoch(store);
    const isRecent = target.epoch === currentEpoch || target.epoch === Math.max(0, currentEpoch - 1);
    assertValid(isRecent, "ATTESTATION_TARGET_NOT_RECENT", { epoch: target.epoch, currentEpoch });
  }
  assertValid(target.epoch === computeEpochAtSlot(spec, slot), "ATTESTATION_TARGET_NOT_OF_SLOT", { slot });
  const targetRow = array.indexOf(target.root);
  assertValid(targetRow >= 0, "ATTESTATION_TARGET_UNKNOWN", { root: target.root });
  const row = array.indexOf(beaconBlockRoot);
  assertValid(row >= 0, "ATTESTATION_BLOCK_UNKNOWN", { root: beaconBlockRoot });
  const isInvalidated = array.executionStatus[row] === ExecutionStatus.invalidated;
  assertValid(!isInvalidated, "ATTESTATION_BLOCK_INVALIDATED", { root: beaconBlockRoot });
  assertValid(array.slot[row]! <= slot, "ATTESTATION_FOR_LATER_BLOCK", { slot, blockSlot: array.slot[row] });
  const isTargetInChain = getCheckpointRow(store, row, target.epoch) === targetRow;
  assertValid(isTargetInChain, "ATTESTATION_TARGET_NOT_IN_CHAIN", { root: target.root });
  assertValid(getCurrentSlot(store) >= slot + 1, "ATTESTATION_TOO_EARLY", { slot });
}

/** @spec update_latest_messages (phase0) */
function updateLatestMessages(store: Store, attestingIndices: ArrayLike<number>, data: AttestationData): void {
  const row = store.rowOf(data.beaconBlockRoot);
  const balances = store.countedBalances;
  const votes = balances && store.array.votes;
  if (store.messages.update(attestingIndices, data.target.epoch, row, balances, votes)) store.headRow = -1;
}

/**
 * Checks a slashing against the justified block's state and takes the equivocators' votes away.
 * @spec on_attester_slashing (phase0)
 */
export function onAttesterSlashing(store: Store, slashing: AttesterSlashing, options: { verifier: Verifier }): void {
  const { attestation1, attestation2 } = slashing;
  assertValid(isSlashableAttestationData(attestation1.data, attestation2.data), "ATTESTER_SLASHING_NOT_SLASHABLE");
  const { root } = store.justifiedCheckpoint;
  const state = store.blockStates.get(root);
  assertValid(state !== undefined, "BLOCK_STATE_UNKNOWN", { root });
  for (const attestation of [attestation1, attestation2]) {
    assertValid(isValidIndexedAttestation(state, attestation, options.verifier), "ATTESTER_SLASHING_INVALID");
  }
  onVerifiedAttesterSlashing(store, attestation1.attestingIndices, attestation2.attestingIndices);
}

/** Applies a slashing that was checked elsewhere. Both index lists are sorted. @spec on_attester_slashing (phase0) */
export function onVerifiedAttesterSlashing(
  store: Store,
  indices1: ArrayLike<number>,
  indices2: ArrayLike<number>,
): void {
  const balances = store.countedBalances;
  const votes = balances && store.array.votes;
  for (let i = 0, k = 0; i < indices1.length && k < indices2.length; ) {
    const difference = indices1[i]! - indices2[k]!;
    if (difference === 0 && store.messages.setEquivocating(indices1[i]!, balances, votes)) store.headRow = -1;
    if (difference <= 0) i++;
    if (difference >= 0) k++;
  }
}
