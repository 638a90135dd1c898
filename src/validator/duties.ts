/**
 * Who has to do what and when: fetched an epoch ahead, and again when the chain they depend on changes.
 * @see https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/phase0/validator.md
 */
import { bytesEqual } from "../base/bytes.ts";
import type { Logger } from "../base/log.ts";
import type { ChainSpec } from "../spec/chain-spec.ts";
import { forkAtEpoch } from "../spec/config.ts";
import { SYNC_COMMITTEE_SUBNET_COUNT } from "../spec/constants.ts";
import type { AttesterDuty, ProposerDuty, SyncDuty } from "../spec/duties.ts";
import { Fork } from "../spec/fork.ts";
import { computeEpochAtSlot, computeSyncCommitteePeriod } from "../spec/misc.ts";
import { isAggregatorOf } from "../spec/validator.ts";
import type { BeaconApi, HeadEvent } from "./beacon-api.ts";
import type { OwnValidator, OwnValidators } from "./own-validators.ts";
import type { Signer } from "./signer.ts";
import type { SigningRoots } from "./signing-roots.ts";

/** Validators a request. */
const INDICES_PER_REQUEST = 2_000;
/** Sync committee duties are fetched so long before their period. */
const SYNC_LOOKAHEAD_EPOCHS = 2;

export interface AttesterTask {
  readonly validator: OwnValidator;
  readonly duty: AttesterDuty;
  readonly selectionProof: Uint8Array;
  readonly isAggregator: boolean;
}

export interface ProposerTask {
  readonly validator: OwnValidator;
  readonly duty: ProposerDuty;
}

export interface SyncTask {
  readonly validator: OwnValidator;
  readonly duty: SyncDuty;
  readonly subcommittees: readonly number[];
}

interface EpochDuties<Task> {
  readonly dependentRoot: Uint8Array;
  readonly bySlot: ReadonlyMap<number, readonly Task[]>;
}

export interface DutiesParts {
  readonly spec: ChainSpec;
  readonly api: BeaconApi;
  readonly validators: OwnValidators;
  readonly signer: Signer;
  readonly roots: SigningRoots;
  readonly log: Logger;
  /** Told of an epoch's new attester tasks, for subscriptions. */
  readonly onAttesters?: (tasks: readonly AttesterTask[]) => void;
  readonly onSync?: (period: number, tasks: readonly SyncTask[]) => void;
}

export class Duties {
  readonly #parts: DutiesParts;
  readonly #attesters = new Map<number, EpochDuties<AttesterTask>>();
  readonly #proposers = new Map<number, EpochDuties<ProposerTask>>();
  readonly #sync = new Map<number, readonly SyncTask[]>();
  /** Epochs whose duties were fetched but may be of another chain by now. */
  readonly #staleAttesters = new Set<number>();
  readonly #staleProposers = new Set<number>();
  #running: Promise<void> | undefined;

  constructor(parts: DutiesParts) {
    this.#parts = parts;
  }

  attestersAt(slot: number): readonly AttesterTask[] {
    return this.#attesters.get(this.#epochOf(slot))?.bySlot.get(slot) ?? [];
  }

  proposersAt(slot: number): readonly ProposerTask[] {
    return this.#proposers.get(this.#epochOf(slot))?.bySlot.get(slot) ?? [];
  }

  /** Messages of a slot go into the next slot's block, and are of that one's committee. */
  syncAt(slot: number): readonly SyncTask[] {
    return this.#sync.get(computeSyncCommitteePeriod(this.#parts.spec, this.#epochOf(slot + 1))) ?? [];
  }

  hasAttesters(epoch: number): boolean {
    return this.#attesters.has(epoch) && !this.#staleAttesters.has(epoch);
  }

  hasProposers(epoch: number): boolean {
    return this.#proposers.has(epoch) && !this.#staleProposers.has(epoch);
  }

  /** Everything is to be fetched again: other validators are active, or nobody knows what was missed. */
  markStale(): void {
    for (const epoch of this.#attesters.keys()) this.#staleAttesters.add(epoch);
    for (const epoch of this.#proposers.keys()) this.#staleProposers.add(epoch);
    this.#sync.clear();
  }

  /** Before fulu proposers depend on balances that a reorg within the epoch may change. */
  onReorg(): void {
    for (const epoch of this.#proposers.keys()) this.#staleProposers.add(epoch);
  }

  /** @returns whether duties that were known may have changed */
  onHead({ slot, currentEpochDependentRoot, nextEpochDependentRoot }: HeadEvent): boolean {
    const epoch = this.#epochOf(slot);
    const isCurrentStale = this.#compare(epoch, currentEpochDependentRoot);
    const isNextStale = this.#compare(epoch + 1, nextEpochDependentRoot);
    return isCurrentStale || isNextStale;
  }

  /** Fetches what is missing or stale; calls while one runs share it. Failures are logged and left for the next time. */
  update(currentEpoch: number): Promise<void> {
    this.#running ??= this.#update(currentEpoch).finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  /** Proposers of an epoch, fetched now if they are not known. */
  async ensureProposers(epoch: number): Promise<void> {
    if (this.hasProposers(epoch)) return;
    const isFetched = await this.#try("proposer duties", () => this.#fetchProposers(epoch));
    if (!isFetched && this.#proposers.has(epoch)) this.#staleProposers.add(epoch);
  }

  async #update(currentEpoch: number): Promise<void> {
    const { spec } = this.#parts;
    this.#prune(currentEpoch);
    if (this.#parts.validators.dutyIndices().length === 0) return;
    await this.ensureProposers(currentEpoch);
    for (const epoch of [currentEpoch, currentEpoch + 1]) {
      if (this.hasAttesters(epoch)) continue;
      const isFetched = await this.#try("attester duties", () => this.#fetchAttesters(epoch));
      if (!isFetched && this.#attesters.has(epoch)) this.#staleAttesters.add(epoch);
    }
    // Only from fulu on does the state know an epoch's proposers before the epoch.
    if (forkAtEpoch(spec.config, currentEpoch) >= Fork.fulu) await this.ensureProposers(currentEpoch + 1);
    for (const epoch of [currentEpoch, currentEpoch + SYNC_LOOKAHEAD_EPOCHS]) {
      const period = computeSyncCommitteePeriod(spec, epoch);
      if (this.#sync.has(period) || forkAtEpoch(spec.config, currentEpoch) < Fork.altair) continue;
      await this.#try("sync committee duties", () => this.#fetchSync(epoch, period));
    }
  }

  async #fetchAttesters(epoch: number): Promise<void> {
    const { api, validators, onAttesters } = this.#parts;
    const bySlot = new Map<number, AttesterTask[]>();
    const all: AttesterTask[] = [];
    let dependentRoot: Uint8Array | undefined;
    this.#staleAttesters.delete(epoch);
    for (const indices of chunks(validators.dutyIndices())) {
      const answer = await api.getAttesterDuties(epoch, indices);
      // A reorg between two requests: the head event that comes with it makes this stale again.
      dependentRoot ??= answer.dependentRoot;
      for (const duty of answer.duties) {
        const validator = validators.find(duty.pubkey, duty.validatorIndex);
        if (!validator || this.#epochOf(duty.slot) !== epoch) continue;
        const task = await this.#attesterTask(validator, duty);
        push(bySlot, duty.slot, task);
        all.push(task);
      }
    }
    this.#attesters.set(epoch, { dependentRoot: dependentRoot!, bySlot });
    onAttesters?.(all);
  }

  async #attesterTask(validator: OwnValidator, duty: AttesterDuty): Promise<AttesterTask> {
    const { signer, roots } = this.#parts;
    // Another chain may draw the same slot: then the proof is the same too.
    const known = this.attestersAt(duty.slot).find((task) => task.validator === validator);
    const selectionProof =
      known?.selectionProof ?? (await signer.sign(validator.pubkey, roots.slotSelection(duty.slot)));
    return { validator, duty, selectionProof, isAggregator: isAggregatorOf(duty.committeeLength, selectionProof) };
  }

  async #fetchProposers(epoch: number): Promise<void> {
    const { api, validators } = this.#parts;
    this.#staleProposers.delete(epoch);
    const { dependentRoot, duties } = await api.getProposerDuties(epoch);
    const bySlot = new Map<number, ProposerTask[]>();
    for (const duty of duties) {
      const validator = validators.find(duty.pubkey, duty.validatorIndex);
      if (validator && this.#epochOf(duty.slot) === epoch) push(bySlot, duty.slot, { validator, duty });
    }
    this.#proposers.set(epoch, { dependentRoot, bySlot });
  }

  async #fetchSync(epoch: number, period: number): Promise<void> {
    const { api, spec, validators, onSync } = this.#parts;
    const subcommitteeSize = spec.preset.SYNC_COMMITTEE_SIZE / SYNC_COMMITTEE_SUBNET_COUNT;
    const tasks: SyncTask[] = [];
    for (const indices of chunks(validators.dutyIndices())) {
      for (const duty of await api.getSyncDuties(epoch, indices)) {
        const validator = validators.find(duty.pubkey, duty.validatorIndex);
        if (!validator) continue;
        const places = duty.validatorSyncCommitteeIndices.map((place) => Math.floor(place / subcommitteeSize));
        tasks.push({ validator, duty, subcommittees: [...new Set(places)] });
      }
    }
    this.#sync.set(period, tasks);
    onSync?.(period, tasks);
  }

  async #try(what: string, work: () => Promise<void>): Promise<boolean> {
    try {
      await work();
      return true;
    } catch (error) {
      this.#parts.log.warn({ err: error as Error }, `could not fetch ${what}`);
      return false;
    }
  }

  #compare(epoch: number, dependentRoot: Uint8Array): boolean {
    const attesters = this.#attesters.get(epoch);
    const proposers = this.#proposers.get(epoch);
    const areAttestersStale = attesters !== undefined && !bytesEqual(attesters.dependentRoot, dependentRoot);
    if (areAttestersStale) this.#staleAttesters.add(epoch);
    const areProposersStale = proposers !== undefined && !bytesEqual(proposers.dependentRoot, dependentRoot);
    if (areProposersStale) this.#staleProposers.add(epoch);
    return areAttestersStale || areProposersStale;
  }

  #prune(currentEpoch: number): void {
    for (const map of [this.#attesters, this.#proposers]) {
      for (const epoch of map.keys()) if (epoch < currentEpoch - 1 || epoch > currentEpoch + 1) map.delete(epoch);
    }
    const period = computeSyncCommitteePeriod(this.#parts.spec, currentEpoch);
    for (const known of this.#sync.keys()) if (known < period || known > period + 1) this.#sync.delete(known);
    for (const stale of [this.#staleAttesters, this.#staleProposers]) {
      for (const epoch of stale) if (epoch < currentEpoch - 1) stale.delete(epoch);
    }
  }

  #epochOf(slot: number): number {
    return computeEpochAtSlot(this.#parts.spec, slot);
  }
}

function push<Task>(bySlot: Map<number, Task[]>, slot: number, task: Task): void {
  const tasks = bySlot.get(slot);
  if (tasks) tasks.push(task);
  else bySlot.set(slot, [task]);
}

function* chunks(indices: readonly number[]): Generator<readonly number[]> {
  for (let from = 0; from < indices.length; from += INDICES_PER_REQUEST) {
    yield indices.slice(from, from + INDICES_PER_REQUEST);
  }
}
