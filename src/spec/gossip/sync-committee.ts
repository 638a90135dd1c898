/**
 * Topics `sync_committee_{subnet_id}` and `sync_committee_contribution_and_proof` (altair).
 * @see https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/altair/p2p-interface.md
 */
import { bytesEqual, toHex } from "../../base/bytes.ts";
import { getDomain } from "../accessors.ts";
import {
  DOMAIN_CONTRIBUTION_AND_PROOF,
  DOMAIN_SYNC_COMMITTEE,
  DOMAIN_SYNC_COMMITTEE_SELECTION_PROOF,
  SYNC_COMMITTEE_SUBNET_COUNT,
} from "../constants.ts";
import type { SignedContributionAndProof, SyncCommitteeContribution, SyncCommitteeMessage } from "../containers.ts";
import { computeEpochAtSlot, computeSigningRoot } from "../misc.ts";
import { getSyncSubcommitteePubkeys, isCurrentSlot } from "../p2p.ts";
import type { BeaconState } from "../state.ts";
import { computeSubnetsForSyncCommittee, isSyncCommitteeAggregator } from "../validator.ts";
import { BitfieldCover, type Seen, tupleKey } from "./seen.ts";
import { type GossipVerifier, rejectBadSignature, signatureSet } from "./signature.ts";
import { ACCEPT, ignore, reject, type Verdict } from "./verdict.ts";

/**
 * @spec validate_sync_committee_message_gossip (altair)
 * @param state head state advanced to the current slot; not mutated
 */
export async function validateSyncCommitteeMessageGossip(
  seen: Seen,
  state: BeaconState,
  syncMessage: SyncCommitteeMessage,
  nowMs: number,
  subnetId: number,
  verifier: GossipVerifier,
): Promise<Verdict> {
  const { slot, validatorIndex } = syncMessage;
  if (!isCurrentSlot(state, slot, nowMs)) return ignore("message is not for the current slot");
  if (!(validatorIndex < state.validators.length)) return reject("validator index out of range");
  if (!computeSubnetsForSyncCommittee(state, validatorIndex).has(subnetId)) {
    return reject("subnet_id is not valid for the validator");
  }

  const key = tupleKey(validatorIndex, subnetId);
  const messageSeen = (): boolean => seen.syncMessageValidatorSlots.get(slot)?.has(key) ?? false;
  const alreadySeen = ignore("already seen message from this validator for this slot and subnet");
  if (messageSeen()) return alreadySeen;

  const domain = getDomain(state, DOMAIN_SYNC_COMMITTEE, computeEpochAtSlot(state.spec, slot));
  const message = computeSigningRoot(syncMessage.beaconBlockRoot, domain);
  const badSignature = await rejectBadSignature(verifier, [
    {
      set: signatureSet(state, [validatorIndex], message, syncMessage.signature),
      reason: "invalid sync committee message signature",
    },
  ]);
  if (badSignature) return badSignature;

  // The verifier may have let another copy through meanwhile.
  if (messageSeen()) return alreadySeen;
  seen.syncMessageValidatorSlots.open(slot).add(key);
  return ACCEPT;
}

/**
 * @spec validate_sync_committee_contribution_and_proof_gossip (altair)
 * @param state head state advanced to the current slot; not mutated
 */
export async function validateSyncCommitteeContributionAndProofGossip(
  seen: Seen,
  state: BeaconState,
  signedContribution: SignedContributionAndProof,
  nowMs: number,
  verifier: GossipVerifier,
): Promise<Verdict> {
  const { contribution, aggregatorIndex, selectionProof } = signedContribution.message;
  if (!isCurrentSlot(state, contribution.slot, nowMs)) return ignore("contribution is not for the current slot");
  if (!(contribution.subcommitteeIndex < SYNC_COMMITTEE_SUBNET_COUNT)) {
    return reject("subcommittee index out of range");
  }
  if (contribution.aggregationBits.getTrueBitIndexes().length === 0) return reject("contribution has no participants");
  if (!isSyncCommitteeAggregator(state.spec, selectionProof)) return reject("validator is not selected as aggregator");
  if (!(aggregatorIndex < state.validators.length)) return reject("aggregator index out of range");

  const aggregatorKey = state.validators.getPubkey(aggregatorIndex);
  const subcommittee = getSyncSubcommitteePubkeys(state, contribution.subcommitteeIndex);
  if (!subcommittee.some((key) => bytesEqual(key, aggregatorKey))) return reject("aggregator not in subcommittee");

  const seenBefore = () => checkSeen(seen, contribution, aggregatorIndex);
  const alreadySeen = seenBefore();
  if (alreadySeen) return alreadySeen;

  const checks = signatureChecks(state, signedContribution, subcommittee);
  const badSignature = await rejectBadSignature(verifier, checks);
  if (badSignature) return badSignature;

  // The verifier may have let another contribution through meanwhile.
  const seenMeanwhile = seenBefore();
  if (seenMeanwhile) return seenMeanwhile;
  markSeen(seen, contribution, aggregatorIndex);
  return ACCEPT;
}

function checkSeen(seen: Seen, contribution: SyncCommitteeContribution, aggregatorIndex: number): Verdict | undefined {
  const { slot, subcommitteeIndex, aggregationBits } = contribution;
  if (seen.syncContributionData.get(slot)?.get(contributionKey(contribution))?.covers(aggregationBits.uint8Array)) {
    return ignore("already seen contribution for this data");
  }
  if (seen.syncContributionAggregatorSlots.get(slot)?.has(tupleKey(aggregatorIndex, subcommitteeIndex))) {
    return ignore("already seen contribution from this aggregator");
  }
  return undefined;
}

function markSeen(seen: Seen, contribution: SyncCommitteeContribution, aggregatorIndex: number): void {
  const { slot, subcommitteeIndex, aggregationBits } = contribution;
  seen.syncContributionAggregatorSlots.open(slot).add(tupleKey(aggregatorIndex, subcommitteeIndex));
  const covers = seen.syncContributionData.open(slot);
  const key = contributionKey(contribution);
  const cover = covers.get(key) ?? new BitfieldCover();
  cover.add(aggregationBits.uint8Array);
  covers.set(key, cover);
}

function contributionKey(contribution: SyncCommitteeContribution): string {
  return `${toHex(contribution.beaconBlockRoot)}:${contribution.subcommitteeIndex}`;
}

function signatureChecks(
  state: BeaconState,
  signedContribution: SignedContributionAndProof,
  subcommittee: readonly Uint8Array[],
) {
  const { message, signature } = signedContribution;
  const { contribution, aggregatorIndex, selectionProof } = message;
  const { slot, subcommitteeIndex } = contribution;
  const { altair } = state.spec.types;
  const epoch = computeEpochAtSlot(state.spec, slot);
  const signingRoot = (root: Uint8Array, domainType: Uint8Array) =>
    computeSigningRoot(root, getDomain(state, domainType, epoch));

  const selectionRoot = altair.SyncAggregatorSelectionData.hashTreeRoot({ slot, subcommitteeIndex });
  const proofMessage = signingRoot(selectionRoot, DOMAIN_SYNC_COMMITTEE_SELECTION_PROOF);
  const aggregatorMessage = signingRoot(
    altair.ContributionAndProof.hashTreeRoot(message),
    DOMAIN_CONTRIBUTION_AND_PROOF,
  );
  const blockMessage = signingRoot(contribution.beaconBlockRoot, DOMAIN_SYNC_COMMITTEE);
  // A sync committee is drawn from the registry, so every key has an index.
  const participants = contribution.aggregationBits
    .getTrueBitIndexes()
    .map((position) => state.validators.indexOf(subcommittee[position]!));

  return [
    {
      set: signatureSet(state, [aggregatorIndex], proofMessage, selectionProof),
      reason: "invalid selection proof signature",
    },
    {
      set: signatureSet(state, [aggregatorIndex], aggregatorMessage, signature),
      reason: "invalid aggregator signature",
    },
    {
      set: signatureSet(state, participants, blockMessage, contribution.signature),
      reason: "invalid aggregate signature",
    },
  ];
}
