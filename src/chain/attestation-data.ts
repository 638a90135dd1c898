/**
 * What an attester of a slot votes for.
 * @see https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/phase0/validator.md#attestation-data
 */
import { UsageError } from "../base/errors.ts";
import { getBlockRootAtSlot } from "../spec/accessors.ts";
import { forkAtEpoch } from "../spec/config.ts";
import type { AttestationData } from "../spec/containers.ts";
import { Fork } from "../spec/fork.ts";
import { computeEpochAtSlot, computeStartSlotAtEpoch } from "../spec/misc.ts";
import type { Chain } from "./chain.ts";

/**
 * The vote for the head of the chain at a slot.
 * @param committeeIndex written into the data before electra
 * @throws UsageError for a slot that is not about now, or while the head is not verified
 */
export function produceAttestationData(chain: Chain, slot: number, committeeIndex: number): AttestationData {
  const { spec } = chain;
  const currentSlot = chain.slotClock.currentSlot();
  if (Math.abs(slot - currentSlot) > spec.preset.SLOTS_PER_EPOCH)
    throw new UsageError(`slot ${slot} is not about now, ${currentSlot}`);
  // Votes of earlier slots may have come since the slot began.
  chain.updateHead();
  if (chain.head.isOptimistic)
    throw new UsageError("the head is not verified by an execution client: nothing may be signed");
  const epoch = computeEpochAtSlot(spec, slot);
  // Checkpoints change with the epoch, so an empty start of an epoch must be gone through.
  const start = computeStartSlotAtEpoch(spec, epoch);
  const state = chain.headStateAt(start);
  const root = chain.head.slot <= slot ? chain.head.root : getBlockRootAtSlot(state, slot);
  const targetRoot = chain.head.slot <= start ? root : getBlockRootAtSlot(state, start);
  // [Modified in Electra:EIP7549]
  const index = forkAtEpoch(spec.config, epoch) >= Fork.electra ? 0 : committeeIndex;
  const target = { epoch, root: targetRoot };
  return { slot, index, beaconBlockRoot: root, source: state.currentJustifiedCheckpoint, target };
}
