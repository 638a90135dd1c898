import { getShuffledIndices } from "../spec/accessors.ts";
import { processBlock } from "../spec/block/block.ts";
import { trustingVerifier } from "../spec/signature-sets.ts";
import type { BeaconState } from "../spec/state.ts";
import { processSlots } from "../spec/transition.ts";
import { attestedBlock } from "./bench-block.ts";
import { elapsed, type Figure, median } from "./bench-measure.ts";

const SLOTS_INTO_EPOCH = 8;

/** @param state at the last slot of an epoch; not changed */
export function benchTransition(state: BeaconState, options: { runs: number; threads: number }): Figure[] {
  const { runs, threads } = options;
  state.hashTreeRoot({ threads });
  const epoch = repeated(runs, () => epochTimes(state, threads));
  const base = processSlots(state.clone(), state.slot + 1 + SLOTS_INTO_EPOCH, { threads });
  base.hashTreeRoot({ threads });
  const blocks = [1, SLOTS_INTO_EPOCH].map((count) => {
    const block = attestedBlock(base, count);
    const times = repeated(runs, () => ({ value: blockTime(base, block) }));
    return [`block with ${count} whole-slot attestation${count === 1 ? "" : "s"}`, times("value")] as const;
  });
  base.drop();
  const rows: (readonly [string, number])[] = [
    ["epoch transition", epoch("transition")],
    ["state root after it", epoch("root")],
    ["committees of the next epoch", epoch("shuffling")],
    ...blocks,
  ];
  return rows.map(([name, value]) => ({ part: "transition", name, value, unit: "ms", runs }));
}

/** Milliseconds of each stage of one epoch transition. */
export function epochTimes(state: BeaconState, threads = 1): { transition: number; root: number; shuffling: number } {
  const copy = state.clone();
  const transition = elapsed(() => processSlots(copy, copy.slot + 1, { threads }));
  const root = elapsed(() => copy.hashTreeRoot({ threads }));
  const nextEpoch = copy.slot / copy.spec.preset.SLOTS_PER_EPOCH + 1;
  // Without what clones have left for each other.
  const cold = copy.upgradedTo(copy.fork);
  const shuffling = elapsed(() => getShuffledIndices(cold, nextEpoch));
  cold.drop();
  copy.drop();
  return { transition, root, shuffling };
}

/** Milliseconds of a block's transition, signatures off. @param state of the block's slot; not changed */
export function blockTime(state: BeaconState, block: ReturnType<typeof attestedBlock>): number {
  const copy = state.clone();
  const time = elapsed(() => processBlock(copy, block, { verifier: trustingVerifier }));
  copy.drop();
  return time;
}

/** Measures `runs` times, after one that is not counted. @returns the median of a named time */
function repeated<Name extends string>(runs: number, measure: () => Record<Name, number>): (name: Name) => number {
  measure();
  const samples = Array.from({ length: runs }, measure);
  return (name) => median(samples.map((sample) => sample[name]));
}
