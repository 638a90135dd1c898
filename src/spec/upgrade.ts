/**
 * From one fork's state to the next one's.
 * https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/fulu/fork.md
 */
import { ZERO_BYTES32 } from "../base/bytes.ts";
import {
  getActivationExitChurnLimit,
  getBeaconProposerIndices,
  getConsolidationChurnLimit,
  getCurrentEpoch,
} from "./accessors.ts";
import { getAttestationParticipationFlagIndices, getAttestingIndices } from "./attestations.ts";
import { forkVersion } from "./config.ts";
import { FAR_FUTURE_EPOCH, UNSET_DEPOSIT_REQUESTS_START_INDEX } from "./constants.ts";
import type { PendingAttestation } from "./containers.ts";
import { Fork } from "./fork.ts";
import { addFlag, computeActivationExitEpoch } from "./misc.ts";
import { queueBalanceAsDeposit, queueExcessActiveBalance } from "./mutators.ts";
import { hasCompoundingWithdrawalCredential } from "./predicates.ts";
import type { BeaconState } from "./state.ts";
import { getNextSyncCommittee } from "./sync-committee.ts";

/** The upgrade that leads to each fork but the first. */
const UPGRADES: ReadonlyMap<Fork, (pre: BeaconState) => BeaconState> = new Map([
  [Fork.altair, upgradeToAltair],
  [Fork.bellatrix, upgradeToBellatrix],
  [Fork.capella, upgradeToCapella],
  [Fork.deneb, upgradeToDeneb],
  [Fork.electra, upgradeToElectra],
  [Fork.fulu, upgradeToFulu],
]);

/**
 * @param fork the one after the state's
 * @returns a new state that shares all that the upgrade leaves alone; `pre` stays valid
 */
export function upgradeTo(fork: Fork, pre: BeaconState): BeaconState {
  const upgrade = UPGRADES.get(fork);
  if (upgrade === undefined || fork !== pre.fork + 1)
    throw new RangeError(`no upgrade from fork ${pre.fork} to ${fork}`);
  return upgrade(pre);
}

/** @spec upgrade_to_altair (altair) */
export function upgradeToAltair(pre: BeaconState): BeaconState {
  const post = pre.upgradedTo(Fork.altair, nextForkRecord(pre, Fork.altair));
  const { length } = post.validators;
  post.previousEpochParticipation.resetTo(length);
  post.currentEpochParticipation.resetTo(length);
  post.inactivityScores.fill(0, length);
  translateParticipation(post, pre.previousEpochAttestations);
  // At the boundary one committee serves two periods.
  post.currentSyncCommittee = getNextSyncCommittee(post);
  post.nextSyncCommittee = post.currentSyncCommittee;
  return post;
}

/** @spec translate_participation (altair) */
export function translateParticipation(state: BeaconState, pendingAttestations: readonly PendingAttestation[]): void {
  const participation = state.previousEpochParticipation;
  for (const attestation of pendingAttestations) {
    const { data, inclusionDelay } = attestation;
    const flags = getAttestationParticipationFlagIndices(state, data, inclusionDelay).reduce(addFlag, 0);
    for (const index of getAttestingIndices(state, attestation)) {
      participation.set(index, participation.get(index) | flags);
    }
  }
}

/** @spec upgrade_to_bellatrix (bellatrix) */
export function upgradeToBellatrix(pre: BeaconState): BeaconState {
  return pre.upgradedTo(Fork.bellatrix, nextForkRecord(pre, Fork.bellatrix));
}

/** @spec upgrade_to_capella (capella) */
export function upgradeToCapella(pre: BeaconState): BeaconState {
  return pre.upgradedTo(Fork.capella, {
    ...nextForkRecord(pre, Fork.capella),
    latestExecutionPayloadHeader: { ...pre.latestExecutionPayloadHeader, withdrawalsRoot: ZERO_BYTES32 },
  });
}

/** @spec upgrade_to_deneb (deneb) */
export function upgradeToDeneb(pre: BeaconState): BeaconState {
  return pre.upgradedTo(Fork.deneb, {
    ...nextForkRecord(pre, Fork.deneb),
    latestExecutionPayloadHeader: { ...pre.latestExecutionPayloadHeader, blobGasUsed: 0n, excessBlobGas: 0n },
  });
}

/** @spec upgrade_to_electra (electra) */
export function upgradeToElectra(pre: BeaconState): BeaconState {
  const earliest = computeActivationExitEpoch(pre.spec, getCurrentEpoch(pre));
  const post = pre.upgradedTo(Fork.electra, {
    ...nextForkRecord(pre, Fork.electra),
    depositRequestsStartIndex: UNSET_DEPOSIT_REQUESTS_START_INDEX,
    earliestExitEpoch: Math.max(earliest, lastExitEpoch(pre)) + 1,
    earliestConsolidationEpoch: earliest,
  });
  post.exitBalanceToConsume = getActivationExitChurnLimit(post);
  post.consolidationBalanceToConsume = getConsolidationChurnLimit(post);
  queueInactiveBalances(post);
  // Early compounders go through the activation churn as well.
  for (let index = 0; index < post.validators.length; index++) {
    if (hasCompoundingWithdrawalCredential(post, index)) queueExcessActiveBalance(post, index);
  }
  return post;
}

/** @spec upgrade_to_fulu (fulu) */
export function upgradeToFulu(pre: BeaconState): BeaconState {
  return pre.upgradedTo(Fork.fulu, {
    ...nextForkRecord(pre, Fork.fulu),
    proposerLookahead: initializeProposerLookahead(pre),
  });
}

/** Proposers of every slot whose seed is known, from the current epoch's first on. @spec initialize_proposer_lookahead (fulu) */
export function initializeProposerLookahead(state: BeaconState): number[] {
  const currentEpoch = getCurrentEpoch(state);
  const lookahead: number[] = [];
  for (let i = 0; i <= state.spec.preset.MIN_SEED_LOOKAHEAD; i++) {
    lookahead.push(...getBeaconProposerIndices(state, currentEpoch + i));
  }
  return lookahead;
}

function nextForkRecord(pre: BeaconState, fork: Fork): { forkRecord: BeaconState["forkRecord"] } {
  const currentVersion = forkVersion(pre.spec.config, fork);
  return {
    forkRecord: { previousVersion: pre.forkRecord.currentVersion, currentVersion, epoch: getCurrentEpoch(pre) },
  };
}

/** The last epoch in which anybody is to exit; 0 when nobody is. */
function lastExitEpoch(state: BeaconState): number {
  const { exitEpoch } = state.validators;
  const page = new Float64Array(exitEpoch.itemsPerPage);
  let last = 0;
  for (let p = 0; p < exitEpoch.pageCount; p++) {
    const count = exitEpoch.readPage(p, page);
    for (let k = 0; k < count; k++) if (page[k] !== FAR_FUTURE_EPOCH && page[k]! > last) last = page[k]!;
  }
  return last;
}

/** Turns the balances of validators that are not activated into pending deposits, in the order of their queue. */
function queueInactiveBalances(state: BeaconState): void {
  const { activationEpoch, activationEligibilityEpoch, effectiveBalance } = state.validators;
  const waiting: number[] = [];
  for (let index = 0; index < state.validators.length; index++) {
    if (activationEpoch.get(index) === FAR_FUTURE_EPOCH) waiting.push(index);
  }
  const queuedAt = new Map(waiting.map((index) => [index, activationEligibilityEpoch.get(index)]));
  waiting.sort((a, b) => {
    const [first, second] = [queuedAt.get(a)!, queuedAt.get(b)!];
    return first === second ? a - b : first - second;
  });
  for (const index of waiting) {
    const balance = state.balances.getBig(index);
    state.balances.set(index, 0);
    effectiveBalance.set(index, 0);
    activationEligibilityEpoch.set(index, FAR_FUTURE_EPOCH);
    queueBalanceAsDeposit(state, index, balance);
  }
}
