/**
 * Topics `light_client_finality_update` and `light_client_optimistic_update` (altair), as a full node judges them.
 * @see https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/altair/light-client/p2p-interface.md
 */
import { bytesEqual } from "../../base/bytes.ts";
import type { ChainSpec } from "../chain-spec.ts";
import type { LightClientFinalityUpdate, LightClientOptimisticUpdate, SyncAggregate } from "../containers.ts";
import { forkTypes } from "../fork-types.ts";
import type { Forked } from "../light-client/collection.ts";
import { computeTimeAtSlotMs } from "../misc.ts";
import { getSyncMessageDueMs } from "../validator.ts";
import type { Seen } from "./seen.ts";
import { ACCEPT, ignore, type Verdict } from "./verdict.ts";

interface Timed {
  readonly spec: ChainSpec;
  readonly genesisTime: number;
}

/**
 * Rules of the topic `light_client_finality_update`, which the spec states in prose.
 * @param local what this node computed itself
 */
export function validateLightClientFinalityUpdateGossip(
  seen: Seen,
  state: Timed,
  { fork, data: update }: Forked<LightClientFinalityUpdate>,
  nowMs: number,
  local: Forked<LightClientFinalityUpdate> | undefined,
): Verdict {
  const slot = update.finalizedHeader.beacon.slot;
  const last = seen.lightClientFinalityUpdate;
  const hasSupermajority = isSupermajority(update.syncAggregate);
  const isNewer = slot > last.slot || (slot === last.slot && hasSupermajority && !last.hasSupermajority);
  if (!isNewer) return ignore("finality update does not advance on the last one");
  if (isTooEarly(state, update.signatureSlot, nowMs)) return ignore("finality update is too early");

  const type = forkTypes({ spec: state.spec, fork }).LightClientFinalityUpdate;
  if (!local || local.fork !== fork || !bytesEqual(type.serialize(local.data), type.serialize(update))) {
    return ignore("finality update differs from the local one");
  }
  seen.lightClientFinalityUpdate = { slot, hasSupermajority };
  return ACCEPT;
}

/**
 * Rules of the topic `light_client_optimistic_update`, which the spec states in prose.
 * @param local what this node computed itself
 */
export function validateLightClientOptimisticUpdateGossip(
  seen: Seen,
  state: Timed,
  { fork, data: update }: Forked<LightClientOptimisticUpdate>,
  nowMs: number,
  local: Forked<LightClientOptimisticUpdate> | undefined,
): Verdict {
  const slot = update.attestedHeader.beacon.slot;
  if (slot <= seen.lightClientOptimisticSlot) return ignore("optimistic update does not advance on the last one");
  if (isTooEarly(state, update.signatureSlot, nowMs)) return ignore("optimistic update is too early");

  const type = forkTypes({ spec: state.spec, fork }).LightClientOptimisticUpdate;
  if (!local || local.fork !== fork || !bytesEqual(type.serialize(local.data), type.serialize(update))) {
    return ignore("optimistic update differs from the local one");
  }
  seen.lightClientOptimisticSlot = slot;
  return ACCEPT;
}

/** The block of the signature slot has not had the time to spread. */
function isTooEarly(state: Timed, signatureSlot: number, nowMs: number): boolean {
  const { spec, genesisTime } = state;
  const dueMs = computeTimeAtSlotMs(spec, genesisTime, signatureSlot) + getSyncMessageDueMs(spec);
  return nowMs + spec.config.MAXIMUM_GOSSIP_CLOCK_DISPARITY < dueMs;
}

function isSupermajority({ syncCommitteeBits }: SyncAggregate): boolean {
  return syncCommitteeBits.getTrueBitIndexes().length * 3 > syncCommitteeBits.bitLen * 2;
}
