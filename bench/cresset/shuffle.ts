import { getActiveSet, getCurrentEpoch, getSeed } from "../../src/spec/accessors.ts";
import { DOMAIN_BEACON_ATTESTER } from "../../src/spec/constants.ts";
import { computeShuffling } from "../../src/spec/shuffling.ts";
import type { Bench } from "../sample.ts";
import { timed } from "../stopwatch.ts";
import { preparedState } from "./prepared.ts";

/** All committees of an epoch. */
export const shuffleBench: Bench = ({ stateFile }) => {
  const state = preparedState(stateFile);
  const epoch = getCurrentEpoch(state);
  const active = getActiveSet(state, epoch);
  const seed = getSeed(state, epoch, DOMAIN_BEACON_ATTESTER);
  return () => {
    let indices: Uint32Array | undefined;
    const shuffle = timed(() => {
      indices = computeShuffling(state, active, seed);
    });
    return { figures: { shuffle }, roots: { first: indices!.slice(0, 8).join() } };
  };
};
