/**
 * Where a chain begins for this node: a state that it trusts, and the block that the state comes from.
 * @see https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/phase0/weak-subjectivity.md
 */
import { bytesEqual, ZERO_BYTES32 } from "../base/bytes.ts";
import { UsageError } from "../base/errors.ts";
import type { BeaconBlock, SignedBeaconBlock } from "../spec/containers.ts";
import { forkTypes } from "../spec/fork-types.ts";
import type { BeaconState } from "../spec/state.ts";

export interface Anchor {
  /** Post-state of the block. Taken over by whoever is given the anchor. */
  readonly state: BeaconState;
  readonly block: BeaconBlock;
  readonly root: Uint8Array;
  /** Absent for genesis, whose block nobody has signed. */
  readonly signedBlock?: SignedBeaconBlock;
}

/** The block of a genesis state: everything in it follows from the state. */
export function genesisAnchor(state: BeaconState): Anchor {
  const types = forkTypes(state);
  const block = { ...types.BeaconBlock.defaultValue(), stateRoot: state.hashTreeRoot() } as BeaconBlock;
  const { bodyRoot, slot } = state.latestBlockHeader;
  const isOfState = slot === 0 && bytesEqual(bodyRoot, types.BeaconBlockBody.hashTreeRoot(block.body));
  if (!isOfState || state.slot !== 0)
    throw new UsageError("this is not a genesis state: its latest block is no empty one");
  return { state, block, root: types.BeaconBlock.hashTreeRoot(block) };
}

/**
 * @param state post-state of the block
 * @throws UsageError when they do not belong together
 */
export function checkpointAnchor(state: BeaconState, signedBlock: SignedBeaconBlock): Anchor {
  const types = forkTypes(state);
  const block = signedBlock.message;
  const root = types.BeaconBlock.hashTreeRoot(block);
  const header = state.latestBlockHeader;
  const stateRoot = bytesEqual(header.stateRoot, ZERO_BYTES32) ? state.hashTreeRoot() : header.stateRoot;
  const expected = types.BeaconBlockHeader.hashTreeRoot({ ...header, stateRoot });
  if (!bytesEqual(root, expected)) {
    throw new UsageError(`the block of slot ${block.slot} is not the latest block of the state of slot ${state.slot}`);
  }
  if (state.slot !== block.slot) {
    throw new UsageError(
      `the state of slot ${state.slot} has passed its block of slot ${block.slot}: take the block's own`,
    );
  }
  return { state, block, root, signedBlock };
}
