/**
 * Updates that a light client must refuse, and the two smaller kinds of update, made from a valid update.
 * https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/altair/light-client/sync-protocol.md
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { BitArray } from "@chainsafe/ssz";
import { fromHex } from "../../src/base/bytes.ts";
import type { LightClientUpdate } from "../../src/spec/containers.ts";
import { forkTypes } from "../../src/spec/fork-types.ts";
import {
  createLightClientFinalityUpdate,
  createLightClientOptimisticUpdate,
} from "../../src/spec/light-client/server.ts";
import {
  initializeLightClientStore,
  isNextSyncCommitteeKnown,
  type LightClientStore,
  processLightClientFinalityUpdate,
  processLightClientOptimisticUpdate,
  processLightClientStoreForceUpdate,
  processLightClientUpdate,
} from "../../src/spec/light-client/sync.ts";
import { forkOf, specOf } from "./chain.ts";
import { allCases } from "./vectors.ts";

const CASE = "minimal/capella/light_client/sync/pyspec_tests/light_client_sync";
const vector = allCases().find(({ id }) => id === CASE);

/** The first step of the case: everything that an update can bring. */
function start() {
  const spec = specOf(vector!);
  const fork = forkOf(vector!);
  const types = forkTypes({ spec, fork });
  const [first] = vector!.yaml("steps") as { process_update: { update: string; current_slot: number } }[];
  const { update: name, current_slot: slot } = first!.process_update;
  const genesisRoot = fromHex(vector!.meta.genesis_validators_root);
  const bootstrap = types.LightClientBootstrap.deserialize(vector!.ssz("bootstrap"));
  const trustedRoot = fromHex(vector!.meta.trusted_block_root);
  const store = initializeLightClientStore(spec, fork, trustedRoot, bootstrap);
  const update = types.LightClientUpdate.deserialize(vector!.ssz(name));
  return { spec, fork, types, slot, genesisRoot, bootstrap, trustedRoot, store, update };
}

function flipped(bytes: Uint8Array): Uint8Array {
  const copy = bytes.slice();
  copy[0]! ^= 1;
  return copy;
}

function withSlot(header: LightClientUpdate["attestedHeader"], slot: number): LightClientUpdate["attestedHeader"] {
  return { ...header, beacon: { ...header.beacon, slot } };
}

type Change = (update: LightClientUpdate) => Partial<LightClientUpdate>;

const REFUSED: Record<string, [code: string, change: Change]> = {
  "no participants": [
    "LC_TOO_FEW_PARTICIPANTS",
    ({ syncAggregate }) => ({
      syncAggregate: {
        ...syncAggregate,
        syncCommitteeBits: BitArray.fromBitLen(syncAggregate.syncCommitteeBits.bitLen),
      },
    }),
  ],
  "another payload": [
    "LC_HEADER",
    ({ attestedHeader: header }) => ({
      attestedHeader: { ...header, execution: { ...header.execution, blockHash: flipped(header.execution.blockHash) } },
    }),
  ],
  "a signature before the attested block": [
    "LC_SLOT_ORDER",
    ({ attestedHeader }) => ({ signatureSlot: attestedHeader.beacon.slot }),
  ],
  "a signature from the future": ["LC_SLOT_ORDER", () => ({ signatureSlot: Number.POSITIVE_INFINITY })],
  "a finalized block after the attested one": [
    "LC_SLOT_ORDER",
    ({ attestedHeader, finalizedHeader }) => ({
      finalizedHeader: withSlot(finalizedHeader, attestedHeader.beacon.slot + 1),
    }),
  ],
  "a finalized header without a branch": [
    "LC_FINALIZED_HEADER_NOT_EMPTY",
    ({ finalityBranch }) => ({ finalityBranch: finalityBranch.map(() => new Uint8Array(32)) }),
  ],
  "another finality branch": [
    "LC_FINALITY_BRANCH",
    ({ finalityBranch }) => ({ finalityBranch: [flipped(finalityBranch[0]!), ...finalityBranch.slice(1)] }),
  ],
  "another finalized payload": [
    "LC_HEADER",
    ({ finalizedHeader: header }) => ({
      finalizedHeader: { ...header, execution: { ...header.execution, blockNumber: 99n } },
    }),
  ],
  "a next committee without a branch": [
    "LC_NEXT_SYNC_COMMITTEE_NOT_EMPTY",
    ({ nextSyncCommitteeBranch }) => ({
      nextSyncCommitteeBranch: nextSyncCommitteeBranch.map(() => new Uint8Array(32)),
    }),
  ],
  "another next committee": [
    "LC_NEXT_SYNC_COMMITTEE_BRANCH",
    ({ nextSyncCommittee: committee }) => ({
      nextSyncCommittee: { ...committee, aggregatePubkey: flipped(committee.aggregatePubkey) },
    }),
  ],
  "another signature": [
    "LC_SIGNATURE",
    ({ syncAggregate }) => ({
      syncAggregate: { ...syncAggregate, syncCommitteeSignature: new Uint8Array(96).fill(0xc0, 0, 1) },
    }),
  ],
  "another set of signers": [
    "LC_SIGNATURE",
    ({ syncAggregate }) => {
      const bits = syncAggregate.syncCommitteeBits.clone();
      bits.set(0, !bits.get(0));
      return { syncAggregate: { ...syncAggregate, syncCommitteeBits: bits } };
    },
  ],
};

describe("a light client", { skip: vector ? false : "no reference tests: the update is theirs" }, () => {
  for (const [name, [code, change]] of Object.entries(REFUSED)) {
    test(`refuses ${name} and stays as it was`, () => {
      const { spec, slot, genesisRoot, store, update } = start();
      const before: LightClientStore = { ...store };
      const changed = { ...update, ...change(update) };
      assert.throws(() => processLightClientUpdate(spec, store, changed, slot, genesisRoot), { code });
      assert.deepEqual(store, before);
    });
  }

  test("refuses a bootstrap of another block or committee", () => {
    const { spec, fork, bootstrap, trustedRoot } = start();
    const otherRoot = flipped(trustedRoot);
    assert.throws(() => initializeLightClientStore(spec, fork, otherRoot, bootstrap), { code: "LC_BOOTSTRAP_ROOT" });
    const committee = bootstrap.currentSyncCommittee;
    const other = { ...bootstrap, currentSyncCommittee: { ...committee, pubkeys: committee.pubkeys.toReversed() } };
    const code = "LC_CURRENT_SYNC_COMMITTEE_BRANCH";
    assert.throws(() => initializeLightClientStore(spec, fork, trustedRoot, other), { code });
  });

  test("refuses an update that brings nothing new", () => {
    const { spec, slot, genesisRoot, store, update } = start();
    processLightClientUpdate(spec, store, update, slot, genesisRoot);
    const old = { ...store, finalizedHeader: update.attestedHeader };
    assert.throws(() => processLightClientUpdate(spec, old, update, slot, genesisRoot), { code: "LC_NOT_RELEVANT" });
  });

  test("follows finality updates without a committee", () => {
    const { spec, slot, genesisRoot, store, update } = start();
    processLightClientUpdate(spec, store, update, slot, genesisRoot);
    const { nextSyncCommittee } = store;
    const back = {
      ...store,
      finalizedHeader: start().store.finalizedHeader,
      optimisticHeader: start().store.optimisticHeader,
    };
    const smaller = createLightClientFinalityUpdate(update);
    processLightClientFinalityUpdate(spec, back, smaller, slot, genesisRoot);
    assert.deepEqual(back.finalizedHeader, update.finalizedHeader);
    assert.deepEqual(back.optimisticHeader, update.attestedHeader);
    assert.equal(back.nextSyncCommittee, nextSyncCommittee);
  });

  test("moves its optimistic header alone by optimistic updates", () => {
    const { spec, slot, genesisRoot, store, update } = start();
    const { finalizedHeader } = store;
    processLightClientOptimisticUpdate(spec, store, createLightClientOptimisticUpdate(update), slot, genesisRoot);
    assert.equal(store.finalizedHeader, finalizedHeader);
    assert.equal(isNextSyncCommitteeKnown(store), false);
    assert.deepEqual(store.optimisticHeader, update.attestedHeader);
  });

  test("forces an update after the timeout only", () => {
    const { spec, types, slot, genesisRoot, store, update } = start();
    const empty = types.LightClientUpdate.defaultValue();
    const { finalizedHeader, finalityBranch } = empty;
    const unfinal = { ...update, finalizedHeader, finalityBranch };
    processLightClientUpdate(spec, store, unfinal, slot, genesisRoot);
    assert.deepEqual(store.bestValidUpdate, unfinal);
    const timeout = store.finalizedHeader.beacon.slot + spec.preset.UPDATE_TIMEOUT;
    processLightClientStoreForceUpdate(spec, store, timeout);
    assert.notEqual(store.bestValidUpdate, undefined);
    processLightClientStoreForceUpdate(spec, store, timeout + 1);
    assert.equal(store.bestValidUpdate, undefined);
    assert.deepEqual(store.finalizedHeader, update.attestedHeader);
    assert.equal(isNextSyncCommitteeKnown(store), true);
    assert.deepEqual(unfinal.finalizedHeader, finalizedHeader, "the update itself is not mutated");
  });
});
