import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { toHex } from "../../src/base/bytes.ts";
import { attestedBlock } from "../../src/cli/bench-block.ts";
import { processBlock } from "../../src/spec/block/block.ts";
import { trustingVerifier } from "../../src/spec/signature-sets.ts";
import type { Bench } from "../sample.ts";
import { timed } from "../stopwatch.ts";
import { BLOCK_SLOTS, preparedState, stateBeforeBlock } from "./prepared.ts";

/** Blocks with whole-slot attestations on one state, signatures off; leaves the blocks for the other side. */
export const blockBench: Bench = ({ stateFile, folder, validators }) => {
  const state = stateBeforeBlock(preparedState(stateFile));
  const blocks = [1, BLOCK_SLOTS].map((count) => {
    const block = attestedBlock(state, count);
    const bytes = state.spec.types.fulu.BeaconBlock.serialize(block);
    writeFileSync(join(folder, `block_${validators}_${count}.ssz`), bytes);
    return [count, block] as const;
  });
  return () => {
    const figures: Record<string, number> = {};
    const roots: Record<string, string> = {};
    for (const [count, block] of blocks) {
      const copy = state.clone();
      figures[`block_${count}`] = timed(() => processBlock(copy, block, { verifier: trustingVerifier }));
      roots[`block_${count}`] = toHex(copy.hashTreeRoot());
      copy.drop();
    }
    return { figures, roots };
  };
};
