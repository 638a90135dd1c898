/**
 * What a block has signed, as sets that a verifier checks; one function a kind of signature.
 * https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/phase0/beacon-chain.md#beacon-chain-state-transition-function
 */
import { bytesEqual } from "../base/bytes.ts";
import { type SignatureSet, verifySet, verifySets } from "../crypto/bls.ts";
import { getBlockRootAtSlot, getDomain } from "./accessors.ts";
import {
  DOMAIN_BEACON_PROPOSER,
  DOMAIN_BLS_TO_EXECUTION_CHANGE,
  DOMAIN_RANDAO,
  DOMAIN_SYNC_COMMITTEE,
  DOMAIN_VOLUNTARY_EXIT,
  G2_POINT_AT_INFINITY,
} from "./constants.ts";
import type {
  ProposerSlashing,
  SignedBeaconBlock,
  SignedBLSToExecutionChange,
  SignedVoluntaryExit,
  SyncAggregate,
} from "./containers.ts";
import { Fork } from "./fork.ts";
import { forkTypes } from "./fork-types.ts";
import { computeDomain, computeEpochAtSlot, computeSigningRoot, uintToBytes } from "./misc.ts";
import type { BeaconState } from "./state.ts";

/** The policy of signature checks, handed to the state transition. */
export interface Verifier {
  /** False for an invalid signature; a verifier that judges later answers true. */
  verify(set: SignatureSet): boolean;
}

/** Checks each set at once. */
export const immediateVerifier: Verifier = { verify: (set) => verifySet(set) };

/** Checks nothing: for blocks whose signatures were checked before. */
export const trustingVerifier: Verifier = { verify: () => true };

/** Keeps the sets for one batch: far cheaper than one check each. */
export class CollectingVerifier implements Verifier {
  readonly sets: SignatureSet[] = [];

  verify(set: SignatureSet): boolean {
    this.sets.push(set);
    return true;
  }

  /** True when every set collected is valid. */
  verifyAll(options?: { threads?: number }): boolean {
    return this.sets.length === 0 || verifySets(this.sets, options);
  }
}

/** A block, signed by its proposer. @spec verify_block_signature (phase0) */
export function blockSignatureSet(state: BeaconState, signedBlock: SignedBeaconBlock): SignatureSet {
  const { message, signature } = signedBlock;
  const root = forkTypes(state).BeaconBlock.hashTreeRoot(message);
  const domain = getDomain(state, DOMAIN_BEACON_PROPOSER);
  return signedBy(state, [message.proposerIndex], computeSigningRoot(root, domain), signature);
}

/** The epoch, signed by its proposers. */
export function randaoSignatureSet(
  state: BeaconState,
  proposerIndex: number,
  epoch: number,
  randaoReveal: Uint8Array,
): SignatureSet {
  const root = new Uint8Array(32);
  root.set(uintToBytes(epoch));
  const message = computeSigningRoot(root, getDomain(state, DOMAIN_RANDAO, epoch));
  return signedBy(state, [proposerIndex], message, randaoReveal);
}

/** The two headers of a slashing, each in the domain of its own slot. */
export function proposerSlashingSignatureSets(state: BeaconState, slashing: ProposerSlashing): SignatureSet[] {
  const type = forkTypes(state).BeaconBlockHeaderBigint;
  const slotsPerEpoch = BigInt(state.spec.preset.SLOTS_PER_EPOCH);
  return [slashing.signedHeader1, slashing.signedHeader2].map(({ message: header, signature }) => {
    const domain = getDomain(state, DOMAIN_BEACON_PROPOSER, header.slot / slotsPerEpoch);
    return signedBy(state, [header.proposerIndex], computeSigningRoot(type.hashTreeRoot(header), domain), signature);
  });
}

/** An exit, signed by the validator that leaves. */
export function voluntaryExitSignatureSet(state: BeaconState, signedExit: SignedVoluntaryExit): SignatureSet {
  const { message, signature } = signedExit;
  const root = forkTypes(state).VoluntaryExit.hashTreeRoot(message);
  // [Modified in Deneb:EIP7044] an exit stays valid for good
  const domain =
    state.fork >= Fork.deneb
      ? computeDomain(
          state.spec,
          DOMAIN_VOLUNTARY_EXIT,
          state.spec.config.CAPELLA_FORK_VERSION,
          state.genesisValidatorsRoot,
        )
      : getDomain(state, DOMAIN_VOLUNTARY_EXIT, message.epoch);
  return signedBy(state, [message.validatorIndex], computeSigningRoot(root, domain), signature);
}

/** A change of credentials, signed by the withdrawal key that it names. */
export function blsToExecutionChangeSignatureSet(
  state: BeaconState,
  signedChange: SignedBLSToExecutionChange,
): SignatureSet {
  const { message, signature } = signedChange;
  const root = forkTypes(state).BLSToExecutionChange.hashTreeRoot(message);
  // Valid on every fork, so signed for the genesis one.
  const domain = computeDomain(state.spec, DOMAIN_BLS_TO_EXECUTION_CHANGE, undefined, state.genesisValidatorsRoot);
  const { table, indices } = state.validators.keyRef([]);
  return { table, indices, extraKeys: [message.fromBlsPubkey], message: computeSigningRoot(root, domain), signature };
}

/**
 * Whether the committee members whose bits are set signed the previous slot's block.
 * @spec eth_fast_aggregate_verify (altair): nobody's signature is the point at infinity
 * @param committee registry indices of the members, in committee order
 */
export function isValidSyncAggregate(
  state: BeaconState,
  committee: ArrayLike<number>,
  aggregate: SyncAggregate,
  verifier: Verifier,
): boolean {
  const { syncCommitteeBits, syncCommitteeSignature } = aggregate;
  const participants: number[] = [];
  for (let i = 0; i < committee.length; i++) if (syncCommitteeBits.get(i)) participants.push(committee[i]!);
  const previousSlot = Math.max(state.slot, 1) - 1;
  const blockRoot = getBlockRootAtSlot(state, previousSlot);
  if (participants.length === 0) return bytesEqual(syncCommitteeSignature, G2_POINT_AT_INFINITY);
  const domain = getDomain(state, DOMAIN_SYNC_COMMITTEE, computeEpochAtSlot(state.spec, previousSlot));
  return verifier.verify(signedBy(state, participants, computeSigningRoot(blockRoot, domain), syncCommitteeSignature));
}

/** The message signed by the aggregate of these validators' keys. */
function signedBy(
  state: BeaconState,
  validators: ArrayLike<number>,
  message: Uint8Array,
  signature: Uint8Array,
): SignatureSet {
  return { ...state.validators.keyRef(validators), message, signature };
}
