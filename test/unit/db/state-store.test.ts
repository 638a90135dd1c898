import assert from "node:assert/strict";
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { ContainerType, Type } from "@chainsafe/ssz";
import { StorageError } from "../../../src/base/errors.ts";
import { Arena } from "../../../src/columns/arena.ts";
import { StateStore } from "../../../src/db/state-store.ts";
import { FORK_NAMES, Fork, type ForkName } from "../../../src/spec/fork.ts";
import { BeaconState } from "../../../src/spec/state.ts";
import { processSlots } from "../../../src/spec/transition.ts";
import { upgradeTo } from "../../../src/spec/upgrade.ts";
import { seededRandom } from "../../property/random.ts";
import { randomValue } from "../../property/random-value.ts";
import { someState, spec, temporaryFolder } from "./fixtures.ts";

async function openStore(folder: string): Promise<StateStore> {
  const { store, damaged } = await StateStore.open(spec, folder);
  assert.deepEqual(damaged, []);
  return store;
}

function randomState(name: ForkName, seed: number, arena: Arena): BeaconState {
  const type = spec.exactTypes[name].BeaconState as unknown as ContainerType<Record<string, Type<unknown>>>;
  const value = randomValue(type as Type<unknown>, seededRandom(seed), 40) as Record<string, unknown>;
  value.slot = 1000n;
  return BeaconState.decode(spec, Fork[name], type.serialize(value as never), { arena });
}

test("states of every fork, with any numbers in them, are read back the same", async () => {
  const folder = temporaryFolder();
  const store = await openStore(folder);
  const arena = new Arena();
  const states = FORK_NAMES.map((name, i) => randomState(name, 40 + i, arena));
  for (const state of states) await store.writeSnapshot(state);
  const again = await openStore(folder);
  assert.equal(again.list().length, states.length);
  for (const state of states) {
    const loaded = again.load(state.hashTreeRoot(), { arena })!;
    assert.deepEqual(Buffer.from(loaded.encode()), Buffer.from(state.encode()));
    loaded.drop();
    state.drop();
  }
  assert.equal(arena.pagesUsed, 2, "only the two zero pages are left");
  assert.deepEqual(again.check(), []);
});

test("differences lead from a snapshot to a later state, also with another state's pages", async () => {
  const folder = temporaryFolder();
  const store = await openStore(folder);
  const base = someState(64);
  await store.writeSnapshot(base);
  let state = base.clone();
  const written: [Uint8Array, number][] = [];
  for (let epoch = 1; epoch <= 5; epoch++) {
    state = processSlots(state, epoch * 8);
    changeSome(state, epoch);
    const entry = await store.writeDiff(base, state);
    written.push([state.hashTreeRoot(), entry.length]);
    assert.deepEqual(Buffer.from(store.load(entry.root)!.encode()), Buffer.from(state.encode()));
  }
  const again = await openStore(folder);
  for (const [root, length] of written) {
    assert.deepEqual(again.load(root)!.hashTreeRoot(), root);
    assert.deepEqual(again.load(root, { base })!.hashTreeRoot(), root);
    assert.ok(length < base.encodedSize() / 2, `${length} bytes of ${base.encodedSize()}`);
  }
  assert.deepEqual(again.check(), []);
});

test("random states, taken as later ones of each other, survive differences of every field", async () => {
  for (const [i, name] of FORK_NAMES.entries()) {
    const store = await openStore(temporaryFolder());
    const arena = new Arena();
    const base = randomState(name, 70 + i, arena);
    const other = randomState(name, 90 + i, new Arena());
    // The registry's keys are append-only, so the later state keeps the earlier one's validators.
    const later = base.clone();
    copyColumns(other, later);
    await store.writeSnapshot(base);
    const { root } = await store.writeDiff(base, later);
    const loaded = store.load(root, { arena })!;
    assert.deepEqual(Buffer.from(loaded.encode()), Buffer.from(later.encode()), name);
  }
});

test("differences cross a fork", async () => {
  const store = await openStore(temporaryFolder());
  let state = someState(32, Fork.phase0);
  for (const name of FORK_NAMES.slice(1)) {
    const base = state;
    await store.writeSnapshot(base);
    state = upgradeTo(Fork[name], base.clone());
    const { root } = await store.writeDiff(base, state);
    const loaded = store.load(root, { base })!;
    assert.equal(loaded.fork, Fork[name]);
    assert.deepEqual(Buffer.from(loaded.encode()), Buffer.from(state.encode()));
  }
});

test("a file with any byte changed is refused or reads as the same state", async () => {
  const folder = temporaryFolder();
  const store = await openStore(folder);
  const base = someState(16);
  const later = processSlots(base.clone(), 9);
  await store.writeSnapshot(base);
  const { root } = await store.writeDiff(base, later);
  const random = seededRandom(5);
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    const bytes = readFileSync(path);
    for (let k = 0; k < 25; k++) {
      const altered = Buffer.from(bytes);
      altered[k < 10 ? random.below(128) : random.below(bytes.length)]! ^= 1 << random.below(8);
      writeFileSync(path, altered);
      const { store: again, damaged } = await StateStore.open(spec, folder);
      const target = name.endsWith("diff") ? root : base.hashTreeRoot();
      if (damaged.length > 0) assert.deepEqual(damaged, [name]);
      else {
        try {
          assert.deepEqual(again.load(target)?.hashTreeRoot(), target);
        } catch (error) {
          assert.ok(error instanceof StorageError, String(error));
          assert.notDeepEqual(again.check(), []);
        }
      }
    }
    writeFileSync(path, bytes.subarray(0, bytes.length - 1));
    assert.deepEqual((await StateStore.open(spec, folder)).damaged, [name]);
    writeFileSync(path, bytes);
  }
});

test("removing a snapshot removes the differences from it; pruning keeps the newest", async () => {
  const folder = temporaryFolder();
  const store = await openStore(folder);
  const first = someState(16);
  const second = processSlots(first.clone(), 8);
  const third = processSlots(second.clone(), 16);
  await store.writeSnapshot(first);
  await store.writeDiff(first, second);
  await assert.rejects(store.writeDiff(second, third), /no snapshot/);
  await store.writeSnapshot(third);
  assert.equal(await store.prune(1), 2);
  assert.deepEqual(
    store.list().map(({ slot }) => slot),
    [16],
  );
  assert.equal(readdirSync(folder).length, 1);
});

test("a state's snapshot takes the place of its differences, and none outlive the snapshot they start from", async () => {
  const folder = temporaryFolder();
  const store = await openStore(folder);
  const first = someState(16);
  const second = processSlots(first.clone(), 8);
  await store.writeSnapshot(first);
  await store.writeDiff(first, second);
  await store.writeSnapshot(second);
  assert.equal((await store.writeDiff(first, second)).kind, "snapshot");
  assert.equal(readdirSync(folder).length, 2);
  const third = processSlots(second.clone(), 16);
  await store.writeDiff(second, third);
  rmSync(join(folder, readdirSync(folder).find((name) => name.startsWith("8-"))!));
  const again = await openStore(folder);
  assert.equal(again.load(third.hashTreeRoot()), undefined);
  assert.deepEqual(again.check(), []);
  assert.equal(readdirSync(folder).length, 1);
});

function changeSome(state: BeaconState, epoch: number): void {
  state.validators.push({
    pubkey: new Uint8Array(48).fill(epoch),
    withdrawalCredentials: new Uint8Array(32).fill(epoch),
    effectiveBalance: 32e9,
    slashed: false,
    activationEligibilityEpoch: epoch,
    activationEpoch: Number.POSITIVE_INFINITY,
    exitEpoch: Number.POSITIVE_INFINITY,
    withdrawableEpoch: Number.POSITIVE_INFINITY,
  });
  state.balances.push(epoch);
  state.previousEpochParticipation.push(7);
  state.currentEpochParticipation.push(epoch === 3 ? 200 : 3);
  state.inactivityScores.push(epoch);
  state.validators.exitEpoch.set(epoch, 1000 + epoch);
}

/** Gives `to` the fields of `from` other than the registry. */
function copyColumns(from: BeaconState, to: BeaconState): void {
  const mixed = from.encode();
  const decoded = BeaconState.decode(spec, from.fork, mixed, { arena: to.arena });
  for (const name of ["balances", "inactivityScores", "slashings"] as const) {
    if (name === "inactivityScores" && to.fork < Fork.altair) continue;
    to[name].resize(decoded[name].length);
    for (let i = 0; i < to[name].length; i++) to[name].setBig(i, decoded[name].getBig(i));
  }
  for (const name of ["blockRoots", "randaoMixes", "historicalRoots"] as const) {
    to[name].resize(decoded[name].length);
    for (let i = 0; i < to[name].length; i++) to[name].set(i, decoded[name].get(i));
  }
  to.eth1DataVotes.replaceAll([...decoded.eth1DataVotes]);
  if (to.fork >= Fork.electra) {
    to.pendingPartialWithdrawals.replaceAll([...decoded.pendingPartialWithdrawals]);
    to.pendingDeposits.replaceAll([...decoded.pendingDeposits]);
  }
  to.latestBlockHeader = decoded.latestBlockHeader;
  to.setBytes("eth1Data", (decoded.part("eth1Data") as { bytes: Uint8Array }).bytes);
}
