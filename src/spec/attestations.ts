/**
 * Who attested, to what, and how timely: the attestation helpers shared by blocks, epochs, upgrades and gossip.
 * https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/electra/beacon-chain.md
 */
import type { BitArray } from "@chainsafe/ssz";
import { bytesEqual } from "../base/bytes.ts";
import { assertValid } from "../base/errors.ts";
import type { SignatureSet } from "../crypto/bls.ts";
import { getBeaconCommittee, getBlockRoot, getBlockRootAtSlot, getCurrentEpoch, getDomain } from "./accessors.ts";
import {
  DOMAIN_BEACON_ATTESTER,
  TIMELY_HEAD_FLAG_INDEX,
  TIMELY_SOURCE_FLAG_INDEX,
  TIMELY_TARGET_FLAG_INDEX,
} from "./constants.ts";
import type {
  AttestationData,
  AttestationDataBigint,
  IndexedAttestation,
  IndexedAttestationBigint,
} from "./containers.ts";
import { Fork } from "./fork.ts";
import { computeSigningRoot } from "./misc.ts";
import type { BeaconState } from "./state.ts";

/** An attestation of any fork, pending ones included. */
interface AnyAttestation {
  readonly aggregationBits: BitArray;
  readonly data: AttestationData;
  /** From electra on. */
  readonly committeeBits?: BitArray;
}

/** @spec get_committee_indices (electra) */
export function getCommitteeIndices(committeeBits: BitArray): number[] {
  return committeeBits.getTrueBitIndexes();
}

/** Distinct indices in committee order, unsorted. @spec get_attesting_indices (phase0, electra) */
export function getAttestingIndices(state: BeaconState, attestation: AnyAttestation): Uint32Array {
  const { aggregationBits, committeeBits, data } = attestation;
  // [Modified in Electra:EIP7549]
  const committeeIndices = committeeBits === undefined ? [data.index] : getCommitteeIndices(committeeBits);
  const out = new Uint32Array(aggregationBits.bitLen);
  const bits = aggregationBits.uint8Array;
  let offset = 0;
  let count = 0;
  for (const index of committeeIndices) {
    const committee = getBeaconCommittee(state, data.slot, index);
    assertValid(offset + committee.length <= aggregationBits.bitLen, "AGGREGATION_BITS_TOO_SHORT", { index });
    for (let i = 0; i < committee.length; i++) {
      const bit = offset + i;
      if ((bits[bit >>> 3]! & (1 << (bit & 7))) !== 0) out[count++] = committee[i]!;
    }
    offset += committee.length;
  }
  return out.subarray(0, count);
}

/** @spec get_indexed_attestation (phase0) */
export function getIndexedAttestation(
  state: BeaconState,
  attestation: AnyAttestation & { readonly signature: Uint8Array },
): IndexedAttestation {
  const attestingIndices = Array.from(getAttestingIndices(state, attestation).sort());
  return { attestingIndices, data: attestation.data, signature: attestation.signature };
}

/**
 * Indices sorted, distinct, known and not empty, and the aggregate signature valid.
 * @spec is_valid_indexed_attestation (phase0)
 */
export function isValidIndexedAttestation(
  state: BeaconState,
  indexedAttestation: IndexedAttestation | IndexedAttestationBigint,
  verifier: { verify(set: SignatureSet): boolean },
): boolean {
  const indices = indexedAttestation.attestingIndices;
  if (!hasSortedKnownIndices(state, indices)) return false;
  return verifier.verify(
    attestationSignatureSet(state, indices, indexedAttestation.data, indexedAttestation.signature),
  );
}

/** The signature of an attestation's participants over its data. */
export function attestationSignatureSet(
  state: BeaconState,
  indices: ArrayLike<number>,
  data: AttestationData | AttestationDataBigint,
  signature: Uint8Array,
): SignatureSet {
  const message = computeSigningRoot(
    attestationDataRoot(state, data),
    getDomain(state, DOMAIN_BEACON_ATTESTER, data.target.epoch),
  );
  return { ...state.validators.keyRef(indices), message, signature };
}

/** Root of data in either integer mode. */
export function attestationDataRoot(state: BeaconState, data: AttestationData | AttestationDataBigint): Uint8Array {
  const types = state.spec.types.phase0;
  return isExact(data) ? types.AttestationDataBigint.hashTreeRoot(data) : types.AttestationData.hashTreeRoot(data);
}

/**
 * @spec get_attestation_participation_flag_indices (altair, deneb)
 * @throws InvalidBlock when the source is not the justified checkpoint
 */
export function getAttestationParticipationFlagIndices(
  state: BeaconState,
  data: AttestationData,
  inclusionDelay: number,
): number[] {
  const { SLOTS_PER_EPOCH, MIN_ATTESTATION_INCLUSION_DELAY } = state.spec.preset;
  const isCurrent = data.target.epoch === getCurrentEpoch(state);
  const justified = isCurrent ? state.currentJustifiedCheckpoint : state.previousJustifiedCheckpoint;
  const isMatchingSource = data.source.epoch === justified.epoch && bytesEqual(data.source.root, justified.root);
  const targetRoot = getBlockRoot(state, data.target.epoch);
  const isMatchingTarget = isMatchingSource && bytesEqual(data.target.root, targetRoot);
  const headRoot = getBlockRootAtSlot(state, data.slot);
  const isMatchingHead = isMatchingTarget && bytesEqual(data.beaconBlockRoot, headRoot);
  assertValid(isMatchingSource, "ATTESTATION_SOURCE_NOT_JUSTIFIED", { source: data.source.epoch });

  const flagIndices: number[] = [];
  if (inclusionDelay <= Math.floor(Math.sqrt(SLOTS_PER_EPOCH))) flagIndices.push(TIMELY_SOURCE_FLAG_INDEX);
  // [Modified in Deneb:EIP7045]
  const isTimelyTarget = state.fork >= Fork.deneb || inclusionDelay <= SLOTS_PER_EPOCH;
  if (isMatchingTarget && isTimelyTarget) flagIndices.push(TIMELY_TARGET_FLAG_INDEX);
  if (isMatchingHead && inclusionDelay === MIN_ATTESTATION_INCLUSION_DELAY) flagIndices.push(TIMELY_HEAD_FLAG_INDEX);
  return flagIndices;
}

function hasSortedKnownIndices(state: BeaconState, indices: ArrayLike<number>): boolean {
  let last = -1;
  for (let k = 0; k < indices.length; k++) {
    if (indices[k]! <= last) return false;
    last = indices[k]!;
  }
  return indices.length > 0 && last < state.validators.length;
}

function isExact(data: AttestationData | AttestationDataBigint): data is AttestationDataBigint {
  return typeof data.slot === "bigint";
}
