/**
 * One execution client: its methods, whether it can be used now, and how it comes back.
 */
import { toHex } from "../../base/bytes.ts";
import { DecodeError, EngineError } from "../../base/errors.ts";
import type { Logger } from "../../base/log.ts";
import { gauge } from "../../base/metrics.ts";
import type { ChainSpec } from "../../spec/chain-spec.ts";
import type { PowBlock } from "../../spec/containers.ts";
import { Fork } from "../../spec/fork.ts";
import {
  readBlobs,
  readBuiltPayload,
  readCapabilities,
  readClientVersion,
  readForkchoiceAnswer,
  readPowBlock,
  readVerdict,
} from "./answers.ts";
import { attributesToJson, forkchoiceStateToJson, payloadToJson, required } from "./json.ts";
import {
  CALLED_METHODS,
  type Capabilities,
  forkchoiceUpdatedMethod,
  getBlobsMethod,
  getPayloadMethod,
  newPayloadMethod,
} from "./methods.ts";
import type {
  BlobAndProofs,
  BuiltPayload,
  ClientVersion,
  EngineState,
  EngineVerdict,
  ForkchoiceState,
  NewPayloadRequest,
  PayloadAttributes,
} from "./port.ts";
import type { Json } from "./read.ts";
import { Transport, type TransportOptions } from "./transport.ts";

const METHOD_NOT_FOUND = -32601;
const FIRST_CHECK_MS = 1000;
const SLOWEST_CHECK_MS = 12_000;
/** An engine may be upgraded under us: its list of methods is asked again so often. */
const REFRESH_MS = 300_000;

const STATE_NUMBERS: Readonly<Record<EngineState, number>> = { offline: 0, "auth-failed": 1, syncing: 2, synced: 3 };
const stateGauge = gauge(
  "cresset_engine_state",
  "State of an execution client: 0 offline, 1 refuses our token, 2 syncing, 3 synced",
  { labels: ["url"] },
);

export interface EndpointParts {
  readonly spec: ChainSpec;
  readonly log: Logger;
  readonly transport: TransportOptions;
  readonly onChange: (endpoint: Endpoint, from: EngineState, to: EngineState) => void;
}

export class Endpoint {
  state: EngineState = "offline";
  sinceMs: number;
  client: ClientVersion | undefined;
  lastError: string | undefined;
  readonly #parts: EndpointParts;
  readonly #transport: Transport;
  #capabilities: Capabilities;
  #checkTimer: NodeJS.Timeout | undefined;
  #checkDelayMs = FIRST_CHECK_MS;
  #check: Promise<void> | undefined;
  #hasWarned = false;
  #isStopped = false;

  constructor(parts: EndpointParts) {
    this.#parts = parts;
    this.#transport = new Transport(parts.transport);
    this.sinceMs = parts.transport.nowMs();
    stateGauge.set({ url: this.url }, STATE_NUMBERS.offline);
  }

  get url(): string {
    return this.#transport.url;
  }

  get isUsable(): boolean {
    return this.state === "synced" || this.state === "syncing";
  }

  async newPayload(request: NewPayloadRequest): Promise<EngineVerdict> {
    const { fork, payload, versionedHashes, parentBeaconBlockRoot, executionRequests } = request;
    const params: Json[] = [payloadToJson(fork, payload)];
    if (fork >= Fork.deneb) {
      params.push(required(versionedHashes, "versionedHashes").map(toHex));
      params.push(toHex(required(parentBeaconBlockRoot, "parentBeaconBlockRoot")));
    }
    if (fork >= Fork.electra) params.push(required(executionRequests, "executionRequests").map(toHex));
    const verdict = await this.#ask(newPayloadMethod(fork), params, (answer) => readVerdict(answer, "result"));
    this.#learn(verdict);
    return verdict;
  }

  async forkchoiceUpdated(
    state: ForkchoiceState,
    fork: Fork,
    attributes?: PayloadAttributes,
  ): Promise<EngineVerdict & { payloadId?: string }> {
    const params = [forkchoiceStateToJson(state), attributes ? attributesToJson(fork, attributes) : null];
    const verdict = await this.#ask(forkchoiceUpdatedMethod(fork), params, readForkchoiceAnswer);
    this.#learn(verdict);
    return verdict;
  }

  /** A late payload is asked for once more: it costs nothing to build it twice, and without it a proposal is lost. */
  async getPayload(fork: Fork, payloadId: string): Promise<BuiltPayload> {
    const method = getPayloadMethod(fork, this.#capabilities);
    const ask = () =>
      this.#ask(method, [payloadId], (answer) => readBuiltPayload(this.#parts.spec, fork, method, answer));
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof EngineError) || error.code !== "ENGINE_TIMEOUT") throw error;
      this.#parts.log.warn({ url: this.url }, "the payload is late; asking again");
      return await ask();
    }
  }

  /** Undefined where the engine has no such method. */
  async getBlobs(versionedHashes: readonly Uint8Array[], fork: Fork): Promise<(BlobAndProofs | null)[] | undefined> {
    const method = getBlobsMethod(fork, this.#capabilities);
    if (method === undefined) return undefined;
    return await this.#ask(method, [versionedHashes.map(toHex)], (answer) =>
      readBlobs(this.#parts.spec, method, versionedHashes.length, answer),
    );
  }

  async getPowBlock(blockHash: Uint8Array): Promise<PowBlock | undefined> {
    return await this.#ask("eth_getBlockByHash", [toHex(blockHash), false], (answer) =>
      readPowBlock(answer, blockHash),
    );
  }

  /** Asks an engine that was not usable whether it is now, at most once at a time. */
  check(): Promise<void> {
    this.#check ??= this.#handshake().finally(() => {
      this.#check = undefined;
      this.#scheduleCheck();
    });
    return this.#check;
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#checkTimer);
    this.#transport.close();
  }

  /** What answers this much can be used; what it lacks is found out on the way. */
  async #handshake(): Promise<void> {
    try {
      this.#capabilities = await this.#capabilitiesOf();
      const isSyncing = await this.#call("eth_syncing", []).catch(() => false);
      if (this.#capabilities?.has("engine_getClientVersionV1")) this.client = await this.#clientVersion();
      if (!this.isUsable) this.#enter(isSyncing === false ? "synced" : "syncing");
    } catch (error) {
      // An engine that is busy with a block may well be slow to tell its methods.
      const isBusy = this.isUsable && error instanceof EngineError && error.code === "ENGINE_TIMEOUT";
      if (!isBusy) this.#failed(error);
    }
  }

  async #capabilitiesOf(): Promise<Capabilities> {
    try {
      return await this.#call("engine_exchangeCapabilities", [CALLED_METHODS], readCapabilities);
    } catch (error) {
      if (error instanceof EngineError && error.rpcCode === METHOD_NOT_FOUND) return undefined;
      throw error;
    }
  }

  async #clientVersion(): Promise<ClientVersion | undefined> {
    const ours = { code: "CR", name: "Cresset", version: "0.1.0", commit: "0x00000000" };
    return await this.#call("engine_getClientVersionV1", [ours], readClientVersion).catch(() => undefined);
  }

  /** Waits at most for one quick check when the engine was not usable: it may be back already. */
  async #ask<T>(method: string, params: readonly Json[], read: (answer: Json) => T): Promise<T> {
    if (!this.isUsable) await this.check();
    if (!this.isUsable) {
      const code = this.state === "auth-failed" ? "ENGINE_AUTH" : "ENGINE_OFFLINE";
      throw new EngineError(code, this.lastError ?? `${this.url} is offline`);
    }
    try {
      return await this.#call(method, params, read);
    } catch (error) {
      this.#failed(error);
      throw error;
    }
  }

  async #call<T = Json>(method: string, params: readonly Json[], read?: (answer: Json) => T): Promise<T> {
    const answer = await this.#transport.call(method, params);
    try {
      return read ? read(answer) : (answer as T);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      const message = `${this.url} answers ${method} with nonsense: ${error.message}`;
      throw new EngineError("ENGINE_ANSWER", message, { cause: error });
    }
  }

  #learn({ status }: EngineVerdict): void {
    this.#checkDelayMs = FIRST_CHECK_MS;
    this.#hasWarned = false;
    this.#enter(status === "syncing" || status === "accepted" ? "syncing" : "synced");
  }

  /** An error object or a wrong answer comes from an engine that is there; the question failed, not the engine. */
  #failed(error: unknown): void {
    if (!(error instanceof EngineError) || this.#isStopped) return;
    this.lastError = error.message;
    if (error.code === "ENGINE_AUTH") this.#enter("auth-failed");
    else if (error.code === "ENGINE_OFFLINE" || error.code === "ENGINE_TIMEOUT") this.#enter("offline");
    else this.#parts.log.error({ url: this.url, err: error }, "the execution client gave no usable answer");
    if (!this.isUsable && !this.#hasWarned) {
      this.#hasWarned = true;
      this.#parts.log.error({ url: this.url }, `${error.message}. ${adviceFor(error)}`);
    }
    if (!this.#check) this.#scheduleCheck();
  }

  #enter(to: EngineState): void {
    const from = this.state;
    if (from === to || this.#isStopped) return;
    this.state = to;
    this.sinceMs = this.#parts.transport.nowMs();
    stateGauge.set({ url: this.url }, STATE_NUMBERS[to]);
    if (this.isUsable) {
      this.lastError = undefined;
      const client = this.client && `${this.client.name} ${this.client.version}`;
      this.#parts.log.info({ url: this.url, state: to, ...(client && { client }) }, "the execution client answers");
    }
    this.#parts.onChange(this, from, to);
  }

  /** Slower each time while it stays away; a verdict makes it quick again. */
  #scheduleCheck(): void {
    clearTimeout(this.#checkTimer);
    if (this.#isStopped) return;
    const delayMs = this.isUsable ? REFRESH_MS : this.#checkDelayMs;
    if (!this.isUsable) this.#checkDelayMs = Math.min(2 * this.#checkDelayMs, SLOWEST_CHECK_MS);
    this.#checkTimer = setTimeout(() => void this.check(), delayMs);
    this.#checkTimer.unref();
  }
}

function adviceFor(error: EngineError): string {
  if (error.code === "ENGINE_AUTH") return "Give both the same file by --jwt-secret, and compare the clocks";
  if (error.code === "ENGINE_TIMEOUT") return "Is it overloaded, or its disk too slow? Blocks wait for it";
  return "Is it running, and is this the address of its authenticated port? Blocks wait for it";
}
