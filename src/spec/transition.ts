/**
 * State transition: slots, epochs and forks up to a block, then the block.
 * https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/phase0/beacon-chain.md
 */
import { bytesEqual, ZERO_BYTES32 } from "../base/bytes.ts";
import { assertValid } from "../base/errors.ts";
import { getCurrentEpoch } from "./accessors.ts";
import { type ProcessBlockOptions, processBlock } from "./block/block.ts";
import { forkEpoch } from "./config.ts";
import type { SignedBeaconBlock } from "./containers.ts";
import { processEpoch } from "./epoch/epoch.ts";
import { Fork, forkName } from "./fork.ts";
import { blockSignatureSet, type Verifier } from "./signature-sets.ts";
import type { BeaconState } from "./state.ts";
import { type StepObserver, unobserved } from "./step-observer.ts";
import { upgradeTo } from "./upgrade.ts";

export interface TransitionOptions extends ProcessBlockOptions {
  /** Check the proposer's signature and the state root; true by default. */
  validateResult?: boolean;
  /** Native threads for the state roots. */
  threads?: number;
}

/**
 * Applies a block to the state of its parent.
 * @spec state_transition (phase0)
 * @param state mutated, and used up where a fork starts on the way
 * @returns the post-state: `state` itself unless a fork made a new one
 * @throws InvalidBlock
 */
export function stateTransition(
  state: BeaconState,
  signedBlock: SignedBeaconBlock,
  options: TransitionOptions,
): BeaconState {
  const { validateResult = true, threads } = options;
  const block = signedBlock.message;
  const post = processSlots(state, block.slot, options);
  if (validateResult) assertValid(verifyBlockSignature(post, signedBlock, options.verifier), "BLOCK_SIGNATURE_INVALID");
  processBlock(post, block, options);
  if (validateResult) {
    const stateRoot = post.hashTreeRoot(threads === undefined ? {} : { threads });
    assertValid(bytesEqual(block.stateRoot, stateRoot), "STATE_ROOT_MISMATCH", {
      stateRoot,
      expected: block.stateRoot,
    });
  }
  return post;
}

/** @spec verify_block_signature (phase0) */
export function verifyBlockSignature(state: BeaconState, signedBlock: SignedBeaconBlock, verifier: Verifier): boolean {
  if (signedBlock.message.proposerIndex >= state.validators.length) return false;
  return verifier.verify(blockSignatureSet(state, signedBlock));
}

/**
 * Advances a state through empty slots, epoch ends and forks.
 * @spec process_slots (phase0)
 * @param state mutated, and used up where a fork starts on the way
 * @returns the advanced state: `state` itself unless a fork made a new one
 */
export function processSlots(
  state: BeaconState,
  slot: number,
  options: { threads?: number; observer?: StepObserver } = {},
): BeaconState {
  assertValid(state.slot < slot, "SLOT_NOT_LATER", { slot, stateSlot: state.slot });
  const { SLOTS_PER_EPOCH } = state.spec.preset;
  const { threads, observer = unobserved } = options;
  let current = state;
  while (current.slot < slot) {
    observer("slot", () => processSlot(current, threads));
    const nextSlot = current.slot + 1;
    const isEpochEnd = nextSlot % SLOTS_PER_EPOCH === 0;
    if (isEpochEnd) processEpoch(current, observer);
    current.slot = nextSlot;
    if (isEpochEnd) current = upgradeWhenDue(current, observer);
  }
  return current;
}

/** Records the roots of the slot that ends. @spec process_slot (phase0) */
export function processSlot(state: BeaconState, threads?: number): void {
  const { SLOTS_PER_HISTORICAL_ROOT } = state.spec.preset;
  const position = state.slot % SLOTS_PER_HISTORICAL_ROOT;
  const stateRoot = state.hashTreeRoot(threads === undefined ? {} : { threads });
  state.stateRoots.set(position, stateRoot);
  if (bytesEqual(state.latestBlockHeader.stateRoot, ZERO_BYTES32)) {
    state.latestBlockHeader = { ...state.latestBlockHeader, stateRoot };
  }
  const { BeaconBlockHeader } = state.spec.types.phase0;
  state.blockRoots.set(position, BeaconBlockHeader.hashTreeRoot(state.latestBlockHeader));
}

/** Applies the upgrades of all forks that start with the state's epoch. */
export function upgradeWhenDue(state: BeaconState, observer: StepObserver = unobserved): BeaconState {
  let current = state;
  for (const fork of Object.values(Fork)) {
    const isDue = fork === current.fork + 1 && forkEpoch(current.spec.config, fork) === getCurrentEpoch(current);
    if (!isDue) continue;
    observer(`upgrade_to_${forkName(fork)}`, () => {
      const post = upgradeTo(fork, current);
      current.drop();
      current = post;
    });
  }
  return current;
}
