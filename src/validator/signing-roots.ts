/**
 * What a validator signs, as roots, without a state: the fork schedule says which domain holds when.
 * @see https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/phase0/validator.md
 */
import type { ChainSpec } from "../spec/chain-spec.ts";
import { forkAtEpoch, forkVersion } from "../spec/config.ts";
import {
  DOMAIN_AGGREGATE_AND_PROOF,
  DOMAIN_BEACON_ATTESTER,
  DOMAIN_BEACON_PROPOSER,
  DOMAIN_CONTRIBUTION_AND_PROOF,
  DOMAIN_RANDAO,
  DOMAIN_SELECTION_PROOF,
  DOMAIN_SYNC_COMMITTEE,
  DOMAIN_SYNC_COMMITTEE_SELECTION_PROOF,
} from "../spec/constants.ts";
import type { AggregateAndProof, AttestationData, BeaconBlock, ContributionAndProof } from "../spec/containers.ts";
import { Fork } from "../spec/fork.ts";
import { forkTypes } from "../spec/fork-types.ts";
import { uint64Root } from "../spec/merkle.ts";
import { computeDomain, computeEpochAtSlot, computeSigningRoot } from "../spec/misc.ts";

export class SigningRoots {
  readonly spec: ChainSpec;
  readonly genesisValidatorsRoot: Uint8Array;
  /** One a domain type and fork: bounded by the protocol. */
  readonly #domains = new Map<string, Uint8Array>();

  constructor(spec: ChainSpec, genesisValidatorsRoot: Uint8Array) {
    this.spec = spec;
    this.genesisValidatorsRoot = genesisValidatorsRoot;
  }

  forkAtSlot(slot: number): Fork {
    return forkAtEpoch(this.spec.config, computeEpochAtSlot(this.spec, slot));
  }

  /** @spec get_block_signature (phase0) */
  block(block: BeaconBlock): Uint8Array {
    const fork = this.forkAtSlot(block.slot);
    const root = forkTypes({ spec: this.spec, fork }).BeaconBlock.hashTreeRoot(block);
    return this.#root(root, DOMAIN_BEACON_PROPOSER, computeEpochAtSlot(this.spec, block.slot));
  }

  /** @spec get_epoch_signature (phase0) */
  randao(epoch: number): Uint8Array {
    return this.#root(uint64Root(epoch), DOMAIN_RANDAO, epoch);
  }

  /** @spec get_attestation_signature (phase0) */
  attestation(data: AttestationData): Uint8Array {
    return this.#root(this.attestationData(data), DOMAIN_BEACON_ATTESTER, data.target.epoch);
  }

  /** The root by which aggregates are asked for: not one to sign. */
  attestationData(data: AttestationData): Uint8Array {
    return this.spec.types.phase0.AttestationData.hashTreeRoot(data);
  }

  /** @spec get_slot_signature (phase0) */
  slotSelection(slot: number): Uint8Array {
    return this.#root(uint64Root(slot), DOMAIN_SELECTION_PROOF, computeEpochAtSlot(this.spec, slot));
  }

  /** @spec get_aggregate_and_proof_signature (phase0, electra) */
  aggregateAndProof(aggregateAndProof: AggregateAndProof): Uint8Array {
    const { slot } = aggregateAndProof.aggregate.data;
    const { phase0, electra } = this.spec.types;
    const type = this.forkAtSlot(slot) >= Fork.electra ? electra.AggregateAndProof : phase0.AggregateAndProof;
    const root = type.hashTreeRoot(aggregateAndProof);
    return this.#root(root, DOMAIN_AGGREGATE_AND_PROOF, computeEpochAtSlot(this.spec, slot));
  }

  /** @spec get_sync_committee_message (altair) */
  syncMessage(slot: number, beaconBlockRoot: Uint8Array): Uint8Array {
    return this.#root(beaconBlockRoot, DOMAIN_SYNC_COMMITTEE, computeEpochAtSlot(this.spec, slot));
  }

  /** @spec get_sync_committee_selection_proof (altair) */
  syncSelection(slot: number, subcommitteeIndex: number): Uint8Array {
    const root = this.spec.types.altair.SyncAggregatorSelectionData.hashTreeRoot({ slot, subcommitteeIndex });
    return this.#root(root, DOMAIN_SYNC_COMMITTEE_SELECTION_PROOF, computeEpochAtSlot(this.spec, slot));
  }

  /** @spec get_contribution_and_proof_signature (altair) */
  contributionAndProof(contributionAndProof: ContributionAndProof): Uint8Array {
    const root = this.spec.types.altair.ContributionAndProof.hashTreeRoot(contributionAndProof);
    const epoch = computeEpochAtSlot(this.spec, contributionAndProof.contribution.slot);
    return this.#root(root, DOMAIN_CONTRIBUTION_AND_PROOF, epoch);
  }

  #root(objectRoot: Uint8Array, domainType: Uint8Array, epoch: number): Uint8Array {
    const fork = forkAtEpoch(this.spec.config, epoch);
    const name = `${domainType[0]}:${fork}`;
    let domain = this.#domains.get(name);
    if (!domain) {
      const version = forkVersion(this.spec.config, fork);
      domain = computeDomain(this.spec, domainType, version, this.genesisValidatorsRoot);
      this.#domains.set(name, domain);
    }
    return computeSigningRoot(objectRoot, domain);
  }
}
