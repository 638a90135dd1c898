import type { ChainSpec } from "./chain-spec.ts";
import type { Types } from "./containers.ts";
import { type Fork, forkName } from "./fork.ts";

/**
 * The SSZ types of a state's fork (or of any fork), under the static type of the newest one.
 *
 * Values are typed by the newest fork and lack what an older one has not: code looks at the fork before it touches a
 * newer field, and the types returned here read and hash what is there.
 */
export function forkTypes({ spec, fork }: { readonly spec: ChainSpec; readonly fork: Fork }): Types["fulu"] {
  return spec.types[forkName(fork)] as unknown as Types["fulu"];
}
