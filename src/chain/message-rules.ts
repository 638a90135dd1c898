/**
 * The gossip rules of votes and operations, and what an accepted message does to chain and pools. The same way is taken
 * by messages of the network and by those of this node's own validators.
 * @see https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/electra/p2p-interface.md
 */

import { bytesEqual } from "../base/bytes.ts";
import { getBeaconCommittee } from "../spec/accessors.ts";
import { attestationDataRoot, getAttestingIndices } from "../spec/attestations.ts";
import type {
  Attestation,
  AttestationData,
  AttesterSlashing,
  Phase0Attestation,
  ProposerSlashing,
  SignedAggregateAndProof,
  SignedBLSToExecutionChange,
  SignedContributionAndProof,
  SignedVoluntaryExit,
  SingleAttestation,
  SyncCommitteeMessage,
} from "../spec/containers.ts";
import { Fork } from "../spec/fork.ts";
import { onVerifiedAttesterSlashing } from "../spec/fork-choice/on-attestation.ts";
import { forkTypes } from "../spec/fork-types.ts";
import { validateAttesterSlashingGossip } from "../spec/gossip/attester-slashing.ts";
import { validateBeaconAggregateAndProofGossip } from "../spec/gossip/beacon-aggregate-and-proof.ts";
import { validateBeaconAttestationGossip } from "../spec/gossip/beacon-attestation.ts";
import { validateBlsToExecutionChangeGossip } from "../spec/gossip/bls-to-execution-change.ts";
import type { GossipMessage } from "../spec/gossip/message.ts";
import { validateProposerSlashingGossip } from "../spec/gossip/proposer-slashing.ts";
import type { GossipVerifier } from "../spec/gossip/signature.ts";
import {
  validateSyncCommitteeContributionAndProofGossip,
  validateSyncCommitteeMessageGossip,
} from "../spec/gossip/sync-committee.ts";
import { ignore, type Verdict } from "../spec/gossip/verdict.ts";
import { validateVoluntaryExitGossip } from "../spec/gossip/voluntary-exit.ts";
import { getSyncSubcommitteePubkeys } from "../spec/p2p.ts";
import { decodeSsz } from "../spec/ssz-decode.ts";
import type { BeaconState } from "../spec/state.ts";
import type { Chain } from "./chain.ts";

import type { Pools } from "./pools/pools.ts";

export class MessageRules {
  readonly #chain: Chain;
  readonly #pools: Pools;
  readonly #verifier: GossipVerifier;

  constructor(parts: { chain: Chain; pools: Pools; verifier: GossipVerifier }) {
    this.#chain = parts.chain;
    this.#pools = parts.pools;
    this.#verifier = parts.verifier;
  }

  /** @throws DecodeError */
  async judge({ topic, fork, bytes, subnet = 0 }: GossipMessage): Promise<Verdict> {
    const types = forkTypes({ spec: this.#chain.spec, fork });
    switch (topic) {
      case "beacon_attestation": {
        const type = fork >= Fork.electra ? types.SingleAttestation : types.Attestation;
        return this.attestation(decodeSsz(type as typeof types.SingleAttestation, bytes), subnet);
      }
      case "beacon_aggregate_and_proof":
        return this.aggregate(decodeSsz(types.SignedAggregateAndProof, bytes));
      case "sync_committee":
        return this.syncCommitteeMessage(decodeSsz(types.SyncCommitteeMessage, bytes), subnet);
      case "sync_committee_contribution_and_proof":
        return this.contribution(decodeSsz(types.SignedContributionAndProof, bytes));
      case "voluntary_exit":
        return this.voluntaryExit(decodeSsz(types.SignedVoluntaryExit, bytes));
      case "proposer_slashing":
        return this.proposerSlashing(decodeSsz(types.ProposerSlashing, bytes));
      case "attester_slashing":
        return this.attesterSlashing(decodeSsz(types.AttesterSlashing, bytes));
      case "bls_to_execution_change":
        return this.blsToExecutionChange(decodeSsz(types.SignedBLSToExecutionChange, bytes));
      default:
        return ignore("this node makes its light-client updates itself");
    }
  }

  /** A single vote. */
  async attestation(attestation: SingleAttestation | Phase0Attestation, subnet: number): Promise<Verdict> {
    const { seen, view, slotClock, events } = this.#chain;
    const state = this.#state();
    const verdict = await validateBeaconAttestationGossip(
      ...([seen, view, state, attestation, slotClock.nowMs(), subnet, this.#verifier] as const),
    );
    if (verdict.verdict !== "accept") return verdict;
    const { data } = attestation;
    const committeeIndex = "committeeIndex" in attestation ? attestation.committeeIndex : data.index;
    const committee = this.#committee(data, committeeIndex);
    const position =
      "committeeIndex" in attestation ? committee.indexOf(attestation.attesterIndex) : firstBit(attestation);
    this.#chain.addVote(data, [committee[position]!]);
    const key = {
      data,
      dataRoot: attestationDataRoot(this.#state(), data),
      committeeIndex,
      committeeLength: committee.length,
    };
    this.#pools.attestations.addSingle(key, position, attestation.signature);
    if ("committeeIndex" in attestation) events.emit("single_attestation", { attestation });
    else events.emit("attestation", { fork: state.fork, attestation });
    return verdict;
  }

  /** An aggregate of one committee. */
  async aggregate(signed: SignedAggregateAndProof): Promise<Verdict> {
    const { seen, view, slotClock, events } = this.#chain;
    const nowMs = slotClock.nowMs();
    const verdict = await validateBeaconAggregateAndProofGossip(
      seen,
      view,
      this.#state(),
      signed,
      nowMs,
      this.#verifier,
    );
    if (verdict.verdict !== "accept") return verdict;
    const { aggregate } = signed.message;
    const { data, aggregationBits: bits, signature } = aggregate;
    // Before electra the committee is in the data.
    const committeeIndex =
      "committeeBits" in aggregate ? aggregate.committeeBits.getTrueBitIndexes()[0]! : (data as AttestationData).index;
    const state = this.#state();
    this.#chain.addVote(data, getAttestingIndices(state, aggregate as Attestation));
    const key = { data, dataRoot: attestationDataRoot(state, data), committeeIndex, committeeLength: bits.bitLen };
    this.#pools.attestations.addAggregate(key, { bits, signature });
    events.emit("attestation", { fork: state.fork, attestation: aggregate });
    return verdict;
  }

  async syncCommitteeMessage(message: SyncCommitteeMessage, subnet: number): Promise<Verdict> {
    const { seen, slotClock } = this.#chain;
    const state = this.#state();
    const verdict = await validateSyncCommitteeMessageGossip(
      seen,
      state,
      message,
      slotClock.nowMs(),
      subnet,
      this.#verifier,
    );
    if (verdict.verdict !== "accept") return verdict;
    const current = this.#state();
    const pubkey = current.validators.getPubkey(message.validatorIndex);
    const { slot, beaconBlockRoot, signature } = message;
    for (const [position, key] of getSyncSubcommitteePubkeys(current, subnet).entries()) {
      if (!bytesEqual(key, pubkey)) continue;
      this.#pools.syncCommittee.addMessage(slot, beaconBlockRoot, subnet, position, signature);
    }
    return verdict;
  }

  async contribution(signed: SignedContributionAndProof): Promise<Verdict> {
    const { seen, slotClock, events } = this.#chain;
    const nowMs = slotClock.nowMs();
    const verdict = await validateSyncCommitteeContributionAndProofGossip(
      seen,
      this.#state(),
      signed,
      nowMs,
      this.#verifier,
    );
    if (verdict.verdict !== "accept") return verdict;
    this.#pools.syncCommittee.addContribution(signed.message.contribution);
    events.emit("contribution_and_proof", signed);
    return verdict;
  }

  async voluntaryExit(signedExit: SignedVoluntaryExit): Promise<Verdict> {
    const verdict = await validateVoluntaryExitGossip(this.#chain.seen, this.#state(), signedExit, this.#verifier);
    if (verdict.verdict !== "accept") return verdict;
    this.#pools.operations.exits.set(signedExit.message.validatorIndex, signedExit);
    this.#chain.events.emit("voluntary_exit", signedExit);
    return verdict;
  }

  async proposerSlashing(slashing: ProposerSlashing): Promise<Verdict> {
    const verdict = await validateProposerSlashingGossip(this.#chain.seen, this.#state(), slashing, this.#verifier);
    if (verdict.verdict !== "accept") return verdict;
    this.#pools.operations.proposerSlashings.set(Number(slashing.signedHeader1.message.proposerIndex), slashing);
    this.#chain.events.emit("proposer_slashing", slashing);
    return verdict;
  }

  async attesterSlashing(slashing: AttesterSlashing): Promise<Verdict> {
    const verdict = await validateAttesterSlashingGossip(this.#chain.seen, this.#state(), slashing, this.#verifier);
    if (verdict.verdict !== "accept") return verdict;
    const { attestation1, attestation2 } = slashing;
    const both = new Set(attestation2.attestingIndices);
    const first = attestation1.attestingIndices.find((index) => both.has(index))!;
    this.#pools.operations.attesterSlashings.set(first, slashing);
    onVerifiedAttesterSlashing(this.#chain.store, attestation1.attestingIndices, attestation2.attestingIndices);
    this.#chain.events.emit("attester_slashing", slashing);
    return verdict;
  }

  async blsToExecutionChange(change: SignedBLSToExecutionChange): Promise<Verdict> {
    const { seen, slotClock } = this.#chain;
    const nowMs = slotClock.nowMs();
    const verdict = await validateBlsToExecutionChangeGossip(seen, this.#state(), change, nowMs, this.#verifier);
    if (verdict.verdict !== "accept") return verdict;
    this.#pools.operations.changes.set(change.message.validatorIndex, change);
    this.#chain.events.emit("bls_to_execution_change", change);
    return verdict;
  }

  #committee(data: AttestationData, committeeIndex: number): Uint32Array {
    return getBeaconCommittee(this.#state(), data.slot, committeeIndex);
  }

  /** The head's state at the current slot. Asked anew after every await: the head may be another one. */
  #state(): BeaconState {
    return this.#chain.headStateAt(this.#chain.slotClock.currentSlot());
  }
}

function firstBit(attestation: Phase0Attestation): number {
  return attestation.aggregationBits.getTrueBitIndexes()[0]!;
}
