/**
 * Aggregates of a committee's attestations, by those whom the lot has chosen.
 * @see https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/phase0/validator.md
 */
import { bytesEqual } from "../base/bytes.ts";
import { UsageError } from "../base/errors.ts";
import type { AggregateAndProof, Attestation, SignedAggregateAndProof } from "../spec/containers.ts";
import type { Attesting } from "./attest.ts";
import { BeaconApiError } from "./beacon-api.ts";
import type { AttesterTask } from "./duties.ts";
import { type DutyParts, takenItems } from "./duty-parts.ts";

export class Aggregating {
  readonly #parts: DutyParts;
  readonly #attesting: Attesting;

  constructor(parts: DutyParts, attesting: Attesting) {
    this.#parts = parts;
    this.#attesting = attesting;
  }

  /** Never throws. */
  async aggregate(slot: number): Promise<void> {
    const { api, duties, roots, tally, log } = this.#parts;
    const tasks = duties.attestersAt(slot).filter(({ isAggregator }) => isAggregator);
    if (tasks.length === 0) return;
    const byCommittee = Map.groupBy(tasks, ({ duty }) => duty.committeeIndex);
    const perCommittee = await Promise.all(
      [...byCommittee].map(([committeeIndex, members]) => this.#ofCommittee(slot, committeeIndex, members)),
    );
    const signed = perCommittee.flat();
    if (signed.length === 0) return;
    try {
      const failures = await api.publishAggregateAndProofs(
        roots.forkAtSlot(slot),
        signed.map(({ aggregate }) => aggregate),
      );
      const taken = takenItems(this.#parts, "aggregates", signed, failures);
      for (const { task } of taken) task.validator.activity.lastAggregatedSlot = slot;
      tally.add("aggregate", "done", taken.length);
      tally.add("aggregate", "rejected", signed.length - taken.length);
    } catch (error) {
      tally.add("aggregate", "missed", signed.length);
      log.warn({ err: error as Error, slot }, "could not publish aggregates");
    }
  }

  /** One aggregate, signed by each of the committee's aggregators here. */
  async #ofCommittee(slot: number, committeeIndex: number, tasks: readonly AttesterTask[]) {
    const { tally, log } = this.#parts;
    try {
      const aggregate = await this.#fetch(slot, committeeIndex);
      const signed: { task: AttesterTask; aggregate: SignedAggregateAndProof }[] = [];
      for (const task of tasks) signed.push({ task, aggregate: await this.#sign(task, aggregate) });
      return signed;
    } catch (error) {
      // With nobody's attestation in its pool the node has nothing to aggregate.
      if (!(error instanceof BeaconApiError && error.code === "NOT_FOUND")) {
        log.warn({ err: error as Error, slot, committeeIndex }, "could not aggregate");
      }
      tally.add("aggregate", "missed", tasks.length);
      return [];
    }
  }

  async #fetch(slot: number, committeeIndex: number): Promise<Attestation> {
    const { api, roots } = this.#parts;
    const data = this.#attesting.dataOf(slot, committeeIndex);
    if (!data) throw new UsageError(`nobody here has attested in slot ${slot}`);
    const attestationDataRoot = roots.attestationData(data);
    const aggregate = await api.getAggregateAttestation({ attestationDataRoot, slot, committeeIndex });
    if (!bytesEqual(roots.attestationData(aggregate.data), attestationDataRoot)) {
      throw new UsageError("the node's aggregate is of other data than were asked for");
    }
    // Typed by the newest fork; an older one has no committee bits.
    return aggregate as Attestation;
  }

  async #sign(
    { validator, duty, selectionProof }: AttesterTask,
    aggregate: Attestation,
  ): Promise<SignedAggregateAndProof> {
    const { signer, roots } = this.#parts;
    const message: AggregateAndProof = { aggregatorIndex: duty.validatorIndex, aggregate, selectionProof };
    return { message, signature: await signer.sign(validator.pubkey, roots.aggregateAndProof(message)) };
  }
}
