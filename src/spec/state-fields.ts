import { Fork } from "./fork.ts";

/**
 * How a field of BeaconState is held.
 *
 * - `value`: a plain SSZ value, small, replaced as a whole
 * - `roots`, `u64`: packed leaves in pages
 * - `scattered-u64`: the same in small pages, for items that blocks change one by one all over the list
 * - `flags`: bytes of participation flags, two in a byte
 * - `records`: a list of fixed-size containers in pages
 * - `validators`: the registry, a column a field
 */
export type FieldKind = "value" | "roots" | "u64" | "scattered-u64" | "flags" | "records" | "validators";

export interface StateField {
  /** Name in the containers and in code. */
  readonly name: string;
  /** Property of BeaconState; differs from `name` for `fork` alone, which is the fork's number there. */
  readonly property: string;
  readonly kind: FieldKind;
  readonly from: Fork;
  /** The first fork that no longer has the field. */
  readonly until?: Fork;
}

const field = (name: string, kind: FieldKind, from: Fork = Fork.phase0, until?: Fork): StateField => ({
  name,
  property: name === "fork" ? "forkRecord" : name,
  kind,
  from,
  ...(until === undefined ? {} : { until }),
});

/** Every field that BeaconState has had, in SSZ order. Limits and element types come from the fork's container. */
export const STATE_FIELDS: readonly StateField[] = Object.freeze([
  field("genesisTime", "value"),
  field("genesisValidatorsRoot", "value"),
  field("slot", "value"),
  field("fork", "value"),
  field("latestBlockHeader", "value"),
  field("blockRoots", "roots"),
  field("stateRoots", "roots"),
  field("historicalRoots", "roots"),
  field("eth1Data", "value"),
  field("eth1DataVotes", "records"),
  field("eth1DepositIndex", "value"),
  field("validators", "validators"),
  field("balances", "scattered-u64"),
  field("randaoMixes", "roots"),
  field("slashings", "u64"),
  field("previousEpochAttestations", "value", Fork.phase0, Fork.altair),
  field("currentEpochAttestations", "value", Fork.phase0, Fork.altair),
  field("previousEpochParticipation", "flags", Fork.altair),
  field("currentEpochParticipation", "flags", Fork.altair),
  field("justificationBits", "value"),
  field("previousJustifiedCheckpoint", "value"),
  field("currentJustifiedCheckpoint", "value"),
  field("finalizedCheckpoint", "value"),
  field("inactivityScores", "u64", Fork.altair),
  field("currentSyncCommittee", "value", Fork.altair),
  field("nextSyncCommittee", "value", Fork.altair),
  field("latestExecutionPayloadHeader", "value", Fork.bellatrix),
  field("nextWithdrawalIndex", "value", Fork.capella),
  field("nextWithdrawalValidatorIndex", "value", Fork.capella),
  field("historicalSummaries", "records", Fork.capella),
  field("depositRequestsStartIndex", "value", Fork.electra),
  field("depositBalanceToConsume", "value", Fork.electra),
  field("exitBalanceToConsume", "value", Fork.electra),
  field("earliestExitEpoch", "value", Fork.electra),
  field("consolidationBalanceToConsume", "value", Fork.electra),
  field("earliestConsolidationEpoch", "value", Fork.electra),
  field("pendingDeposits", "records", Fork.electra),
  field("pendingPartialWithdrawals", "records", Fork.electra),
  field("pendingConsolidations", "records", Fork.electra),
  field("proposerLookahead", "value", Fork.fulu),
]);

export function hasField(field: StateField, fork: Fork): boolean {
  return fork >= field.from && (field.until === undefined || fork < field.until);
}

/** The fields of a fork's BeaconState in SSZ order. */
export function fieldsOf(fork: Fork): readonly StateField[] {
  return FIELDS_BY_FORK[fork]!;
}

const FIELDS_BY_FORK: readonly (readonly StateField[])[] = Object.values(Fork).map((fork) =>
  STATE_FIELDS.filter((candidate) => hasField(candidate, fork)),
);
