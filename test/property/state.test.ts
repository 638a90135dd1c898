import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import type { ContainerType, Type } from "@chainsafe/ssz";
import { DecodeError } from "../../src/base/errors.ts";
import { Arena } from "../../src/columns/arena.ts";
import { createChainSpec } from "../../src/spec/chain-spec.ts";
import { MINIMAL_CONFIG } from "../../src/spec/config.ts";
import { FORK_NAMES, Fork, type ForkName } from "../../src/spec/fork.ts";
import { BeaconState } from "../../src/spec/state.ts";
import { type Random, seededRandom } from "./random.ts";
import { randomValue } from "./random-value.ts";

const SEED = Number(process.env.SEED ?? 7);
const spec = createChainSpec(MINIMAL_CONFIG);

function exactType(name: ForkName): ContainerType<Record<string, Type<unknown>>> {
  return spec.exactTypes[name].BeaconState as unknown as ContainerType<Record<string, Type<unknown>>>;
}

/** A random state of a fork as SSZ, with the value it encodes. */
function randomState(name: ForkName, random: Random) {
  const type = exactType(name);
  const value = randomValue(type as Type<unknown>, random, 40) as Record<string, unknown>;
  return { type, value, bytes: type.serialize(value as never) };
}

for (const name of FORK_NAMES) {
  test(`${name}: bytes, root, JSON and proofs are those of the plain container`, () => {
    const random = seededRandom(SEED);
    const arena = new Arena();
    for (let round = 0; round < 4; round++) {
      const { type, value, bytes } = randomState(name, random);
      const state = BeaconState.decode(spec, Fork[name], bytes, { arena });
      assert.deepEqual(state.hashTreeRoot(), type.hashTreeRoot(value as never));
      assert.deepEqual(Buffer.from(state.encode()), Buffer.from(bytes));
      let json = "";
      state.jsonTo((text) => {
        json += text;
      });
      assert.deepEqual(JSON.parse(json), type.toJson(value as never));
      checkProofs(state, type, value, random);
      state.drop();
    }
    assert.equal(arena.pagesUsed, 2, "only the two zero pages are left");
  });

  test(`${name}: clones do not see each other's changes`, () => {
    const random = seededRandom(SEED + 1);
    const { type, value, bytes } = randomState(name, random);
    const state = BeaconState.decode(spec, Fork[name], bytes);
    const clone = state.clone();
    clone.slot = 77;
    clone.validators.push(someValidator(random));
    clone.balances.push(5n);
    if (clone.validators.length > 1) clone.validators.exitEpoch.set(0, 12);
    clone.blockRoots.set(3, random.bytes(32));
    assert.notDeepEqual(clone.hashTreeRoot(), state.hashTreeRoot());
    assert.deepEqual(state.hashTreeRoot(), type.hashTreeRoot(value as never));
    const again = BeaconState.decode(spec, Fork[name], clone.encode());
    assert.deepEqual(again.hashTreeRoot(), clone.hashTreeRoot());
    clone.drop();
    assert.deepEqual(Buffer.from(state.encode()), Buffer.from(bytes));
  });

  test(`${name}: cut and altered states are refused with a place, or decode to what they say`, () => {
    const random = seededRandom(SEED + 2);
    const { type, bytes } = randomState(name, random);
    for (let k = 0; k < 150; k++) {
      const cut = bytes.slice(0, random.below(bytes.length));
      const altered = bytes.slice();
      // Hit the offsets of the fixed part often: they are what can go wrong.
      const at = random.below(3) === 0 ? random.below(bytes.length) : random.below(Math.min(bytes.length, 9000));
      altered[at]! ^= 1 << random.below(8);
      for (const input of [cut, altered]) assertSameVerdict(name, type, input);
    }
  });
}

/** Both decoders accept the input, or both refuse it, ours with a DecodeError that names a field. */
function assertSameVerdict(name: ForkName, type: ContainerType<Record<string, Type<unknown>>>, input: Uint8Array) {
  let expected: Uint8Array | undefined;
  try {
    expected = type.hashTreeRoot(type.deserialize(input));
  } catch {
    // refused
  }
  try {
    const state = BeaconState.decode(spec, Fork[name], input);
    assert.ok(expected !== undefined, "decoded what the plain container refuses");
    assert.deepEqual(state.hashTreeRoot(), expected);
    state.drop();
  } catch (error) {
    assert.ok(error instanceof DecodeError, String(error));
    assert.equal(expected, undefined, `refused what the plain container decodes: ${error.message}`);
    assert.notEqual(error.path, "");
    assert.ok(error.offset >= 0 && error.offset <= input.length);
  }
}

function checkProofs(
  state: BeaconState,
  type: ContainerType<Record<string, Type<unknown>>>,
  value: Record<string, unknown>,
  random: Random,
): void {
  const root = type.toView(value as never).node;
  for (let k = 0; k < 200; k++) {
    let node = root;
    let gindex = 1n;
    for (let depth = random.below(50); depth > 0 && !node.isLeaf(); depth--) {
      const right = random.below(2);
      node = right === 1 ? node.right : node.left;
      gindex = gindex * 2n + BigInt(right);
    }
    // The plain tree stops at a zero node; below it both have nothing to show.
    assert.deepEqual(state.nodeAt(gindex), node.root, `generalized index ${gindex}`);
    if (k < 20) assertProof(state, gindex);
  }
}

function assertProof(state: BeaconState, gindex: bigint): void {
  let node = state.nodeAt(gindex);
  let at = gindex;
  for (const sibling of state.proof(gindex)) {
    node = at % 2n === 1n ? hashPair(sibling, node) : hashPair(node, sibling);
    at >>= 1n;
  }
  assert.deepEqual(node, state.hashTreeRoot());
}

function hashPair(left: Uint8Array, right: Uint8Array): Uint8Array {
  return new Uint8Array(createHash("sha256").update(left).update(right).digest());
}

function someValidator(random: Random) {
  return {
    pubkey: random.bytes(48),
    withdrawalCredentials: random.bytes(32),
    effectiveBalance: 32e9,
    slashed: false,
    activationEligibilityEpoch: 3,
    activationEpoch: Number.POSITIVE_INFINITY,
    exitEpoch: Number.POSITIVE_INFINITY,
    withdrawableEpoch: Number.POSITIVE_INFINITY,
  };
}
