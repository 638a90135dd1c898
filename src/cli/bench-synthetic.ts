/**
 * A synthetic fulu state of any size at the last slot of an epoch: all validators active, 99 % of them participating,
 * balances and credentials all different. The same size and keys give the same state everywhere.
 */
import { createHash } from "node:crypto";
import { BitArray } from "@chainsafe/ssz";
import { type ChainSpec, createChainSpec } from "../spec/chain-spec.ts";
import { MAINNET_CONFIG } from "../spec/config.ts";
import { Fork } from "../spec/fork.ts";
import { BeaconState, type StateOptions } from "../spec/state.ts";

const EPOCH = 1000;
const KEY_BYTES = 48;
const GWEI_PER_ETH = 1e9;
const RANDOM_SEED = 0x12345678;
/** Draws sync committee members from all over the registry. */
const MEMBER_STRIDE = 7919;
const PROPOSER_STRIDE = 31;

export interface RegistryKeys {
  /** 48 bytes a validator. */
  readonly keys: Uint8Array;
  aggregate(keys: Uint8Array[]): Uint8Array;
}

/** Mainnet's preset and times, with fulu since the first epoch. */
export function benchSpec(): ChainSpec {
  return createChainSpec({
    ...MAINNET_CONFIG,
    ALTAIR_FORK_EPOCH: 0,
    BELLATRIX_FORK_EPOCH: 0,
    CAPELLA_FORK_EPOCH: 0,
    DENEB_FORK_EPOCH: 0,
    ELECTRA_FORK_EPOCH: 0,
    FULU_FORK_EPOCH: 0,
  });
}

/** Distinct bytes in place of keys: free to make, and no signature verifies by them. */
export function placeholderKeys(count: number): RegistryKeys {
  const keys = new Uint8Array(count * KEY_BYTES);
  const view = new DataView(keys.buffer);
  for (let i = 0; i < count; i++) {
    view.setUint32(i * KEY_BYTES, 0x80000000 + i);
    view.setUint32(i * KEY_BYTES + 32, Math.imul(i, 0x9e3779b1) >>> 0);
  }
  return { keys, aggregate: () => new Uint8Array(KEY_BYTES) };
}

export function syntheticState(spec: ChainSpec, source: RegistryKeys, options: StateOptions = {}): BeaconState {
  const state = BeaconState.empty(spec, Fork.fulu, options);
  const count = source.keys.length / KEY_BYTES;
  fillRegistry(state, source.keys);
  fillParticipation(state, count);
  fillHistory(state);
  fillCheckpoints(state);
  fillCommittees(state, source, count);
  const far = EPOCH + 5;
  state.earliestExitEpoch = far;
  state.earliestConsolidationEpoch = far;
  state.depositRequestsStartIndex = 0n;
  state.eth1DepositIndex = count;
  state.eth1Data = { depositRoot: seeded("d"), depositCount: BigInt(count), blockHash: seeded("h") };
  return state;
}

function fillRegistry(state: BeaconState, keys: Uint8Array): void {
  const { validators } = state;
  const count = keys.length / KEY_BYTES;
  validators.keys.pushAll(keys);
  validators.withdrawalCredentials.resize(count);
  const credentials = new Uint8Array(32);
  credentials[0] = 1;
  for (let i = 0; i < count; i++) {
    credentials.set(digest(`w${i}`).subarray(0, 20), 12);
    validators.withdrawalCredentials.set(i, credentials);
  }
  validators.effectiveBalance.fill(32 * GWEI_PER_ETH, count);
  validators.slashed.resetTo(count);
  validators.activationEligibilityEpoch.fill(0, count);
  validators.activationEpoch.fill(0, count);
  validators.exitEpoch.fill(Number.POSITIVE_INFINITY, count);
  validators.withdrawableEpoch.fill(Number.POSITIVE_INFINITY, count);
}

function fillParticipation(state: BeaconState, count: number): void {
  const random = xorshift(RANDOM_SEED);
  const flags = () => (random() < 0.01 ? 0 : 7);
  state.balances.resize(count);
  state.previousEpochParticipation.resetTo(count);
  state.currentEpochParticipation.resetTo(count);
  state.inactivityScores.fill(0, count);
  for (let i = 0; i < count; i++) {
    state.balances.set(i, 32 * GWEI_PER_ETH + Math.floor(random() * 2e8));
    state.previousEpochParticipation.set(i, flags());
    state.currentEpochParticipation.set(i, flags());
  }
}

function fillHistory(state: BeaconState): void {
  const { SLOTS_PER_EPOCH } = state.spec.preset;
  state.slot = EPOCH * SLOTS_PER_EPOCH + SLOTS_PER_EPOCH - 1;
  state.genesisTime = 1_600_000_000;
  state.forkRecord = {
    previousVersion: Uint8Array.of(5, 0, 0, 0),
    currentVersion: Uint8Array.of(6, 0, 0, 0),
    epoch: 0,
  };
  for (let i = 0; i < state.randaoMixes.length; i++) state.randaoMixes.set(i, seeded(i));
  for (let i = 0; i < state.blockRoots.length; i++) {
    state.blockRoots.set(i, seeded(`b${i}`));
    state.stateRoots.set(i, seeded(`s${i}`));
  }
  state.latestBlockHeader = {
    slot: state.slot,
    proposerIndex: 0,
    parentRoot: seeded("p"),
    stateRoot: new Uint8Array(32),
    bodyRoot: seeded("body"),
  };
}

function fillCheckpoints(state: BeaconState): void {
  const { SLOTS_PER_EPOCH, SLOTS_PER_HISTORICAL_ROOT } = state.spec.preset;
  const checkpoint = (epoch: number) => ({
    epoch,
    root: state.blockRoots.get((epoch * SLOTS_PER_EPOCH) % SLOTS_PER_HISTORICAL_ROOT),
  });
  state.previousJustifiedCheckpoint = checkpoint(EPOCH - 2);
  state.currentJustifiedCheckpoint = checkpoint(EPOCH - 1);
  state.finalizedCheckpoint = checkpoint(EPOCH - 2);
  state.justificationBits = BitArray.fromBoolArray([true, true, true, true]);
}

function fillCommittees(state: BeaconState, source: RegistryKeys, count: number): void {
  const { SYNC_COMMITTEE_SIZE } = state.spec.preset;
  const pubkeys = Array.from({ length: SYNC_COMMITTEE_SIZE }, (_, i) => {
    const at = ((i * MEMBER_STRIDE) % count) * KEY_BYTES;
    return source.keys.slice(at, at + KEY_BYTES);
  });
  const committee = { pubkeys, aggregatePubkey: source.aggregate(pubkeys) };
  state.currentSyncCommittee = committee;
  state.nextSyncCommittee = committee;
  state.proposerLookahead = state.proposerLookahead.map((_, i) => (i * PROPOSER_STRIDE) % count);
}

function seeded(name: string | number): Uint8Array {
  return digest(`seed${name}`);
}

function digest(text: string): Uint8Array {
  return new Uint8Array(createHash("sha256").update(text).digest());
}

/** Numbers in [0, 1). */
function xorshift(seed: number): () => number {
  let s = seed;
  return () => {
    s ^= s << 13;
    s ^= s >>> 17;
    s ^= s << 5;
    return (s >>> 0) / 2 ** 32;
  };
}
