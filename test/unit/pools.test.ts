import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { BitArray } from "@chainsafe/ssz";
import { AttestationPool, type VoteKey } from "../../src/chain/pools/attestation-pool.ts";
import { SyncCommitteePool } from "../../src/chain/pools/sync-committee-pool.ts";
import { fastAggregateVerify } from "../../src/crypto/bls.ts";
import { G2_POINT_AT_INFINITY } from "../../src/spec/constants.ts";
import { interopPublicKey, interopSecretKey } from "../../src/spec/interop.ts";
import { devSpec } from "../support/local-node.ts";

const COMMITTEE = 16;
const MESSAGE = new Uint8Array(32).fill(7);
const checkpoint = { epoch: 1, root: new Uint8Array(32) };
const keys = Array.from({ length: COMMITTEE }, (_, index) => interopPublicKey(index));
const signatures = keys.map((_, index) => {
  const key = interopSecretKey(index);
  const signature = key.sign(MESSAGE);
  key.destroy();
  return signature;
});

function voteKey(slot: number, committeeIndex = 0): VoteKey {
  const data = { slot, index: 0, beaconBlockRoot: new Uint8Array(32).fill(1), source: checkpoint, target: checkpoint };
  return { data, dataRoot: new Uint8Array(32).fill(slot), committeeIndex, committeeLength: COMMITTEE };
}

function bitsOf(positions: readonly number[]): BitArray {
  const bits = BitArray.fromBitLen(COMMITTEE);
  for (const position of positions) bits.set(position, true);
  return bits;
}

/** The aggregate of some voters, by a pool of its own. */
function aggregateOf(positions: readonly number[]) {
  const pool = new AttestationPool();
  const key = voteKey(9);
  for (const position of positions) pool.addSingle(key, position, signatures[position]!);
  const { bits, signature } = pool.best(9, key.dataRoot, 0)!;
  return { bits, signature };
}

function assertSigned({ bits, signature }: { bits: BitArray; signature: Uint8Array }): void {
  const voters = bits.getTrueBitIndexes().map((position) => keys[position]!);
  assert.ok(fastAggregateVerify(voters, MESSAGE, signature));
}

describe("the attestation pool", () => {
  it("aggregates single votes once each, into a signature that holds", () => {
    const pool = new AttestationPool();
    const key = voteKey(5);
    for (const position of [0, 3, 3, 7, 0, 15]) pool.addSingle(key, position, signatures[position]!);
    const best = pool.best(5, key.dataRoot, 0)!;
    assert.deepEqual(best.bits.getTrueBitIndexes(), [0, 3, 7, 15]);
    assertSigned(best);
    assert.equal(pool.best(5, key.dataRoot, 1), undefined);
  });

  it("joins aggregates that share no voter, and drops those that others contain", () => {
    const pool = new AttestationPool();
    const key = voteKey(5);
    for (const positions of [
      [1, 2],
      [1, 2, 3, 4],
      [5, 6],
      [4, 5],
    ])
      pool.addAggregate(key, aggregateOf(positions));
    pool.addSingle(key, 9, signatures[9]!);
    const [group] = [...pool.groups()];
    assert.equal(group!.aggregates.length, 3);
    const best = pool.best(5, key.dataRoot, 0)!;
    assert.deepEqual(best.bits.getTrueBitIndexes(), [1, 2, 3, 4, 5, 6, 9]);
    assertSigned(best);
  });

  it("keeps apart what claims another committee length, and forgets old slots", () => {
    const pool = new AttestationPool();
    pool.addAggregate(voteKey(5), aggregateOf([1]));
    pool.addAggregate(
      { ...voteKey(5), committeeLength: 99 },
      { bits: BitArray.fromBitLen(99), signature: signatures[0]! },
    );
    assert.equal(pool.size, 1);
    assert.ok(pool.bytes > 0);
    pool.prune(6);
    assert.equal(pool.size, 0);
    assert.equal(pool.bytes, 0);
  });

  it("stops growing", () => {
    const pool = new AttestationPool();
    for (let committee = 0; committee < 20_000; committee++) {
      pool.addAggregate(voteKey(5, committee), { bits: bitsOf([0]), signature: signatures[0]! });
    }
    assert.equal(pool.size, 1 << 14);
    assert.equal(pool.shed, 20_000 - (1 << 14));
  });
});

describe("the sync committee pool", () => {
  const spec = devSpec(6000, { altair: 0 });
  const root = new Uint8Array(32).fill(3);
  const seats = spec.preset.SYNC_COMMITTEE_SIZE / 4;

  it("makes contributions of messages and takes the best into a block", () => {
    const pool = new SyncCommitteePool(spec);
    for (const position of [0, 2]) pool.addMessage(8, root, 1, position, signatures[position]!);
    const contribution = pool.contribution(8, root, 1)!;
    assert.deepEqual(contribution.aggregationBits.getTrueBitIndexes(), [0, 2]);
    const aggregate = pool.syncAggregate(8, root);
    assert.deepEqual(aggregate.syncCommitteeBits.getTrueBitIndexes(), [seats, seats + 2]);
    assert.ok(fastAggregateVerify([keys[0]!, keys[2]!], MESSAGE, aggregate.syncCommitteeSignature));
  });

  it("gives an empty aggregate where nobody voted", () => {
    const aggregate = new SyncCommitteePool(spec).syncAggregate(8, root);
    assert.equal(aggregate.syncCommitteeBits.getTrueBitIndexes().length, 0);
    assert.deepEqual(aggregate.syncCommitteeSignature, G2_POINT_AT_INFINITY);
  });

  it("holds a few slots and a few roots a slot", () => {
    const pool = new SyncCommitteePool(spec);
    for (let slot = 0; slot < 50; slot++) {
      for (let k = 0; k < 100; k++) pool.addMessage(slot, new Uint8Array(32).fill(k), 0, 0, signatures[0]!);
    }
    assert.ok(pool.bytes <= 8 * 64 * 1024);
    assert.equal(pool.contribution(0, new Uint8Array(32), 0), undefined);
    pool.prune(50);
    assert.equal(pool.bytes, 0);
  });
});
