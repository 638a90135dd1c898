/** A block for measurements: full of attestations by whole slots, valid but for its signatures and state root. */
import { BitArray } from "@chainsafe/ssz";
import {
  getBeaconCommittee,
  getBeaconProposerIndex,
  getBlockRootAtSlot,
  getCommitteeCountPerSlot,
  getCurrentEpoch,
  getRandaoMix,
} from "../spec/accessors.ts";
import { getExpectedWithdrawals } from "../spec/block/withdrawals.ts";
import type { Attestation, BeaconBlock } from "../spec/containers.ts";
import { computeStartSlotAtEpoch, computeTimeAtSlot } from "../spec/misc.ts";
import type { BeaconState } from "../spec/state.ts";

/**
 * @param state at the block's slot, which is at least `attestations` slots into its epoch
 * @param attestations one for each of the slots before it, by all of their validators
 */
export function attestedBlock(state: BeaconState, attestations: number): BeaconBlock {
  const { types, preset } = state.spec;
  const block = types.fulu.BeaconBlock.defaultValue();
  block.slot = state.slot;
  block.proposerIndex = getBeaconProposerIndex(state);
  block.parentRoot = types.phase0.BeaconBlockHeader.hashTreeRoot(state.latestBlockHeader);
  const { body } = block;
  body.eth1Data = state.eth1Data;
  body.syncAggregate.syncCommitteeBits = allSet(preset.SYNC_COMMITTEE_SIZE);
  body.attestations = Array.from({ length: attestations }, (_, i) => wholeSlot(state, state.slot - 1 - i));
  const payload = body.executionPayload;
  payload.parentHash = state.latestExecutionPayloadHeader.blockHash;
  payload.prevRandao = getRandaoMix(state, getCurrentEpoch(state));
  payload.timestamp = BigInt(computeTimeAtSlot(state, state.slot));
  payload.withdrawals = getExpectedWithdrawals(state).withdrawals;
  return block;
}

function wholeSlot(state: BeaconState, slot: number): Attestation {
  const epoch = getCurrentEpoch(state);
  const count = getCommitteeCountPerSlot(state, epoch);
  let members = 0;
  for (let index = 0; index < count; index++) members += getBeaconCommittee(state, slot, index).length;
  const committeeBits = BitArray.fromBitLen(state.spec.preset.MAX_COMMITTEES_PER_SLOT);
  for (let index = 0; index < count; index++) committeeBits.set(index, true);
  const target = { epoch, root: getBlockRootAtSlot(state, computeStartSlotAtEpoch(state.spec, epoch)) };
  const beaconBlockRoot = getBlockRootAtSlot(state, slot);
  return {
    aggregationBits: allSet(members),
    data: { slot, index: 0, beaconBlockRoot, source: state.currentJustifiedCheckpoint, target },
    signature: new Uint8Array(96),
    committeeBits,
  };
}

function allSet(length: number): BitArray {
  return BitArray.fromBoolArray(new Array<boolean>(length).fill(true));
}
