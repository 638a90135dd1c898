import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { BitArray } from "@chainsafe/ssz";
import { InvalidBlock } from "../../../src/base/errors.ts";
import { aggregateSignatures } from "../../../src/crypto/bls.ts";
import { getBeaconProposerIndex, getBlockRootAtSlot, getDomain, getRandaoMix } from "../../../src/spec/accessors.ts";
import { processBlock } from "../../../src/spec/block/block.ts";
import { createChainSpec } from "../../../src/spec/chain-spec.ts";
import { MINIMAL_CONFIG } from "../../../src/spec/config.ts";
import { DOMAIN_RANDAO, DOMAIN_SYNC_COMMITTEE, G2_POINT_AT_INFINITY } from "../../../src/spec/constants.ts";
import type { BeaconBlock } from "../../../src/spec/containers.ts";
import { FORK_NAMES, Fork } from "../../../src/spec/fork.ts";
import { forkTypes } from "../../../src/spec/fork-types.ts";
import { initializeInteropState, interopPublicKey, interopSecretKey } from "../../../src/spec/interop.ts";
import { computeSigningRoot, computeTimeAtSlot } from "../../../src/spec/misc.ts";
import {
  blockSignatureSet,
  CollectingVerifier,
  immediateVerifier,
  trustingVerifier,
  type Verifier,
} from "../../../src/spec/signature-sets.ts";
import type { BeaconState } from "../../../src/spec/state.ts";
import { getSyncCommitteeIndices } from "../../../src/spec/sync-committee.ts";
import { processSlots } from "../../../src/spec/transition.ts";

const pubkeys = Array.from({ length: 64 }, (_, i) => interopPublicKey(i));
const versions = FORK_NAMES.slice(1).map((name) => [`${name.toUpperCase()}_FORK_EPOCH`, 0]);
const spec = createChainSpec({ ...MINIMAL_CONFIG, ...Object.fromEntries(versions) });
const genesis = initializeInteropState(spec, {
  fork: Fork.fulu,
  validatorCount: 64,
  genesisTime: 1_700_000_000,
  pubkeys,
});
const pre = processSlots(genesis, 1);

/** A block at slot 1 with nothing in it but the signatures that every block has. */
function signedBody(state: BeaconState, participants: "all" | "none"): BeaconBlock {
  const block = forkTypes(state).BeaconBlock.defaultValue();
  block.slot = state.slot;
  block.proposerIndex = getBeaconProposerIndex(state);
  block.parentRoot = getBlockRootAtSlot(state, 0);
  const payload = block.body.executionPayload;
  payload.prevRandao = getRandaoMix(state, 0);
  payload.timestamp = BigInt(computeTimeAtSlot(state, state.slot));
  const epochRoot = new Uint8Array(32);
  const randaoMessage = computeSigningRoot(epochRoot, getDomain(state, DOMAIN_RANDAO));
  block.body.randaoReveal = interopSecretKey(block.proposerIndex).sign(randaoMessage);
  const committee = getSyncCommitteeIndices(state, state.currentSyncCommittee);
  block.body.syncAggregate.syncCommitteeSignature = G2_POINT_AT_INFINITY;
  if (participants === "all") {
    const message = computeSigningRoot(block.parentRoot, getDomain(state, DOMAIN_SYNC_COMMITTEE, 0));
    const signatures = Array.from(committee, (index) => interopSecretKey(index).sign(message));
    block.body.syncAggregate = {
      syncCommitteeBits: BitArray.fromBoolArray(signatures.map(() => true)),
      syncCommitteeSignature: aggregateSignatures(signatures),
    };
  }
  return block;
}

function run(block: BeaconBlock, verifier: Verifier): BeaconState {
  const state = pre.clone();
  processBlock(state, block, { verifier });
  return state;
}

describe("verifiers", () => {
  test("a collecting verifier holds every set of the block, for one batch", () => {
    const verifier = new CollectingVerifier();
    const block = signedBody(pre, "all");
    const collected = run(block, verifier);
    assert.equal(verifier.sets.length, 2);
    assert.ok(verifier.verifyAll());
    assert.deepEqual(collected.hashTreeRoot(), run(block, immediateVerifier).hashTreeRoot());
    assert.deepEqual(collected.hashTreeRoot(), run(block, trustingVerifier).hashTreeRoot());
  });

  test("nobody's sync signature is the point at infinity and needs no check", () => {
    const verifier = new CollectingVerifier();
    const block = signedBody(pre, "none");
    run(block, verifier);
    assert.equal(verifier.sets.length, 1);
    block.body.syncAggregate.syncCommitteeSignature = block.body.randaoReveal;
    for (const policy of [verifier, immediateVerifier, trustingVerifier]) {
      assert.throws(() => run(block, policy), { code: "SYNC_AGGREGATE_BAD_SIGNATURE" });
    }
  });

  test("a wrong signature fails at once, or the whole batch", () => {
    const block = signedBody(pre, "all");
    block.body.syncAggregate.syncCommitteeBits.set(3, false);
    const verifier = new CollectingVerifier();
    run(block, verifier);
    assert.equal(verifier.verifyAll(), false);
    assert.throws(() => run(block, immediateVerifier), InvalidBlock);
    run(block, trustingVerifier);
  });

  test("an empty batch is valid", () => assert.ok(new CollectingVerifier().verifyAll()));

  test("the proposer signs the block in the domain of its epoch", () => {
    const message = signedBody(pre, "none");
    const unsigned = blockSignatureSet(pre, { message, signature: new Uint8Array(96) });
    const signature = interopSecretKey(message.proposerIndex).sign(unsigned.message);
    assert.ok(immediateVerifier.verify(blockSignatureSet(pre, { message, signature })));
    message.body.graffiti = new Uint8Array(32).fill(1);
    assert.equal(immediateVerifier.verify(blockSignatureSet(pre, { message, signature })), false);
  });
});
