import { processSlots } from "@lodestar/state-transition";
import { toHex } from "../../src/base/bytes.ts";
import type { Bench } from "../sample.ts";
import { timed } from "../stopwatch.ts";
import { preparedState } from "./prepared.ts";

/** The last slot of an epoch to the first of the next; computes the shuffling of the epoch after on the way. */
export const epochBench: Bench = ({ stateFile }) => {
  const state = preparedState(stateFile);
  return () => {
    const copy = state.clone();
    let post = copy as ReturnType<typeof processSlots>;
    const epoch = timed(() => {
      post = processSlots(copy, copy.slot + 1, {});
    });
    let root = "";
    const epochRoot = timed(() => {
      root = toHex(post.hashTreeRoot());
    });
    return { figures: { epoch, epoch_root: epochRoot, epoch_and_root: epoch + epochRoot }, roots: { after: root } };
  };
};
