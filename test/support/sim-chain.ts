/** Branches of a chain, made by interop validators who vote as the test wants; every signature is real. */
import { BitArray } from "@chainsafe/ssz";
import { type IncomingBlock, toIncomingBlock } from "../../src/chain/incoming-block.ts";
import { aggregateSignatures } from "../../src/crypto/bls.ts";
import { getBeaconCommittee, getBlockRootAtSlot, getCommitteeCountPerSlot } from "../../src/spec/accessors.ts";
import type { Attestation, AttestationData } from "../../src/spec/containers.ts";
import { interopSecretKey } from "../../src/spec/interop.ts";
import { computeEpochAtSlot, computeStartSlotAtEpoch } from "../../src/spec/misc.ts";
import type { BeaconState } from "../../src/spec/state.ts";
import { processSlots } from "../../src/spec/transition.ts";
import { getAttestationSignature } from "../../src/spec/validator-signatures.ts";
import { type BlockContent, type BuiltBlock, buildBlock } from "./build-block.ts";

/** Votes of a slot's committees for a block, as one on-chain aggregate (electra form). */
export function voteFor(tip: { root: Uint8Array; state: BeaconState }, slot: number): Attestation {
  const state = tip.state.slot < slot ? processSlots(tip.state.clone(), slot) : tip.state;
  const data = voteData(tip.root, state, slot);
  const count = getCommitteeCountPerSlot(state, data.target.epoch);
  const members = Array.from({ length: count }, (_, index) => [...getBeaconCommittee(state, slot, index)]).flat();
  const signatures = members.map((index) => {
    const key = interopSecretKey(index);
    const signature = getAttestationSignature(state, data, key);
    key.destroy();
    return signature;
  });
  return {
    aggregationBits: BitArray.fromBoolArray(members.map(() => true)),
    data,
    signature: aggregateSignatures(signatures),
    committeeBits: BitArray.fromBoolArray(
      Array.from({ length: state.spec.preset.MAX_COMMITTEES_PER_SLOT }, (_, index) => index < count),
    ),
  };
}

/** Indices of a slot's voters. */
export function votersOf(state: BeaconState, slot: number): number[] {
  const count = getCommitteeCountPerSlot(state, computeEpochAtSlot(state.spec, slot));
  return Array.from({ length: count }, (_, index) => [...getBeaconCommittee(state, slot, index)]).flat();
}

function voteData(root: Uint8Array, state: BeaconState, slot: number): AttestationData {
  const epoch = computeEpochAtSlot(state.spec, slot);
  const start = computeStartSlotAtEpoch(state.spec, epoch);
  const target = { epoch, root: start < state.latestBlockHeader.slot ? getBlockRootAtSlot(state, start) : root };
  return { slot, index: 0, beaconBlockRoot: root, source: state.currentJustifiedCheckpoint, target };
}

/** A block with the votes of the slot before it for its parent. */
export function buildVoted(parent: { root: Uint8Array; state: BeaconState }, slot: number, content: BlockContent = {}) {
  return buildBlock(parent.state, slot, { attestations: [voteFor(parent, slot - 1)], ...content });
}

/** Blocks in every slot from one after the tip's to `lastSlot`, each voted for by everybody. */
export function* buildChain(tip: { root: Uint8Array; state: BeaconState }, lastSlot: number): Generator<BuiltBlock> {
  let parent = tip;
  for (let slot = tip.state.slot + 1; slot <= lastSlot; slot++) {
    const block = slot === 1 ? buildBlock(parent.state, slot) : buildVoted(parent, slot);
    parent = block;
    yield block;
  }
}

export function fromGossip({ signedBlock, state }: BuiltBlock, seenAtMs = 0): IncomingBlock {
  return toIncomingBlock(state.spec, signedBlock, { source: "gossip", seenAtMs });
}
