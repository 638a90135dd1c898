import { toHex } from "../../src/base/bytes.ts";
import { processSlots } from "../../src/spec/transition.ts";
import type { Bench } from "../sample.ts";
import { timed } from "../stopwatch.ts";
import { preparedState } from "./prepared.ts";

/** The last slot of an epoch to the first of the next. */
export const epochBench: Bench = ({ stateFile }) => {
  const state = preparedState(stateFile);
  return () => {
    const copy = state.clone();
    const epoch = timed(() => processSlots(copy, copy.slot + 1));
    let root = "";
    const epochRoot = timed(() => {
      root = toHex(copy.hashTreeRoot());
    });
    copy.drop();
    return { figures: { epoch, epoch_root: epochRoot, epoch_and_root: epoch + epochRoot }, roots: { after: root } };
  };
};
