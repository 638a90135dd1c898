/**
 * Gossip rules and custody.
 * https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/tests/formats/networking/README.md
 */
import assert from "node:assert/strict";
import { type ChainSpec, createChainSpec } from "../../src/spec/chain-spec.ts";
import { parseConfig } from "../../src/spec/config-file.ts";
import type { Types } from "../../src/spec/containers.ts";
import { computeColumnsForCustodyGroup, getCustodyGroups } from "../../src/spec/das.ts";
import { FORK_NAMES, Fork } from "../../src/spec/fork.ts";
import { forkTypes } from "../../src/spec/fork-types.ts";
import { validateAttesterSlashingGossip } from "../../src/spec/gossip/attester-slashing.ts";
import { validateBeaconAggregateAndProofGossip } from "../../src/spec/gossip/beacon-aggregate-and-proof.ts";
import { validateBeaconAttestationGossip } from "../../src/spec/gossip/beacon-attestation.ts";
import { validateBeaconBlockGossip } from "../../src/spec/gossip/beacon-block.ts";
import { validateBlobSidecarGossip } from "../../src/spec/gossip/blob-sidecar.ts";
import { validateBlsToExecutionChangeGossip } from "../../src/spec/gossip/bls-to-execution-change.ts";
import { validateDataColumnSidecarGossip } from "../../src/spec/gossip/data-column-sidecar.ts";
import { validatePartialDataColumnSidecarGossip } from "../../src/spec/gossip/partial-data-column-sidecar.ts";
import { validateProposerSlashingGossip } from "../../src/spec/gossip/proposer-slashing.ts";
import { Seen } from "../../src/spec/gossip/seen.ts";
import {
  validateSyncCommitteeContributionAndProofGossip,
  validateSyncCommitteeMessageGossip,
} from "../../src/spec/gossip/sync-committee.ts";
import type { Verdict } from "../../src/spec/gossip/verdict.ts";
import { validateVoluntaryExitGossip } from "../../src/spec/gossip/voluntary-exit.ts";
import { immediateVerifier } from "../../src/spec/signature-sets.ts";
import type { BeaconState } from "../../src/spec/state.ts";
import { forkOf, specOf, stateOf } from "./chain.ts";
import { CaseStore } from "./gossip-store.ts";
import { runVectors, type VectorCase } from "./vectors.ts";

interface Message {
  message: string;
  offset_ms?: number;
  subnet_id?: number;
  column_index?: number;
  group_id?: string;
  expected: "valid" | "ignore" | "reject";
  reason?: string;
}

/** What a topic's handler gets: everything but the bytes is decoded. */
interface Received {
  vector: VectorCase;
  seen: Seen;
  store: CaseStore;
  state: BeaconState;
  types: Types["fulu"];
  bytes: Uint8Array;
  nowMs: number;
  message: Message;
}

const verifier = immediateVerifier;

const TOPICS: Record<string, (received: Received) => Promise<Verdict>> = {
  beacon_block: ({ seen, store, state, types, bytes, nowMs }) =>
    validateBeaconBlockGossip(seen, store, state, types.SignedBeaconBlock.deserialize(bytes), nowMs, verifier),
  beacon_attestation: ({ seen, store, state, types, bytes, nowMs, message }) => {
    const attestation =
      state.fork >= Fork.electra
        ? types.SingleAttestation.deserialize(bytes)
        : state.spec.types.phase0.Attestation.deserialize(bytes);
    return validateBeaconAttestationGossip(seen, store, state, attestation, nowMs, message.subnet_id!, verifier);
  },
  beacon_aggregate_and_proof: ({ seen, store, state, types, bytes, nowMs }) => {
    const aggregate = types.SignedAggregateAndProof.deserialize(bytes);
    return validateBeaconAggregateAndProofGossip(seen, store, state, aggregate, nowMs, verifier);
  },
  voluntary_exit: ({ seen, state, types, bytes }) =>
    validateVoluntaryExitGossip(seen, state, types.SignedVoluntaryExit.deserialize(bytes), verifier),
  proposer_slashing: ({ seen, state, types, bytes }) =>
    validateProposerSlashingGossip(seen, state, types.ProposerSlashing.deserialize(bytes), verifier),
  attester_slashing: ({ seen, state, types, bytes }) =>
    validateAttesterSlashingGossip(seen, state, types.AttesterSlashing.deserialize(bytes), verifier),
  sync_committee: ({ seen, state, types, bytes, nowMs, message }) => {
    const syncMessage = types.SyncCommitteeMessage.deserialize(bytes);
    return validateSyncCommitteeMessageGossip(seen, state, syncMessage, nowMs, message.subnet_id!, verifier);
  },
  sync_committee_contribution_and_proof: ({ seen, state, types, bytes, nowMs }) => {
    const contribution = types.SignedContributionAndProof.deserialize(bytes);
    return validateSyncCommitteeContributionAndProofGossip(seen, state, contribution, nowMs, verifier);
  },
  bls_to_execution_change: ({ seen, state, types, bytes, nowMs }) => {
    const change = types.SignedBLSToExecutionChange.deserialize(bytes);
    return validateBlsToExecutionChangeGossip(seen, state, change, nowMs, verifier);
  },
  blob_sidecar: ({ seen, store, state, types, bytes, nowMs, message }) => {
    const sidecar = types.BlobSidecar.deserialize(bytes);
    return validateBlobSidecarGossip(seen, store, state, sidecar, nowMs, message.subnet_id!, verifier);
  },
  data_column_sidecar: ({ seen, store, state, types, bytes, nowMs, message }) => {
    const sidecar = types.DataColumnSidecar.deserialize(bytes);
    return validateDataColumnSidecarGossip(seen, store, state, sidecar, nowMs, message.subnet_id!, verifier);
  },
  partial_data_column_sidecar: ({ vector, seen, store, state, types, bytes, nowMs, message }) => {
    const sidecar = types.PartialDataColumnSidecar.deserialize(bytes);
    const groupId = types.PartialDataColumnGroupID.deserialize(vector.ssz(message.group_id!));
    const column = message.column_index!;
    return validatePartialDataColumnSidecarGossip(seen, store, state, sidecar, nowMs, groupId, column, verifier);
  },
};

/**
 * A case without its own config is of a chain that has been on its fork from genesis. One has a config whose forks are
 * out of order, which no network can have: the forks before the case's own are put at genesis.
 */
function chainSpecOf(vector: VectorCase): ChainSpec {
  const earlier = FORK_NAMES.slice(1).filter((name) => Fork[name] < forkOf(vector));
  if (vector.has("config.yaml")) {
    const yaml = earlier.reduce(
      (text, name) => text.replace(new RegExp(`^${name.toUpperCase()}_FORK_EPOCH: \\d+$`, "m"), epochLine(name, 0)),
      vector.text("config.yaml"),
    );
    return createChainSpec(parseConfig(yaml).config);
  }
  const overrides = [...earlier, FORK_NAMES[forkOf(vector)]!].map((name) => [`${name.toUpperCase()}_FORK_EPOCH`, 0]);
  return specOf(vector, Object.fromEntries(overrides));
}

function epochLine(name: string, epoch: number): string {
  return `${name.toUpperCase()}_FORK_EPOCH: ${epoch}`;
}

async function runGossip(vector: VectorCase): Promise<void> {
  const { topic, current_time_ms: baseMs, messages } = vector.meta;
  const spec = chainSpecOf(vector);
  const anchor = stateOf(vector, "state", forkOf(vector), spec);
  const types = forkTypes(anchor);
  const store = new CaseStore(vector, anchor);
  const seen = new Seen();
  for (const { block_root, header } of vector.meta.seen_partial_data_column_headers ?? []) {
    seen.partialDataColumnHeaders.set(block_root, types.PartialDataColumnHeader.deserialize(vector.ssz(header)));
  }
  for (const [i, message] of (messages as Message[]).entries()) {
    const sinceGenesisMs = (baseMs ?? 0) + (message.offset_ms ?? 0);
    const state = store.headStateAt(sinceGenesisMs);
    const rootBefore = state.hashTreeRoot();
    const nowMs = state.genesisTime * 1000 + sinceGenesisMs;
    const bytes = vector.ssz(message.message);
    const validate = TOPICS[topic];
    assert.ok(validate, `unknown topic ${topic}`);
    const verdict = await validate({ vector, seen, store, state, types, bytes, nowMs, message });
    const expected =
      message.expected === "valid" ? { verdict: "accept" } : { verdict: message.expected, reason: message.reason };
    assert.deepEqual(verdict, expected, `message ${i}`);
    assert.deepEqual(state.hashTreeRoot(), rootBefore, "the state was mutated");
  }
}

const gossipHandlers = Object.fromEntries(
  [
    "attester_slashing",
    "beacon_aggregate_and_proof",
    "beacon_attestation",
    "beacon_block",
    "blob_sidecar",
    "bls_to_execution_change",
    "data_column_sidecar",
    "partial_data_column_sidecar",
    "proposer_slashing",
    "sync_committee_contribution_and_proof",
    "sync_committee_message",
    "voluntary_exit",
  ].map((topic) => [`gossip_${topic}`, runGossip]),
);

runVectors("networking", {
  ...gossipHandlers,
  get_custody_groups: (vector) => {
    const { node_id: nodeId, custody_group_count: count, result } = vector.meta;
    assert.deepEqual(getCustodyGroups(specOf(vector), BigInt(nodeId), count), result);
  },
  compute_columns_for_custody_group: (vector) => {
    const { custody_group: group, result } = vector.meta;
    assert.deepEqual(computeColumnsForCustodyGroup(specOf(vector), group), result);
  },
});
