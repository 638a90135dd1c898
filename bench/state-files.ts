/** The states to measure on: made when first asked for, kept in a folder. */
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { toHex } from "../src/base/bytes.ts";
import { benchSpec } from "../src/cli/bench-synthetic.ts";
import { FileSource } from "../src/db/file-source.ts";
import { Fork } from "../src/spec/fork.ts";
import { BeaconState } from "../src/spec/state.ts";
import { checkKnownRoot, makeState, writeState } from "./make-state.ts";

/** Every tenth validator differs from the base state. */
const STRIDE = 10;
const OFFSET = 3;
const GWEI_PER_VALIDATOR = 32e9;
const LEAK_EPOCHS = 20;

export const VARIANTS = ["exiting", "slashed", "leaking"] as const;
export type Variant = (typeof VARIANTS)[number];

/** The file of a state, made if need be; its root is one that other clients agree on. */
export function stateFile(folder: string, validators: number, report: (text: string) => void): string {
  const file = join(folder, `state_${validators}.ssz`);
  mkdirSync(folder, { recursive: true });
  if (!existsSync(file)) makeState(validators, file, report);
  return file;
}

/** The state of `base` with a tenth of its validators exiting, slashed or absent from a chain that does not finalize. */
export function variantFile(base: string, folder: string, validators: number, variant: Variant): string {
  const file = join(folder, `state_${validators}_${variant}.ssz`);
  if (existsSync(file)) return file;
  const source = new FileSource(base);
  const state = BeaconState.decode(benchSpec(), Fork.fulu, source);
  source.close();
  checkKnownRoot(validators, toHex(state.hashTreeRoot()));
  CHANGES[variant](state);
  writeState(state, file);
  state.drop();
  return file;
}

const CHANGES: Readonly<Record<Variant, (state: BeaconState) => void>> = {
  exiting: makeExiting,
  slashed: makeSlashed,
  leaking: makeLeaking,
};

/** Exits spread over the epochs around now: half of them are out, half still in. */
function makeExiting(state: BeaconState): void {
  const { validators, spec } = state;
  const epoch = Math.floor(state.slot / spec.preset.SLOTS_PER_EPOCH);
  const spread = 100;
  for (let i = OFFSET; i < validators.length; i += STRIDE) {
    const exitEpoch = epoch - spread / 2 + (((i - OFFSET) / STRIDE) % spread);
    validators.exitEpoch.set(i, exitEpoch);
    validators.withdrawableEpoch.set(i, exitEpoch + spec.config.MIN_VALIDATOR_WITHDRAWABILITY_DELAY);
  }
  state.earliestExitEpoch = epoch + spread;
}

/** The worst case: all of them get their correlated penalty at this very epoch's end. */
function makeSlashed(state: BeaconState): void {
  const { validators, spec } = state;
  const { EPOCHS_PER_SLASHINGS_VECTOR, SLOTS_PER_EPOCH } = spec.preset;
  const epoch = Math.floor(state.slot / SLOTS_PER_EPOCH);
  let slashedGwei = 0;
  for (let i = OFFSET; i < validators.length; i += STRIDE) {
    validators.slashed.set(i, 1);
    validators.exitEpoch.set(i, epoch - 10);
    validators.withdrawableEpoch.set(i, epoch + EPOCHS_PER_SLASHINGS_VECTOR / 2);
    slashedGwei += GWEI_PER_VALIDATOR;
  }
  state.slashings.set((epoch - 20) % EPOCHS_PER_SLASHINGS_VECTOR, slashedGwei);
}

/** Absent for as long as nothing was finalized. */
function makeLeaking(state: BeaconState): void {
  const epoch = Math.floor(state.slot / state.spec.preset.SLOTS_PER_EPOCH);
  for (let i = OFFSET; i < state.validators.length; i += STRIDE) {
    state.previousEpochParticipation.set(i, 0);
    state.currentEpochParticipation.set(i, 0);
    state.inactivityScores.set(i, LEAK_EPOCHS * state.spec.config.INACTIVITY_SCORE_BIAS);
  }
  state.finalizedCheckpoint = { ...state.finalizedCheckpoint, epoch: epoch - LEAK_EPOCHS };
}
