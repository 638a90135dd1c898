/**
 * Everything that tells one network's rules from another's, as one value that is passed along.
 * https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/phase0/beacon-chain.md
 */
import type { Config } from "./config.ts";
import { createTypes, type Types } from "./containers.ts";
import { type Preset, presetByName } from "./preset.ts";

export interface ChainSpec {
  readonly preset: Preset;
  readonly config: Config;
  /** Numbers where valid objects stay below 2^53. */
  readonly types: Types;
  /** Every uint64 an exact bigint at run time, whatever the static type says: for tools that must not round. */
  readonly exactTypes: Types;
}

/** Types depend on nothing but the preset and are immutable, so every network of a preset shares them. */
const numberTypes = new WeakMap<Preset, Types>();
const bigintTypes = new WeakMap<Preset, Types>();

export function createChainSpec(config: Config): ChainSpec {
  const preset = presetByName(config.PRESET_BASE);
  return Object.freeze({
    preset,
    config,
    types: memoized(numberTypes, preset, "number"),
    // Only tools need these: made on first use.
    get exactTypes() {
      return memoized(bigintTypes, preset, "bigint");
    },
  });
}

function memoized(cache: WeakMap<Preset, Types>, preset: Preset, uint64: "number" | "bigint"): Types {
  let types = cache.get(preset);
  if (!types) {
    types = createTypes(preset, uint64);
    cache.set(preset, types);
  }
  return types;
}
