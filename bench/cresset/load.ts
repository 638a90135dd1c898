import { toHex } from "../../src/base/bytes.ts";
import { KeyTable } from "../../src/crypto/key-table.ts";
import type { Bench } from "../sample.ts";
import { timed } from "../stopwatch.ts";
import { readState } from "./prepared.ts";

/** SSZ bytes in a file, which the system has in memory, to a state with its root; nothing is known beforehand. */
export const loadBench: Bench = ({ stateFile, threads }) => {
  const row = threads === 1 ? "load" : `load_${threads}`;
  return () => {
    const keys = KeyTable.create();
    let root = "";
    const ms = timed(() => {
      const state = readState(stateFile, keys);
      root = toHex(state.hashTreeRoot({ threads }));
      state.drop();
    });
    keys.close();
    return { figures: { [row]: ms }, roots: { state: root } };
  };
};
