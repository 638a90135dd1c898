/**
 * What this node's validators made, on its way to network and chain.
 * @see https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/fulu/validator.md
 */
import { UsageError } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import { verifyBlobKzgProofBatch } from "../crypto/kzg.ts";
import { getCommitteeCountPerSlot } from "../spec/accessors.ts";
import { getBlobSidecars } from "../spec/blobs.ts";
import type {
  DataColumnSidecar,
  Phase0Attestation,
  SignedAggregateAndProof,
  SignedBeaconBlock,
  SignedContributionAndProof,
  SingleAttestation,
  SyncCommitteeMessage,
} from "../spec/containers.ts";
import { computeSubnetForDataColumnSidecar, getDataColumnSidecarsFromBlock } from "../spec/das.ts";
import type { ItemFailure } from "../spec/duties.ts";
import { Fork } from "../spec/fork.ts";
import { forkTypes } from "../spec/fork-types.ts";
import { tupleKey } from "../spec/gossip/seen.ts";
import type { GossipTopic } from "../spec/gossip/topic.ts";
import { computeSubnetForAttestation, computeSubnetsForSyncCommittee } from "../spec/validator.ts";
import type { Chain } from "./chain.ts";
import type { ImportResult } from "./import-block.ts";
import { type IncomingBlock, toIncomingBlock } from "./incoming-block.ts";
import type { KzgCells } from "./kzg-cells.ts";
import type { MessageRules } from "./message-rules.ts";

/** The network, as those see it who have something to say. */
export interface Publisher {
  /** @param message.bytes SSZ */
  publish(message: { topic: GossipTopic; subnet?: number; fork: Fork; bytes: Uint8Array }): Promise<void>;
}

export interface PublishParts {
  readonly chain: Chain;
  readonly rules: MessageRules;
  readonly kzgCells: KzgCells;
  readonly publisher: Publisher;
  readonly log: Logger;
}

export class Publishing {
  readonly #parts: PublishParts;

  constructor(parts: PublishParts) {
    this.#parts = parts;
  }

  /** Sends block and data to peers and imports them. @throws UsageError when they do not belong together */
  async block(
    signedBlock: SignedBeaconBlock,
    blobs: readonly Uint8Array[],
    kzgProofs: readonly Uint8Array[],
  ): Promise<ImportResult> {
    const { chain } = this.#parts;
    const block = toIncomingBlock(chain.spec, signedBlock, { source: "api", seenAtMs: chain.slotClock.nowMs() });
    const commitments = block.fork >= Fork.deneb ? signedBlock.message.body.blobKzgCommitments.length : 0;
    if (blobs.length !== commitments) throw new UsageError(`${blobs.length} blobs for ${commitments} commitments`);
    const published = this.#send("beacon_block", block.fork, block.bytes);
    if (blobs.length > 0) {
      if (block.fork >= Fork.fulu) await this.#columns(block, blobs);
      else await this.#blobs(block, blobs, kzgProofs);
    }
    const [result] = await Promise.all([chain.importBlock(block), published]);
    return result;
  }

  async attestations(attestations: readonly (SingleAttestation | Phase0Attestation)[]): Promise<ItemFailure[]> {
    const { chain, rules } = this.#parts;
    return this.#each(attestations, async (attestation) => {
      const state = chain.headStateAt(chain.slotClock.currentSlot());
      const { data } = attestation;
      const committees = getCommitteeCountPerSlot(state, data.target.epoch);
      const index = "committeeIndex" in attestation ? attestation.committeeIndex : data.index;
      const subnet = computeSubnetForAttestation(chain.spec, committees, data.slot, index);
      const verdict = await rules.attestation(attestation, subnet);
      if (verdict.verdict !== "accept") return verdict.reason;
      const types = forkTypes(state);
      const bytes =
        "committeeIndex" in attestation
          ? types.SingleAttestation.serialize(attestation)
          : chain.spec.types.phase0.Attestation.serialize(attestation);
      await this.#send("beacon_attestation", state.fork, bytes, subnet);
      return undefined;
    });
  }

  async aggregates(fork: Fork, aggregates: readonly SignedAggregateAndProof[]): Promise<ItemFailure[]> {
    const { chain, rules } = this.#parts;
    return this.#each(aggregates, async (aggregate) => {
      const verdict = await rules.aggregate(aggregate);
      // Another aggregator was first with the same votes: nothing is wrong.
      if (verdict.verdict === "reject") return verdict.reason;
      const bytes = forkTypes({ spec: chain.spec, fork }).SignedAggregateAndProof.serialize(aggregate);
      if (verdict.verdict === "accept") await this.#send("beacon_aggregate_and_proof", fork, bytes);
      return undefined;
    });
  }

  async syncCommitteeMessages(messages: readonly SyncCommitteeMessage[]): Promise<ItemFailure[]> {
    const { chain, rules } = this.#parts;
    return this.#each(messages, async (message) => {
      const state = chain.headStateAt(chain.slotClock.currentSlot());
      if (!(message.validatorIndex < state.validators.length)) return `there is no validator ${message.validatorIndex}`;
      const bytes = chain.spec.types.altair.SyncCommitteeMessage.serialize(message);
      for (const subnet of computeSubnetsForSyncCommittee(state, message.validatorIndex)) {
        const verdict = await rules.syncCommitteeMessage(message, subnet);
        if (verdict.verdict === "reject") return verdict.reason;
        if (verdict.verdict === "accept") await this.#send("sync_committee", state.fork, bytes, subnet);
      }
      return undefined;
    });
  }

  async contributions(contributions: readonly SignedContributionAndProof[]): Promise<ItemFailure[]> {
    const { chain, rules } = this.#parts;
    return this.#each(contributions, async (contribution) => {
      const verdict = await rules.contribution(contribution);
      if (verdict.verdict === "reject") return verdict.reason;
      const { fork } = chain.headState();
      const bytes = chain.spec.types.altair.SignedContributionAndProof.serialize(contribution);
      if (verdict.verdict === "accept") await this.#send("sync_committee_contribution_and_proof", fork, bytes);
      return undefined;
    });
  }

  /** Columns that were made here because they did not come: peers may lack them too. */
  async columns(block: IncomingBlock, sidecars: readonly DataColumnSidecar[]): Promise<void> {
    const { chain } = this.#parts;
    const { slot, proposerIndex } = block.signedBlock.message;
    const type = forkTypes({ spec: chain.spec, fork: block.fork }).DataColumnSidecar;
    for (const sidecar of sidecars) {
      chain.seen.dataColumnSidecarTuples.open(slot).add(tupleKey(proposerIndex, sidecar.index));
      const subnet = computeSubnetForDataColumnSidecar(chain.spec, sidecar.index);
      await this.#send("data_column_sidecar", block.fork, type.serialize(sidecar), subnet);
    }
  }

  async #columns(block: IncomingBlock, blobs: readonly Uint8Array[]): Promise<void> {
    const { chain, kzgCells } = this.#parts;
    const commitments = block.signedBlock.message.body.blobKzgCommitments;
    const cells = await Promise.all(blobs.map((blob, k) => kzgCells.compute(blob, commitments[k]!)));
    const type = forkTypes({ spec: chain.spec, fork: block.fork }).DataColumnSidecar;
    const sidecars = getDataColumnSidecarsFromBlock(chain.spec, block.signedBlock, cells);
    // All at once: what is written together waits for the disk but once.
    await Promise.all(
      sidecars.map((sidecar) => {
        const subnet = computeSubnetForDataColumnSidecar(chain.spec, sidecar.index);
        const sent = this.#send("data_column_sidecar", block.fork, type.serialize(sidecar), subnet);
        return Promise.all([sent, chain.availability.addColumn(block.root, sidecar)]);
      }),
    );
  }

  async #blobs(block: IncomingBlock, blobs: readonly Uint8Array[], proofs: readonly Uint8Array[]): Promise<void> {
    const { chain } = this.#parts;
    const commitments = block.signedBlock.message.body.blobKzgCommitments;
    if (!verifyBlobKzgProofBatch(blobs, commitments, proofs)) throw new UsageError("the proofs of the blobs are wrong");
    const type = chain.spec.types.electra.BlobSidecar;
    for (const sidecar of getBlobSidecars(chain.spec, block.signedBlock, blobs, proofs)) {
      await chain.availability.addBlob(block.root, sidecar);
      await this.#send("blob_sidecar", block.fork, type.serialize(sidecar), sidecar.index);
    }
  }

  /** A network without peers is no reason to fail: the chain has the message all the same. */
  async #send(topic: GossipTopic, fork: Fork, bytes: Uint8Array, subnet?: number): Promise<void> {
    const { publisher, log } = this.#parts;
    try {
      await publisher.publish({ topic, fork, bytes, ...(subnet !== undefined && { subnet }) });
    } catch (error) {
      log.debug({ topic, err: error }, "could not publish a message");
    }
  }

  /** Works on all items at once, so that their signatures are checked together. */
  async #each<T>(items: readonly T[], work: (item: T) => Promise<string | undefined>): Promise<ItemFailure[]> {
    const results = await Promise.allSettled(items.map(work));
    const failures: ItemFailure[] = [];
    for (const [index, result] of results.entries()) {
      if (result.status === "rejected") failures.push({ index, message: (result.reason as Error).message });
      else if (result.value !== undefined) failures.push({ index, message: result.value });
    }
    return failures;
  }
}
