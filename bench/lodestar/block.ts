import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ForkSeq } from "@lodestar/params";
import {
  type CachedBeaconStateFulu,
  DataAvailabilityStatus,
  ExecutionPayloadStatus,
  processSlots,
} from "@lodestar/state-transition";
import { processBlock } from "@lodestar/state-transition/block";
import { ssz } from "@lodestar/types";
import { toHex } from "../../src/base/bytes.ts";
import type { Bench } from "../sample.ts";
import { timed } from "../stopwatch.ts";
import { preparedState } from "./prepared.ts";

const OUTSIDE = {
  executionPayloadStatus: ExecutionPayloadStatus.valid,
  dataAvailabilityStatus: DataAvailabilityStatus.Available,
};

/** The blocks that the other side has left, signatures off. */
export const blockBench: Bench = ({ stateFile, folder, validators }) => {
  const blocks = [1, 8].map((count) => [count, readBlock(folder, validators, count)] as const);
  const state = stateBeforeBlock(preparedState(stateFile), blocks[0]![1].slot);
  return () => {
    const figures: Record<string, number> = {};
    const roots: Record<string, string> = {};
    for (const [count, block] of blocks) {
      const copy = state.clone();
      figures[`block_${count}`] = timed(() => applyBlock(copy, block));
      roots[`block_${count}`] = toHex(copy.hashTreeRoot());
    }
    return { figures, roots };
  };
};

export function readBlock(folder: string, validators: number, attestations: number) {
  const bytes = readFileSync(join(folder, `block_${validators}_${attestations}.ssz`));
  return ssz.fulu.BeaconBlock.deserialize(bytes);
}

export function stateBeforeBlock(state: CachedBeaconStateFulu, slot: number): CachedBeaconStateFulu {
  const advanced = processSlots(state.clone(), slot, {}) as CachedBeaconStateFulu;
  advanced.hashTreeRoot();
  return advanced;
}

export function applyBlock(state: CachedBeaconStateFulu, block: ReturnType<typeof readBlock>): void {
  processBlock(ForkSeq.fulu, state, block, OUTSIDE, { verifySignatures: false });
  state.commit();
}
