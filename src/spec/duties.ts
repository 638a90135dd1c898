/**
 * What a beacon node and its validators tell each other about work, in values of the spec.
 * @see https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/phase0/validator.md
 */
import type { BeaconBlock } from "./containers.ts";
import type { Fork } from "./fork.ts";

export interface ProposerDuty {
  readonly pubkey: Uint8Array;
  readonly validatorIndex: number;
  readonly slot: number;
}

export interface AttesterDuty {
  readonly pubkey: Uint8Array;
  readonly validatorIndex: number;
  readonly slot: number;
  readonly committeeIndex: number;
  readonly committeeLength: number;
  readonly committeesAtSlot: number;
  readonly validatorCommitteeIndex: number;
}

export interface SyncDuty {
  readonly pubkey: Uint8Array;
  readonly validatorIndex: number;
  /** The validator's places in the sync committee, at least one. */
  readonly validatorSyncCommitteeIndices: readonly number[];
}

/** Duties of an epoch, which hold as long as the chain contains the dependent root. */
export interface Duties<Duty> {
  /** Block root at the last slot before epoch - 1, or of genesis. */
  readonly dependentRoot: Uint8Array;
  readonly isOptimistic: boolean;
  readonly duties: readonly Duty[];
}

/** A block to sign, with what belongs beside it. */
export interface ProducedBlock {
  readonly fork: Fork;
  readonly block: BeaconBlock;
  /** From deneb on, else empty. */
  readonly blobs: readonly Uint8Array[];
  /** Proofs of the blobs in deneb and electra, of all cells of all blobs from fulu on. */
  readonly kzgProofs: readonly Uint8Array[];
  /** In wei. */
  readonly executionPayloadValue: bigint;
  /** In wei. */
  readonly consensusBlockValue: bigint;
}

/** Why one item of a list was refused; the others were taken. */
export interface ItemFailure {
  /** Its place in the list. */
  readonly index: number;
  readonly message: string;
}
