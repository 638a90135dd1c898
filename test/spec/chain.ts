/**
 * What the reference tests of the beacon chain share: the rules a case was made for and its states.
 */
import assert from "node:assert/strict";
import { bytesEqual, toHex } from "../../src/base/bytes.ts";
import { type ChainSpec, createChainSpec } from "../../src/spec/chain-spec.ts";
import { type Config, defaultConfig } from "../../src/spec/config.ts";
import { parseConfig } from "../../src/spec/config-file.ts";
import { Fork, forkName, isForkName } from "../../src/spec/fork.ts";
import { BeaconState } from "../../src/spec/state.ts";
import { firstDifference } from "./ssz-value.ts";
import type { VectorCase } from "./vector-case.ts";

const specs = new Map<string, ChainSpec>();

/**
 * The case's preset with the case's config.yaml, or the preset's own config when it has none.
 * @param overrides values that the case's meta data sets, such as a fork's epoch
 */
export function specOf(vector: VectorCase, overrides: Partial<Config> = {}): ChainSpec {
  assert.ok(vector.preset !== "general", "general cases have no chain");
  const yaml = vector.has("config.yaml") ? vector.text("config.yaml") : "";
  const values = Object.entries(overrides).map(([name, value]) => `${name}=${value}`);
  const key = `${vector.preset}\n${yaml}\n${values.join("\n")}`;
  let spec = specs.get(key);
  if (!spec) {
    const base = yaml === "" ? defaultConfig(vector.preset) : parseConfig(yaml).config;
    assert.equal(base.PRESET_BASE, vector.preset);
    spec = createChainSpec({ ...base, ...overrides });
    specs.set(key, spec);
  }
  return spec;
}

export function forkOf(vector: VectorCase): Fork {
  assert.ok(isForkName(vector.fork), `unknown fork ${vector.fork}`);
  return Fork[vector.fork];
}

/** NAME.ssz_snappy as a state of the case's fork, or of another that the case's meta data tells. */
export function stateOf(vector: VectorCase, name: string, fork = forkOf(vector), spec = specOf(vector)): BeaconState {
  return BeaconState.decode(spec, fork, vector.ssz(name));
}

/** Compares with NAME.ssz_snappy and names the first field that differs. */
export function assertState(actual: BeaconState, vector: VectorCase, name: string): void {
  const bytes = vector.ssz(name);
  const type = actual.spec.exactTypes[forkName(actual.fork)].BeaconState;
  const expectedRoot = type.hashTreeRoot(type.deserialize(bytes) as never);
  const encoded = actual.encode();
  if (!bytesEqual(encoded, bytes)) {
    const difference = firstDifference(
      type.toJson(type.deserialize(encoded) as never),
      type.toJson(type.deserialize(bytes) as never),
      "state",
    );
    assert.fail(`${name}: ${difference ?? "encodings differ in no field"}`);
  }
  assert.equal(toHex(actual.hashTreeRoot()), toHex(expectedRoot), `root of ${name}, with the same content`);
}
