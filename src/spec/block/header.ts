/**
 * The block's place in the chain. https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/phase0/beacon-chain.md#block-header
 */
import { bytesEqual } from "../../base/bytes.ts";
import { assertValid } from "../../base/errors.ts";
import { getBeaconProposerIndex } from "../accessors.ts";
import type { BeaconBlock } from "../containers.ts";
import { forkTypes } from "../fork-types.ts";
import type { BeaconState } from "../state.ts";

/**
 * Checks that the block follows the latest one, by the proposer of its slot, and makes it the latest.
 * @spec process_block_header (phase0)
 */
export function processBlockHeader(state: BeaconState, block: BeaconBlock): void {
  const latest = state.latestBlockHeader;
  assertValid(block.slot === state.slot, "HEADER_SLOT_NOT_STATE_SLOT", { block: block.slot, state: state.slot });
  assertValid(block.slot > latest.slot, "HEADER_SLOT_NOT_NEWER", { block: block.slot, latest: latest.slot });
  const proposerIndex = getBeaconProposerIndex(state);
  assertValid(block.proposerIndex === proposerIndex, "HEADER_WRONG_PROPOSER", {
    block: block.proposerIndex,
    expected: proposerIndex,
  });
  const parentRoot = forkTypes(state).BeaconBlockHeader.hashTreeRoot(latest);
  assertValid(bytesEqual(block.parentRoot, parentRoot), "HEADER_WRONG_PARENT", {
    block: block.parentRoot,
    expected: parentRoot,
  });
  state.latestBlockHeader = {
    slot: block.slot,
    proposerIndex: block.proposerIndex,
    parentRoot: block.parentRoot,
    stateRoot: new Uint8Array(32), // filled in by the next processSlot
    bodyRoot: forkTypes(state).BeaconBlockBody.hashTreeRoot(block.body),
  };
  assertValid(state.validators.slashed.get(proposerIndex) === 0, "HEADER_PROPOSER_SLASHED", { proposerIndex });
}
