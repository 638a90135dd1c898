/**
 * Sync committee messages and contributions.
 * @see https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/altair/validator.md
 */
import { bytesEqual } from "../base/bytes.ts";
import { UsageError } from "../base/errors.ts";
import type { ContributionAndProof, SignedContributionAndProof, SyncCommitteeMessage } from "../spec/containers.ts";
import { isSyncCommitteeAggregator } from "../spec/validator.ts";
import { BeaconApiError } from "./beacon-api.ts";
import type { SyncTask } from "./duties.ts";
import { type DutyParts, SlotRecord, takenItems, tryUntilSlotEnds } from "./duty-parts.ts";

const KEPT_SLOTS = 2;

interface Aggregator {
  readonly task: SyncTask;
  readonly subcommitteeIndex: number;
  readonly selectionProof: Uint8Array;
}

export class SyncCommitteeDuties {
  readonly #parts: DutyParts;
  readonly #begun = new SlotRecord(KEPT_SLOTS);
  /** What was voted for, by slot. */
  readonly #roots = new Map<number, Uint8Array>();

  constructor(parts: DutyParts) {
    this.#parts = parts;
  }

  /** Votes for the head with every member that has not yet begun to: safe to be called again. Never throws. */
  async sendMessages(slot: number): Promise<void> {
    const { api, duties, roots, signer, tally, log, clock } = this.#parts;
    const tasks = duties.syncAt(slot).filter(({ validator }) => !this.#begun.has(slot, validator));
    if (tasks.length === 0) return;
    for (const { validator } of tasks) this.#begun.add(slot, validator);
    try {
      const beaconBlockRoot = await tryUntilSlotEnds(this.#parts, slot, () => api.getHeadBlockRoot());
      this.#roots.set(slot, beaconBlockRoot);
      for (const old of this.#roots.keys()) if (old < slot - KEPT_SLOTS) this.#roots.delete(old);
      const signingRoot = roots.syncMessage(slot, beaconBlockRoot);
      const messages: SyncCommitteeMessage[] = [];
      for (const { validator, duty } of tasks) {
        const signature = await signer.sign(validator.pubkey, signingRoot);
        messages.push({ slot, beaconBlockRoot, validatorIndex: duty.validatorIndex, signature });
      }
      const failures = await tryUntilSlotEnds(this.#parts, slot, () => api.submitSyncCommitteeMessages(messages));
      const taken = takenItems(this.#parts, "sync committee messages", tasks, failures);
      for (const { validator } of taken) validator.activity.lastSyncMessageSlot = slot;
      tally.add("sync_message", "done", taken.length);
      tally.add("sync_message", "rejected", tasks.length - taken.length);
      tally.delay("sync_message", clock.nowMs() - clock.slotStartMs(slot));
    } catch (error) {
      tally.add("sync_message", "missed", tasks.length);
      log.error({ err: error as Error, slot, validators: tasks.length }, "could not send sync committee messages");
    }
  }

  /** Never throws. */
  async contribute(slot: number): Promise<void> {
    const { api, tally, log } = this.#parts;
    const beaconBlockRoot = this.#roots.get(slot);
    if (!beaconBlockRoot) return;
    const aggregators = await this.#aggregators(slot);
    const bySubcommittee = Map.groupBy(aggregators, ({ subcommitteeIndex }) => subcommitteeIndex);
    const perSubcommittee = await Promise.all(
      [...bySubcommittee].map(([index, members]) => this.#ofSubcommittee(slot, index, beaconBlockRoot, members)),
    );
    const signed = perSubcommittee.flat();
    if (signed.length === 0) return;
    try {
      const failures = await api.publishContributionAndProofs(signed);
      tally.add("contribution", "done", signed.length - failures.length);
      tally.add("contribution", "rejected", failures.length);
      takenItems(this.#parts, "contributions", signed, failures);
    } catch (error) {
      tally.add("contribution", "missed", signed.length);
      log.warn({ err: error as Error, slot }, "could not publish contributions");
    }
  }

  async #aggregators(slot: number): Promise<Aggregator[]> {
    const { duties, roots, signer, spec } = this.#parts;
    const aggregators: Aggregator[] = [];
    for (const task of duties.syncAt(slot)) {
      for (const subcommitteeIndex of task.subcommittees) {
        const selectionProof = await signer.sign(task.validator.pubkey, roots.syncSelection(slot, subcommitteeIndex));
        if (!isSyncCommitteeAggregator(spec, selectionProof)) continue;
        aggregators.push({ task, subcommitteeIndex, selectionProof });
      }
    }
    return aggregators;
  }

  async #ofSubcommittee(
    slot: number,
    subcommitteeIndex: number,
    beaconBlockRoot: Uint8Array,
    members: readonly Aggregator[],
  ): Promise<SignedContributionAndProof[]> {
    const { api, roots, signer, tally, log } = this.#parts;
    try {
      const contribution = await api.produceSyncCommitteeContribution({ slot, subcommitteeIndex, beaconBlockRoot });
      const isAsked = contribution.slot === slot && contribution.subcommitteeIndex === subcommitteeIndex;
      if (!isAsked || !bytesEqual(contribution.beaconBlockRoot, beaconBlockRoot)) {
        throw new UsageError("the node's contribution is not the one asked for");
      }
      const signed: SignedContributionAndProof[] = [];
      for (const { task, selectionProof } of members) {
        const aggregatorIndex = task.duty.validatorIndex;
        const message: ContributionAndProof = { aggregatorIndex, contribution, selectionProof };
        const signature = await signer.sign(task.validator.pubkey, roots.contributionAndProof(message));
        signed.push({ message, signature });
      }
      return signed;
    } catch (error) {
      if (!(error instanceof BeaconApiError && error.code === "NOT_FOUND")) {
        log.warn({ err: error as Error, slot, subcommitteeIndex }, "could not contribute");
      }
      tally.add("contribution", "missed", members.length);
      return [];
    }
  }
}
