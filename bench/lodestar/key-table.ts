import { createPubkeyCache, syncPubkeys } from "@lodestar/state-transition";
import type { Bench } from "../sample.ts";
import { timed } from "../stopwatch.ts";
import { readView } from "./prepared.ts";

/** The public-key cache of a state, as every start of the process makes it; it takes one core. */
export const keyBuildBench: Bench = ({ stateFile }) => {
  const validators = readView(stateFile).validators.getAllReadonlyValues();
  return () => {
    const ms = timed(() => syncPubkeys(createPubkeyCache(), validators));
    return { figures: { keys_build: ms, keys_open: ms } };
  };
};
