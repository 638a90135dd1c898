/**
 * Advances a state with Lodestar's state transition and prints the root after each step, one line a step.
 * A process of its own, because Lodestar keeps the preset of a process in a global.
 *   lodestar-advance.ts PLAN.json
 * The plan: {"fork", "state": file, "config": {...}, "steps": [{"slot": 3}, {"block": file}]}
 */
import { readFileSync } from "node:fs";
import { setHasher } from "@chainsafe/persistent-merkle-tree";
import { hasher } from "@chainsafe/persistent-merkle-tree/hasher/hashtree";
import { createBeaconConfig, createChainForkConfig } from "@lodestar/config";
import { networksChainConfig } from "@lodestar/config/networks";
import {
  type BeaconStateAllForks,
  type CachedBeaconStateAllForks,
  createCachedBeaconState,
  createPubkeyCache,
  DataAvailabilityStatus,
  ExecutionPayloadStatus,
  processSlots,
  stateTransition,
} from "@lodestar/state-transition";
import { ssz } from "@lodestar/types";

export interface AdvancePlan {
  fork: "phase0" | "fulu";
  state: string;
  network: "mainnet" | "sepolia";
  /** Epochs of forks that are not the network's own. */
  overrides: Record<string, number>;
  steps: ({ slot: number } | { block: string })[];
}

setHasher(hasher);
const plan = JSON.parse(readFileSync(process.argv[2]!, "utf8")) as AdvancePlan;
const chainConfig = { ...networksChainConfig[plan.network], ...plan.overrides };
const types = plan.fork === "phase0" ? ssz.phase0 : ssz.fulu;
const view = types.BeaconState.deserializeToViewDU(readFileSync(plan.state));
const root = view.hashTreeRoot();
print(root);
const config = createBeaconConfig(createChainForkConfig(chainConfig), view.genesisValidatorsRoot);
const cached = createCachedBeaconState(view as BeaconStateAllForks, { config, pubkeyCache: createPubkeyCache() }, {});
let state = cached as CachedBeaconStateAllForks;
for (const step of plan.steps) {
  if ("slot" in step) state = processSlots(state, step.slot, {});
  else {
    const block = types.SignedBeaconBlock.deserialize(readFileSync(step.block));
    state = stateTransition(state, block, {
      verifyStateRoot: true,
      verifyProposer: false,
      verifySignatures: false,
      executionPayloadStatus: ExecutionPayloadStatus.valid,
      dataAvailabilityStatus: DataAvailabilityStatus.Available,
    });
  }
  print(state.hashTreeRoot());
}

function print(bytes: Uint8Array): void {
  console.log(Buffer.from(bytes).toString("hex"));
}
