/**
 * Attestations, once a validator and epoch.
 * @see https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/electra/validator.md
 */
import { BitArray } from "@chainsafe/ssz";
import { UsageError } from "../base/errors.ts";
import type { AttestationData, Phase0Attestation, SingleAttestation } from "../spec/containers.ts";
import { Fork } from "../spec/fork.ts";
import { computeEpochAtSlot } from "../spec/misc.ts";
import type { AttesterTask } from "./duties.ts";
import { type DutyParts, SlotRecord, takenItems, tryUntilSlotEnds } from "./duty-parts.ts";

/** Slots for which it is known who attested, and to what. */
const KEPT_SLOTS = 3;

interface Group {
  readonly data: AttestationData;
  readonly tasks: readonly AttesterTask[];
}

interface SignedTask {
  readonly task: AttesterTask;
  readonly data: AttestationData;
  readonly signature: Uint8Array;
}

export class Attesting {
  readonly #parts: DutyParts;
  readonly #begun = new SlotRecord(KEPT_SLOTS);
  readonly #done = new SlotRecord(KEPT_SLOTS);
  /** By slot and by the index that is in the data. */
  readonly #data = new Map<number, Map<number, AttestationData>>();

  constructor(parts: DutyParts) {
    this.#parts = parts;
  }

  /** What was attested to in a slot. */
  dataOf(slot: number, committeeIndex: number): AttestationData | undefined {
    return this.#data.get(slot)?.get(this.#dataIndex(slot, committeeIndex));
  }

  /** Attests with every validator that has the duty and has not begun it: safe to be called again. Never throws. */
  async attest(slot: number): Promise<void> {
    const tasks = this.#parts.duties.attestersAt(slot).filter(({ validator }) => !this.#begun.has(slot, validator));
    if (tasks.length === 0) return;
    for (const { validator } of tasks) this.#begun.add(slot, validator);
    try {
      const groups = await this.#groups(slot, tasks);
      const signed = await this.#sign(slot, groups);
      if (signed.length > 0) await this.#submit(slot, signed);
    } catch (error) {
      for (const { validator } of tasks) validator.activity.lastError = (error as Error).message;
      this.#parts.log.error({ err: error as Error, slot, validators: tasks.length }, "could not attest");
    }
  }

  /** Counts who should have attested in a slot that is over and did not. */
  settle(slot: number): void {
    const missed = this.#parts.duties.attestersAt(slot).filter(({ validator }) => !this.#done.has(slot, validator));
    for (const { validator } of missed) validator.activity.lastMissedAttestationSlot = slot;
    this.#parts.tally.add("attestation", "missed", missed.length);
    for (const old of this.#data.keys()) if (old < slot - KEPT_SLOTS) this.#data.delete(old);
  }

  /** One request a group; a group whose request fails is left out, unless all fail. */
  async #groups(slot: number, tasks: readonly AttesterTask[]): Promise<Group[]> {
    const byIndex = Map.groupBy(tasks, ({ duty }) => this.#dataIndex(slot, duty.committeeIndex));
    const results = await Promise.allSettled(
      [...byIndex].map(async ([index, members]): Promise<Group> => {
        const data = await tryUntilSlotEnds(this.#parts, slot, () => this.#fetchData(slot, index));
        return { data, tasks: members };
      }),
    );
    const groups = results.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
    const failed = results.find((result) => result.status === "rejected");
    if (failed && groups.length === 0) throw failed.reason;
    if (failed) this.#parts.log.error({ err: failed.reason as Error, slot }, "could not attest with some committees");
    return groups;
  }

  async #fetchData(slot: number, index: number): Promise<AttestationData> {
    const data = await this.#parts.api.produceAttestationData(slot, index);
    const epoch = computeEpochAtSlot(this.#parts.spec, slot);
    const isAsked = data.slot === slot && data.index === index && data.target.epoch === epoch;
    if (!isAsked || data.source.epoch > epoch)
      throw new UsageError(`the node's attestation data are not of slot ${slot}`);
    const ofSlot = this.#data.get(slot) ?? new Map<number, AttestationData>();
    this.#data.set(slot, ofSlot.set(index, data));
    return data;
  }

  /** First everything is recorded, at once; then it is signed. */
  async #sign(slot: number, groups: readonly Group[]): Promise<SignedTask[]> {
    const { protection, roots, signer, tally, log } = this.#parts;
    const toSign = groups.map(({ data, tasks }) => ({
      sourceEpoch: data.source.epoch,
      targetEpoch: data.target.epoch,
      signingRoot: roots.attestation(data),
      pubkeys: tasks.map(({ validator }) => validator.pubkey),
    }));
    const refusals = await protection.recordAttestations(toSign);
    const signed: SignedTask[] = [];
    for (const [g, { data, tasks }] of groups.entries()) {
      for (const [t, task] of tasks.entries()) {
        const refusal = refusals[g]![t];
        if (refusal === undefined) {
          const signature = await signer.sign(task.validator.pubkey, toSign[g]!.signingRoot);
          signed.push({ task, data, signature });
          continue;
        }
        tally.add("attestation", "refused");
        task.validator.activity.lastError = `slashing protection: ${refusal}`;
        log.warn({ slot, validator: task.duty.validatorIndex, refusal }, "slashing protection refuses an attestation");
      }
    }
    return signed;
  }

  async #submit(slot: number, signed: readonly SignedTask[]): Promise<void> {
    const { api, roots, clock, tally, log } = this.#parts;
    const fork = roots.forkAtSlot(slot);
    const failures = await tryUntilSlotEnds(this.#parts, slot, () =>
      fork >= Fork.electra
        ? api.submitAttestations({ kind: "single", fork, attestations: signed.map(toSingle) })
        : api.submitAttestations({ kind: "aggregated", fork, attestations: signed.map(toAggregated) }),
    );
    const taken = takenItems(this.#parts, "attestations", signed, failures);
    const delayMs = clock.nowMs() - clock.slotStartMs(slot);
    for (const { task } of taken) {
      this.#done.add(slot, task.validator);
      task.validator.activity.lastAttestedSlot = slot;
      task.validator.activity.lastAttestationDelayMs = delayMs;
    }
    tally.add("attestation", "done", taken.length);
    tally.add("attestation", "rejected", signed.length - taken.length);
    tally.delay("attestation", delayMs);
    log.debug({ slot, validators: taken.length, delayMs }, "attested");
  }

  #dataIndex(slot: number, committeeIndex: number): number {
    return this.#parts.roots.forkAtSlot(slot) >= Fork.electra ? 0 : committeeIndex;
  }
}

function toSingle({ task, data, signature }: SignedTask): SingleAttestation {
  const { committeeIndex, validatorIndex } = task.duty;
  return { committeeIndex, attesterIndex: validatorIndex, data, signature };
}

function toAggregated({ task, data, signature }: SignedTask): Phase0Attestation {
  const { committeeLength, validatorCommitteeIndex } = task.duty;
  return { aggregationBits: BitArray.fromSingleBit(committeeLength, validatorCommitteeIndex), data, signature };
}
