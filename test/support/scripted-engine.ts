/** An execution engine inside the test: every payload is valid until the test says otherwise. */
import { toHex } from "../../src/base/bytes.ts";
import type {
  BlobAndProofs,
  EngineChange,
  EngineState,
  ExecutionEngine,
  ForkchoiceState,
  ForkchoiceVerdict,
  NewPayloadRequest,
  PayloadAttributes,
  PayloadVerdict,
} from "../../src/chain/engine/port.ts";
import type { Fork } from "../../src/spec/fork.ts";

export class ScriptedEngine implements ExecutionEngine {
  /** By block hash in hexadecimal; the others are `usual`. */
  readonly verdicts = new Map<string, PayloadVerdict>();
  usual: PayloadVerdict = { status: "valid" };
  current: EngineState = "synced";
  /** By versioned hash in hexadecimal. */
  readonly blobs = new Map<string, BlobAndProofs>();
  readonly heads: { state: ForkchoiceState; attributes?: PayloadAttributes }[] = [];
  readonly payloads: NewPayloadRequest[] = [];
  readonly #listeners = new Set<(change: EngineChange) => void>();

  set(blockHash: Uint8Array, verdict: PayloadVerdict): void {
    this.verdicts.set(toHex(blockHash), verdict);
  }

  async notifyNewPayload(request: NewPayloadRequest): Promise<PayloadVerdict> {
    this.payloads.push(request);
    return this.#verdict(request.payload.blockHash);
  }

  async forkchoiceUpdated(
    state: ForkchoiceState,
    _fork: Fork,
    attributes?: PayloadAttributes,
  ): Promise<ForkchoiceVerdict> {
    this.heads.push({ state, ...(attributes && { attributes }) });
    const verdict = this.#verdict(state.headBlockHash);
    return verdict.status === "valid" && attributes ? { ...verdict, payloadId: `0x${this.heads.length}` } : verdict;
  }

  getPayload(): Promise<never> {
    return Promise.reject(new Error("the scripted engine builds nothing"));
  }

  async getBlobs(versionedHashes: readonly Uint8Array[]): Promise<(BlobAndProofs | null)[]> {
    return versionedHashes.map((hash) => this.blobs.get(toHex(hash)) ?? null);
  }

  async getPowBlock(): Promise<undefined> {
    return undefined;
  }

  clientVersions(): [] {
    return [];
  }

  state(): EngineState {
    return this.current;
  }

  status(): [] {
    return [];
  }

  onChange(listener: (change: EngineChange) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Goes away, or comes back and tells so. */
  become(to: EngineState): void {
    const from = this.current;
    this.current = to;
    const isOnlineAgain = from === "offline" && to === "synced";
    for (const listener of this.#listeners) listener({ url: "scripted", from, to, isOnlineAgain });
  }

  async stop(): Promise<void> {}

  #verdict(blockHash: Uint8Array): PayloadVerdict {
    if (this.current === "offline") return { status: "unavailable", cause: new Error("offline") };
    return this.verdicts.get(toHex(blockHash)) ?? this.usual;
  }
}
