/**
 * What a validator client asks of a beacon node: implemented over HTTP and in process. Values are the spec's own.
 * @see https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/phase0/validator.md
 */
import { CressetError } from "../base/errors.ts";
import type {
  Attestation,
  AttestationData,
  Phase0Attestation,
  SignedAggregateAndProof,
  SignedBeaconBlock,
  SignedContributionAndProof,
  SingleAttestation,
  SyncCommitteeContribution,
  SyncCommitteeMessage,
} from "../spec/containers.ts";
import type { AttesterDuty, Duties, ItemFailure, ProducedBlock, ProposerDuty, SyncDuty } from "../spec/duties.ts";
import type { Fork } from "../spec/fork.ts";

/** @see the beacon API's getGenesis */
export interface GenesisInfo {
  /** Seconds since the Unix epoch. */
  readonly genesisTime: number;
  readonly genesisValidatorsRoot: Uint8Array;
  readonly genesisForkVersion: Uint8Array;
}

export interface SyncingInfo {
  readonly headSlot: number;
  /** In slots. */
  readonly syncDistance: number;
  readonly isSyncing: boolean;
  /** The head's payload has not been checked by an execution engine. */
  readonly isOptimistic: boolean;
  /** No execution engine answers. */
  readonly isElOffline: boolean;
}

export const VALIDATOR_STATUSES = [
  "pending_initialized",
  "pending_queued",
  "active_ongoing",
  "active_exiting",
  "active_slashed",
  "exited_unslashed",
  "exited_slashed",
  "withdrawal_possible",
  "withdrawal_done",
] as const;
export type ValidatorStatus = (typeof VALIDATOR_STATUSES)[number];

export interface ValidatorInfo {
  readonly index: number;
  readonly pubkey: Uint8Array;
  readonly status: ValidatorStatus;
  readonly balanceGwei: number;
  readonly effectiveBalanceGwei: number;
  /** Infinity while there is none. */
  readonly activationEpoch: number;
  /** Infinity while there is none. */
  readonly exitEpoch: number;
}

export interface ProduceBlockRequest {
  readonly slot: number;
  readonly randaoReveal: Uint8Array;
  /** 32 bytes; the node's own by default. */
  readonly graffiti?: Uint8Array;
  /** Percent by which a builder's payload is worth more or less than it says; 0 is never a builder's. */
  readonly builderBoostFactor?: bigint;
}

export const BROADCAST_VALIDATIONS = ["gossip", "consensus", "consensus_and_equivocation"] as const;
export type BroadcastValidation = (typeof BROADCAST_VALIDATIONS)[number];

export interface PublishBlockRequest {
  readonly fork: Fork;
  readonly signedBlock: SignedBeaconBlock;
  readonly blobs: readonly Uint8Array[];
  readonly kzgProofs: readonly Uint8Array[];
  /** "gossip" by default. */
  readonly validation?: BroadcastValidation;
}

/** `isImported` is false when the block was broadcast but failed to become part of the node's chain. */
export interface PublishBlockResult {
  readonly isImported: boolean;
}

export interface BeaconCommitteeSubscription {
  readonly validatorIndex: number;
  readonly committeeIndex: number;
  readonly committeesAtSlot: number;
  readonly slot: number;
  readonly isAggregator: boolean;
}

export interface SyncCommitteeSubscription {
  readonly validatorIndex: number;
  readonly syncCommitteeIndices: readonly number[];
  /** Exclusive. */
  readonly untilEpoch: number;
}

export interface ProposerPreparation {
  readonly validatorIndex: number;
  /** 20 bytes. */
  readonly feeRecipient: Uint8Array;
}

export interface ValidatorLiveness {
  readonly index: number;
  readonly isLive: boolean;
}

/** The head changed. The dependent roots are those of `Duties` for the epoch of `slot` and for the one after it. */
export interface HeadEvent {
  readonly type: "head";
  readonly slot: number;
  readonly block: Uint8Array;
  readonly state: Uint8Array;
  readonly isEpochTransition: boolean;
  /** `previous_duty_dependent_root` of the first version of this event. */
  readonly currentEpochDependentRoot: Uint8Array;
  /** `current_duty_dependent_root` of the first version of this event. */
  readonly nextEpochDependentRoot: Uint8Array;
  readonly isOptimistic: boolean;
}

/** A block was imported. */
export interface BlockEvent {
  readonly type: "block";
  readonly slot: number;
  readonly block: Uint8Array;
  readonly isOptimistic: boolean;
}

/** The new head does not descend from the old one. */
export interface ChainReorgEvent {
  readonly type: "chain_reorg";
  readonly slot: number;
  readonly depth: number;
  readonly oldHeadBlock: Uint8Array;
  readonly newHeadBlock: Uint8Array;
  readonly epoch: number;
}

export type BeaconEvent = HeadEvent | BlockEvent | ChainReorgEvent;

/** Attestations of one fork: `single` from electra on, `aggregated` (with one bit each) before. */
export type UnaggregatedAttestations =
  | { readonly kind: "single"; readonly fork: Fork; readonly attestations: readonly SingleAttestation[] }
  | { readonly kind: "aggregated"; readonly fork: Fork; readonly attestations: readonly Phase0Attestation[] };

export interface AggregateQuery {
  readonly attestationDataRoot: Uint8Array;
  readonly slot: number;
  /** Of the aggregate's one committee; before electra it is in the data too. */
  readonly committeeIndex: number;
}

export interface ContributionQuery {
  readonly slot: number;
  readonly subcommitteeIndex: number;
  readonly beaconBlockRoot: Uint8Array;
}

export const BEACON_API_CODES = ["UNREACHABLE", "TIMEOUT", "SYNCING", "NOT_FOUND", "BAD_REQUEST", "INTERNAL"] as const;
export type BeaconApiCode = (typeof BEACON_API_CODES)[number];

/** A beacon node did not answer, or answered that it cannot. */
export class BeaconApiError extends CressetError {
  declare readonly code: BeaconApiCode;
  constructor(code: BeaconApiCode, message: string, options?: { cause?: unknown }) {
    super(code, message, options);
  }
}

/**
 * A beacon node, as its validators see it. Every method may reject with BeaconApiError; those that take a list resolve
 * with the items refused, by place, and an empty list when all were taken.
 */
export interface BeaconApi {
  /** For logs: the URL without credentials, or that it is in process. */
  readonly name: string;

  getGenesis(): Promise<GenesisInfo>;
  /** The node's configuration and presets: names as in the spec, values as the beacon API writes them. */
  getSpec(): Promise<Readonly<Record<string, unknown>>>;
  getSyncing(): Promise<SyncingInfo>;
  /** Those of the keys that the head state has; no order promised. */
  getValidators(pubkeys: readonly Uint8Array[]): Promise<readonly ValidatorInfo[]>;

  /** @param epoch at most the next one */
  getProposerDuties(epoch: number): Promise<Duties<ProposerDuty>>;
  /** @param epoch at most the next one */
  getAttesterDuties(epoch: number, validatorIndices: readonly number[]): Promise<Duties<AttesterDuty>>;
  /** Of the sync committee period of the epoch; validators without a duty are left out. */
  getSyncDuties(epoch: number, validatorIndices: readonly number[]): Promise<readonly SyncDuty[]>;

  /** @param committeeIndex written into the data before electra; 0 from then on */
  produceAttestationData(slot: number, committeeIndex: number): Promise<AttestationData>;
  submitAttestations(attestations: UnaggregatedAttestations): Promise<readonly ItemFailure[]>;
  /** The best aggregate the node knows; rejects with NOT_FOUND when there is none. */
  getAggregateAttestation(query: AggregateQuery): Promise<Attestation | Phase0Attestation>;
  publishAggregateAndProofs(
    fork: Fork,
    aggregates: readonly SignedAggregateAndProof[],
  ): Promise<readonly ItemFailure[]>;

  submitSyncCommitteeMessages(messages: readonly SyncCommitteeMessage[]): Promise<readonly ItemFailure[]>;
  /** Rejects with NOT_FOUND when the node knows no message to put into it. */
  produceSyncCommitteeContribution(query: ContributionQuery): Promise<SyncCommitteeContribution>;
  publishContributionAndProofs(contributions: readonly SignedContributionAndProof[]): Promise<readonly ItemFailure[]>;
  /** The root of the head block: what sync committee messages vote for. */
  getHeadBlockRoot(): Promise<Uint8Array>;

  produceBlock(request: ProduceBlockRequest): Promise<ProducedBlock>;
  publishBlock(request: PublishBlockRequest): Promise<PublishBlockResult>;

  subscribeBeaconCommittees(subscriptions: readonly BeaconCommitteeSubscription[]): Promise<void>;
  subscribeSyncCommittees(subscriptions: readonly SyncCommitteeSubscription[]): Promise<void>;
  prepareBeaconProposer(preparations: readonly ProposerPreparation[]): Promise<void>;
  /** @param epoch the current or the previous one */
  getLiveness(epoch: number, validatorIndices: readonly number[]): Promise<readonly ValidatorLiveness[]>;

  /**
   * Calls back for every event from now on; a connection that breaks is made again.
   * @returns ends it
   */
  subscribeEvents(types: readonly BeaconEvent["type"][], onEvent: (event: BeaconEvent) => void): () => void;
}
