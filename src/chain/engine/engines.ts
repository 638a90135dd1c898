/**
 * Execution by one or several clients. The first usable one in the order given, synced before syncing, is the primary:
 * its answers count. The others are told every payload and head too, without anybody waiting for them, so that they
 * follow the chain and one of them takes over in the same request when the primary fails. Where they disagree the
 * primary is right and the log says so.
 */
import { BoundedMap } from "../../base/bounded.ts";
import { CressetError, EngineError, UsageError } from "../../base/errors.ts";
import type { Logger } from "../../base/log.ts";
import { counter } from "../../base/metrics.ts";
import type { ChainSpec } from "../../spec/chain-spec.ts";
import type { PowBlock } from "../../spec/containers.ts";
import { Fork } from "../../spec/fork.ts";
import { Endpoint } from "./endpoint.ts";
import type {
  BlobAndProofs,
  BuiltPayload,
  ClientVersion,
  EngineChange,
  EngineState,
  EngineStatus,
  EngineVerdict,
  ExecutionEngine,
  ForkchoiceState,
  ForkchoiceVerdict,
  NewPayloadRequest,
  PayloadAttributes,
  PayloadVerdict,
} from "./port.ts";

const MAX_BLOB_HASHES = 128;
/** Payloads being built that are remembered with the engines that build them. */
const MAX_BUILDING = 16;
/** Calls to a standby that has not answered the ones before. */
const MAX_MIRRORED = 2;

const failovers = counter("cresset_engine_failovers_total", "Requests that another execution client answered instead");
const disagreements = counter("cresset_engine_disagreements_total", "Verdicts on which two execution clients differ");

export interface ExecutionEnginesOptions {
  readonly spec: ChainSpec;
  /** In order of preference. */
  readonly urls: readonly string[];
  /** One for all or one each; none: no tokens are sent, for engines without authentication. */
  readonly secrets: readonly Uint8Array[];
  readonly log: Logger;
  readonly nowMs?: () => number;
  readonly timeoutMultiplier?: number;
}

export class ExecutionEngines implements ExecutionEngine {
  readonly #endpoints: readonly Endpoint[];
  readonly #log: Logger;
  readonly #listeners = new Set<(change: EngineChange) => void>();
  /** By the id that the caller knows: who builds it under which id. */
  readonly #building = new BoundedMap<string, { endpoint: Endpoint; payloadId: string }[]>({ limit: MAX_BUILDING });
  readonly #mirrored = new Map<Endpoint, number>();

  /** Nothing is sent before start(). @throws UsageError for addresses and secrets that cannot be */
  constructor(options: ExecutionEnginesOptions) {
    const { spec, urls, secrets, log, nowMs = Date.now, timeoutMultiplier } = options;
    if (urls.length === 0) throw new UsageError("no execution client is given");
    if (secrets.length > 1 && secrets.length !== urls.length) {
      throw new UsageError(`${secrets.length} JWT secrets for ${urls.length} execution clients: give one, or one each`);
    }
    this.#log = log.child({ part: "engine" });
    const onChange = (endpoint: Endpoint, from: EngineState, to: EngineState) => this.#changed(endpoint, from, to);
    this.#endpoints = urls.map((url, i) => {
      const secret = secrets[secrets.length > 1 ? i : 0];
      const transport = { url, secret, nowMs, ...(timeoutMultiplier !== undefined && { timeoutMultiplier }) };
      return new Endpoint({ spec, log: this.#log, transport, onChange });
    });
  }

  /** Asks every engine who it is; an engine that is not there yet is looked for until stop(). */
  async start(): Promise<void> {
    await Promise.all(this.#endpoints.map((endpoint) => endpoint.check()));
  }

  async notifyNewPayload(request: NewPayloadRequest): Promise<PayloadVerdict> {
    return await this.#judge((endpoint) => endpoint.newPayload(request));
  }

  async forkchoiceUpdated(
    state: ForkchoiceState,
    fork: Fork,
    attributes?: PayloadAttributes,
  ): Promise<ForkchoiceVerdict> {
    const builders: { endpoint: Endpoint; payloadId: string }[] = [];
    const verdict: ForkchoiceVerdict = await this.#judge(async (endpoint) => {
      const answer = await endpoint.forkchoiceUpdated(state, fork, attributes);
      if (answer.payloadId !== undefined) builders.push({ endpoint, payloadId: answer.payloadId });
      return answer;
    });
    if ("payloadId" in verdict && verdict.payloadId !== undefined) this.#building.set(verdict.payloadId, builders);
    return verdict;
  }

  async getPayload(fork: Fork, payloadId: string): Promise<BuiltPayload> {
    const order = this.#ordered();
    const builders = [...(this.#building.get(payloadId) ?? [])];
    builders.sort((a, b) => order.indexOf(a.endpoint) - order.indexOf(b.endpoint));
    let failure: unknown = new EngineError("ENGINE_UNSUPPORTED", `no execution client builds payload ${payloadId}`);
    for (const builder of builders) {
      try {
        return await builder.endpoint.getPayload(fork, builder.payloadId);
      } catch (error) {
        failure = error;
      }
    }
    throw failure;
  }

  async getBlobs(
    versionedHashes: readonly Uint8Array[],
    fork: Fork = Fork.fulu,
  ): Promise<(BlobAndProofs | null)[] | undefined> {
    if (versionedHashes.length > MAX_BLOB_HASHES) throw new RangeError(`${versionedHashes.length} blobs are too many`);
    const endpoint = this.#usable()[0];
    if (endpoint === undefined) return undefined;
    try {
      return await endpoint.getBlobs(versionedHashes, fork);
    } catch (error) {
      this.#log.debug({ err: error }, "no blobs from the execution client");
      return undefined;
    }
  }

  async getPowBlock(blockHash: Uint8Array): Promise<PowBlock | undefined> {
    const endpoint = this.#usable()[0];
    return await endpoint?.getPowBlock(blockHash).catch(() => undefined);
  }

  clientVersions(): readonly ClientVersion[] {
    return this.#ordered().flatMap(({ client }) => client ?? []);
  }

  state(): EngineState {
    return this.#ordered()[0]!.state;
  }

  status(): readonly EngineStatus[] {
    const primary = this.#ordered()[0];
    return this.#endpoints.map((endpoint) => {
      const { url, state, sinceMs, client, lastError } = endpoint;
      const isPrimary = endpoint === primary;
      return { url, state, isPrimary, sinceMs, ...(client && { client }), ...(lastError && { error: lastError }) };
    });
  }

  onChange(listener: (change: EngineChange) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async stop(): Promise<void> {
    this.#listeners.clear();
    for (const endpoint of this.#endpoints) endpoint.stop();
  }

  /** Asks the primary, then those after it until one answers; the rest are told without waiting. */
  async #judge<T extends EngineVerdict>(ask: (endpoint: Endpoint) => Promise<T>): Promise<T | PayloadVerdict> {
    const candidates = this.#ordered();
    let cause: Error = new EngineError("ENGINE_OFFLINE", "no execution client can be used");
    for (const [i, endpoint] of candidates.entries()) {
      const mirrors = i === 0 ? candidates.slice(1).map((other) => this.#mirror(other, ask)) : [];
      try {
        const verdict = await ask(endpoint);
        if (i > 0) failovers.inc();
        for (const mirror of mirrors) void mirror.then((other) => this.#compare(endpoint, verdict, other));
        return verdict;
      } catch (error) {
        if (!(error instanceof CressetError)) throw error;
        if (i === 0) cause = error;
      }
    }
    return { status: "unavailable", cause };
  }

  /** A standby that is slow misses calls rather than piling them up. */
  async #mirror<T extends EngineVerdict>(
    endpoint: Endpoint,
    ask: (endpoint: Endpoint) => Promise<T>,
  ): Promise<{ endpoint: Endpoint; verdict: T } | undefined> {
    const running = this.#mirrored.get(endpoint) ?? 0;
    if (!endpoint.isUsable || running >= MAX_MIRRORED) return undefined;
    this.#mirrored.set(endpoint, running + 1);
    try {
      return { endpoint, verdict: await ask(endpoint) };
    } catch {
      return undefined; // the endpoint has logged it
    } finally {
      this.#mirrored.set(endpoint, this.#mirrored.get(endpoint)! - 1);
    }
  }

  #compare(primary: Endpoint, verdict: EngineVerdict, other?: { endpoint: Endpoint; verdict: EngineVerdict }): void {
    if (other === undefined) return;
    const isInvalid = ({ status }: EngineVerdict) => status === "invalid" || status === "invalid-block-hash";
    const isValid = ({ status }: EngineVerdict) => status === "valid";
    const differ = (isValid(verdict) && isInvalid(other.verdict)) || (isInvalid(verdict) && isValid(other.verdict));
    if (!differ) return;
    disagreements.inc();
    this.#log.error(
      { url: primary.url, verdict: verdict.status, otherUrl: other.endpoint.url, otherVerdict: other.verdict.status },
      "two execution clients disagree about a block; the first in the list is believed",
    );
  }

  #usable(): Endpoint[] {
    return this.#ordered().filter(({ isUsable }) => isUsable);
  }

  /** Synced before syncing before the rest, each in the order given. */
  #ordered(): Endpoint[] {
    const rank = ({ state, isUsable }: Endpoint) => (state === "synced" ? 0 : isUsable ? 1 : 2);
    return [...this.#endpoints].sort((a, b) => rank(a) - rank(b));
  }

  #changed(endpoint: Endpoint, from: EngineState, to: EngineState): void {
    const isUsable = (state: EngineState) => state === "synced" || state === "syncing";
    const change = { url: endpoint.url, from, to, isOnlineAgain: !isUsable(from) && isUsable(to) };
    for (const listener of this.#listeners) listener(change);
  }
}
