import assert from "node:assert/strict";
import { test } from "node:test";
import type { Type } from "@chainsafe/ssz";
import { DecodeError } from "../../src/base/errors.ts";
import { createChainSpec } from "../../src/spec/chain-spec.ts";
import { MAINNET_CONFIG, MINIMAL_CONFIG } from "../../src/spec/config.ts";
import { FORK_NAMES } from "../../src/spec/fork.ts";
import { decodeSsz } from "../../src/spec/ssz-decode.ts";
import { type Random, seededRandom } from "./random.ts";
import { randomValue } from "./random-value.ts";

const SEED = Number(process.env.SEED ?? 41);
/** Inputs a type; a longer run sets FUZZ_ROUNDS. */
const ROUNDS = Number(process.env.FUZZ_ROUNDS ?? 150);
const MAX_INPUT = 1 << 17;

for (const config of [MINIMAL_CONFIG, MAINNET_CONFIG]) {
  const spec = createChainSpec(config);
  for (const fork of FORK_NAMES) {
    test(`${config.PRESET_BASE} ${fork}: no type crashes, hangs or hides where its input is wrong`, () => {
      const random = seededRandom(SEED);
      for (const [name, type] of Object.entries(spec.types[fork]) as unknown as [string, Type<unknown>][]) {
        // The state has a decoder of its own; blobs and columns of the mainnet preset are only bytes, and large.
        if (name === "BeaconState" || type.minSize > MAX_INPUT) continue;
        fuzzType(name, type, random);
      }
    });
  }
}

function fuzzType(name: string, type: Type<unknown>, random: Random): void {
  const valid = type.serialize(randomValue(type, random, 3));
  assert.deepEqual(Buffer.from(type.serialize(decodeSsz(type, valid))), Buffer.from(valid), name);
  for (let round = 0; round < ROUNDS; round++) {
    const input = mutate(valid, random);
    try {
      decodeSsz(type, input);
    } catch (error) {
      assert.ok(error instanceof DecodeError, `${name}: ${error} (seed ${SEED})`);
      assert.ok(error.offset >= 0 && error.offset <= input.length, `${name}: the offset is ${error.offset}`);
    }
  }
}

function mutate(valid: Uint8Array, random: Random): Uint8Array {
  const kind = random.below(5);
  if (kind === 0) return valid.slice(0, random.below(valid.length + 1));
  if (kind === 1) return random.bytes(random.below(400));
  const out = new Uint8Array(valid.length + (kind === 2 ? 1 + random.below(40) : 0));
  out.set(valid);
  for (let i = 1 + random.below(4); i > 0 && out.length > 0; i--) {
    // Extreme offsets and lengths are the interesting ones.
    out[random.below(out.length)] = [0, 1, 0x7f, 0x80, 0xff, random.below(256)][random.below(6)]!;
  }
  return out;
}
