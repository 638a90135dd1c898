import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { BitArray } from "@chainsafe/ssz";
import { BoundedSet } from "../../../src/base/bounded.ts";
import { type SignatureSet, verifySet } from "../../../src/crypto/bls.ts";
import { getBeaconCommittee } from "../../../src/spec/accessors.ts";
import { createChainSpec } from "../../../src/spec/chain-spec.ts";
import { MINIMAL_CONFIG } from "../../../src/spec/config.ts";
import type { SingleAttestation } from "../../../src/spec/containers.ts";
import { Fork } from "../../../src/spec/fork.ts";
import { ExecutionStatus } from "../../../src/spec/fork-choice/proto-array.ts";
import { validateBeaconAggregateAndProofGossip } from "../../../src/spec/gossip/beacon-aggregate-and-proof.ts";
import { validateBeaconAttestationGossip } from "../../../src/spec/gossip/beacon-attestation.ts";
import { ForkChoiceView } from "../../../src/spec/gossip/fork-choice-view.ts";
import { BitfieldCover, Seen, tupleKey } from "../../../src/spec/gossip/seen.ts";
import { type GossipVerifier, rejectBadSignature } from "../../../src/spec/gossip/signature.ts";
import type { GossipStore } from "../../../src/spec/gossip/verdict.ts";
import { validateVoluntaryExitGossip } from "../../../src/spec/gossip/voluntary-exit.ts";
import { initializeInteropState, interopSecretKey } from "../../../src/spec/interop.ts";
import { computeExpectedProposer } from "../../../src/spec/p2p.ts";
import { processSlots } from "../../../src/spec/transition.ts";
import { computeSubnetForAttestation } from "../../../src/spec/validator.ts";
import {
  getAggregateAndProof,
  getAggregateAndProofSignature,
  getAttestationSignature,
} from "../../../src/spec/validator-signatures.ts";
import { addTo, rootOf, storeOf } from "../fork-choice-builder.ts";

const FORKS = ["ALTAIR", "BELLATRIX", "CAPELLA", "DENEB", "ELECTRA", "FULU"];
const spec = createChainSpec({
  ...MINIMAL_CONFIG,
  ...Object.fromEntries(FORKS.map((name) => [`${name}_FORK_EPOCH`, 0])),
});
const SLOT = 3;
const ROOT = new Uint8Array(32).fill(5);
const genesis = initializeInteropState(spec, { fork: Fork.fulu, validatorCount: 64, genesisTime: 1000 });
const state = processSlots(genesis.clone(), SLOT);
const NOW = state.genesisTime * 1000 + SLOT * spec.config.SLOT_DURATION_MS + 100;

/** Every block is known and valid, and one block is every checkpoint's. */
const store: GossipStore = {
  finalizedCheckpoint: { epoch: 0, root: ROOT },
  blockSlot: () => 0,
  isValidBlock: () => true,
  payloadStatus: () => "VALID",
  checkpointBlock: () => ROOT,
  blockState: () => state,
};

/** Answers only when told to, as a verifier does that gathers a batch. */
class BatchingVerifier implements GossipVerifier {
  readonly waiting: { set: SignatureSet; resolve: (valid: boolean) => void }[] = [];

  verify(set: SignatureSet): Promise<boolean> {
    return new Promise((resolve) => this.waiting.push({ set, resolve }));
  }

  flush(): void {
    for (const { set, resolve } of this.waiting.splice(0)) resolve(verifySet(set));
  }
}

const SUBNET = computeSubnetForAttestation(spec, 2, SLOT, 1);

function singleAttestation(position = 0, targetEpoch = 0): SingleAttestation {
  const attesterIndex = getBeaconCommittee(state, SLOT, 1)[position]!;
  const data = {
    ...{ slot: SLOT, index: 0, beaconBlockRoot: ROOT },
    source: { epoch: 0, root: ROOT },
    target: { epoch: targetEpoch, root: ROOT },
  };
  const signature = getAttestationSignature(state, data, interopSecretKey(attesterIndex));
  return { committeeIndex: 1, attesterIndex, data, signature };
}

function aggregate(positions: number[], aggregatorPosition: number) {
  const committee = getBeaconCommittee(state, SLOT, 1);
  const aggregatorIndex = committee[aggregatorPosition]!;
  const key = interopSecretKey(aggregatorIndex);
  const bits = BitArray.fromBitLen(committee.length);
  for (const position of positions) bits.set(position, true);
  const attestation = {
    aggregationBits: bits,
    data: singleAttestation().data,
    signature: singleAttestation(positions[0]).signature,
    committeeBits: BitArray.fromSingleBit(spec.preset.MAX_COMMITTEES_PER_SLOT, 1),
  };
  const message = getAggregateAndProof(state, aggregatorIndex, attestation, key);
  return { message, signature: getAggregateAndProofSignature(state, message, key) };
}

describe("a verifier that answers later", () => {
  test("lets one of two copies of an attestation through", async () => {
    const seen = new Seen();
    const verifier = new BatchingVerifier();
    const validate = () =>
      validateBeaconAttestationGossip(seen, store, state, singleAttestation(), NOW, SUBNET, verifier);
    const verdicts = Promise.all([validate(), validate()]);
    assert.equal(verifier.waiting.length, 2, "both reach the verifier");
    verifier.flush();
    assert.deepEqual(await verdicts, [
      { verdict: "accept" },
      { verdict: "ignore", reason: "already seen attestation from this validator for this epoch" },
    ]);
    assert.equal((await validate()).verdict, "ignore");
    assert.equal(verifier.waiting.length, 0, "the third copy costs no signature check");
  });

  test("lets one of two equal aggregates through, and checks all three signatures in one batch", async () => {
    const seen = new Seen();
    const verifier = new BatchingVerifier();
    const validate = (position: number) =>
      validateBeaconAggregateAndProofGossip(seen, store, state, aggregate([0], position), NOW, verifier);
    const verdicts = Promise.all([validate(0), validate(1)]);
    assert.equal(verifier.waiting.length, 6);
    verifier.flush();
    assert.deepEqual(await verdicts, [
      { verdict: "accept" },
      { verdict: "ignore", reason: "already seen aggregate for this data" },
    ]);
  });

  test("lets one of two equal exits through", async () => {
    const seen = new Seen();
    const old = state.clone();
    old.slot = spec.config.SHARD_COMMITTEE_PERIOD * spec.preset.SLOTS_PER_EPOCH;
    const exit = { message: { epoch: 1, validatorIndex: 4 }, signature: new Uint8Array(96) };
    const verifier: GossipVerifier = { verify: () => Promise.resolve(true) };
    const verdicts = await Promise.all([0, 1].map(() => validateVoluntaryExitGossip(seen, old, exit, verifier)));
    assert.deepEqual(
      verdicts.map(({ verdict }) => verdict),
      ["accept", "ignore"],
    );
  });

  test("rejects for the first wrong signature in the rule's order", async () => {
    const set = {} as SignatureSet;
    const answers = [Promise.resolve(true), false, Promise.resolve(false)];
    const verifier: GossipVerifier = { verify: () => answers.shift()! };
    const checks = ["one", "two", "three"].map((reason) => ({ set, reason }));
    assert.deepEqual(await rejectBadSignature(verifier, checks), { verdict: "reject", reason: "two" });
  });

  test("marks nothing as seen when the signature is wrong", async () => {
    const seen = new Seen();
    const verifier: GossipVerifier = { verify: verifySet };
    const forged = { ...singleAttestation(), signature: singleAttestation(1).signature };
    const validate = (attestation: SingleAttestation) =>
      validateBeaconAttestationGossip(seen, store, state, attestation, NOW, SUBNET, verifier);
    assert.deepEqual(await validate(forged), { verdict: "reject", reason: "invalid attestation signature" });
    assert.deepEqual(await validate(singleAttestation()), { verdict: "accept" });
  });
});

describe("made-up epochs", () => {
  const refusing: GossipVerifier = {
    verify: () => assert.fail("no signature is worth checking"),
  };
  const slots = [SLOT + 8 * 1000, 2 ** 52, Number.POSITIVE_INFINITY];

  test("cost no committee count, in attestations", async () => {
    for (const slot of slots) {
      const fresh = state.clone();
      const far = singleAttestation();
      const epoch = Math.floor(slot / spec.preset.SLOTS_PER_EPOCH);
      const attestation = { ...far, data: { ...far.data, slot, target: { epoch, root: ROOT } } };
      const verdict = await validateBeaconAttestationGossip(
        new Seen(),
        store,
        fresh,
        attestation,
        NOW,
        SUBNET,
        refusing,
      );
      assert.deepEqual(verdict, { verdict: "ignore", reason: "attestation slot is from a future slot" });
      assert.equal(fresh.cache.entry(epoch), undefined);
    }
    const mismatched = singleAttestation(0, 77);
    const verdict = await validateBeaconAttestationGossip(new Seen(), store, state, mismatched, NOW, SUBNET, refusing);
    assert.deepEqual(verdict, { verdict: "reject", reason: "attestation epoch does not match target epoch" });
    assert.equal(state.cache.entry(77), undefined);
  });

  test("cost no committee count, in aggregates", async () => {
    const { message, signature } = aggregate([0], 0);
    const data = { ...message.aggregate.data, target: { epoch: 77, root: ROOT } };
    const mismatched = { message: { ...message, aggregate: { ...message.aggregate, data } }, signature };
    const verdict = await validateBeaconAggregateAndProofGossip(new Seen(), store, state, mismatched, NOW, refusing);
    assert.deepEqual(verdict, { verdict: "reject", reason: "attestation epoch does not match target epoch" });
    assert.equal(state.cache.entry(77), undefined);
  });
});

describe("seen", () => {
  test("stays small whatever is accepted", () => {
    const seen = new Seen();
    for (let slot = 0; slot < 10_000; slot++) {
      seen.proposerSlots.open(slot).add(slot);
      seen.attestationValidatorEpochs.open(slot).add(slot % 1000);
      for (let column = 0; column < 4; column++) seen.dataColumnSidecarTuples.open(slot).add(tupleKey(slot, column));
    }
    assert.ok(seen.proposerSlots.size <= 4096);
    assert.ok(seen.attestationValidatorEpochs.size <= 8);
    assert.ok(seen.bytes < 4 << 20, `${seen.bytes} bytes`);
    assert.equal(seen.proposerSlots.get(9999)?.has(9999), true);
    const before = seen.bytes;
    seen.prune(9990);
    assert.equal(seen.proposerSlots.size, 10);
    assert.ok(seen.bytes < before);
  });

  test("tuple keys are distinct", () => {
    const keys = new BoundedSet<number>({ limit: 1 << 16 });
    for (const validator of [0, 1, 255, 256, 2 ** 40]) {
      for (let index = 0; index < 256; index++) {
        assert.equal(keys.has(tupleKey(validator, index)), false);
        keys.add(tupleKey(validator, index));
      }
    }
  });

  test("a bitfield is covered by a superset and by nothing else", () => {
    const cover = new BitfieldCover();
    assert.equal(cover.covers(Uint8Array.of(0b1)), false);
    cover.add(Uint8Array.of(0b0110, 0b1));
    assert.equal(cover.covers(Uint8Array.of(0b0110, 0b1)), true);
    assert.equal(cover.covers(Uint8Array.of(0b0010, 0b0)), true);
    assert.equal(cover.covers(Uint8Array.of(0b1010, 0b0)), false);
    // Together they have the bits, but neither has them alone.
    cover.add(Uint8Array.of(0b1000, 0b0));
    assert.equal(cover.covers(Uint8Array.of(0b1010, 0b0)), false);
    for (let i = 0; i < 8 * 256; i++) cover.add(Uint8Array.of(i & 0xff, 0b10 << (i >> 8)));
    assert.equal(cover.covers(Uint8Array.of(0xff, 0b10 << 7)), true, "the newest stay");
  });
});

describe("the expected proposer", () => {
  test("comes from the lookahead and is what the transition says", () => {
    for (const slot of [SLOT, SLOT + 1, 7, 8, 15]) {
      const advanced = slot === SLOT ? state : processSlots(state.clone(), slot);
      assert.equal(
        computeExpectedProposer(state, slot),
        advanced.proposerLookahead[slot % spec.preset.SLOTS_PER_EPOCH],
      );
    }
    const far = processSlots(state.clone(), 20);
    assert.equal(computeExpectedProposer(state, 20), far.proposerLookahead[20 % spec.preset.SLOTS_PER_EPOCH]);
    assert.equal(state.slot, SLOT, "the state stays as it was");
  });
});

describe("the fork-choice store as gossip sees it", () => {
  const tree = storeOf();
  addTo(tree, "b", "a", 3, { executionStatus: ExecutionStatus.valid });
  addTo(tree, "c", "b", 9, { executionStatus: ExecutionStatus.invalidated });
  addTo(tree, "d", "c", 17, { executionStatus: ExecutionStatus.notValidated });
  const view = new ForkChoiceView({ store: tree, maxRefused: 2 });

  test("knows blocks, their payloads and checkpoints", () => {
    assert.equal(view.blockSlot(rootOf("c")), 9);
    assert.equal(view.blockSlot(rootOf("x")), undefined);
    assert.equal(view.isValidBlock(rootOf("c")), true);
    assert.deepEqual(
      ["a", "b", "c", "d", "x"].map((letter) => view.payloadStatus(rootOf(letter))),
      ["NOT_VALIDATED", "VALID", "INVALIDATED", "NOT_VALIDATED", "NOT_VALIDATED"],
    );
    assert.deepEqual(view.checkpointBlock(rootOf("d"), 2), rootOf("c"));
    assert.deepEqual(view.checkpointBlock(rootOf("d"), 1), rootOf("b"));
    assert.equal(view.checkpointBlock(rootOf("x"), 1), undefined);
    assert.deepEqual(view.finalizedCheckpoint, { epoch: 0, root: rootOf("a") });
    assert.equal(view.blockState(rootOf("a")), undefined);
  });

  test("remembers the newest refused blocks", () => {
    for (const [i, letter] of ["x", "y", "z"].entries()) view.refuse(rootOf(letter), 20 + i);
    assert.equal(view.blockSlot(rootOf("x")), undefined);
    assert.equal(view.blockSlot(rootOf("z")), 22);
    assert.equal(view.isValidBlock(rootOf("z")), false);
    assert.ok(view.bytes > 0);
  });
});
