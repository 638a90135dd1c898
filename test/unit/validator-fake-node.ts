/** A beacon node that keeps nothing and answers by rule, for tests of its validators; and a clock that tests move. */
import { mock } from "node:test";
import { setImmediate } from "node:timers/promises";
import { BitArray } from "@chainsafe/ssz";
import type { ChainSpec } from "../../src/spec/chain-spec.ts";
import { forkAtEpoch } from "../../src/spec/config.ts";
import type {
  Attestation,
  AttestationData,
  BeaconBlock,
  SyncCommitteeContribution,
} from "../../src/spec/containers.ts";
import { forkTypes } from "../../src/spec/fork-types.ts";
import {
  type AggregateQuery,
  type BeaconApi,
  BeaconApiError,
  type BeaconEvent,
  type ContributionQuery,
  type ProduceBlockRequest,
} from "../../src/validator/beacon-api.ts";

export const GENESIS_TIME = 1_700_000_000;
export const GENESIS_ROOT = new Uint8Array(32).fill(5);
const realSetTimeout = globalThis.setTimeout;

/** What the rules take and give is checked by those who call them. */
// biome-ignore lint/suspicious/noExplicitAny: see above
type Loose = any;

export interface Call {
  readonly name: string;
  readonly args: readonly Loose[];
  /** Milliseconds since genesis. */
  readonly atMs: number;
}

export type FakeNode = BeaconApi & {
  readonly calls: Call[];
  /** Methods that fail: how often yet, with what. */
  readonly failures: Map<string, { times: number; error: Error }>;
  /** Replaces answers. */
  readonly answers: Map<string, (...args: Loose[]) => unknown>;
  head: Uint8Array;
  dependentRoot: Uint8Array;
  /** Moves every attester to a later slot of the epoch. */
  shift: number;
  emit(event: BeaconEvent): void;
  named(name: string): Call[];
};

export function root(n: number): Uint8Array {
  return new Uint8Array(32).fill(n);
}

export function fakeNode(spec: ChainSpec, pubkeys: readonly Uint8Array[]): FakeNode {
  const listeners = new Set<(event: BeaconEvent) => void>();
  const slots = spec.preset.SLOTS_PER_EPOCH;
  const node = {
    name: "fake",
    calls: [] as Call[],
    failures: new Map(),
    answers: new Map(),
    head: root(1),
    dependentRoot: root(100),
    shift: 0,
    emit: (event: BeaconEvent) => {
      for (const listener of listeners) listener(event);
    },
    named: (name: string) => node.calls.filter((call) => call.name === name),
    subscribeEvents: (_types: unknown, onEvent: (event: BeaconEvent) => void) => {
      listeners.add(onEvent);
      return () => listeners.delete(onEvent);
    },
  };
  const rules: Record<string, (...args: Loose[]) => unknown> = {
    getGenesis: () => ({
      genesisTime: GENESIS_TIME,
      genesisValidatorsRoot: GENESIS_ROOT,
      genesisForkVersion: spec.config.GENESIS_FORK_VERSION,
    }),
    getSpec: () => ({ SLOTS_PER_EPOCH: String(slots) }),
    getValidators: (keys: Uint8Array[]) =>
      keys.map((pubkey) => ({ index: pubkeys.indexOf(pubkey), pubkey, status: "active_ongoing", balanceGwei: 32e9 })),
    getProposerDuties: (epoch: number) => ({
      dependentRoot: node.dependentRoot,
      duties: range(slots).map((i) => {
        const slot = epoch * slots + i;
        return { pubkey: pubkeys[slot % pubkeys.length], validatorIndex: slot % pubkeys.length, slot };
      }),
    }),
    getAttesterDuties: (epoch: number, indices: number[]) => ({
      dependentRoot: node.dependentRoot,
      duties: indices.map((index) => ({
        pubkey: pubkeys[index],
        validatorIndex: index,
        slot: epoch * slots + ((index + node.shift) % slots),
        committeeIndex: Math.floor(index / slots) % 2,
        committeeLength: 4,
        committeesAtSlot: 2,
        validatorCommitteeIndex: index % 4,
      })),
    }),
    getSyncDuties: (_epoch: number, indices: number[]) =>
      indices
        .filter((index) => index < 2)
        .map((index) => ({
          pubkey: pubkeys[index],
          validatorIndex: index,
          validatorSyncCommitteeIndices: [index, spec.preset.SYNC_COMMITTEE_SIZE - 1 - index],
        })),
    produceAttestationData: (slot: number, index: number): AttestationData => {
      const epoch = Math.floor(slot / slots);
      return {
        slot,
        index,
        beaconBlockRoot: node.head,
        source: { epoch: Math.max(0, epoch - 1), root: root(3) },
        target: { epoch, root: root(4) },
      };
    },
    submitAttestations: () => [],
    getAggregateAttestation: ({ slot, committeeIndex }: AggregateQuery): Attestation => {
      const isElectra = forkAtEpoch(spec.config, Math.floor(slot / slots)) >= 5;
      return {
        aggregationBits: BitArray.fromSingleBit(4, 0),
        data: rules.produceAttestationData!(slot, isElectra ? 0 : committeeIndex) as AttestationData,
        signature: new Uint8Array(96),
        committeeBits: BitArray.fromSingleBit(spec.preset.MAX_COMMITTEES_PER_SLOT, committeeIndex),
      };
    },
    publishAggregateAndProofs: () => [],
    submitSyncCommitteeMessages: () => [],
    produceSyncCommitteeContribution: (query: ContributionQuery): SyncCommitteeContribution => ({
      ...query,
      aggregationBits: BitArray.fromSingleBit(spec.preset.SYNC_COMMITTEE_SIZE / 4, 0),
      signature: new Uint8Array(96),
    }),
    publishContributionAndProofs: () => [],
    getHeadBlockRoot: () => node.head,
    produceBlock: ({ slot, randaoReveal }: ProduceBlockRequest) => {
      const fork = forkAtEpoch(spec.config, Math.floor(slot / slots));
      const block: BeaconBlock = forkTypes({ spec, fork }).BeaconBlock.defaultValue();
      block.slot = slot;
      block.proposerIndex = slot % pubkeys.length;
      block.parentRoot = node.head;
      block.body.randaoReveal = randaoReveal;
      return { fork, block, blobs: [], kzgProofs: [], executionPayloadValue: 0n, consensusBlockValue: 0n };
    },
    publishBlock: () => ({ isImported: true }),
    subscribeBeaconCommittees: () => undefined,
    subscribeSyncCommittees: () => undefined,
    prepareBeaconProposer: () => undefined,
  };
  const methods = Object.keys(rules).map((name) => [
    name,
    async (...args: unknown[]) => {
      requests++;
      node.calls.push({ name, args, atMs: Date.now() - GENESIS_TIME * 1000 });
      const failure = node.failures.get(name) as { times: number; error: Error } | undefined;
      if (failure && failure.times-- > 0) throw failure.error;
      return ((node.answers.get(name) as ((...args: unknown[]) => unknown) | undefined) ?? rules[name]!)(...args);
    },
  ]);
  return Object.assign(node, Object.fromEntries(methods)) as unknown as FakeNode;
}

export function unreachable(): BeaconApiError {
  return new BeaconApiError("UNREACHABLE", "nobody there");
}

/** Time stands at so many milliseconds after genesis, until `advance`. */
export function stopTime(sinceGenesisMs: number): void {
  mock.timers.enable({ apis: ["setTimeout", "Date"], now: GENESIS_TIME * 1000 + sinceGenesisMs });
}

export function releaseTime(): void {
  mock.timers.reset();
}

const STEP_MS = 100;
/** So many turns of the event loop without a request or work for the disk mean that everything waits for time. */
const QUIET_TURNS = 8;
let requests = 0;

/** Moves time on in small steps; what they start comes to its end, disk included, before the next. */
export async function advance(ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= STEP_MS) {
    mock.timers.tick(Math.min(left, STEP_MS));
    await settle();
  }
}

/** Lets everything that waits for no timer come to its end. */
export async function settle(): Promise<void> {
  for (let quiet = 0; quiet < QUIET_TURNS; quiet++) {
    const before = requests;
    await setImmediate();
    if (requests !== before) quiet = 0;
    for (; process.getActiveResourcesInfo().includes("FSReqPromise"); quiet = 0) {
      await new Promise((resolve) => realSetTimeout(resolve, 1));
    }
  }
}

/** Waits for the condition, in real time and without moving the clock. */
export async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 1_000 && !condition(); i++) await new Promise((resolve) => realSetTimeout(resolve, 10));
  if (!condition()) throw new Error(`in vain: ${condition}`);
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}
