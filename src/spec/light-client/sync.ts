/**
 * The light client: from a trusted block root along the sync committees to the head.
 * @see https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/altair/light-client/sync-protocol.md
 */
import { bytesEqual, ZERO_BYTES32 } from "../../base/bytes.ts";
import { assertValid } from "../../base/errors.ts";
import { fastAggregateVerify } from "../../crypto/bls.ts";
import type { ChainSpec } from "../chain-spec.ts";
import { DOMAIN_SYNC_COMMITTEE, GENESIS_SLOT } from "../constants.ts";
import type {
  LightClientBootstrap,
  LightClientFinalityUpdate,
  LightClientHeader,
  LightClientOptimisticUpdate,
  LightClientUpdate,
  SyncCommittee,
} from "../containers.ts";
import type { Fork } from "../fork.ts";
import { forkTypes } from "../fork-types.ts";
import { isValidNormalizedMerkleBranch } from "../merkle.ts";
import {
  computeDomain,
  computeEpochAtSlot,
  computeForkVersion,
  computeSigningRoot,
  computeSyncCommitteePeriodAtSlot,
} from "../misc.ts";
import {
  currentSyncCommitteeGindexAtSlot,
  finalizedRootGindexAtSlot,
  isValidLightClientHeader,
  nextSyncCommitteeGindexAtSlot,
} from "./header.ts";
import { isBetterUpdate, isFinalityUpdate, isSyncCommitteeUpdate, participantCount } from "./update-ranking.ts";

/** @spec LightClientStore (altair, capella); its objects are replaced, never mutated */
export interface LightClientStore {
  /** Whose containers the headers and updates are of; what arrives must be upgraded to it first. */
  readonly fork: Fork;
  finalizedHeader: LightClientHeader;
  currentSyncCommittee: SyncCommittee;
  /** All zeros while it is not known. */
  nextSyncCommittee: SyncCommittee;
  bestValidUpdate: LightClientUpdate | undefined;
  optimisticHeader: LightClientHeader;
  previousMaxActiveParticipants: number;
  currentMaxActiveParticipants: number;
}

/**
 * @spec initialize_light_client_store (altair)
 * @param fork of the bootstrap's container
 */
export function initializeLightClientStore(
  spec: ChainSpec,
  fork: Fork,
  trustedBlockRoot: Uint8Array,
  bootstrap: LightClientBootstrap,
): LightClientStore {
  const { header, currentSyncCommittee, currentSyncCommitteeBranch } = bootstrap;
  assertValid(isValidLightClientHeader(spec, fork, header), "LC_HEADER");
  const root = spec.types.phase0.BeaconBlockHeader.hashTreeRoot(header.beacon);
  assertValid(bytesEqual(root, trustedBlockRoot), "LC_BOOTSTRAP_ROOT", { root, trustedBlockRoot });
  const isProven = isValidNormalizedMerkleBranch(
    spec.types.altair.SyncCommittee.hashTreeRoot(currentSyncCommittee),
    currentSyncCommitteeBranch,
    currentSyncCommitteeGindexAtSlot(spec, header.beacon.slot),
    header.beacon.stateRoot,
  );
  assertValid(isProven, "LC_CURRENT_SYNC_COMMITTEE_BRANCH");
  return {
    fork,
    finalizedHeader: header,
    currentSyncCommittee,
    nextSyncCommittee: spec.types.altair.SyncCommittee.defaultValue(),
    bestValidUpdate: undefined,
    optimisticHeader: header,
    previousMaxActiveParticipants: 0,
    currentMaxActiveParticipants: 0,
  };
}

/** @spec is_next_sync_committee_known (altair) */
export function isNextSyncCommitteeKnown(store: LightClientStore): boolean {
  return !isEmptyCommittee(store.nextSyncCommittee);
}

/** @spec get_safety_threshold (altair) */
export function getSafetyThreshold(store: LightClientStore): number {
  return Math.floor(Math.max(store.previousMaxActiveParticipants, store.currentMaxActiveParticipants) / 2);
}

/**
 * @spec validate_light_client_update (altair)
 * @throws InvalidBlock with the rule that the update breaks
 */
export function validateLightClientUpdate(
  spec: ChainSpec,
  store: LightClientStore,
  update: LightClientUpdate,
  currentSlot: number,
  genesisValidatorsRoot: Uint8Array,
): void {
  const participants = participantCount(update);
  assertValid(participants >= spec.preset.MIN_SYNC_COMMITTEE_PARTICIPANTS, "LC_TOO_FEW_PARTICIPANTS", { participants });
  assertValid(isValidLightClientHeader(spec, store.fork, update.attestedHeader), "LC_HEADER");
  assertTimely(spec, store, update, currentSlot);
  assertFinality(spec, store.fork, update);
  assertNextSyncCommittee(spec, store, update);

  const period = (slot: number): number => computeSyncCommitteePeriodAtSlot(spec, slot);
  const isCurrent = period(update.signatureSlot) === period(store.finalizedHeader.beacon.slot);
  const committee = isCurrent ? store.currentSyncCommittee : store.nextSyncCommittee;
  const { syncCommitteeBits, syncCommitteeSignature } = update.syncAggregate;
  const pubkeys = committee.pubkeys.filter((_, position) => syncCommitteeBits.get(position));
  const signedEpoch = computeEpochAtSlot(spec, Math.max(update.signatureSlot, 1) - 1);
  const forkVersion = computeForkVersion(spec, signedEpoch);
  const domain = computeDomain(spec, DOMAIN_SYNC_COMMITTEE, forkVersion, genesisValidatorsRoot);
  const root = spec.types.phase0.BeaconBlockHeader.hashTreeRoot(update.attestedHeader.beacon);
  const message = computeSigningRoot(root, domain);
  assertValid(fastAggregateVerify(pubkeys, message, syncCommitteeSignature), "LC_SIGNATURE");
}

/** Slots in order, no period skipped, and something new. */
function assertTimely(spec: ChainSpec, store: LightClientStore, update: LightClientUpdate, currentSlot: number): void {
  const { signatureSlot } = update;
  const attestedSlot = update.attestedHeader.beacon.slot;
  const finalizedSlot = update.finalizedHeader.beacon.slot;
  const isOrdered = currentSlot >= signatureSlot && signatureSlot > attestedSlot && attestedSlot >= finalizedSlot;
  assertValid(isOrdered, "LC_SLOT_ORDER", { currentSlot, signatureSlot, attestedSlot, finalizedSlot });

  const period = (slot: number): number => computeSyncCommitteePeriodAtSlot(spec, slot);
  const storeSlot = store.finalizedHeader.beacon.slot;
  const isNextKnown = isNextSyncCommitteeKnown(store);
  const skipped = period(signatureSlot) - period(storeSlot);
  assertValid(skipped === 0 || (isNextKnown && skipped === 1), "LC_PERIOD_SKIPPED", { signatureSlot, storeSlot });

  const bringsNextCommittee =
    !isNextKnown && isSyncCommitteeUpdate(update) && period(attestedSlot) === period(storeSlot);
  assertValid(attestedSlot > storeSlot || bringsNextCommittee, "LC_NOT_RELEVANT", { attestedSlot, storeSlot });
}

/** The finality branch, if present, proves the finalized header; genesis counts as a root of zeros. */
function assertFinality(spec: ChainSpec, fork: Fork, update: LightClientUpdate): void {
  const { attestedHeader, finalizedHeader, finalityBranch } = update;
  const type = forkTypes({ spec, fork }).LightClientHeader;
  const isFinality = isFinalityUpdate(update);
  const isGenesis = finalizedHeader.beacon.slot === GENESIS_SLOT;
  if (!isFinality || isGenesis) {
    assertValid(type.equals(finalizedHeader, type.defaultValue()), "LC_FINALIZED_HEADER_NOT_EMPTY");
  } else {
    assertValid(isValidLightClientHeader(spec, fork, finalizedHeader), "LC_HEADER");
  }
  if (!isFinality) return;
  const isProven = isValidNormalizedMerkleBranch(
    isGenesis ? ZERO_BYTES32 : spec.types.phase0.BeaconBlockHeader.hashTreeRoot(finalizedHeader.beacon),
    finalityBranch,
    finalizedRootGindexAtSlot(spec, attestedHeader.beacon.slot),
    attestedHeader.beacon.stateRoot,
  );
  assertValid(isProven, "LC_FINALITY_BRANCH");
}

/** The next committee, if present, is the one of the attested state and no other than the known one. */
function assertNextSyncCommittee(spec: ChainSpec, store: LightClientStore, update: LightClientUpdate): void {
  const { attestedHeader, nextSyncCommittee, nextSyncCommitteeBranch } = update;
  if (!isSyncCommitteeUpdate(update)) {
    assertValid(isEmptyCommittee(nextSyncCommittee), "LC_NEXT_SYNC_COMMITTEE_NOT_EMPTY");
    return;
  }
  const type = spec.types.altair.SyncCommittee;
  const period = (header: LightClientHeader): number => computeSyncCommitteePeriodAtSlot(spec, header.beacon.slot);
  if (period(attestedHeader) === period(store.finalizedHeader) && isNextSyncCommitteeKnown(store)) {
    assertValid(type.equals(nextSyncCommittee, store.nextSyncCommittee), "LC_NEXT_SYNC_COMMITTEE_DIFFERS");
  }
  const isProven = isValidNormalizedMerkleBranch(
    type.hashTreeRoot(nextSyncCommittee),
    nextSyncCommitteeBranch,
    nextSyncCommitteeGindexAtSlot(spec, attestedHeader.beacon.slot),
    attestedHeader.beacon.stateRoot,
  );
  assertValid(isProven, "LC_NEXT_SYNC_COMMITTEE_BRANCH");
}

/** @spec apply_light_client_update (altair) */
export function applyLightClientUpdate(spec: ChainSpec, store: LightClientStore, update: LightClientUpdate): void {
  const finalizedSlot = update.finalizedHeader.beacon.slot;
  const storePeriod = computeSyncCommitteePeriodAtSlot(spec, store.finalizedHeader.beacon.slot);
  const finalizedPeriod = computeSyncCommitteePeriodAtSlot(spec, finalizedSlot);
  if (!isNextSyncCommitteeKnown(store)) {
    assertValid(finalizedPeriod === storePeriod, "LC_PERIOD_SKIPPED", { finalizedPeriod, storePeriod });
    store.nextSyncCommittee = update.nextSyncCommittee;
  } else if (finalizedPeriod === storePeriod + 1) {
    store.currentSyncCommittee = store.nextSyncCommittee;
    store.nextSyncCommittee = update.nextSyncCommittee;
    store.previousMaxActiveParticipants = store.currentMaxActiveParticipants;
    store.currentMaxActiveParticipants = 0;
  }
  if (finalizedSlot > store.finalizedHeader.beacon.slot) {
    store.finalizedHeader = update.finalizedHeader;
    if (finalizedSlot > store.optimisticHeader.beacon.slot) store.optimisticHeader = store.finalizedHeader;
  }
}

/**
 * Moves on to the best update seen once finality has been missing for a sync committee period.
 * @spec process_light_client_store_force_update (altair)
 */
export function processLightClientStoreForceUpdate(
  spec: ChainSpec,
  store: LightClientStore,
  currentSlot: number,
): void {
  const best = store.bestValidUpdate;
  const finalizedSlot = store.finalizedHeader.beacon.slot;
  if (!best || currentSlot <= finalizedSlot + spec.preset.UPDATE_TIMEOUT) return;
  // Applying waits for a finalized header, so the attested one stands in for it where finality stalls.
  const stands = best.finalizedHeader.beacon.slot <= finalizedSlot;
  applyLightClientUpdate(spec, store, stands ? { ...best, finalizedHeader: best.attestedHeader } : best);
  store.bestValidUpdate = undefined;
}

/**
 * @spec process_light_client_update (altair)
 * @throws InvalidBlock, with the store unchanged, when the update is not valid
 */
export function processLightClientUpdate(
  spec: ChainSpec,
  store: LightClientStore,
  update: LightClientUpdate,
  currentSlot: number,
  genesisValidatorsRoot: Uint8Array,
): void {
  validateLightClientUpdate(spec, store, update, currentSlot, genesisValidatorsRoot);
  const participants = participantCount(update);
  const attestedSlot = update.attestedHeader.beacon.slot;
  const finalizedSlot = update.finalizedHeader.beacon.slot;

  if (!store.bestValidUpdate || isBetterUpdate(spec, update, store.bestValidUpdate)) store.bestValidUpdate = update;
  store.currentMaxActiveParticipants = Math.max(store.currentMaxActiveParticipants, participants);

  if (participants > getSafetyThreshold(store) && attestedSlot > store.optimisticHeader.beacon.slot) {
    store.optimisticHeader = update.attestedHeader;
  }

  const bringsFinalizedNextCommittee =
    !isNextSyncCommitteeKnown(store) &&
    isSyncCommitteeUpdate(update) &&
    isFinalityUpdate(update) &&
    computeSyncCommitteePeriodAtSlot(spec, finalizedSlot) === computeSyncCommitteePeriodAtSlot(spec, attestedSlot);
  const hasSupermajority = participants * 3 >= update.syncAggregate.syncCommitteeBits.bitLen * 2;
  if (hasSupermajority && (finalizedSlot > store.finalizedHeader.beacon.slot || bringsFinalizedNextCommittee)) {
    applyLightClientUpdate(spec, store, update);
    store.bestValidUpdate = undefined;
  }
}

/** @spec process_light_client_finality_update (altair) */
export function processLightClientFinalityUpdate(
  spec: ChainSpec,
  store: LightClientStore,
  finalityUpdate: LightClientFinalityUpdate,
  currentSlot: number,
  genesisValidatorsRoot: Uint8Array,
): void {
  const { nextSyncCommittee, nextSyncCommitteeBranch } = forkTypes({
    spec,
    fork: store.fork,
  }).LightClientUpdate.defaultValue();
  const update = { ...finalityUpdate, nextSyncCommittee, nextSyncCommitteeBranch };
  processLightClientUpdate(spec, store, update, currentSlot, genesisValidatorsRoot);
}

/** @spec process_light_client_optimistic_update (altair) */
export function processLightClientOptimisticUpdate(
  spec: ChainSpec,
  store: LightClientStore,
  optimisticUpdate: LightClientOptimisticUpdate,
  currentSlot: number,
  genesisValidatorsRoot: Uint8Array,
): void {
  const empty = forkTypes({ spec, fork: store.fork }).LightClientUpdate.defaultValue();
  const update = { ...empty, ...optimisticUpdate };
  processLightClientUpdate(spec, store, update, currentSlot, genesisValidatorsRoot);
}

function isEmptyCommittee(committee: SyncCommittee): boolean {
  const isZero = (key: Uint8Array): boolean => key.every((byte) => byte === 0);
  return isZero(committee.aggregatePubkey) && committee.pubkeys.every(isZero);
}
