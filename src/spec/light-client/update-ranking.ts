/**
 * What an update proves, and which of two proves more.
 * @see https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/altair/light-client/sync-protocol.md
 */
import { bytesEqual, ZERO_BYTES32 } from "../../base/bytes.ts";
import type { ChainSpec } from "../chain-spec.ts";
import type { LightClientUpdate } from "../containers.ts";
import { computeSyncCommitteePeriodAtSlot } from "../misc.ts";

/** @spec is_sync_committee_update (altair) */
export function isSyncCommitteeUpdate(update: Pick<LightClientUpdate, "nextSyncCommitteeBranch">): boolean {
  return !isZeroBranch(update.nextSyncCommitteeBranch);
}

/** @spec is_finality_update (altair) */
export function isFinalityUpdate(update: Pick<LightClientUpdate, "finalityBranch">): boolean {
  return !isZeroBranch(update.finalityBranch);
}

/** Members of the sync committee that signed. */
export function participantCount(update: Pick<LightClientUpdate, "syncAggregate">): number {
  return update.syncAggregate.syncCommitteeBits.getTrueBitIndexes().length;
}

/** What {@link isBetterUpdate} compares of an update. */
function merits(spec: ChainSpec, update: LightClientUpdate) {
  const period = (slot: number): number => computeSyncCommitteePeriodAtSlot(spec, slot);
  const attestedSlot = update.attestedHeader.beacon.slot;
  const participants = participantCount(update);
  return {
    participants,
    hasSupermajority: participants * 3 >= update.syncAggregate.syncCommitteeBits.bitLen * 2,
    hasRelevantCommittee: isSyncCommitteeUpdate(update) && period(attestedSlot) === period(update.signatureSlot),
    hasFinality: isFinalityUpdate(update),
    hasCommitteeFinality: period(update.finalizedHeader.beacon.slot) === period(attestedSlot),
    attestedSlot,
    signatureSlot: update.signatureSlot,
  };
}

/**
 * Whether the new update should replace the old one.
 * @spec is_better_update (altair)
 * @param oldUpdate of the same container as the new one
 */
export function isBetterUpdate(spec: ChainSpec, newUpdate: LightClientUpdate, oldUpdate: LightClientUpdate): boolean {
  const now = merits(spec, newUpdate);
  const old = merits(spec, oldUpdate);

  if (now.hasSupermajority !== old.hasSupermajority) return now.hasSupermajority;
  if (!now.hasSupermajority && now.participants !== old.participants) return now.participants > old.participants;

  if (now.hasRelevantCommittee !== old.hasRelevantCommittee) return now.hasRelevantCommittee;

  if (now.hasFinality !== old.hasFinality) return now.hasFinality;
  if (now.hasFinality && now.hasCommitteeFinality !== old.hasCommitteeFinality) return now.hasCommitteeFinality;

  // Ties: more participants, then older data, of which the best changes less often.
  if (now.participants !== old.participants) return now.participants > old.participants;
  if (now.attestedSlot !== old.attestedSlot) return now.attestedSlot < old.attestedSlot;
  return now.signatureSlot < old.signatureSlot;
}

function isZeroBranch(branch: readonly Uint8Array[]): boolean {
  return branch.every((node) => bytesEqual(node, ZERO_BYTES32));
}
