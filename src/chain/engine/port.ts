/**
 * What the chain asks of execution engines, in values of the spec; nothing here speaks JSON.
 */
import type { ExecutionPayload, PowBlock, Withdrawal } from "../../spec/containers.ts";
import type { Fork } from "../../spec/fork.ts";

/** `auth-failed`: the engine answers, and refuses our token: the secret or a clock is wrong. */
export type EngineState = "synced" | "syncing" | "offline" | "auth-failed";

export interface NewPayloadRequest {
  readonly fork: Fork;
  readonly payload: ExecutionPayload;
  /** From deneb on. */
  readonly versionedHashes?: readonly Uint8Array[];
  /** From deneb on. */
  readonly parentBeaconBlockRoot?: Uint8Array;
  /** From electra on: each its type byte and its SSZ, as in the spec's get_execution_requests_list. */
  readonly executionRequests?: readonly Uint8Array[];
}

export type VerdictStatus = "valid" | "invalid" | "accepted" | "syncing" | "invalid-block-hash";

export interface EngineVerdict {
  readonly status: VerdictStatus;
  /** The newest valid ancestor of an invalid payload, where the engine knows it; 32 zero bytes: before the merge. */
  readonly latestValidHash?: Uint8Array;
  /** Why the payload is invalid, in the engine's words. */
  readonly error?: string;
}

/** No engine gave an answer that can be used. The payload is neither valid nor invalid: ask again later. */
export interface EngineUnavailable {
  readonly status: "unavailable";
  readonly cause: Error;
}

export type PayloadVerdict = EngineVerdict | EngineUnavailable;

export interface ForkchoiceState {
  readonly headBlockHash: Uint8Array;
  readonly safeBlockHash: Uint8Array;
  readonly finalizedBlockHash: Uint8Array;
}

export interface PayloadAttributes {
  /** Unix seconds. */
  readonly timestamp: number | bigint;
  readonly prevRandao: Uint8Array;
  readonly suggestedFeeRecipient: Uint8Array;
  /** From capella on. */
  readonly withdrawals?: readonly Withdrawal[];
  /** From deneb on. */
  readonly parentBeaconBlockRoot?: Uint8Array;
}

/** `payloadId` names the payload being built, at the engine that was asked. */
export type ForkchoiceVerdict = PayloadVerdict & { readonly payloadId?: string };

export interface BlobsBundle {
  readonly commitments: readonly Uint8Array[];
  /** One a blob, or 128 a blob: see `proofKind`. */
  readonly proofs: readonly Uint8Array[];
  readonly blobs: readonly Uint8Array[];
  /** `blob` from engines without osaka: the caller computes the cell proofs itself where its fork wants them. */
  readonly proofKind: "blob" | "cell";
}

export interface BuiltPayload {
  readonly payload: ExecutionPayload;
  /** Wei. */
  readonly value: bigint;
  readonly blobsBundle?: BlobsBundle;
  readonly executionRequests?: readonly Uint8Array[];
  readonly shouldOverrideBuilder: boolean;
}

export interface BlobAndProofs {
  readonly blob: Uint8Array;
  /** The proof of the blob (one) or of its cells (128). */
  readonly proofs: readonly Uint8Array[];
}

/** @see engine_getClientVersionV1 */
export interface ClientVersion {
  /** Two letters, e.g. GE for geth. */
  readonly code: string;
  readonly name: string;
  readonly version: string;
  /** Four bytes of the commit, as hexadecimal with 0x. */
  readonly commit: string;
}

export interface EngineStatus {
  readonly url: string;
  readonly state: EngineState;
  readonly isPrimary: boolean;
  readonly client?: ClientVersion;
  readonly error?: string;
  readonly sinceMs: number;
}

/** Execution as the chain sees it; ExecutionEngines is the one that talks to clients. */
export interface ExecutionEngine {
  notifyNewPayload(request: NewPayloadRequest): Promise<PayloadVerdict>;
  forkchoiceUpdated(state: ForkchoiceState, fork: Fork, attributes?: PayloadAttributes): Promise<ForkchoiceVerdict>;
  /** Throws EngineError: without a payload there is nothing to propose. */
  getPayload(fork: Fork, payloadId: string): Promise<BuiltPayload>;
  /** Undefined where no engine can answer now; null for each blob that it does not have. The fork is fulu by default. */
  getBlobs(versionedHashes: readonly Uint8Array[], fork?: Fork): Promise<(BlobAndProofs | null)[] | undefined>;
  /** A block of proof of work, for the merge; undefined where it is unknown. */
  getPowBlock(blockHash: Uint8Array): Promise<PowBlock | undefined>;
  /** Of the engines that told, the primary first. */
  clientVersions(): readonly ClientVersion[];
  /** Of the primary. */
  state(): EngineState;
  status(): readonly EngineStatus[];
  /** `online`: it answers again; send it the head. @returns a function that stops the calls */
  onChange(listener: (change: EngineChange) => void): () => void;
  stop(): Promise<void>;
}

export interface EngineChange {
  readonly url: string;
  readonly from: EngineState;
  readonly to: EngineState;
  /** It could not be used before and can now. */
  readonly isOnlineAgain: boolean;
}
