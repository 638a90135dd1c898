/**
 * A validator's duties on real states, as the executable spec answers them (validator-duties.py asked it).
 * https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/phase0/validator.md
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { BitArray } from "@chainsafe/ssz";
import { fromHex, toHex } from "../../src/base/bytes.ts";
import { SecretKey } from "../../src/crypto/bls.ts";
import { getCurrentEpoch, getPreviousEpoch } from "../../src/spec/accessors.ts";
import {
  computeNewStateRoot,
  getEth1PendingDepositCount,
  getEth1Vote,
  isCandidateBlock,
  prepareExecutionPayload,
  votingPeriodStartTime,
} from "../../src/spec/block-production.ts";
import type { AttestationData } from "../../src/spec/containers.ts";
import { FORK_NAMES, Fork } from "../../src/spec/fork.ts";
import { forkTypes } from "../../src/spec/fork-types.ts";
import {
  computeMinEpochsForBlockRequests,
  computeSubscribedSubnets,
  getSyncSubcommitteePubkeys,
} from "../../src/spec/p2p.ts";
import type { BeaconState } from "../../src/spec/state.ts";
import {
  computeOnChainAggregate,
  computeSubnetForAttestation,
  computeSubnetsForSyncCommittee,
  getAggregateDueMs,
  getAttestationDueMs,
  getCommitteeAssignment,
  getContributionDueMs,
  getSyncMessageDueMs,
  getValidatorsCustodyRequirement,
  isAggregator,
  isAssignedToSyncCommittee,
  isProposer,
  isSyncCommitteeAggregator,
} from "../../src/spec/validator.ts";
import {
  getAggregateAndProof,
  getAggregateAndProofSignature,
  getAttestationSignature,
  getBlockSignature,
  getContributionAndProof,
  getContributionAndProofSignature,
  getEpochSignature,
  getSlotSignature,
  getSyncCommitteeMessage,
} from "../../src/spec/validator-signatures.ts";
import { computeWeakSubjectivityPeriod } from "../../src/spec/weak-subjectivity.ts";
import { stateOf } from "./chain.ts";
import expected from "./validator-duties.json" with { type: "json" };
import { allCases } from "./vectors.ts";

const CASE = "random/random/pyspec_tests/randomized_1";
const SIGNATURES = Array.from({ length: 24 }, (_, i) => new Uint8Array(96).fill(i + 1));
const NODE_IDS = [
  0n,
  1n,
  2n ** 255n + 12345n,
  2n ** 256n - 1n,
  51781405571328938149219259614021022118347017557305093857689627172914154745642n,
];
const ROOT = Uint8Array.from({ length: 32 }, (_, i) => i);
const KEY = SecretKey.fromBytes(Uint8Array.from({ length: 32 }, (_, i) => (i === 30 ? 0x30 : i === 31 ? 0x39 : 0)));

function attestationData(state: BeaconState): AttestationData {
  const epoch = getCurrentEpoch(state);
  const source = { epoch: 0, root: ROOT };
  return { slot: state.slot, index: 0, beaconBlockRoot: ROOT, source, target: { epoch, root: ROOT } };
}

function everyNth(state: BeaconState, step: number): number[] {
  return Array.from({ length: Math.ceil(state.validators.length / step) }, (_, i) => i * step);
}

function assignments(state: BeaconState): unknown {
  const epochs = [getPreviousEpoch(state), getCurrentEpoch(state), getCurrentEpoch(state) + 1];
  return epochs.flatMap((epoch) =>
    everyNth(state, 7).map((index) => {
      const found = getCommitteeAssignment(state, epoch, index);
      return [epoch, index, found ? [[...found.committee], found.index, found.slot] : null];
    }),
  );
}

function weakSubjectivity(state: BeaconState): unknown {
  return [null, 1, 16, 28, 29, 30, 31, 32].map((eth) => {
    const changed = state.clone();
    if (eth !== null) for (const i of everyNth(changed, 1)) changed.validators.effectiveBalance.set(i, eth * 10 ** 9);
    return [eth, computeWeakSubjectivityPeriod(changed)];
  });
}

function eth1(state: BeaconState): unknown {
  const { spec } = state;
  const genesisTime = 10 * spec.config.SECONDS_PER_ETH1_BLOCK * spec.config.ETH1_FOLLOW_DISTANCE;
  const changed = state.clone();
  changed.genesisTime = genesisTime;
  const { chain, votes } = JSON.parse((expected.electra as { eth1: string }).eth1);
  const eth1Chain = (chain as [number, string, number, string][]).map(([timestamp, root, count, hash]) => ({
    timestamp,
    eth1Data: { depositRoot: fromHex(root), depositCount: BigInt(count), blockHash: fromHex(hash) },
  }));
  const periodStart = votingPeriodStartTime(changed);
  return {
    genesisTime,
    periodStart,
    candidates: eth1Chain.map((block) => isCandidateBlock(spec, block, periodStart)),
    chain,
    votes: (votes as [number[], string][]).map(([cast]) => {
      const voted = changed.clone();
      voted.eth1DataVotes.replaceAll(cast.map((i) => eth1Chain[i]!.eth1Data));
      return [cast, toHex(spec.types.phase0.Eth1Data.hashTreeRoot(getEth1Vote(voted, eth1Chain)))];
    }),
  };
}

function signatures(state: BeaconState): unknown {
  const types = forkTypes(state);
  const block = {
    ...types.BeaconBlock.defaultValue(),
    slot: state.slot,
    proposerIndex: 3,
    parentRoot: ROOT,
    stateRoot: ROOT,
  };
  const aggregate = { ...types.Attestation.defaultValue(), data: attestationData(state) };
  const proof = getAggregateAndProof(state, 5, aggregate, KEY);
  const made: Record<string, Uint8Array> = {
    epoch: getEpochSignature(state, block, KEY),
    block: getBlockSignature(state, block, KEY),
    attestation: getAttestationSignature(state, attestationData(state), KEY),
    slot: getSlotSignature(state, state.slot, KEY),
    selectionProof: proof.selectionProof,
    aggregateAndProof: getAggregateAndProofSignature(state, proof, KEY),
  };
  if (state.fork >= Fork.altair) {
    made.syncMessage = getSyncCommitteeMessage(state, ROOT, 5, KEY).signature;
    const contribution = {
      ...types.SyncCommitteeContribution.defaultValue(),
      ...{ slot: state.slot, beaconBlockRoot: ROOT, subcommitteeIndex: 2 },
    };
    const signed = getContributionAndProof(state, 5, contribution, KEY);
    made.contributionSelectionProof = signed.selectionProof;
    made.contributionAndProof = getContributionAndProofSignature(state, signed, KEY);
  }
  return Object.fromEntries(Object.entries(made).map(([name, value]) => [name, toHex(value)]));
}

function syncCommittees(state: BeaconState): unknown {
  const { EPOCHS_PER_SYNC_COMMITTEE_PERIOD: period, SLOTS_PER_EPOCH } = state.spec.preset;
  const boundary = state.clone();
  boundary.slot = (Math.floor(getCurrentEpoch(state) / period) + 1) * period * SLOTS_PER_EPOCH - 1;
  return [state.clone(), boundary].map((at) => {
    const pubkeys = at.currentSyncCommittee.pubkeys.toReversed();
    at.nextSyncCommittee = { ...at.nextSyncCommittee, pubkeys };
    const epoch = getCurrentEpoch(at);
    return {
      slot: at.slot,
      subnets: everyNth(at, 5).map((i) => [...computeSubnetsForSyncCommittee(at, i)].sort((a, b) => a - b)),
      assigned: everyNth(at, 5).map((i) => [0, period].map((later) => isAssignedToSyncCommittee(at, epoch + later, i))),
      subcommittee: getSyncSubcommitteePubkeys(at, 1).slice(0, 3).map(toHex),
    };
  });
}

function payload(state: BeaconState): unknown {
  const prepared = prepareExecutionPayload(state, new Uint8Array(20).fill(7), new Map());
  if (!prepared) return null;
  const { timestamp, prevRandao, withdrawals, parentBeaconBlockRoot } = prepared.payloadAttributes;
  const { Withdrawal } = state.spec.types.capella;
  return {
    headBlockHash: toHex(prepared.headBlockHash),
    timestamp,
    prevRandao: toHex(prevRandao),
    withdrawals: withdrawals ? withdrawals.map((withdrawal) => toHex(Withdrawal.hashTreeRoot(withdrawal))) : null,
    parentBeaconBlockRoot: parentBeaconBlockRoot ? toHex(parentBeaconBlockRoot) : null,
  };
}

function onChainAggregate(state: BeaconState): unknown {
  const data = attestationData(state);
  const signature = getAttestationSignature(state, data, KEY);
  const parts = (
    [
      [3, [1, 0, 1]],
      [0, [0, 1, 1, 1, 1]],
      [2, [1]],
    ] as const
  ).map(([committee, bits]) => ({
    aggregationBits: BitArray.fromBoolArray(bits.map((bit) => bit === 1)),
    data,
    signature,
    committeeBits: BitArray.fromSingleBit(state.spec.preset.MAX_COMMITTEES_PER_SLOT, committee),
  }));
  return toHex(state.spec.types.electra.Attestation.hashTreeRoot(computeOnChainAggregate(state.spec, parts)));
}

const QUESTIONS: Record<string, (state: BeaconState) => unknown> = {
  slot: (state) => state.slot,
  assignments,
  proposers: (state) => everyNth(state, 1).filter((i) => isProposer(state, i)),
  aggregators: (state) => SIGNATURES.map((signature) => isAggregator(state, state.slot, 0, signature)),
  subnets: (state) =>
    [0, 7, 13].flatMap((slot) => [0, 3].map((index) => computeSubnetForAttestation(state.spec, 4, slot, index))),
  subscribed: (state) =>
    NODE_IDS.flatMap((id) => [0, 255, 256, 10 ** 6].map((epoch) => computeSubscribedSubnets(state.spec, id, epoch))),
  weakSubjectivity,
  eth1,
  signatures,
  minEpochsForBlockRequests: (state) => computeMinEpochsForBlockRequests(state.spec),
  dueMs: (state) =>
    [getAttestationDueMs, getAggregateDueMs, getSyncMessageDueMs, getContributionDueMs]
      .slice(0, state.fork === Fork.phase0 ? 2 : 4)
      .map((due) => due(state.spec)),
  syncCommittees,
  syncAggregators: (state) => SIGNATURES.map((signature) => isSyncCommitteeAggregator(state.spec, signature)),
  payload,
  onChainAggregate,
  pendingDeposits: getEth1PendingDepositCount,
  custody: (state) =>
    [0, 1, 8, 9, 20, 64].map((n) => getValidatorsCustodyRequirement(state, everyNth(state, 1).slice(0, n))),
};

const cases = allCases();
for (const name of FORK_NAMES) {
  const vector = cases.find(({ id }) => id === `minimal/${name}/${CASE}`);
  const skip = vector ? false : "no reference tests: the states are theirs";
  test(`the root after a ${name} block`, { skip }, () => {
    const state = stateOf(vector!, "pre");
    const before = state.hashTreeRoot();
    const { message } = forkTypes(state).SignedBeaconBlock.deserialize(vector!.ssz("blocks_0"));
    assert.deepEqual(computeNewStateRoot(state, message), message.stateRoot);
    assert.deepEqual(state.hashTreeRoot(), before, "the state is not mutated");
  });

  test(`duties on a ${name} state`, { skip }, () => {
    const state = stateOf(vector!, "pre");
    for (const [question, answer] of Object.entries(expected[name])) {
      assert.deepEqual(QUESTIONS[question]!(state), JSON.parse(answer as string), question);
    }
  });
}

test("every question is asked", () => {
  const asked = new Set(Object.values(expected).flatMap(Object.keys));
  assert.deepEqual(new Set(Object.keys(QUESTIONS)), asked);
});
