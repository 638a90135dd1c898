/**
 * The vote on the deposit contract's state. https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/phase0/beacon-chain.md#eth1-data
 */
import { bytesEqual } from "../../base/bytes.ts";
import { assertValid } from "../../base/errors.ts";
import type { BeaconBlockBody } from "../containers.ts";
import type { BeaconState } from "../state.ts";

/**
 * Records the proposer's vote and adopts it once more than half of the voting period agrees.
 * @spec process_eth1_data (phase0)
 * @cost one comparison of bytes a vote; no vote is decoded
 */
export function processEth1Data(state: BeaconState, body: BeaconBlockBody): void {
  const { EPOCHS_PER_ETH1_VOTING_PERIOD, SLOTS_PER_EPOCH } = state.spec.preset;
  const votesInPeriod = EPOCHS_PER_ETH1_VOTING_PERIOD * SLOTS_PER_EPOCH;
  const votes = state.eth1DataVotes;
  assertValid(votes.length < votesInPeriod, "ETH1_DATA_TOO_MANY_VOTES", { votes: votes.length });
  votes.push(body.eth1Data);
  const wanted = votes.codec.encode(body.eth1Data);
  const vote = new Uint8Array(wanted.length);
  let count = 0;
  for (let i = 0; i < votes.length; i++) {
    votes.data.read(i, vote);
    if (bytesEqual(vote, wanted)) count++;
  }
  if (count * 2 > votesInPeriod) state.eth1Data = body.eth1Data;
}
