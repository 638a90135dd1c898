/**
 * Runner ssz_static: every container decodes, encodes to the same bytes, has the root and equals the value given.
 */
import assert from "node:assert/strict";
import { toHex } from "../../src/base/bytes.ts";
import { createChainSpec } from "../../src/spec/chain-spec.ts";
import { defaultConfig } from "../../src/spec/config.ts";
import type { Types } from "../../src/spec/containers.ts";
import { Fork, isForkName } from "../../src/spec/fork.ts";
import { BeaconState } from "../../src/spec/state.ts";
import { asJson, firstDifference, type SszType } from "./ssz-value.ts";
import { runVectors, type VectorCase } from "./vectors.ts";

const specs = {
  minimal: createChainSpec(defaultConfig("minimal")),
  mainnet: createChainSpec(defaultConfig("mainnet")),
};

/** Suites whose numbers are all 0 or all 2^64-1: there the client's own types must be exact as well. */
const SMALL_SUITES = ["ssz_zero", "ssz_max"];

function typeOf(types: Types, vector: VectorCase): SszType {
  assert.ok(isForkName(vector.fork));
  const type = (types[vector.fork] as Record<string, unknown>)[vector.handler];
  assert.ok(type, `no type ${vector.handler} in ${vector.fork}`);
  return type as SszType;
}

function checkCase(vector: VectorCase): void {
  assert.ok(vector.preset !== "general");
  const spec = specs[vector.preset];
  const bytes = vector.ssz("serialized");
  const { root } = vector.yaml("roots") as { root: string };
  const json = asJson(vector.yaml("value"));

  const type = typeOf(spec.exactTypes, vector);
  const value = type.deserialize(bytes);
  assert.equal(toHex(type.serialize(value)), toHex(bytes), "encoding of the decoded value");
  assert.equal(toHex(type.hashTreeRoot(value)), root, "root");
  assert.equal(firstDifference(type.toJson(value), json, vector.handler), undefined);
  assert.equal(toHex(type.serialize(type.fromJson(json))), toHex(bytes), "encoding of value.yaml");

  if (SMALL_SUITES.includes(vector.suite)) {
    const inexact = typeOf(spec.types, vector);
    const decoded = inexact.deserialize(bytes);
    assert.equal(toHex(inexact.serialize(decoded)), toHex(bytes), "encoding by the client's types");
    assert.equal(toHex(inexact.hashTreeRoot(decoded)), root, "root by the client's types");
  }
  if (vector.handler === "BeaconState") checkColumns(vector, bytes, root);
}

function checkColumns(vector: VectorCase, bytes: Uint8Array, root: string): void {
  assert.ok(vector.preset !== "general" && isForkName(vector.fork));
  const state = BeaconState.decode(specs[vector.preset], Fork[vector.fork], bytes);
  assert.equal(toHex(state.encode()), toHex(bytes), "encoding by columns");
  assert.equal(toHex(state.hashTreeRoot()), root, "root by columns");
  state.drop();
}

const names = new Set(Object.values(specs.minimal.exactTypes).flatMap((types) => Object.keys(types)));
runVectors("ssz_static", Object.fromEntries([...names].map((name) => [name, checkCase])));
