/**
 * Blocks of random content end in InvalidBlock, or are valid, and in nothing else.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { BitArray } from "@chainsafe/ssz";
import { InvalidBlock } from "../../src/base/errors.ts";
import { getBeaconProposerIndex, getBlockRoot, getBlockRootAtSlot, getRandaoMix } from "../../src/spec/accessors.ts";
import { processBlock } from "../../src/spec/block/block.ts";
import { expectedDeposits } from "../../src/spec/block/operations.ts";
import { getExpectedWithdrawals } from "../../src/spec/block/withdrawals.ts";
import { createChainSpec } from "../../src/spec/chain-spec.ts";
import { MINIMAL_CONFIG } from "../../src/spec/config.ts";
import type { Attestation, BeaconBlock, BeaconBlockBody } from "../../src/spec/containers.ts";
import { FORK_NAMES, Fork, forkName } from "../../src/spec/fork.ts";
import { forkTypes } from "../../src/spec/fork-types.ts";
import { initializeInteropState, interopPublicKey } from "../../src/spec/interop.ts";
import { computeEpochAtSlot, computeTimeAtSlot } from "../../src/spec/misc.ts";
import { trustingVerifier } from "../../src/spec/signature-sets.ts";
import type { BeaconState } from "../../src/spec/state.ts";
import { processSlots } from "../../src/spec/transition.ts";
import { type Random, seededRandom } from "./random.ts";
import { randomValue } from "./random-value.ts";

const SEED = Number(process.env.SEED ?? 20_240_601);
const BLOCKS_PER_FORK = Number(process.env.BLOCKS ?? 300);
const VALIDATORS = 64;
const EXTREMES = [0, 1, 2, 63, 64, 2 ** 31, 2 ** 32, 2 ** 53 - 1, 2 ** 60, Number.POSITIVE_INFINITY];

const pubkeys = Array.from({ length: VALIDATORS }, (_, i) => interopPublicKey(i));

function stateAt(fork: Fork, slot: number): BeaconState {
  const versions = FORK_NAMES.slice(1, fork + 1).map((name) => [`${name.toUpperCase()}_FORK_EPOCH`, 0]);
  const spec = createChainSpec({ ...MINIMAL_CONFIG, SHARD_COMMITTEE_PERIOD: 1, ...Object.fromEntries(versions) });
  const withdrawalCredentials = (index: number) => {
    const credentials = new Uint8Array(32).fill(index);
    credentials.set([index % 3]);
    return credentials;
  };
  const options = { fork, validatorCount: VALIDATORS, genesisTime: 0, pubkeys, withdrawalCredentials };
  return processSlots(initializeInteropState(spec, options), slot);
}

/** A value replaced here and there by one that no honest block holds. */
function spoil<T>(value: T, random: Random): T {
  if (typeof value === "number") return (random.below(3) === 0 ? value : pick(EXTREMES, random)) as T;
  if (Array.isArray(value)) return value.map((item) => spoil(item, random)) as T;
  if (value !== null && typeof value === "object" && Object.getPrototypeOf(value) === Object.prototype) {
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, spoil(item, random)])) as T;
  }
  return value;
}

function pick<T>(items: readonly T[], random: Random): T {
  return items[random.below(items.length)]!;
}

/** Random content in a frame that passes the first checks, so that the later ones are reached. */
function randomBlock(state: BeaconState, random: Random): BeaconBlock {
  const types = forkTypes(state);
  const block = spoil(randomValue(types.BeaconBlock as never, random, 3) as BeaconBlock, random);
  const usually = (apply: () => void) => {
    if (random.below(12) !== 0) apply();
  };
  usually(() => {
    block.slot = state.slot;
  });
  usually(() => {
    block.proposerIndex = getBeaconProposerIndex(state);
  });
  usually(() => {
    block.parentRoot = types.BeaconBlockHeader.hashTreeRoot(state.latestBlockHeader);
  });
  usually(() => framePayload(state, block.body));
  const { body } = block;
  usually(() => {
    body.deposits.length = Math.min(body.deposits.length, expectedDeposits(state));
  });
  // One list at a time: an early failure would hide what comes later.
  const lists = [
    "proposerSlashings",
    "attesterSlashings",
    "attestations",
    "voluntaryExits",
    "blsToExecutionChanges",
  ] as const;
  const kept = pick(lists, random);
  for (const name of lists) if (name !== kept && body[name] !== undefined) body[name].length = 0;
  for (const attestation of body.attestations) usually(() => frameAttestation(state, attestation, random));
  for (const slashing of body.proposerSlashings) {
    const { signedHeader1, signedHeader2 } = slashing;
    usually(() => {
      signedHeader2.message = { ...signedHeader1.message, parentRoot: random.bytes(32) };
    });
  }
  frameAttesterSlashings(body, random);
  for (const { message } of body.voluntaryExits)
    usually(() => Object.assign(message, { validatorIndex: random.below(70), epoch: 0 }));
  if (state.fork >= Fork.electra) frameRequests(body, random);
  return block;
}

function framePayload(state: BeaconState, body: BeaconBlockBody): void {
  if (state.fork < Fork.bellatrix) return;
  const payload = body.executionPayload;
  payload.parentHash = state.latestExecutionPayloadHeader.blockHash;
  payload.prevRandao = getRandaoMix(state, computeEpochAtSlot(state.spec, state.slot));
  payload.timestamp = BigInt(computeTimeAtSlot(state, state.slot));
  if (state.fork >= Fork.capella) payload.withdrawals = getExpectedWithdrawals(state).withdrawals;
}

function frameAttestation(state: BeaconState, attestation: Attestation, random: Random): void {
  const { data } = attestation;
  data.slot = state.slot - 1 - random.below(state.spec.preset.SLOTS_PER_EPOCH);
  data.index = state.fork >= Fork.electra ? 0 : random.below(3);
  const epoch = computeEpochAtSlot(state.spec, data.slot);
  const isCurrent = epoch === computeEpochAtSlot(state.spec, state.slot);
  data.source = isCurrent ? state.currentJustifiedCheckpoint : state.previousJustifiedCheckpoint;
  data.target = { epoch, root: getBlockRoot(state, epoch) };
  data.beaconBlockRoot = getBlockRootAtSlot(state, data.slot);
  // Two committees of four at every slot.
  const committees = [random.below(4) !== 0, random.below(4) === 0];
  const members = state.fork >= Fork.electra ? 4 * committees.filter(Boolean).length : 4;
  if (random.below(8) !== 0) {
    const bits = Array.from({ length: members }, () => random.below(4) !== 0);
    attestation.aggregationBits = BitArray.fromBoolArray(bits);
    if (state.fork >= Fork.electra) attestation.committeeBits = BitArray.fromBoolArray([...committees, false, false]);
  }
  if (random.below(4) === 0) attestation.data = spoil(data, random);
}

function frameAttesterSlashings(body: BeaconBlockBody, random: Random): void {
  for (const { attestation1, attestation2 } of body.attesterSlashings) {
    if (random.below(4) === 0) continue;
    attestation1.attestingIndices = [random.below(70), 64 + random.below(4)];
    attestation2.attestingIndices = [1, 3, random.below(70)];
    attestation2.data.target.epoch = attestation1.data.target.epoch;
  }
}

function frameRequests(body: BeaconBlockBody, random: Random): void {
  const { withdrawals, consolidations } = body.executionRequests;
  for (const request of withdrawals) {
    const index = random.below(VALIDATORS);
    request.validatorPubkey = pubkeys[index]!;
    request.sourceAddress = new Uint8Array(20).fill(index);
    if (random.below(2) === 0) request.amount = 0n;
  }
  for (const request of consolidations) {
    const [source, target] = [random.below(VALIDATORS), random.below(VALIDATORS)];
    request.sourcePubkey = pubkeys[source]!;
    request.targetPubkey = pubkeys[random.below(2) === 0 ? source : target]!;
    request.sourceAddress = new Uint8Array(20).fill(source);
  }
}

describe(`malformed blocks, seed ${SEED}`, () => {
  for (const fork of Object.values(Fork)) {
    test(forkName(fork), () => {
      const random = seededRandom(SEED + fork);
      const states = [stateAt(fork, 19), stateAt(fork, 24)];
      const codes = new Map<string, number>();
      for (let i = 0; i < BLOCKS_PER_FORK; i++) {
        const state = pick(states, random).clone();
        const block = randomBlock(state, random);
        let code = "valid";
        try {
          processBlock(state, block, { verifier: trustingVerifier });
        } catch (error) {
          if (!(error instanceof InvalidBlock)) throw new Error(`block ${i} of seed ${SEED + fork}`, { cause: error });
          code = error.code;
        }
        codes.set(code, (codes.get(code) ?? 0) + 1);
        state.drop();
      }
      // The frame must let blocks pass far enough to be of use.
      assert.ok(codes.size >= 10, [...codes].map(([code, count]) => `${code} ${count}`).join(", "));
    });
  }
});
