/**
 * Topics `beacon_attestation_{subnet_id}`.
 * @see https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/electra/p2p-interface.md
 */
import { bytesEqual } from "../../base/bytes.ts";
import { getBeaconCommittee, getCommitteeCountPerSlot, getDomain } from "../accessors.ts";
import { DOMAIN_BEACON_ATTESTER } from "../constants.ts";
import type { AttestationData, Phase0Attestation, SingleAttestation } from "../containers.ts";
import { Fork } from "../fork.ts";
import { computeEpochAtSlot, computeSigningRoot } from "../misc.ts";
import { isCurrentOrPreviousEpoch, isNotFromFutureSlot, isWithinSlotRange } from "../p2p.ts";
import type { BeaconState } from "../state.ts";
import { computeSubnetForAttestation } from "../validator.ts";
import type { Seen } from "./seen.ts";
import { type GossipVerifier, rejectBadSignature, signatureSet } from "./signature.ts";
import { ACCEPT, type GossipStore, ignore, reject, type Verdict } from "./verdict.ts";

/**
 * @spec validate_beacon_attestation_gossip (phase0, deneb, electra)
 * @param state state of the head's chain with the shuffling of the attestation's epoch; not mutated
 * @param attestation a SingleAttestation from electra on
 */
export async function validateBeaconAttestationGossip(
  seen: Seen,
  store: GossipStore,
  state: BeaconState,
  attestation: Phase0Attestation | SingleAttestation,
  nowMs: number,
  subnetId: number,
  verifier: GossipVerifier,
): Promise<Verdict> {
  const { data } = attestation;

  // [New in Electra:EIP7549]
  if ("committeeIndex" in attestation && data.index !== 0) return reject("attestation data index is non-zero");
  // [Modified in Electra:EIP7549]
  const committeeIndex = "committeeIndex" in attestation ? attestation.committeeIndex : data.index;

  const misplaced = checkPlace(state, data, committeeIndex, nowMs, subnetId);
  if (misplaced) return misplaced;

  const committee = getBeaconCommittee(state, data.slot, committeeIndex);
  const attester =
    "committeeIndex" in attestation ? singleAttester(attestation, committee) : onlyBitSet(attestation, committee);
  if (typeof attester !== "number") return attester;

  const attesterSeen = (): boolean => seen.attestationValidatorEpochs.get(data.target.epoch)?.has(attester) ?? false;
  const alreadySeen = ignore("already seen attestation from this validator for this epoch");
  if (attesterSeen()) return alreadySeen;

  const domain = getDomain(state, DOMAIN_BEACON_ATTESTER, data.target.epoch);
  const message = computeSigningRoot(state.spec.types.phase0.AttestationData.hashTreeRoot(data), domain);
  const badSignature = await rejectBadSignature(verifier, [
    {
      set: signatureSet(state, [attester], message, attestation.signature),
      reason: "invalid attestation signature",
    },
  ]);
  if (badSignature) return badSignature;

  const badVote = checkVote(store, data);
  if (badVote) return badVote;

  // The verifier may have let another copy through meanwhile.
  if (attesterSeen()) return alreadySeen;
  seen.attestationValidatorEpochs.open(data.target.epoch).add(attester);
  return ACCEPT;
}

/**
 * Committee index, subnet, time and epoch.
 * DEVIATION: the time and the epoch are checked first. Counting committees costs a pass over the registry for each epoch
 * that a message makes up; each of these conditions still has its own verdict.
 */
function checkPlace(
  state: BeaconState,
  data: AttestationData,
  committeeIndex: number,
  nowMs: number,
  subnetId: number,
): Verdict | undefined {
  const untimely = checkTime(state, data.slot, nowMs);
  if (untimely) return untimely;

  if (data.target.epoch !== computeEpochAtSlot(state.spec, data.slot)) {
    return reject("attestation epoch does not match target epoch");
  }
  const committeesPerSlot = getCommitteeCountPerSlot(state, data.target.epoch);
  if (!(committeeIndex < committeesPerSlot)) return reject("committee index out of range");

  if (computeSubnetForAttestation(state.spec, committeesPerSlot, data.slot, committeeIndex) !== subnetId) {
    return reject("attestation is for wrong subnet");
  }
  return undefined;
}

function checkTime(state: BeaconState, slot: number, nowMs: number): Verdict | undefined {
  if (state.fork < Fork.deneb) {
    return isWithinSlotRange(state, slot, state.spec.config.ATTESTATION_PROPAGATION_SLOT_RANGE, nowMs)
      ? undefined
      : ignore("attestation slot not within propagation range");
  }
  // [Modified in Deneb:EIP7045]
  if (!isNotFromFutureSlot(state, slot, nowMs)) return ignore("attestation slot is from a future slot");
  if (!isCurrentOrPreviousEpoch(state, computeEpochAtSlot(state.spec, slot), nowMs)) {
    return ignore("attestation epoch is not current or previous epoch");
  }
  return undefined;
}

/** [New in Electra:EIP7549] */
function singleAttester(attestation: SingleAttestation, committee: Uint32Array): number | Verdict {
  return committee.includes(attestation.attesterIndex)
    ? attestation.attesterIndex
    : reject("attester is not a member of the committee");
}

function onlyBitSet(attestation: Phase0Attestation, committee: Uint32Array): number | Verdict {
  const positions = attestation.aggregationBits.getTrueBitIndexes();
  if (positions.length !== 1) return reject("attestation is not unaggregated");
  if (attestation.aggregationBits.bitLen !== committee.length) {
    return reject("aggregation bits length does not match committee size");
  }
  return committee[positions[0]!]!;
}

/** The block voted for is valid, and both the target and the finalized checkpoint are its ancestors. */
export function checkVote(store: GossipStore, data: AttestationData): Verdict | undefined {
  const blockRoot = data.beaconBlockRoot;
  if (store.blockSlot(blockRoot) === undefined) return ignore("block being voted for has not been seen");
  if (!store.isValidBlock(blockRoot)) return reject("block being voted for failed validation");

  const targetBlock = store.checkpointBlock(blockRoot, data.target.epoch);
  if (!targetBlock || !bytesEqual(targetBlock, data.target.root)) {
    return reject("target block is not an ancestor of LMD vote block");
  }
  const { epoch, root } = store.finalizedCheckpoint;
  const finalizedBlock = store.checkpointBlock(blockRoot, epoch);
  if (!finalizedBlock || !bytesEqual(finalizedBlock, root)) {
    return ignore("finalized checkpoint is not an ancestor of block");
  }
  return undefined;
}
