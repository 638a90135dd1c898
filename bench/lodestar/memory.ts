import { type CachedBeaconStateFulu, processSlots } from "@lodestar/state-transition";
import { ssz } from "@lodestar/types";
import { anonymousMiB } from "../process-memory.ts";
import type { Bench } from "../sample.ts";
import { applyBlock, readBlock, stateBeforeBlock } from "./block.ts";
import { cachedState, readView } from "./prepared.ts";

const BOUNDARIES = 5;
const BLOCKS = 16;
const SLOTS_PER_EPOCH = 32;
const ALL_FLAGS = 7;

/** The same holdings as the other side's, of which caches and keys are a part. Runs once. */
export function memoryBench(emptyMiB: number): Bench {
  return ({ stateFile, folder, validators }) =>
    async () => {
      const view = readView(stateFile);
      view.hashTreeRoot();
      const state = cachedState(view);
      const loaded = await anonymousMiB();
      const boundaries = holdBoundaries(state);
      const held = await anonymousMiB();
      const perBlock: number[] = [];
      const blockStates: CachedBeaconStateFulu[] = [];
      const blocks = [1, 8].map((count) => readBlock(folder, validators, count));
      const parent = stateBeforeBlock(state, blocks[0]!.slot);
      for (const block of blocks) {
        // Once for nothing, as on the other side.
        applyBlock(parent.clone(), block);
        const before = await anonymousMiB();
        for (let i = 0; i < BLOCKS; i++) {
          const child = parent.clone();
          applyBlock(child, block);
          child.hashTreeRoot();
          blockStates.push(child);
        }
        perBlock.push(((await anonymousMiB()) - before) / BLOCKS);
      }
      if (boundaries.length + blockStates.length !== BOUNDARIES + 2 * BLOCKS) throw new Error("states were lost");
      return {
        figures: {
          memory_loaded: loaded - emptyMiB,
          memory_boundary: (held - loaded) / BOUNDARIES,
          memory_block_1: perBlock[0]!,
          memory_block_8: perBlock[1]!,
        },
      };
    };
}

function holdBoundaries(state: CachedBeaconStateFulu): CachedBeaconStateFulu[] {
  const held: CachedBeaconStateFulu[] = [];
  let parent = state;
  for (let i = 0; i < BOUNDARIES; i++) {
    const start = parent.clone();
    if (i > 0) participate(start);
    const nextEpoch = Math.floor(start.slot / SLOTS_PER_EPOCH) + 1;
    parent = processSlots(start, nextEpoch * SLOTS_PER_EPOCH, {}) as CachedBeaconStateFulu;
    parent.hashTreeRoot();
    held.push(parent);
  }
  return held;
}

function participate(state: CachedBeaconStateFulu): void {
  const missing = state.slot % 100;
  const flags = Array.from({ length: state.validators.length }, (_, i) => (i % 100 === missing ? 0 : ALL_FLAGS));
  state.currentEpochParticipation = ssz.altair.EpochParticipation.toViewDU(flags);
}
