/** The beacon API for validators of the same process: the chain's own functions, without HTTP. */

import { BitArray } from "@chainsafe/ssz";
import { InvalidBlock, UsageError } from "../base/errors.ts";
import { produceAttestationData } from "../chain/attestation-data.ts";
import type { Chain } from "../chain/chain.ts";
import { getAttesterDuties, getProposerDuties, getSyncDuties } from "../chain/duties.ts";
import type { Pools } from "../chain/pools/pools.ts";
import { type ProduceParts, produceBlock } from "../chain/produce-block.ts";
import type { Publishing } from "../chain/publish.ts";
import { getCurrentEpoch } from "../spec/accessors.ts";
import { forkAtEpoch } from "../spec/config.ts";
import type {
  Attestation,
  AttestationData,
  Phase0Attestation,
  SignedAggregateAndProof,
  SignedContributionAndProof,
  SyncCommitteeContribution,
  SyncCommitteeMessage,
} from "../spec/containers.ts";
import type { AttesterDuty, Duties, ItemFailure, ProducedBlock, ProposerDuty, SyncDuty } from "../spec/duties.ts";
import { Fork } from "../spec/fork.ts";
import { computeEpochAtSlot } from "../spec/misc.ts";
import {
  type AggregateQuery,
  type BeaconApi,
  BeaconApiError,
  type BeaconCommitteeSubscription,
  type BeaconEvent,
  type ContributionQuery,
  type GenesisInfo,
  type ProduceBlockRequest,
  type ProposerPreparation,
  type PublishBlockRequest,
  type PublishBlockResult,
  type SyncCommitteeSubscription,
  type SyncingInfo,
  type UnaggregatedAttestations,
  type ValidatorInfo,
  type ValidatorLiveness,
} from "../validator/beacon-api.ts";
import { validatorInfo } from "./validator-info.ts";

export interface LocalApiParts extends ProduceParts {
  readonly chain: Chain;
  readonly pools: Pools;
  readonly publishing: Publishing;
}

/** Attestation subnets and the like are the composition's business; a node of validators in process keeps them all. */
export class LocalBeaconApi implements BeaconApi {
  readonly name = "in process";
  readonly #parts: LocalApiParts;

  constructor(parts: LocalApiParts) {
    this.#parts = parts;
  }

  async getGenesis(): Promise<GenesisInfo> {
    const { genesisTime, genesisValidatorsRoot, spec } = this.#parts.chain;
    return { genesisTime, genesisValidatorsRoot, genesisForkVersion: spec.config.GENESIS_FORK_VERSION };
  }

  async getSpec(): Promise<Readonly<Record<string, unknown>>> {
    const { preset, config } = this.#parts.chain.spec;
    return { ...preset, ...config };
  }

  async getSyncing(): Promise<SyncingInfo> {
    const { headSlot, distance, isSyncing, isOptimistic, isEngineOffline } = this.#parts.chain.syncStatus();
    return { headSlot, syncDistance: distance, isSyncing, isOptimistic, isElOffline: isEngineOffline };
  }

  async getValidators(pubkeys: readonly Uint8Array[]): Promise<readonly ValidatorInfo[]> {
    const state = this.#parts.chain.headState();
    const indices = pubkeys.map((pubkey) => state.validators.indexOf(pubkey)).filter((index) => index >= 0);
    return indices.map((index) => validatorInfo(state, index));
  }

  getProposerDuties(epoch: number): Promise<Duties<ProposerDuty>> {
    return this.#answer(() => getProposerDuties(this.#synced(), epoch));
  }

  getAttesterDuties(epoch: number, validatorIndices: readonly number[]): Promise<Duties<AttesterDuty>> {
    return this.#answer(() => getAttesterDuties(this.#synced(), epoch, validatorIndices));
  }

  getSyncDuties(epoch: number, validatorIndices: readonly number[]): Promise<readonly SyncDuty[]> {
    return this.#answer(() => getSyncDuties(this.#synced(), epoch, validatorIndices));
  }

  produceAttestationData(slot: number, committeeIndex: number): Promise<AttestationData> {
    return this.#answer(() => produceAttestationData(this.#synced(), slot, committeeIndex));
  }

  submitAttestations({ attestations }: UnaggregatedAttestations): Promise<readonly ItemFailure[]> {
    return this.#answer(() => this.#parts.publishing.attestations(attestations));
  }

  getAggregateAttestation(query: AggregateQuery): Promise<Attestation | Phase0Attestation> {
    return this.#answer(() => {
      const { slot, attestationDataRoot, committeeIndex } = query;
      const { chain, pools } = this.#parts;
      const best = pools.attestations.best(slot, attestationDataRoot, committeeIndex);
      if (best === undefined) throw new BeaconApiError("NOT_FOUND", `no attestation of slot ${slot} with that data`);
      const { bits: aggregationBits, data, signature } = best;
      const fork = forkAtEpoch(chain.spec.config, computeEpochAtSlot(chain.spec, slot));
      if (fork < Fork.electra) return { aggregationBits, data, signature };
      const committeeBits = BitArray.fromSingleBit(chain.spec.preset.MAX_COMMITTEES_PER_SLOT, committeeIndex);
      return { aggregationBits, data, signature, committeeBits };
    });
  }

  publishAggregateAndProofs(
    fork: Fork,
    aggregates: readonly SignedAggregateAndProof[],
  ): Promise<readonly ItemFailure[]> {
    return this.#answer(() => this.#parts.publishing.aggregates(fork, aggregates));
  }

  submitSyncCommitteeMessages(messages: readonly SyncCommitteeMessage[]): Promise<readonly ItemFailure[]> {
    return this.#answer(() => this.#parts.publishing.syncCommitteeMessages(messages));
  }

  produceSyncCommitteeContribution(query: ContributionQuery): Promise<SyncCommitteeContribution> {
    return this.#answer(() => {
      const { slot, subcommitteeIndex, beaconBlockRoot } = query;
      const found = this.#parts.pools.syncCommittee.contribution(slot, beaconBlockRoot, subcommitteeIndex);
      if (found === undefined)
        throw new BeaconApiError("NOT_FOUND", `no sync committee message of slot ${slot} for that block`);
      return found;
    });
  }

  publishContributionAndProofs(contributions: readonly SignedContributionAndProof[]): Promise<readonly ItemFailure[]> {
    return this.#answer(() => this.#parts.publishing.contributions(contributions));
  }

  async getHeadBlockRoot(): Promise<Uint8Array> {
    return this.#synced().head.root;
  }

  produceBlock(request: ProduceBlockRequest): Promise<ProducedBlock> {
    return this.#answer(() => {
      this.#synced();
      return produceBlock(this.#parts, request);
    });
  }

  publishBlock({ signedBlock, blobs, kzgProofs }: PublishBlockRequest): Promise<PublishBlockResult> {
    return this.#answer(async () => {
      const result = await this.#parts.publishing.block(signedBlock, blobs, kzgProofs);
      if (result.status === "invalid") throw new BeaconApiError("BAD_REQUEST", `block ${result.error.message}`);
      return { isImported: result.status === "imported" || result.status === "known" };
    });
  }

  async subscribeBeaconCommittees(_subscriptions: readonly BeaconCommitteeSubscription[]): Promise<void> {}

  async subscribeSyncCommittees(_subscriptions: readonly SyncCommitteeSubscription[]): Promise<void> {}

  async prepareBeaconProposer(preparations: readonly ProposerPreparation[]): Promise<void> {
    const { chain, proposers } = this.#parts;
    const epoch = Math.max(0, chain.slotClock.currentEpoch());
    for (const { validatorIndex, feeRecipient } of preparations) proposers.prepare(validatorIndex, feeRecipient, epoch);
  }

  async getLiveness(epoch: number, validatorIndices: readonly number[]): Promise<readonly ValidatorLiveness[]> {
    const state = this.#parts.chain.headState();
    const current = getCurrentEpoch(state);
    if (epoch !== current && epoch + 1 !== current)
      throw new BeaconApiError("BAD_REQUEST", `epoch ${epoch} is not recent`);
    const seen = this.#parts.chain.seen.attestationValidatorEpochs.get(epoch);
    const column = epoch === current ? state.currentEpochParticipation : state.previousEpochParticipation;
    return validatorIndices.map((index) => ({ index, isLive: (seen?.has(index) ?? false) || column.get(index) !== 0 }));
  }

  subscribeEvents(types: readonly BeaconEvent["type"][], onEvent: (event: BeaconEvent) => void): () => void {
    const { events, slotClock, spec } = this.#parts.chain;
    const cancels: (() => void)[] = [];
    if (types.includes("head")) {
      cancels.push(
        events.on("head", ({ root, stateRoot, ...rest }) =>
          onEvent({ type: "head", block: root, state: stateRoot, ...rest }),
        ),
      );
    }
    if (types.includes("block")) {
      cancels.push(events.on("block", ({ root, ...rest }) => onEvent({ type: "block", block: root, ...rest })));
    }
    if (types.includes("chain_reorg")) {
      cancels.push(
        events.on("chain_reorg", ({ slot, depth, oldHead, newHead }) => {
          const epoch = computeEpochAtSlot(spec, Math.max(0, slotClock.currentSlot()));
          onEvent({ type: "chain_reorg", slot, depth, oldHeadBlock: oldHead, newHeadBlock: newHead, epoch });
        }),
      );
    }
    return () => {
      for (const cancel of cancels) cancel();
    };
  }

  /** @throws BeaconApiError when nothing may be signed on what this node knows */
  #synced(): Chain {
    const { chain } = this.#parts;
    const { isSyncing, distance } = chain.syncStatus();
    if (isSyncing) throw new BeaconApiError("SYNCING", `the node is ${distance} slots behind`);
    return chain;
  }

  /** Errors as the interface has them. */
  async #answer<T>(work: () => T | Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof BeaconApiError) throw error;
      const isCallers = error instanceof UsageError || error instanceof InvalidBlock;
      throw new BeaconApiError(isCallers ? "BAD_REQUEST" : "INTERNAL", (error as Error).message, { cause: error });
    }
  }
}
