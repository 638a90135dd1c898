/** What the chain tells and asks its execution engine, in terms of beacon blocks. */
import type { Logger } from "../base/log.ts";
import type { ChainSpec } from "../spec/chain-spec.ts";
import type { SignedBeaconBlock } from "../spec/containers.ts";
import type { Fork } from "../spec/fork.ts";
import { ExecutionStatus } from "../spec/fork-choice/proto-array.ts";
import { executionBlockHash, isZero } from "../spec/fork-choice/store.ts";
import type {
  ExecutionEngine,
  ForkchoiceState,
  ForkchoiceVerdict,
  NewPayloadRequest,
  PayloadAttributes,
  PayloadVerdict,
} from "./engine/port.ts";
import { newPayloadRequestOf } from "./engine/requests.ts";

/** The request for a block's payload; undefined for a block without one. */
export function newPayloadRequest(
  spec: ChainSpec,
  fork: Fork,
  { message }: SignedBeaconBlock,
): NewPayloadRequest | undefined {
  return isZero(executionBlockHash(message, fork)) ? undefined : newPayloadRequestOf(spec, fork, message);
}

/** With no engine at all, payloads are taken unchecked: for networks that have none. */
export class EngineLink {
  readonly #engine: ExecutionEngine | undefined;
  readonly #log: Logger;

  constructor(engine: ExecutionEngine | undefined, log: Logger) {
    this.#engine = engine;
    this.#log = log;
  }

  get isAbsent(): boolean {
    return this.#engine === undefined;
  }

  get isOffline(): boolean {
    return this.#engine !== undefined && this.#engine.state() !== "synced" && this.#engine.state() !== "syncing";
  }

  async judge(request: NewPayloadRequest | undefined): Promise<PayloadVerdict> {
    if (request === undefined || this.#engine === undefined) return { status: "valid" };
    return this.#engine.notifyNewPayload(request);
  }

  /** Tells the engine head, safe and finalized block. Hashes are zeros where there is no payload yet. */
  async choose(
    state: ForkchoiceState,
    fork: Fork,
    attributes?: PayloadAttributes,
  ): Promise<ForkchoiceVerdict | undefined> {
    if (this.#engine === undefined || isZero(state.headBlockHash)) return undefined;
    const verdict = await this.#engine.forkchoiceUpdated(state, fork, attributes);
    if (verdict.status === "unavailable")
      this.#log.debug({ err: verdict.cause }, "the execution engine did not hear of the head");
    return verdict;
  }
}

/** How a payload enters fork choice after the engine's verdict; undefined when it may not. */
export function statusOf(verdict: PayloadVerdict, hasPayload: boolean): ExecutionStatus | undefined {
  if (!hasPayload) return ExecutionStatus.irrelevant;
  switch (verdict.status) {
    case "valid":
      return ExecutionStatus.valid;
    case "invalid":
    case "invalid-block-hash":
      return undefined;
    default:
      return ExecutionStatus.notValidated;
  }
}
