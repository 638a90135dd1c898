/**
 * Keeps the execution engine on the chain's head: tells it the head, has it build payloads, and offers it again what it
 * has not judged.
 * @see https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/sync/optimistic.md
 */
import { bytesEqual, toHex } from "../base/bytes.ts";
import type { Logger } from "../base/log.ts";
import type { Database } from "../db/database.ts";
import type { ChainSpec } from "../spec/chain-spec.ts";
import { forkAtEpoch } from "../spec/config.ts";
import { onValidPayload } from "../spec/fork-choice/optimistic.ts";
import { getCurrentSlot, type Store } from "../spec/fork-choice/store.ts";
import { computeEpochAtSlot } from "../spec/misc.ts";
import { catchUp } from "./catch-up.ts";
import type { ForkchoiceVerdict, PayloadAttributes } from "./engine/port.ts";
import type { EngineLink } from "./engine-link.ts";
import { type HeadInfo, payloadHashOf } from "./head.ts";
import { expectedParent } from "./late-reorg.ts";
import { condemnPayload } from "./payload-verdicts.ts";

export interface EngineFollowerParts {
  readonly spec: ChainSpec;
  readonly store: Store;
  readonly database: Database;
  readonly engine: EngineLink;
  readonly log: Logger;
  readonly head: () => HeadInfo;
  readonly updateHead: () => void;
  readonly isProposing: (slot: number) => boolean;
}

/** What an engine is asked to build. */
export interface PayloadBuild {
  readonly headBlockHash: Uint8Array;
  readonly attributes: PayloadAttributes;
  readonly slot: number;
}

export class EngineFollower {
  readonly #parts: EngineFollowerParts;
  #isCatchingUp = false;
  /** The engine has not heard of the head on purpose. */
  #isWithheld = false;
  #prepared: { readonly key: string; readonly payloadId: string } | undefined;

  constructor(parts: EngineFollowerParts) {
    this.#parts = parts;
  }

  /** The block that a proposal of a slot is expected to build on: not always the head. */
  expectedParent(slot: number): Uint8Array {
    const { store, head, isProposing } = this.#parts;
    return expectedParent(store, head(), slot, () => isProposing(slot));
  }

  /** Tells the engine the head, unless the next block is to replace it: an engine would not build on its parent then. */
  async tellHead(): Promise<void> {
    const { store, engine } = this.#parts;
    if (engine.isAbsent) return;
    const head = this.#parts.head();
    this.#isWithheld = !bytesEqual(this.expectedParent(head.slot + 1), head.root);
    if (this.#isWithheld) return;
    const verdict = await this.#choose(head.executionBlockHash, getCurrentSlot(store));
    if (verdict === undefined || store.array.indexOf(head.root) < 0) return;
    if (verdict.status === "valid" && onValidPayload(store, head.root).length > 0) this.#parts.updateHead();
    if (verdict.status === "invalid") this.#condemn(head, verdict.latestValidHash);
  }

  /** Offers what was not judged. */
  async catchUp(): Promise<void> {
    if (this.#parts.engine.isAbsent || this.#isCatchingUp) return;
    this.#isCatchingUp = true;
    try {
      if (await catchUp(this.#parts, this.#parts.head().root)) this.#parts.updateHead();
      await this.tellHead();
    } finally {
      this.#isCatchingUp = false;
    }
  }

  /** A slot has begun. */
  async onSlot(): Promise<void> {
    if (this.#isWithheld) await this.tellHead();
    if (this.#parts.head().isOptimistic) await this.catchUp();
  }

  /** Lets the engine begin to build a payload. @returns its name at the engine, undefined when it builds none */
  async startPayload(build: PayloadBuild): Promise<string | undefined> {
    const verdict = await this.#choose(build.headBlockHash, build.slot, build.attributes);
    return verdict?.status === "valid" ? verdict.payloadId : undefined;
  }

  /** Remembers a payload that is being built ahead of its slot. */
  keepPayload(parentRoot: Uint8Array, slot: number, payloadId: string): void {
    this.#prepared = { key: `${slot}/${toHex(parentRoot)}`, payloadId };
  }

  /** The payload begun for a proposal, if there is one. */
  preparedPayload(parentRoot: Uint8Array, slot: number): string | undefined {
    return this.#prepared?.key === `${slot}/${toHex(parentRoot)}` ? this.#prepared.payloadId : undefined;
  }

  async #choose(
    headBlockHash: Uint8Array,
    slot: number,
    attributes?: PayloadAttributes,
  ): Promise<ForkchoiceVerdict | undefined> {
    const { store, spec, engine } = this.#parts;
    const fork = forkAtEpoch(spec.config, computeEpochAtSlot(spec, Math.max(0, slot)));
    const safeBlockHash = payloadHashOf(store, store.justifiedCheckpoint.root);
    const finalizedBlockHash = payloadHashOf(store, store.finalizedCheckpoint.root);
    return engine.choose({ headBlockHash, safeBlockHash, finalizedBlockHash }, fork, attributes);
  }

  #condemn({ root }: HeadInfo, latestValidHash: Uint8Array | undefined): void {
    const { array } = this.#parts.store;
    const parentRoot = array.rootAt(Math.max(0, array.parent[array.indexOf(root)]!));
    condemnPayload(this.#parts, { root, parentRoot }, latestValidHash);
    this.#parts.updateHead();
  }
}
