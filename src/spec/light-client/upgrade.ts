/**
 * Light-client data of one fork in the containers of a later one.
 * @see https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/electra/light-client/fork.md
 */
import type { ChainSpec } from "../chain-spec.ts";
import {
  CURRENT_SYNC_COMMITTEE_GINDEX_ELECTRA,
  FINALIZED_ROOT_GINDEX_ELECTRA,
  NEXT_SYNC_COMMITTEE_GINDEX_ELECTRA,
} from "../constants.ts";
import type {
  LightClientBootstrap,
  LightClientFinalityUpdate,
  LightClientHeader,
  LightClientOptimisticUpdate,
  LightClientUpdate,
} from "../containers.ts";
import { Fork } from "../fork.ts";
import { forkTypes } from "../fork-types.ts";
import { normalizeMerkleBranch } from "../merkle.ts";
import type { LightClientStore } from "./sync.ts";

/** @spec upgrade_lc_header_to_capella, upgrade_lc_header_to_deneb, upgrade_lc_header_to_electra */
export function upgradeLcHeader(spec: ChainSpec, to: Fork, pre: LightClientHeader): LightClientHeader {
  if (to < Fork.capella) return pre;
  const fresh = forkTypes({ spec, fork: to }).LightClientHeader.defaultValue();
  return {
    beacon: pre.beacon,
    // What a fork added stays at its default.
    execution: { ...fresh.execution, ...pre.execution },
    executionBranch: pre.executionBranch ?? fresh.executionBranch,
  };
}

/** @spec upgrade_lc_bootstrap_to_capella, upgrade_lc_bootstrap_to_deneb, upgrade_lc_bootstrap_to_electra */
export function upgradeLcBootstrap(spec: ChainSpec, to: Fork, pre: LightClientBootstrap): LightClientBootstrap {
  return {
    ...pre,
    header: upgradeLcHeader(spec, to, pre.header),
    currentSyncCommitteeBranch: upgradeBranch(
      to,
      pre.currentSyncCommitteeBranch,
      CURRENT_SYNC_COMMITTEE_GINDEX_ELECTRA,
    ),
  };
}

/** @spec upgrade_lc_update_to_capella, upgrade_lc_update_to_deneb, upgrade_lc_update_to_electra */
export function upgradeLcUpdate(spec: ChainSpec, to: Fork, pre: LightClientUpdate): LightClientUpdate {
  return {
    ...pre,
    ...upgradeLcFinalityUpdate(spec, to, pre),
    nextSyncCommitteeBranch: upgradeBranch(to, pre.nextSyncCommitteeBranch, NEXT_SYNC_COMMITTEE_GINDEX_ELECTRA),
  };
}

/** @spec upgrade_lc_finality_update_to_capella, upgrade_lc_finality_update_to_deneb, upgrade_lc_finality_update_to_electra */
export function upgradeLcFinalityUpdate(
  spec: ChainSpec,
  to: Fork,
  pre: LightClientFinalityUpdate,
): LightClientFinalityUpdate {
  return {
    ...upgradeLcOptimisticUpdate(spec, to, pre),
    finalizedHeader: upgradeLcHeader(spec, to, pre.finalizedHeader),
    finalityBranch: upgradeBranch(to, pre.finalityBranch, FINALIZED_ROOT_GINDEX_ELECTRA),
  };
}

/** @spec upgrade_lc_optimistic_update_to_capella, upgrade_lc_optimistic_update_to_deneb, upgrade_lc_optimistic_update_to_electra */
export function upgradeLcOptimisticUpdate(
  spec: ChainSpec,
  to: Fork,
  pre: LightClientOptimisticUpdate,
): LightClientOptimisticUpdate {
  const { attestedHeader, syncAggregate, signatureSlot } = pre;
  return { attestedHeader: upgradeLcHeader(spec, to, attestedHeader), syncAggregate, signatureSlot };
}

/** @spec upgrade_lc_store_to_capella, upgrade_lc_store_to_deneb, upgrade_lc_store_to_electra */
export function upgradeLcStore(spec: ChainSpec, to: Fork, pre: LightClientStore): LightClientStore {
  return {
    ...pre,
    fork: to,
    finalizedHeader: upgradeLcHeader(spec, to, pre.finalizedHeader),
    bestValidUpdate: pre.bestValidUpdate && upgradeLcUpdate(spec, to, pre.bestValidUpdate),
    optimisticHeader: upgradeLcHeader(spec, to, pre.optimisticHeader),
  };
}

function upgradeBranch(to: Fork, branch: Uint8Array[], electraGindex: bigint): Uint8Array[] {
  return to >= Fork.electra ? normalizeMerkleBranch(branch, electraGindex) : branch;
}
