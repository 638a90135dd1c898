import { computeEpochShuffling } from "@lodestar/state-transition";
import type { Bench } from "../sample.ts";
import { timed } from "../stopwatch.ts";
import { preparedState } from "./prepared.ts";

/** All committees of an epoch. */
export const shuffleBench: Bench = ({ stateFile }) => {
  const state = preparedState(stateFile);
  const { epoch, activeIndices } = state.epochCtx.currentShuffling;
  return () => {
    let first = "";
    const shuffle = timed(() => {
      first = computeEpochShuffling(state, activeIndices, epoch).shuffling.slice(0, 8).join();
    });
    return { figures: { shuffle }, roots: { first } };
  };
};
