/**
 * The sync committee's signature and its pay. https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/altair/beacon-chain.md#sync-aggregate-processing
 */
import { assertValid } from "../../base/errors.ts";
import { getBaseRewardPerIncrement, getBeaconProposerIndex, getTotalActiveIncrements } from "../accessors.ts";
import { PROPOSER_WEIGHT, SYNC_REWARD_WEIGHT, WEIGHT_DENOMINATOR } from "../constants.ts";
import type { SyncAggregate } from "../containers.ts";
import { decreaseBalance, increaseBalance } from "../mutators.ts";
import { isValidSyncAggregate, type Verifier } from "../signature-sets.ts";
import type { BeaconState } from "../state.ts";
import { getSyncCommitteeIndices } from "../sync-committee.ts";

/**
 * Checks the committee's signature over the previous slot's block; rewards those who signed, and fines the others.
 * @spec process_sync_aggregate (altair)
 */
export function processSyncAggregate(state: BeaconState, aggregate: SyncAggregate, verifier: Verifier): void {
  const committee = getSyncCommitteeIndices(state, state.currentSyncCommittee);
  assertValid(isValidSyncAggregate(state, committee, aggregate, verifier), "SYNC_AGGREGATE_BAD_SIGNATURE", {
    slot: state.slot,
  });
  const { participantReward, proposerReward } = syncRewards(state);
  const proposerIndex = getBeaconProposerIndex(state);
  for (let i = 0; i < committee.length; i++) {
    if (aggregate.syncCommitteeBits.get(i)) {
      increaseBalance(state, committee[i]!, participantReward);
      increaseBalance(state, proposerIndex, proposerReward);
    } else {
      decreaseBalance(state, committee[i]!, participantReward);
    }
  }
}

function syncRewards(state: BeaconState): { participantReward: number; proposerReward: number } {
  const { SLOTS_PER_EPOCH, SYNC_COMMITTEE_SIZE } = state.spec.preset;
  const totalBaseRewards = BigInt(getBaseRewardPerIncrement(state)) * BigInt(getTotalActiveIncrements(state));
  const maxParticipantRewards =
    (totalBaseRewards * BigInt(SYNC_REWARD_WEIGHT)) / BigInt(WEIGHT_DENOMINATOR) / BigInt(SLOTS_PER_EPOCH);
  const participantReward = maxParticipantRewards / BigInt(SYNC_COMMITTEE_SIZE);
  const proposerReward = (participantReward * BigInt(PROPOSER_WEIGHT)) / BigInt(WEIGHT_DENOMINATOR - PROPOSER_WEIGHT);
  return { participantReward: Number(participantReward), proposerReward: Number(proposerReward) };
}
