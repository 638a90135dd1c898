import { attestedBlock } from "../../src/cli/bench-block.ts";
import { KeyTable } from "../../src/crypto/key-table.ts";
import {
  getActiveBalance,
  getBeaconProposerIndices,
  getCurrentEpoch,
  getShuffledIndices,
} from "../../src/spec/accessors.ts";
import { processBlock } from "../../src/spec/block/block.ts";
import { trustingVerifier } from "../../src/spec/signature-sets.ts";
import type { BeaconState } from "../../src/spec/state.ts";
import { processSlots } from "../../src/spec/transition.ts";
import { anonymousMiB, mappedMiB } from "../process-memory.ts";
import type { Bench } from "../sample.ts";
import { tableFolder } from "./key-table.ts";
import { readState, stateBeforeBlock } from "./prepared.ts";

const BOUNDARIES = 5;
const BLOCKS = 16;
const ALL_FLAGS = 7;

/** What a fresh process holds: a state with root and caches, epoch boundaries, states of blocks. Runs once. */
export function memoryBench(emptyMiB: number): Bench {
  return (args) => async () => {
    const keys = KeyTable.open(tableFolder(args));
    if (keys.length !== args.validators)
      throw new Error(`${tableFolder(args)} has ${keys.length} keys: run keys first`);
    const state = readState(args.stateFile, keys);
    state.hashTreeRoot();
    fillCaches(state);
    const loaded = await anonymousMiB();
    const mapped = mappedMiB(tableFolder(args));
    const boundaries = holdBoundaries(state);
    const held = await anonymousMiB();
    const parent = stateBeforeBlock(state);
    fillCaches(parent);
    const perBlock: number[] = [];
    const blockStates: BeaconState[] = [];
    for (const attestations of [1, 8]) {
      // Once for nothing: what the first block leaves behind in the heap is not the cost of a state.
      for (const each of holdBlocks(parent, attestations, 1)) each.drop();
      const before = await anonymousMiB();
      blockStates.push(...holdBlocks(parent, attestations, BLOCKS));
      perBlock.push(((await anonymousMiB()) - before) / BLOCKS);
    }
    for (const each of [state, parent, ...boundaries, ...blockStates]) each.drop();
    return {
      figures: {
        memory_loaded: loaded - emptyMiB,
        memory_mapped: mapped,
        memory_boundary: (held - loaded) / BOUNDARIES,
        memory_block_1: perBlock[0]!,
        memory_block_8: perBlock[1]!,
      },
    };
  };
}

/** Everything that following the head asks of a state. */
function fillCaches(state: BeaconState): void {
  const epoch = getCurrentEpoch(state);
  for (const each of [epoch - 1, epoch, epoch + 1]) getShuffledIndices(state, each);
  getActiveBalance(state);
  getBeaconProposerIndices(state, epoch);
}

/** First states of the following epochs, each a child of the one before, with 99 % of the registry participating. */
function holdBoundaries(state: BeaconState): BeaconState[] {
  const { SLOTS_PER_EPOCH } = state.spec.preset;
  const held: BeaconState[] = [];
  let parent = state;
  for (let i = 0; i < BOUNDARIES; i++) {
    const start = parent.clone();
    if (i > 0) participate(start);
    const child = processSlots(start, (getCurrentEpoch(start) + 1) * SLOTS_PER_EPOCH);
    child.hashTreeRoot();
    fillCaches(child);
    held.push(child);
    parent = child;
  }
  return held;
}

function participate(state: BeaconState): void {
  const flags = new Uint8Array(state.validators.length);
  for (let i = 0; i < flags.length; i++) flags[i] = i % 100 === state.slot % 100 ? 0 : ALL_FLAGS;
  state.currentEpochParticipation.writeRange(0, flags.length, flags);
}

function holdBlocks(parent: BeaconState, attestations: number, count: number): BeaconState[] {
  const block = attestedBlock(parent, attestations);
  return Array.from({ length: count }, () => {
    const child = parent.clone();
    processBlock(child, block, { verifier: trustingVerifier });
    child.hashTreeRoot();
    return child;
  });
}
