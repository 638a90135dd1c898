/**
 * Topic `beacon_aggregate_and_proof`.
 * @see https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/electra/p2p-interface.md
 */
import { toHex } from "../../base/bytes.ts";
import { getBeaconCommittee, getCommitteeCountPerSlot, getDomain } from "../accessors.ts";
import { getAttestingIndices } from "../attestations.ts";
import { DOMAIN_AGGREGATE_AND_PROOF, DOMAIN_BEACON_ATTESTER, DOMAIN_SELECTION_PROOF } from "../constants.ts";
import type { Attestation, SignedAggregateAndProof, Types, ValueOf } from "../containers.ts";
import { Fork } from "../fork.ts";
import { uint64Root } from "../merkle.ts";
import { computeEpochAtSlot, computeSigningRoot } from "../misc.ts";
import { isCurrentOrPreviousEpoch, isNotFromFutureSlot, isWithinSlotRange } from "../p2p.ts";
import type { BeaconState } from "../state.ts";
import { isAggregator } from "../validator.ts";
import { checkVote } from "./beacon-attestation.ts";
import { BitfieldCover, type Seen } from "./seen.ts";
import { type GossipVerifier, rejectBadSignature, signatureSet } from "./signature.ts";
import { ACCEPT, type GossipStore, ignore, reject, type Verdict } from "./verdict.ts";

type AnySignedAggregate = ValueOf<Types["phase0"]["SignedAggregateAndProof"]> | SignedAggregateAndProof;
type AnyAttestation = AnySignedAggregate["message"]["aggregate"];

/**
 * @spec validate_beacon_aggregate_and_proof_gossip (phase0, deneb, electra)
 * @param state state of the head's chain with the shuffling of the aggregate's epoch; not mutated
 */
export async function validateBeaconAggregateAndProofGossip(
  seen: Seen,
  store: GossipStore,
  state: BeaconState,
  signedAggregate: AnySignedAggregate,
  nowMs: number,
  verifier: GossipVerifier,
): Promise<Verdict> {
  const { aggregate, aggregatorIndex, selectionProof } = signedAggregate.message;
  const { data } = aggregate;

  const committeeIndex = committeeIndexOf(aggregate);
  if (typeof committeeIndex !== "number") return committeeIndex;

  const misplaced = checkPlace(state, aggregate, committeeIndex, nowMs);
  if (misplaced) return misplaced;

  const committee = getBeaconCommittee(state, data.slot, committeeIndex);
  if (aggregate.aggregationBits.bitLen !== committee.length) {
    return reject("aggregation bits length does not match committee size");
  }
  if (aggregate.aggregationBits.getTrueBitIndexes().length === 0) return reject("aggregate has no participants");

  const dataRoot = state.spec.types.phase0.AttestationData.hashTreeRoot(data);
  const key = `${toHex(dataRoot)}:${committeeIndex}`;
  const seenBefore = () => checkSeen(seen, data.target.epoch, key, aggregate, aggregatorIndex);
  const alreadySeen = seenBefore();
  if (alreadySeen) return alreadySeen;

  if (!isAggregator(state, data.slot, committeeIndex, selectionProof)) {
    return reject("validator is not selected as aggregator");
  }
  if (!committee.includes(aggregatorIndex)) return reject("aggregator index not in committee");

  const badSignature = await rejectBadSignature(verifier, signatureChecks(state, signedAggregate, dataRoot));
  if (badSignature) return badSignature;

  const badVote = checkVote(store, data);
  if (badVote) return badVote;

  // The verifier may have let another aggregate through meanwhile.
  const seenMeanwhile = seenBefore();
  if (seenMeanwhile) return seenMeanwhile;
  markSeen(seen, data.target.epoch, key, aggregate, aggregatorIndex);
  return ACCEPT;
}

function committeeIndexOf(aggregate: AnyAttestation): number | Verdict {
  if (!("committeeBits" in aggregate)) return aggregate.data.index;
  // [New in Electra:EIP7549]
  if (aggregate.data.index !== 0) return reject("aggregate data index is non-zero");
  const indices = aggregate.committeeBits.getTrueBitIndexes();
  if (indices.length !== 1) return reject("aggregate committee bits must specify exactly one committee");
  return indices[0]!;
}

/**
 * Committee index, time and epoch.
 * DEVIATION: the time and the epoch are checked first. Counting committees costs a pass over the registry for each epoch
 * that a message makes up; each of these conditions still has its own verdict.
 */
function checkPlace(
  state: BeaconState,
  aggregate: AnyAttestation,
  committeeIndex: number,
  nowMs: number,
): Verdict | undefined {
  const { slot, target } = aggregate.data;
  const epoch = computeEpochAtSlot(state.spec, slot);
  if (state.fork >= Fork.deneb) {
    // [Modified in Deneb:EIP7045]
    if (!isNotFromFutureSlot(state, slot, nowMs)) return ignore("aggregate slot is from a future slot");
    if (!isCurrentOrPreviousEpoch(state, epoch, nowMs))
      return ignore("aggregate epoch is not current or previous epoch");
  } else if (!isWithinSlotRange(state, slot, state.spec.config.ATTESTATION_PROPAGATION_SLOT_RANGE, nowMs)) {
    return ignore("attestation slot not within propagation range");
  }
  if (target.epoch !== epoch) return reject("attestation epoch does not match target epoch");

  if (!(committeeIndex < getCommitteeCountPerSlot(state, target.epoch))) return reject("committee index out of range");
  return undefined;
}

function checkSeen(
  seen: Seen,
  epoch: number,
  key: string,
  aggregate: AnyAttestation,
  aggregatorIndex: number,
): Verdict | undefined {
  if (seen.aggregateDataRoots.get(epoch)?.get(key)?.covers(aggregate.aggregationBits.uint8Array)) {
    return ignore("already seen aggregate for this data");
  }
  if (seen.aggregatorEpochs.get(epoch)?.has(aggregatorIndex)) {
    return ignore("already seen aggregate from this aggregator for this epoch");
  }
  return undefined;
}

function markSeen(seen: Seen, epoch: number, key: string, aggregate: AnyAttestation, aggregatorIndex: number): void {
  seen.aggregatorEpochs.open(epoch).add(aggregatorIndex);
  const covers = seen.aggregateDataRoots.open(epoch);
  const cover = covers.get(key) ?? new BitfieldCover();
  cover.add(aggregate.aggregationBits.uint8Array);
  covers.set(key, cover);
}

function signatureChecks(state: BeaconState, signedAggregate: AnySignedAggregate, dataRoot: Uint8Array) {
  const { message, signature } = signedAggregate;
  const { aggregate, aggregatorIndex, selectionProof } = message;
  const { types } = state.spec;
  const epoch = aggregate.data.target.epoch;

  const slotRoot = uint64Root(aggregate.data.slot);
  const proofMessage = computeSigningRoot(slotRoot, getDomain(state, DOMAIN_SELECTION_PROOF, epoch));
  const aggregateRoot =
    "committeeBits" in aggregate
      ? types.electra.AggregateAndProof.hashTreeRoot(message as SignedAggregateAndProof["message"])
      : types.phase0.AggregateAndProof.hashTreeRoot(message);
  const aggregatorMessage = computeSigningRoot(aggregateRoot, getDomain(state, DOMAIN_AGGREGATE_AND_PROOF, epoch));
  const dataMessage = computeSigningRoot(dataRoot, getDomain(state, DOMAIN_BEACON_ATTESTER, epoch));
  const attesters = getAttestingIndices(state, aggregate as Attestation);

  return [
    {
      set: signatureSet(state, [aggregatorIndex], proofMessage, selectionProof),
      reason: "invalid selection proof signature",
    },
    {
      set: signatureSet(state, [aggregatorIndex], aggregatorMessage, signature),
      reason: "invalid aggregator signature",
    },
    { set: signatureSet(state, attesters, dataMessage, aggregate.signature), reason: "invalid aggregate signature" },
  ];
}
