/** Finds and loads the native addons. */

import { createRequire } from "node:module";
import { join } from "node:path";

export type NativeName = "sha256" | "bls";

const BUILT = join(import.meta.dirname, "../../native");

/**
 * Loads one addon; the caller states the type of its exports.
 * The environment variable CRESSET_NATIVE_DIR names another folder, with all addons in it as NAME.node.
 */
export function loadNative(name: NativeName): unknown {
  const folder = process.env.CRESSET_NATIVE_DIR ?? join(BUILT, name, "build/Release");
  const file = join(folder, `${name}.node`);
  try {
    return createRequire(import.meta.url)(file);
  } catch (cause) {
    throw new Error(`cannot load the native addon ${file}; scripts/build-native builds it`, { cause });
  }
}
