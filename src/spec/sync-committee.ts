/**
 * Choice and lookup of sync committees.
 * https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/altair/beacon-chain.md
 */
import { assertValid } from "../base/errors.ts";
import { aggregatePublicKeys } from "../crypto/bls.ts";
import { getActiveSet, getCurrentEpoch, getSeed } from "./accessors.ts";
import { DOMAIN_SYNC_COMMITTEE } from "./constants.ts";
import type { SyncCommittee } from "./containers.ts";
import { computeSyncCommitteeIndices } from "./shuffling.ts";
import type { BeaconState } from "./state.ts";

/** Members, with repetitions. @spec get_next_sync_committee_indices (altair, electra) */
export function getNextSyncCommitteeIndices(state: BeaconState): Uint32Array {
  const epoch = getCurrentEpoch(state) + 1;
  return computeSyncCommitteeIndices(state, getActiveSet(state, epoch), getSeed(state, epoch, DOMAIN_SYNC_COMMITTEE));
}

/** @spec get_next_sync_committee (altair) */
export function getNextSyncCommittee(state: BeaconState): SyncCommittee {
  const pubkeys = Array.from(getNextSyncCommitteeIndices(state), (index) => state.validators.getPubkey(index));
  return { pubkeys, aggregatePubkey: aggregatePublicKeys(pubkeys) };
}

/**
 * The validator of each seat of a committee, looked up once for a committee value.
 * @param committee the state's current or next one
 */
export function getSyncCommitteeIndices(state: BeaconState, committee: SyncCommittee): Uint32Array {
  const known = state.cache.committeeIndices(committee);
  if (known !== undefined) return known;
  const indices = Uint32Array.from(committee.pubkeys, (pubkey) => {
    const index = state.validators.indexOf(pubkey);
    assertValid(index >= 0, "SYNC_COMMITTEE_MEMBER_UNKNOWN", { pubkey });
    return index;
  });
  state.cache.keepCommittee(committee, indices);
  return indices;
}
