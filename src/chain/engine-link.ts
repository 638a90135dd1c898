/** What the chain tells and asks its execution engine, in terms of beacon blocks. */
import type { Logger } from "../base/log.ts";
import type { ChainSpec } from "../spec/chain-spec.ts";
import type { SignedBeaconBlock } from "../spec/containers.ts";
import { Fork } from "../spec/fork.ts";
import { ExecutionStatus } from "../spec/fork-choice/proto-array.ts";
import { executionBlockHash, isZero } from "../spec/fork-choice/store.ts";
import { forkTypes } from "../spec/fork-types.ts";
import { kzgCommitmentToVersionedHash } from "../spec/misc.ts";
import type {
  ExecutionEngine,
  ForkchoiceState,
  ForkchoiceVerdict,
  NewPayloadRequest,
  PayloadAttributes,
  PayloadVerdict,
} from "./engine/port.ts";

const DEPOSITS = 0;
const WITHDRAWALS = 1;
const CONSOLIDATIONS = 2;

/** The request for a block's payload; undefined for a block without one. */
export function newPayloadRequest(
  spec: ChainSpec,
  fork: Fork,
  signedBlock: SignedBeaconBlock,
): NewPayloadRequest | undefined {
  const { body, parentRoot } = signedBlock.message;
  if (isZero(executionBlockHash(signedBlock.message, fork))) return undefined;
  const request = { fork, payload: body.executionPayload };
  if (fork < Fork.deneb) return request;
  const versionedHashes = body.blobKzgCommitments.map(kzgCommitmentToVersionedHash);
  const withBlobs = { ...request, versionedHashes, parentBeaconBlockRoot: parentRoot };
  return fork < Fork.electra ? withBlobs : { ...withBlobs, executionRequests: requestsList(spec, fork, signedBlock) };
}

/** Requests by type, empty ones left out. @spec get_execution_requests_list (electra) */
function requestsList(spec: ChainSpec, fork: Fork, signedBlock: SignedBeaconBlock): Uint8Array[] {
  const { deposits, withdrawals, consolidations } = signedBlock.message.body.executionRequests;
  const types = forkTypes({ spec, fork });
  const lists = [
    [DEPOSITS, deposits.length, () => types.DepositRequests.serialize(deposits)],
    [WITHDRAWALS, withdrawals.length, () => types.WithdrawalRequests.serialize(withdrawals)],
    [CONSOLIDATIONS, consolidations.length, () => types.ConsolidationRequests.serialize(consolidations)],
  ] as const;
  return lists.filter(([, length]) => length > 0).map(([type, , bytes]) => Uint8Array.of(type, ...bytes()));
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
