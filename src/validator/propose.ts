/**
 * Blocks, by those whose turn it is.
 * @see https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/phase0/validator.md
 */
import { bytesEqual, toHex } from "../base/bytes.ts";
import { UsageError } from "../base/errors.ts";
import type { ProducedBlock } from "../spec/duties.ts";
import { Fork } from "../spec/fork.ts";
import { computeEpochAtSlot } from "../spec/misc.ts";
import type { ProduceBlockRequest } from "./beacon-api.ts";
import type { ProposerTask } from "./duties.ts";
import { type DutyParts, SlotRecord, tryUntilSlotEnds } from "./duty-parts.ts";

const KEPT_SLOTS = 2;

export interface ProposalOptions {
  /** 20 bytes. */
  readonly feeRecipient: Uint8Array;
  /** 32 bytes; the node's own by default. */
  readonly graffiti?: Uint8Array | undefined;
  readonly builderBoostFactor?: bigint | undefined;
}

export class Proposing {
  readonly #parts: DutyParts;
  readonly #options: ProposalOptions;
  readonly #begun = new SlotRecord(KEPT_SLOTS);

  constructor(parts: DutyParts, options: ProposalOptions) {
    this.#parts = parts;
    this.#options = options;
  }

  /** Proposes with the validator whose slot it is, once. Never throws. */
  async propose(slot: number): Promise<void> {
    const { duties, spec, tally, log } = this.#parts;
    if (slot <= 0) return;
    await duties.ensureProposers(computeEpochAtSlot(spec, slot));
    for (const task of duties.proposersAt(slot)) {
      const { validator } = task;
      if (this.#begun.has(slot, validator)) continue;
      this.#begun.add(slot, validator);
      try {
        await this.#proposeWith(task);
      } catch (error) {
        tally.add("block", "missed");
        validator.activity.lastMissedProposalSlot = slot;
        validator.activity.lastError = (error as Error).message;
        log.error({ err: error as Error, slot, validator: task.duty.validatorIndex }, "could not propose a block");
      }
    }
  }

  async #proposeWith(task: ProposerTask): Promise<void> {
    const { api, clock, log, protection, roots, signer, spec, tally } = this.#parts;
    const { validator, duty } = task;
    const { slot } = duty;
    const randaoReveal = await signer.sign(validator.pubkey, roots.randao(computeEpochAtSlot(spec, slot)));
    const request = this.#request(slot, randaoReveal);
    const contents = await tryUntilSlotEnds(this.#parts, slot, () => api.produceBlock(request));
    this.#check(task, contents);
    const { fork, block, blobs, kzgProofs } = contents;
    const signingRoot = roots.block(block);
    const refusal = await protection.recordBlock(validator.pubkey, slot, signingRoot);
    if (refusal !== undefined) {
      tally.add("block", "refused");
      throw new UsageError(`slashing protection: ${refusal}`);
    }
    const signedBlock = { message: block, signature: await signer.sign(validator.pubkey, signingRoot) };
    const { isImported } = await tryUntilSlotEnds(this.#parts, slot, () =>
      api.publishBlock({ fork, signedBlock, blobs, kzgProofs }),
    );
    const delayMs = clock.nowMs() - clock.slotStartMs(slot);
    tally.add("block", isImported ? "done" : "rejected");
    tally.delay("block", delayMs);
    validator.activity.lastProposedSlot = slot;
    const facts = { slot, validator: duty.validatorIndex, delayMs, blobs: blobs.length };
    if (isImported) log.info(facts, "proposed a block");
    else log.error(facts, "the node has broadcast a block that it could not import");
  }

  #request(slot: number, randaoReveal: Uint8Array): ProduceBlockRequest {
    const { graffiti, builderBoostFactor } = this.#options;
    return {
      slot,
      randaoReveal,
      ...(graffiti && { graffiti }),
      ...(builderBoostFactor !== undefined && { builderBoostFactor }),
    };
  }

  #check({ duty }: ProposerTask, { fork, block }: ProducedBlock): void {
    const { roots, log } = this.#parts;
    if (
      block.slot !== duty.slot ||
      block.proposerIndex !== duty.validatorIndex ||
      fork !== roots.forkAtSlot(duty.slot)
    ) {
      throw new UsageError(`the node's block is not one of validator ${duty.validatorIndex} for slot ${duty.slot}`);
    }
    if (fork < Fork.bellatrix) return;
    const { feeRecipient } = block.body.executionPayload;
    const wanted = this.#options.feeRecipient;
    // Builders pay by a transaction of their own, so that another recipient is no proof of theft.
    if (!bytesEqual(feeRecipient, wanted)) {
      log.warn({ slot: duty.slot, feeRecipient: toHex(feeRecipient), wanted: toHex(wanted) }, "another fee recipient");
    }
  }
}
