/** States that several benches of one process share. */

import { benchSpec } from "../../src/cli/bench-synthetic.ts";
import { KeyTable } from "../../src/crypto/key-table.ts";
import { FileSource } from "../../src/db/file-source.ts";
import { Fork } from "../../src/spec/fork.ts";
import { BeaconState } from "../../src/spec/state.ts";
import { processSlots } from "../../src/spec/transition.ts";

/** Slots into the epoch, so that as many whole slots have attested. */
export const BLOCK_SLOTS = 8;
const spec = benchSpec();
const shared: { keys?: KeyTable } = {};
let last: { file: string; state: BeaconState } | undefined;

/** Reads a state from SSZ; all states of a process share the keys. */
export function readState(file: string, keys: KeyTable): BeaconState {
  const source = new FileSource(file);
  const state = BeaconState.decode(spec, Fork.fulu, source, { keys });
  source.close();
  return state;
}

/** The state of a file with its root, kept until another file's is asked for. */
export function preparedState(file: string): BeaconState {
  if (last?.file === file) return last.state;
  last?.state.drop();
  shared.keys ??= KeyTable.create();
  const state = readState(file, shared.keys);
  state.hashTreeRoot();
  last = { file, state };
  return state;
}

/** A state ready for a block that carries attestations of the slots before it. */
export function stateBeforeBlock(state: BeaconState): BeaconState {
  const advanced = processSlots(state.clone(), state.slot + 1 + BLOCK_SLOTS);
  advanced.hashTreeRoot();
  return advanced;
}
