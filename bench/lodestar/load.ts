import { readFileSync } from "node:fs";
import { ssz } from "@lodestar/types";
import { toHex } from "../../src/base/bytes.ts";
import type { Bench } from "../sample.ts";
import { timed } from "../stopwatch.ts";
import "./prepared.ts";

/** SSZ bytes in memory to a view with its root. */
export const loadBench: Bench = ({ stateFile }) => {
  const bytes = readFileSync(stateFile);
  return () => {
    let root = "";
    const load = timed(() => {
      root = toHex(ssz.fulu.BeaconState.deserializeToViewDU(bytes).hashTreeRoot());
    });
    return { figures: { load }, roots: { state: root } };
  };
};
