/**
 * The steps of an epoch transition, in the spec's order.
 * https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/fulu/beacon-chain.md
 */
import { Fork } from "../fork.ts";
import type { BeaconState } from "../state.ts";
import { type StepObserver, unobserved } from "../step-observer.ts";
import { processEffectiveBalanceUpdates } from "./effective-balance-updates.ts";
import { processEth1DataReset } from "./eth1-data-reset.ts";
import { processHistoricalRootsUpdate } from "./historical-roots-update.ts";
import { processHistoricalSummariesUpdate } from "./historical-summaries-update.ts";
import { processInactivityUpdates } from "./inactivity-updates.ts";
import { processJustificationAndFinalization } from "./justification-and-finalization.ts";
import { processParticipationFlagUpdates } from "./participation-flag-updates.ts";
import { processParticipationRecordUpdates } from "./participation-record-updates.ts";
import { processPendingConsolidations } from "./pending-consolidations.ts";
import { processPendingDeposits } from "./pending-deposits.ts";
import { processProposerLookahead } from "./proposer-lookahead.ts";
import { processRandaoMixesReset } from "./randao-mixes-reset.ts";
import { RegistryScan } from "./registry-scan.ts";
import { processRegistryUpdates } from "./registry-updates.ts";
import { processRewardsAndPenalties } from "./rewards-and-penalties.ts";
import { processSlashings } from "./slashings.ts";
import { processSlashingsReset } from "./slashings-reset.ts";
import { processSyncCommitteeUpdates } from "./sync-committee-updates.ts";

export interface EpochStep {
  /** The vectors' name of the step: the spec's without `process_`. */
  readonly name: string;
  /** @param scan shared by the steps that read the same registry; each makes its own when run alone */
  readonly step: (state: BeaconState, scan?: RegistryScan) => void;
  readonly from: Fork;
  /** The first fork that no longer has the step. */
  readonly until?: Fork;
}

export const EPOCH_STEPS: readonly EpochStep[] = Object.freeze([
  { name: "justification_and_finalization", step: processJustificationAndFinalization, from: Fork.phase0 },
  { name: "inactivity_updates", step: processInactivityUpdates, from: Fork.altair },
  { name: "rewards_and_penalties", step: processRewardsAndPenalties, from: Fork.phase0 },
  { name: "registry_updates", step: processRegistryUpdates, from: Fork.phase0 },
  { name: "slashings", step: processSlashings, from: Fork.phase0 },
  { name: "eth1_data_reset", step: processEth1DataReset, from: Fork.phase0 },
  { name: "pending_deposits", step: processPendingDeposits, from: Fork.electra },
  { name: "pending_consolidations", step: processPendingConsolidations, from: Fork.electra },
  { name: "effective_balance_updates", step: processEffectiveBalanceUpdates, from: Fork.phase0 },
  { name: "slashings_reset", step: processSlashingsReset, from: Fork.phase0 },
  { name: "randao_mixes_reset", step: processRandaoMixesReset, from: Fork.phase0 },
  { name: "historical_roots_update", step: processHistoricalRootsUpdate, from: Fork.phase0, until: Fork.capella },
  { name: "historical_summaries_update", step: processHistoricalSummariesUpdate, from: Fork.capella },
  {
    name: "participation_record_updates",
    step: processParticipationRecordUpdates,
    from: Fork.phase0,
    until: Fork.altair,
  },
  { name: "participation_flag_updates", step: processParticipationFlagUpdates, from: Fork.altair },
  { name: "sync_committee_updates", step: processSyncCommitteeUpdates, from: Fork.altair },
  { name: "proposer_lookahead", step: processProposerLookahead, from: Fork.fulu },
]);

/** The steps that a fork's epoch transition has. */
export function epochSteps(fork: Fork): EpochStep[] {
  return EPOCH_STEPS.filter(({ from, until }) => fork >= from && (until === undefined || fork < until));
}

/**
 * Ends the epoch that the state's slot is the last of.
 * @spec process_epoch (phase0 to fulu)
 */
export function processEpoch(state: BeaconState, observer: StepObserver = unobserved): void {
  // No step before the registry updates changes the registry, none after them reads the scan.
  const scan = new RegistryScan(state);
  for (const { name, step } of epochSteps(state.fork)) {
    observer(name, () => step(state, scan));
  }
}
