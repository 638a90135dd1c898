/**
 * The validator client: keys here, a beacon node there (or in this process), and duties on time.
 *
 *     slot start   propose
 *     1/3          attest and vote in the sync committee, or as soon as the slot's block is the head
 *     1/2          look ahead: validators, duties, fee recipients
 *     2/3          aggregate and contribute
 */
import { toHex } from "../base/bytes.ts";
import { type Clock, SlotClock, systemClock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import type { ChainSpec } from "../spec/chain-spec.ts";
import { computeEpochAtSlot } from "../spec/misc.ts";
import {
  getAggregateDueMs,
  getAttestationDueMs,
  getContributionDueMs,
  getSyncMessageDueMs,
} from "../spec/validator.ts";
import { Aggregating } from "./aggregate.ts";
import { Attesting } from "./attest.ts";
import type { BeaconApi, BeaconEvent, GenesisInfo } from "./beacon-api.ts";
import { type AttesterTask, Duties, type SyncTask } from "./duties.ts";
import { type DutyKind, type DutyOutcome, type DutyParts, DutyTally } from "./duty-parts.ts";
import { checkNodeSpec } from "./node-check.ts";
import { OwnValidators, type ValidatorActivity } from "./own-validators.ts";
import { type ProposalOptions, Proposing } from "./propose.ts";
import type { Signer } from "./signer.ts";
import { SigningRoots } from "./signing-roots.ts";
import { SlashingProtection } from "./slashing-protection.ts";
import { SyncCommitteeDuties } from "./sync-committee.ts";

const RETRY_MS = 2_000;
/** A node that hangs does not keep the program from ending. */
const STOP_MS = 2_000;

export interface ValidatorClientOptions extends ProposalOptions {
  readonly spec: ChainSpec;
  readonly api: BeaconApi;
  /** Taken over: closed at the end. */
  readonly signer: Signer;
  /** Where slashing protection is kept: one folder for these keys, always the same. */
  readonly folder: string;
  readonly log: Logger;
  readonly clock?: Clock;
  /** Ends the wait for a node that does not answer yet. */
  readonly signal?: AbortSignal;
}

export interface ValidatorClientStatus {
  readonly beaconNode: string;
  readonly slashingProtectionBytes: number;
  readonly nextProposal: { readonly slot: number; readonly validatorIndex: number } | undefined;
  readonly duties: Record<DutyKind, Record<DutyOutcome, number>>;
  readonly validators: readonly (ValidatorActivity & {
    readonly pubkey: string;
    readonly index: number | undefined;
    readonly status: string;
    readonly balanceGwei: number;
  })[];
}

export class ValidatorClient {
  readonly #parts: DutyParts;
  readonly #attesting: Attesting;
  readonly #aggregating: Aggregating;
  readonly #syncCommittee: SyncCommitteeDuties;
  readonly #proposing: Proposing;
  readonly #feeRecipient: Uint8Array;
  readonly #running = new Set<Promise<void>>();
  readonly #stopping: AbortController;
  #unsubscribe: () => void = () => {};
  #preparedEpoch = -1;

  private constructor(parts: DutyParts, stopping: AbortController, options: ProposalOptions) {
    this.#parts = parts;
    this.#stopping = stopping;
    this.#feeRecipient = options.feeRecipient;
    this.#attesting = new Attesting(parts);
    this.#aggregating = new Aggregating(parts, this.#attesting);
    this.#syncCommittee = new SyncCommitteeDuties(parts);
    this.#proposing = new Proposing(parts, options);
  }

  /**
   * Waits for the node, opens slashing protection, and begins with the duties.
   * @throws StorageError when slashing protection cannot be relied on, UsageError when the node is of another network
   */
  static async start(options: ValidatorClientOptions): Promise<ValidatorClient> {
    const { spec, api, signer, folder, log, clock = systemClock } = options;
    const genesis = await waitForGenesis(options);
    checkNodeSpec(spec, await api.getSpec());
    const { genesisTime, genesisValidatorsRoot } = genesis;
    const protection = await SlashingProtection.open({ folder, genesisValidatorsRoot });
    if (protection.tornBytes > 0) {
      log.warn({ bytes: protection.tornBytes }, "an unfinished record was cut off: nothing was signed after it");
    }
    const roots = new SigningRoots(spec, genesisValidatorsRoot);
    const validators = new OwnValidators(signer.pubkeys);
    const { SLOTS_PER_EPOCH: slotsPerEpoch } = spec.preset;
    const slotClock = new SlotClock({ clock, genesisTime, slotMs: spec.config.SLOT_DURATION_MS, slotsPerEpoch });
    const subscriptions = subscriptionsTo(spec, api, log);
    const duties = new Duties({ spec, api, validators, signer, roots, log, ...subscriptions });
    const tally = new DutyTally();
    const controller = new AbortController();
    const stopping = controller.signal;
    const parts = { spec, api, clock: slotClock, validators, duties, signer, roots, protection, tally, log, stopping };
    const client = new ValidatorClient(parts, controller, options);
    log.info({ keys: signer.pubkeys.length, node: api.name }, "validators start");
    client.#begin();
    return client;
  }

  status(): ValidatorClientStatus {
    const { api, protection, tally, validators } = this.#parts;
    return {
      beaconNode: api.name,
      slashingProtectionBytes: protection.bytes,
      nextProposal: this.#nextProposal(),
      duties: tally.all(),
      validators: validators.all.map(({ pubkey, index, status, balanceGwei, activity }) => ({
        pubkey: toHex(pubkey),
        index,
        status,
        balanceGwei,
        ...activity,
      })),
    };
  }

  /** No duty is begun any more; those begun are finished, if the node answers. */
  async stop(): Promise<void> {
    if (this.#stopping.signal.aborted) return;
    this.#stopping.abort();
    this.#unsubscribe();
    const { clock, protection, signer } = this.#parts;
    const grace = new Promise<void>((resolve) => clock.at(clock.nowMs() + STOP_MS, resolve));
    await Promise.race([Promise.allSettled(this.#running), grace]);
    clock.stop();
    await protection.close();
    signer.close();
  }

  #begin(): void {
    const { api, clock, spec } = this.#parts;
    const at = (ms: number, work: (slot: number) => Promise<void>): void => {
      clock.atIntoSlot(ms, (slot) => this.#run(() => work(slot)));
    };
    at(0, async (slot) => {
      this.#attesting.settle(slot - 1);
      await this.#proposing.propose(slot);
    });
    at(getAttestationDueMs(spec), (slot) => this.#attesting.attest(slot));
    at(getSyncMessageDueMs(spec), (slot) => this.#syncCommittee.sendMessages(slot));
    at(clock.slotMs / 2, async (slot) => {
      await this.#lookAhead(slot);
      // With duties that were not known in time: late is better than never.
      await this.#attesting.attest(slot);
    });
    at(getAggregateDueMs(spec), (slot) => this.#aggregating.aggregate(slot));
    at(getContributionDueMs(spec), (slot) => this.#syncCommittee.contribute(slot));
    this.#unsubscribe = api.subscribeEvents(["head", "chain_reorg"], (event) => this.#onEvent(event));
    this.#run(() => this.#lookAheadAtStart());
  }

  /** Before genesis no slot calls; and a slot that is on may still have duties. */
  async #lookAheadAtStart(): Promise<void> {
    const { clock } = this.#parts;
    await this.#lookAhead(clock.currentSlot());
    const slot = clock.currentSlot();
    if (slot < 0) {
      if (this.#preparedEpoch < 0)
        clock.at(clock.nowMs() + clock.slotMs, () => this.#run(() => this.#lookAheadAtStart()));
      return;
    }
    if (clock.msIntoSlot() < getAttestationDueMs(this.#parts.spec)) return;
    await Promise.all([this.#attesting.attest(slot), this.#syncCommittee.sendMessages(slot)]);
  }

  #onEvent(event: BeaconEvent): void {
    const { clock, duties } = this.#parts;
    if (this.#stopping.signal.aborted) return;
    if (event.type === "chain_reorg") duties.onReorg();
    if (event.type !== "head") return;
    const slot = clock.currentSlot();
    const isStale = duties.onHead(event);
    if (isStale) this.#run(() => duties.update(Math.max(0, clock.currentEpoch())));
    // Nobody attests for a block of the past before it is time, nor for one of the future.
    if (event.slot !== slot) return;
    this.#run(async () => {
      if (isStale) await duties.update(Math.max(0, clock.currentEpoch()));
      await Promise.all([this.#attesting.attest(slot), this.#syncCommittee.sendMessages(slot)]);
    });
  }

  /** Once an epoch everything is asked for anew; in other slots only what is missing. */
  async #lookAhead(slot: number): Promise<void> {
    const { api, duties, log, spec, validators } = this.#parts;
    const epoch = Math.max(0, computeEpochAtSlot(spec, slot));
    if (this.#preparedEpoch !== epoch) {
      try {
        if (await validators.refresh(api)) duties.markStale();
        const preparations = validators.dutyIndices().map((validatorIndex) => ({
          validatorIndex,
          feeRecipient: this.#feeRecipient,
        }));
        if (preparations.length > 0) await api.prepareBeaconProposer(preparations);
        this.#preparedEpoch = epoch;
      } catch (error) {
        log.warn({ err: error as Error, slot }, "the beacon node does not say which validators it knows");
      }
    }
    await duties.update(epoch);
  }

  #nextProposal(): ValidatorClientStatus["nextProposal"] {
    const { clock, duties, spec } = this.#parts;
    const from = Math.max(0, clock.currentSlot());
    for (let slot = from; slot < from + 2 * spec.preset.SLOTS_PER_EPOCH; slot++) {
      const [task] = duties.proposersAt(slot);
      if (task) return { slot, validatorIndex: task.duty.validatorIndex };
    }
    return undefined;
  }

  #run(work: () => Promise<void>): void {
    if (this.#stopping.signal.aborted) return;
    const running = work()
      .catch((error: Error) => this.#parts.log.error({ err: error }, "a duty failed"))
      .finally(() => this.#running.delete(running));
    this.#running.add(running);
  }
}

async function waitForGenesis({ api, log, signal, clock = systemClock }: ValidatorClientOptions): Promise<GenesisInfo> {
  for (;;) {
    try {
      return await api.getGenesis();
    } catch (error) {
      signal?.throwIfAborted();
      log.warn({ err: error as Error, node: api.name }, "waiting for the beacon node");
      const waiter = new SlotClock({ clock, genesisTime: 0, slotMs: 1_000, slotsPerEpoch: 1 });
      await new Promise<void>((resolve) => waiter.at(waiter.nowMs() + RETRY_MS, resolve));
      signal?.throwIfAborted();
    }
  }
}

/** Tells the node for which subnets validators will need it. */
function subscriptionsTo(spec: ChainSpec, api: BeaconApi, log: Logger) {
  const logged = (work: Promise<void>): void => {
    work.catch((error: Error) => log.warn({ err: error }, "could not subscribe to subnets"));
  };
  return {
    onAttesters: (tasks: readonly AttesterTask[]): void => {
      const subscriptions = tasks.map(({ duty, isAggregator }) => ({
        validatorIndex: duty.validatorIndex,
        committeeIndex: duty.committeeIndex,
        committeesAtSlot: duty.committeesAtSlot,
        slot: duty.slot,
        isAggregator,
      }));
      if (subscriptions.length > 0) logged(api.subscribeBeaconCommittees(subscriptions));
    },
    onSync: (period: number, tasks: readonly SyncTask[]): void => {
      const untilEpoch = (period + 1) * spec.preset.EPOCHS_PER_SYNC_COMMITTEE_PERIOD;
      const subscriptions = tasks.map(({ duty }) => ({
        validatorIndex: duty.validatorIndex,
        syncCommitteeIndices: duty.validatorSyncCommitteeIndices,
        untilEpoch,
      }));
      if (subscriptions.length > 0) logged(api.subscribeSyncCommittees(subscriptions));
    },
  };
}
