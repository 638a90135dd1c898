/** Asks peers: one stream a request, chunks handed on as they come. */
import type { Connection, Stream } from "@libp2p/interface";
import { BoundedMap } from "../base/bounded.ts";
import { RequestFailed, type RequestFailure } from "../base/errors.ts";
import { counter, histogram } from "../base/metrics.ts";
import type { ChainSpec } from "../spec/chain-spec.ts";
import { MAX_CONCURRENT_REQUESTS } from "../spec/constants.ts";
import { Fork } from "../spec/fork.ts";
import type { ForkDigests } from "../spec/gossip/topic.ts";
import type { ResponseChunk } from "../spec/requests.ts";
import { encodePayload, readPayload } from "./chunks.ts";
import type { Protocol, ProtocolBodies, ProtocolName } from "./protocols.ts";
import { StreamReader } from "./stream-reader.ts";

/** Until the first byte of an answer, and for each chunk. */
const TTFB_TIMEOUT_MS = 5_000;
const RESP_TIMEOUT_MS = 10_000;
const OPEN_TIMEOUT_MS = 5_000;
const CONTEXT_BYTES = 4;
export const MAX_ERROR_BYTES = 256;
/** Peers that are asked at the same time, and what may wait for one of them. */
const MAX_PEERS = 256;
const MAX_WAITING = 64;

const requests = counter("cresset_network_requests_total", "Requests to peers", ["protocol", "result"]);
const duration = histogram(
  "cresset_network_request_seconds",
  "Time until a peer's answer was complete",
  [0.01, 0.05, 0.2, 1, 5, 20],
  ["protocol"],
);

interface Slot {
  running: number;
  waiting: (() => void)[];
}

export interface RequesterParts {
  readonly spec: ChainSpec;
  readonly digests: ForkDigests;
  readonly protocols: readonly Protocol[];
  readonly timeouts?: { readonly ttfbMs?: number; readonly respMs?: number };
}

export class Requester {
  readonly #parts: RequesterParts;
  readonly #slots = new BoundedMap<string, Slot>({ limit: MAX_PEERS });

  constructor(parts: RequesterParts) {
    this.#parts = parts;
  }

  /** @throws RequestFailed; what came before it is good all the same */
  async *request<Name extends ProtocolName>(
    connection: Connection,
    name: Name,
    body: ProtocolBodies[Name],
    signal?: AbortSignal,
  ): AsyncGenerator<ResponseChunk> {
    const release = await this.#enter(`${connection.remotePeer} ${name}`);
    const startMs = performance.now();
    let result: RequestFailure | "ok" = "ok";
    try {
      yield* this.#exchange(connection, name, body, signal);
    } catch (error) {
      result = error instanceof RequestFailed ? error.code : "CLOSED";
      throw error instanceof RequestFailed ? error : new RequestFailed(result, (error as Error).message);
    } finally {
      release();
      requests.inc({ protocol: name, result });
      duration.observe({ protocol: name }, (performance.now() - startMs) / 1000);
    }
  }

  async *#exchange<Name extends ProtocolName>(
    connection: Connection,
    name: Name,
    body: ProtocolBodies[Name],
    signal?: AbortSignal,
  ): AsyncGenerator<ResponseChunk> {
    const stream = await this.#open(connection, name, signal);
    const protocol = this.#parts.protocols.find(({ id }) => id === stream.protocol) as Protocol<Name> | undefined;
    const abort = (): void => stream.abort(new RequestFailed("CLOSED", "no longer wanted"));
    signal?.addEventListener("abort", abort, { once: true });
    const reader = new StreamReader(stream);
    let isDone = false;
    try {
      if (protocol === undefined) throw new RequestFailed("UNSUPPORTED", stream.protocol);
      if (protocol.request !== undefined) stream.send(encodePayload(protocol.request.serialize(body)));
      await closeWrite(stream);
      yield* this.#read(reader, protocol, body);
      isDone = true;
    } finally {
      signal?.removeEventListener("abort", abort);
      reader.release();
      // A stream that is not known to be at its end would be kept by the muxer.
      if (!isDone || stream.status === "open") stream.abort(new RequestFailed("CLOSED", "done"));
    }
  }

  async *#read<Name extends ProtocolName>(
    reader: StreamReader,
    protocol: Protocol<Name>,
    body: ProtocolBodies[Name],
  ): AsyncGenerator<ResponseChunk> {
    const { ttfbMs = TTFB_TIMEOUT_MS, respMs = RESP_TIMEOUT_MS } = this.#parts.timeouts ?? {};
    const limit = Math.min(protocol.chunksOf(body), protocol.maxChunks);
    for (let count = 0; count < limit; count++) {
      if (await reader.isAtEnd(performance.now() + (count === 0 ? ttfbMs : respMs))) return;
      yield await this.#chunk(reader, protocol as unknown as Protocol, performance.now() + respMs);
    }
  }

  async #chunk(reader: StreamReader, protocol: Protocol, deadlineMs: number): Promise<ResponseChunk> {
    const [code] = await reader.read(1, deadlineMs);
    if (code !== 0) throw await refusal(reader, code!, deadlineMs);
    let fork: Fork = Fork.phase0;
    if (protocol.hasContext) {
      const digest = await reader.read(CONTEXT_BYTES, deadlineMs);
      const period = this.#parts.digests.find(digest);
      if (period === undefined) throw new RequestFailed("MALFORMED", "a chunk of an unknown fork");
      fork = period.fork;
    }
    const { minSize, maxSize } = protocol.response(fork);
    const bounds = { minSize, maxSize: Math.min(maxSize, this.#parts.spec.config.MAX_PAYLOAD_SIZE) };
    const { bytes, frames } = await readPayload(reader, bounds, deadlineMs);
    return { fork, bytes, frames };
  }

  async #open(connection: Connection, name: ProtocolName, signal?: AbortSignal): Promise<Stream> {
    const ids = this.#parts.protocols.filter((protocol) => protocol.name === name).map(({ id }) => id);
    const timeout = AbortSignal.timeout(OPEN_TIMEOUT_MS);
    try {
      return await connection.newStream(ids, {
        signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
      });
    } catch (cause) {
      const isUnknown = (cause as Error).name === "UnsupportedProtocolError";
      throw new RequestFailed(isUnknown ? "UNSUPPORTED" : "CLOSED", `${name}: ${(cause as Error).message}`, { cause });
    }
  }

  /** No more requests at a time than a peer has to bear; the rest wait in order. */
  async #enter(key: string): Promise<() => void> {
    const slot = this.#slots.get(key) ?? { running: 0, waiting: [] };
    this.#slots.set(key, slot);
    if (slot.running >= MAX_CONCURRENT_REQUESTS) {
      if (slot.waiting.length >= MAX_WAITING) throw new RequestFailed("BUSY", `${MAX_WAITING} requests wait already`);
      await new Promise<void>((resolve) => slot.waiting.push(resolve));
    } else {
      slot.running++;
    }
    return () => {
      const next = slot.waiting.shift();
      if (next !== undefined) return next();
      slot.running--;
      if (slot.running === 0 && this.#slots.get(key) === slot) this.#slots.delete(key);
    };
  }
}

/** Ends the writable half; the peer may already have reset the stream. */
async function closeWrite(stream: Stream): Promise<void> {
  try {
    await stream.close({ signal: AbortSignal.timeout(OPEN_TIMEOUT_MS) });
  } catch (cause) {
    throw new RequestFailed("CLOSED", (cause as Error).message, { cause });
  }
}

async function refusal(reader: StreamReader, code: number, deadlineMs: number): Promise<RequestFailed> {
  const { bytes } = await readPayload(reader, { minSize: 0, maxSize: MAX_ERROR_BYTES }, deadlineMs);
  const text = new TextDecoder().decode(bytes).replaceAll(/\p{Cc}/gu, "?");
  const names: Record<number, RequestFailure> = { 1: "INVALID_REQUEST", 2: "SERVER_ERROR", 3: "RESOURCE_UNAVAILABLE" };
  return new RequestFailed(names[code] ?? "SERVER_ERROR", `the peer answers ${code}: ${text}`);
}
