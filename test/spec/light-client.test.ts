/**
 * Light clients, their server and the proofs that both rely on.
 * https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/tests/formats/light_client/README.md
 */
import assert from "node:assert/strict";
import { toHex } from "../../src/base/bytes.ts";
import type { ChainSpec } from "../../src/spec/chain-spec.ts";
import { forkVersion } from "../../src/spec/config.ts";
import type {
  LightClientBootstrap,
  LightClientHeader,
  LightClientUpdate,
  SignedBeaconBlock,
} from "../../src/spec/containers.ts";
import { FORK_NAMES, Fork } from "../../src/spec/fork.ts";
import { forkTypes } from "../../src/spec/fork-types.ts";
import { LightClientCollection } from "../../src/spec/light-client/collection.ts";
import { getLcExecutionRoot } from "../../src/spec/light-client/header.ts";
import { createLightClientBootstrap, createLightClientUpdate } from "../../src/spec/light-client/server.ts";
import {
  initializeLightClientStore,
  type LightClientStore,
  processLightClientStoreForceUpdate,
  processLightClientUpdate,
} from "../../src/spec/light-client/sync.ts";
import { isBetterUpdate } from "../../src/spec/light-client/update-ranking.ts";
import { upgradeLcBootstrap, upgradeLcStore, upgradeLcUpdate } from "../../src/spec/light-client/upgrade.ts";
import { computeForkDigest } from "../../src/spec/misc.ts";
import { trustingVerifier } from "../../src/spec/signature-sets.ts";
import type { BeaconState } from "../../src/spec/state.ts";
import { stateTransition } from "../../src/spec/transition.ts";
import { forkOf, specOf, stateOf } from "./chain.ts";
import { checkMerkleProof } from "./merkle-case.ts";
import { runVectors, type VectorCase } from "./vectors.ts";

interface HeaderCheck {
  slot: number;
  beacon_root: string;
  execution_root?: string;
}

interface SyncStep {
  process_update?: { update_fork_digest: string; update: string; current_slot: number };
  force_update?: { current_slot: number };
  upgrade_store?: { store_fork_version: string };
}

function sync(vector: VectorCase): void {
  const spec = specOf(vector);
  const { genesis_validators_root, trusted_block_root, bootstrap_fork_digest, store_fork_version } = vector.meta;
  const genesisValidatorsRoot = bytesOf(genesis_validators_root);
  const bootstrapFork = forkOfDigest(spec, genesisValidatorsRoot, bootstrap_fork_digest);
  const bootstrap = forkTypes({ spec, fork: bootstrapFork }).LightClientBootstrap.deserialize(vector.ssz("bootstrap"));
  let fork = forkOfVersion(spec, store_fork_version);
  const upgraded: LightClientBootstrap = upgradeLcBootstrap(spec, fork, bootstrap);
  let store = initializeLightClientStore(spec, fork, bytesOf(trusted_block_root), upgraded);

  for (const [i, entry] of (vector.yaml("steps") as Record<string, never>[]).entries()) {
    const step: SyncStep = entry;
    if (step.process_update) {
      const { update_fork_digest, update: name, current_slot } = step.process_update;
      const updateFork = forkOfDigest(spec, genesisValidatorsRoot, update_fork_digest);
      const update = forkTypes({ spec, fork: updateFork }).LightClientUpdate.deserialize(vector.ssz(name));
      const own: LightClientUpdate = upgradeLcUpdate(spec, fork, update);
      processLightClientUpdate(spec, store, own, current_slot, genesisValidatorsRoot);
    } else if (step.force_update) {
      processLightClientStoreForceUpdate(spec, store, step.force_update.current_slot);
    } else if (step.upgrade_store) {
      fork = forkOfVersion(spec, step.upgrade_store.store_fork_version);
      store = upgradeLcStore(spec, fork, store);
    } else assert.fail(`unknown step ${Object.keys(entry)}`);
    const { checks } = Object.values(entry)[0] as { checks: Record<string, HeaderCheck> };
    checkStore(spec, store, checks, `step ${i}`);
  }
}

function checkStore(
  spec: ChainSpec,
  store: LightClientStore,
  checks: Record<string, HeaderCheck>,
  where: string,
): void {
  const headers: Record<string, LightClientHeader> = {
    finalized_header: store.finalizedHeader,
    optimistic_header: store.optimisticHeader,
  };
  for (const [name, check] of Object.entries(checks)) {
    const header = headers[name];
    assert.ok(header, `${where}: unknown check ${name}`);
    const actual = {
      slot: header.beacon.slot,
      beacon_root: toHex(spec.types.phase0.BeaconBlockHeader.hashTreeRoot(header.beacon)),
      ...("execution_root" in check ? { execution_root: toHex(getLcExecutionRoot(spec, header)) } : {}),
    };
    assert.deepEqual(actual, check, `${where}: ${name}`);
  }
}

function updateRanking(vector: VectorCase): void {
  const spec = specOf(vector);
  const type = forkTypes({ spec, fork: forkOf(vector) }).LightClientUpdate;
  const updates = Array.from({ length: vector.meta.updates_count }, (_, i) =>
    type.deserialize(vector.ssz(`updates_${i}`)),
  );
  for (const [i, better] of updates.entries()) {
    for (const worse of updates.slice(i + 1)) {
      assert.equal(isBetterUpdate(spec, better, worse), true, `update ${i}`);
      assert.equal(isBetterUpdate(spec, worse, better), false, `update ${i}`);
    }
  }
}

interface FileRef {
  fork_digest: string;
  data: string;
}

interface CollectionStep {
  new_block?: FileRef;
  new_head?: {
    head_block_root: string;
    checks: {
      latest_finalized_checkpoint: { epoch: number; root: string };
      bootstraps: { block_root: string; bootstrap?: FileRef }[];
      best_updates: { period: number; update?: FileRef }[];
      latest_finality_update?: FileRef;
      latest_optimistic_update?: FileRef;
    };
  };
}

/** The collection as the test describes it, and everything that the spec's own functions create from whole states. */
function dataCollection(vector: VectorCase): void {
  const spec = specOf(vector);
  const anchor = stateOf(vector, "initial_state");
  const root = anchor.genesisValidatorsRoot;
  const anchorBlock = genesisBlock(anchor);
  const collection = new LightClientCollection({ spec, state: anchor, block: anchorBlock });
  const chain: Chain = new Map();
  chain.set(blockRoot(anchor, anchorBlock), { state: anchor, block: anchorBlock, update: undefined });

  for (const [i, step] of (vector.yaml("steps") as CollectionStep[]).entries()) {
    if (step.new_block) {
      const fork = forkOfDigest(spec, root, step.new_block.fork_digest);
      const block = forkTypes({ spec, fork }).SignedBeaconBlock.deserialize(vector.ssz(step.new_block.data));
      const parent = chain.get(toHex(block.message.parentRoot));
      assert.ok(parent, `step ${i}: unknown parent`);
      const options = { validateResult: true, verifier: trustingVerifier };
      const state = stateTransition(parent.state.clone(), block, options);
      chain.set(blockRoot(state, block), { state, block, update: createUpdate(chain, state, block) });
      collection.importBlock(state, block);
    } else if (step.new_head) {
      collection.setHead(step.new_head.head_block_root);
      checkCollection(vector, spec, root, collection, step.new_head.checks, `step ${i}`);
      checkCreated(vector, chain, step.new_head.checks, `step ${i}`);
    } else assert.fail(`step ${i}: unknown ${Object.keys(step)}`);
  }
}

type Checks = NonNullable<CollectionStep["new_head"]>["checks"];
type LightClientType =
  | "LightClientBootstrap"
  | "LightClientUpdate"
  | "LightClientFinalityUpdate"
  | "LightClientOptimisticUpdate";

function checkCollection(
  vector: VectorCase,
  spec: ChainSpec,
  genesisValidatorsRoot: Uint8Array,
  collection: LightClientCollection,
  checks: Checks,
  where: string,
): void {
  const check = (
    actual: { fork: Fork; data: unknown } | undefined,
    ref: FileRef | undefined,
    type: LightClientType,
  ): void => {
    assert.equal(actual === undefined, ref === undefined, `${where}: presence of ${type}`);
    if (!actual || !ref) return;
    assert.equal(actual.fork, forkOfDigest(spec, genesisValidatorsRoot, ref.fork_digest), `${where}: fork of ${type}`);
    const encoded = forkTypes({ spec, fork: actual.fork })[type].serialize(actual.data as never);
    assert.equal(toHex(encoded), toHex(vector.ssz(ref.data)), `${where}: ${ref.data}`);
  };
  assert.deepEqual(collection.finalizedCheckpoint, checks.latest_finalized_checkpoint, where);
  for (const { block_root, bootstrap } of checks.bootstraps) {
    check(collection.bootstrap(block_root), bootstrap, "LightClientBootstrap");
  }
  for (const { period, update } of checks.best_updates)
    check(collection.bestUpdate(period), update, "LightClientUpdate");
  check(collection.latestFinalityUpdate, checks.latest_finality_update, "LightClientFinalityUpdate");
  check(collection.latestOptimisticUpdate, checks.latest_optimistic_update, "LightClientOptimisticUpdate");
}

interface ChainEntry {
  state: BeaconState;
  block: SignedBeaconBlock;
  /** What createLightClientUpdate makes of the block; undefined before the first and without participants. */
  update: string | undefined;
}

type Chain = Map<string, ChainEntry>;

/** createLightClientBootstrap and createLightClientUpdate, on the states of the same blocks. */
function checkCreated(vector: VectorCase, chain: Chain, checks: Checks, where: string): void {
  for (const { block_root, bootstrap: ref } of checks.bootstraps) {
    if (!ref) continue;
    const { state, block } = chain.get(block_root)!;
    const encoded = forkTypes(state).LightClientBootstrap.serialize(createLightClientBootstrap(state, block));
    assert.equal(toHex(encoded), toHex(vector.ssz(ref.data)), `${where}: ${ref.data}`);
  }
  const created = new Set([...chain.values()].map(({ update }) => update));
  for (const { update: ref } of checks.best_updates) {
    if (ref) assert.ok(created.has(toHex(vector.ssz(ref.data))), `${where}: no block gives ${ref.data}`);
  }
}

function createUpdate(chain: Chain, state: BeaconState, block: SignedBeaconBlock): string | undefined {
  const attested = chain.get(toHex(block.message.parentRoot))!;
  if (block.message.body.syncAggregate.syncCommitteeBits.getTrueBitIndexes().length === 0) return undefined;
  const [genesis] = chain.values();
  const update = createLightClientUpdate({
    state,
    block,
    attestedState: attested.state,
    attestedBlock: attested.block,
    finalizedBlock: chain.get(toHex(attested.state.finalizedCheckpoint.root))?.block ?? genesis!.block,
  });
  return toHex(forkTypes(attested.state).LightClientUpdate.serialize(update));
}

/** The block of a genesis state: empty, with the state's root. */
function genesisBlock(state: BeaconState): SignedBeaconBlock {
  const block = forkTypes(state).SignedBeaconBlock.defaultValue();
  block.message.stateRoot = state.hashTreeRoot();
  return block;
}

function blockRoot(state: BeaconState, block: SignedBeaconBlock): string {
  return toHex(forkTypes(state).BeaconBlock.hashTreeRoot(block.message));
}

/** The fork whose digest this is, at the first epoch that has it. */
function forkOfDigest(spec: ChainSpec, genesisValidatorsRoot: Uint8Array, digest: string): Fork {
  const epochs = [...spec.config.BLOB_SCHEDULE.map((entry) => entry.EPOCH)];
  for (const name of FORK_NAMES.toReversed()) {
    const epoch = name === "phase0" ? 0 : spec.config[`${name.toUpperCase()}_FORK_EPOCH` as "FULU_FORK_EPOCH"];
    if (epoch === Number.POSITIVE_INFINITY) continue;
    for (const at of name === "fulu" ? [epoch, ...epochs.filter((e) => e > epoch)] : [epoch]) {
      if (toHex(computeForkDigest(spec, genesisValidatorsRoot, at)) === digest) return Fork[name];
    }
  }
  assert.fail(`no fork has the digest ${digest}`);
}

/**
 * Stores of gloas are fed by data of earlier forks only and checked by slots and roots, which its containers do not
 * change, so that fulu's hold them.
 */
const GLOAS_VERSION = "0x07000001";

function forkOfVersion(spec: ChainSpec, version: string): Fork {
  if (version === GLOAS_VERSION) return Fork.fulu;
  const name = FORK_NAMES.find((candidate) => toHex(forkVersion(spec.config, Fork[candidate])) === version);
  assert.ok(name, `no fork has the version ${version}`);
  return Fork[name];
}

function bytesOf(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex.slice(2), "hex"));
}

runVectors("light_client", {
  sync,
  update_ranking: updateRanking,
  data_collection: dataCollection,
  single_merkle_proof: checkMerkleProof,
});
