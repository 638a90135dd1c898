/** Lodestar's libraries as its node uses them: native hasher, caches filled. */
import { readFileSync } from "node:fs";
import { setHasher } from "@chainsafe/persistent-merkle-tree";
import { hasher } from "@chainsafe/persistent-merkle-tree/hasher/hashtree";
import { createBeaconConfig, defaultChainConfig } from "@lodestar/config";
import * as transition from "@lodestar/state-transition";
import { ssz } from "@lodestar/types";

setHasher(hasher);

const chainConfig = {
  ...defaultChainConfig,
  ALTAIR_FORK_EPOCH: 0,
  BELLATRIX_FORK_EPOCH: 0,
  CAPELLA_FORK_EPOCH: 0,
  DENEB_FORK_EPOCH: 0,
  ELECTRA_FORK_EPOCH: 0,
  FULU_FORK_EPOCH: 0,
};
const pubkeyCache = transition.createPubkeyCache();
let last: { file: string; state: transition.CachedBeaconStateFulu } | undefined;

export type FuluView = ReturnType<typeof ssz.fulu.BeaconState.deserializeToViewDU>;

export function readView(file: string): FuluView {
  return ssz.fulu.BeaconState.deserializeToViewDU(readFileSync(file));
}

export function cachedState(view: FuluView, keys = pubkeyCache): transition.CachedBeaconStateFulu {
  const config = createBeaconConfig(chainConfig, view.genesisValidatorsRoot);
  return transition.createCachedBeaconState(
    view as unknown as transition.BeaconStateFulu,
    { config, pubkeyCache: keys },
    {},
  );
}

/** The state of a file with root and caches, kept until another file's is asked for. */
export function preparedState(file: string): transition.CachedBeaconStateFulu {
  if (last?.file !== file) {
    last = undefined;
    const view = readView(file);
    view.hashTreeRoot();
    last = { file, state: cachedState(view) };
  }
  return last.state;
}
