/** Answers peers: reads a request within time and size, paces the chunks, and ends the stream in any case. */
import type { Connection, Stream } from "@libp2p/interface";
import { concatBytes } from "../base/bytes.ts";
import { RequestFailed } from "../base/errors.ts";
import { counter } from "../base/metrics.ts";
import type { ChainSpec } from "../spec/chain-spec.ts";
import { MAX_CONCURRENT_REQUESTS } from "../spec/constants.ts";
import type { ForkDigests } from "../spec/gossip/topic.ts";
import { computeEpochAtSlot } from "../spec/misc.ts";
import type { ServedChunk } from "../spec/requests.ts";
import { encodePayload, encodeVarint, readPayload } from "./chunks.ts";
import type { Protocol, ProtocolBodies, ProtocolName } from "./protocols.ts";
import { MAX_ERROR_BYTES } from "./requester.ts";
import { StreamReader } from "./stream-reader.ts";
import { SERVE_RATES, TokenBuckets } from "./token-bucket.ts";

const REQUEST_TIMEOUT_MS = 10_000;
/** How long the peer may take to make room for a chunk. */
const DRAIN_TIMEOUT_MS = 10_000;
/** A peer that wants to wait longer than this is told that we are busy. */
const MAX_PACE_MS = 8_000;
const MAX_BUCKETS = 4096;
/** Answers that run at the same time, over all peers. */
const MAX_RUNNING = 64;

const served = counter("cresset_network_served_requests_total", "Requests of peers", ["protocol", "result"]);
const servedBytes = counter("cresset_network_served_bytes_total", "Bytes sent in answers", ["protocol"]);

const RESULT_CODES: Partial<Record<string, number>> = { MALFORMED: 1, INVALID_REQUEST: 1, RESOURCE_UNAVAILABLE: 3 };

/** A peer asks; body as decoded. Its own chunks have no slot where the protocol has no context. */
export type Answer = (
  peer: string,
  request: { readonly protocol: Protocol; readonly body: ProtocolBodies[ProtocolName] },
) => AsyncIterable<ServedChunk>;

export interface ResponderParts {
  readonly spec: ChainSpec;
  readonly digests: ForkDigests;
  readonly answer: Answer;
  readonly onMisbehaviour: (peer: string, severity: "low" | "mid", reason: string) => void;
  readonly requestTimeoutMs?: number;
}

export class Responder {
  readonly #parts: ResponderParts;
  readonly #buckets = new TokenBuckets({ limit: MAX_BUCKETS });
  /** Streams being answered, by peer and protocol: an entry goes with its last stream. */
  readonly #running = new Map<string, number>();
  #total = 0;

  constructor(parts: ResponderParts) {
    this.#parts = parts;
  }

  get running(): number {
    return this.#total;
  }

  async handle(stream: Stream, connection: Connection, protocol: Protocol): Promise<void> {
    const peer = connection.remotePeer.toString();
    const key = `${peer} ${protocol.name}`;
    const running = this.#running.get(key) ?? 0;
    if (running >= MAX_CONCURRENT_REQUESTS || this.#total >= MAX_RUNNING) {
      if (running >= MAX_CONCURRENT_REQUESTS) this.#parts.onMisbehaviour(peer, "low", "too many requests at once");
      stream.abort(new RequestFailed("BUSY", "too many requests at once"));
      served.inc({ protocol: protocol.name, result: "BUSY" });
      return;
    }
    this.#running.set(key, running + 1);
    this.#total++;
    try {
      await this.#respond(stream, peer, protocol);
    } finally {
      this.#total--;
      const left = this.#running.get(key)! - 1;
      if (left === 0) this.#running.delete(key);
      else this.#running.set(key, left);
    }
  }

  async #respond(stream: Stream, peer: string, protocol: Protocol): Promise<void> {
    const reader = new StreamReader(stream);
    let result = "ok";
    try {
      const body = await this.#readRequest(reader, protocol);
      await this.#sendAnswer(stream, peer, protocol, body);
    } catch (error) {
      result = error instanceof RequestFailed ? error.code : "SERVER_ERROR";
      if (result === "MALFORMED")
        this.#parts.onMisbehaviour(peer, "mid", `${protocol.name}: ${(error as Error).message}`);
      if (result === "TIMEOUT" || result === "CLOSED") stream.abort(error as Error);
      else sendError(stream, RESULT_CODES[result] ?? 2, error as Error);
    } finally {
      reader.release();
      served.inc({ protocol: protocol.name, result });
      await finish(stream);
    }
  }

  async #readRequest(reader: StreamReader, protocol: Protocol): Promise<ProtocolBodies[ProtocolName]> {
    const deadlineMs = performance.now() + (this.#parts.requestTimeoutMs ?? REQUEST_TIMEOUT_MS);
    if (protocol.request === undefined) return undefined;
    const { bytes } = await readPayload(reader, protocol.request, deadlineMs);
    if (bytes.length > 0 && !(await reader.isAtEnd(deadlineMs))) {
      throw new RequestFailed("MALFORMED", "bytes after the request");
    }
    let body: ProtocolBodies[ProtocolName];
    try {
      body = protocol.request.deserialize(bytes);
    } catch (cause) {
      throw new RequestFailed("MALFORMED", (cause as Error).message, { cause });
    }
    const chunks = protocol.chunksOf(body as never);
    if (!(chunks <= protocol.maxChunks)) {
      throw new RequestFailed("INVALID_REQUEST", `${chunks} objects asked for, at most ${protocol.maxChunks}`);
    }
    return body;
  }

  async #sendAnswer(stream: Stream, peer: string, protocol: Protocol, body: ProtocolBodies[ProtocolName]) {
    const key = `${peer} ${protocol.name}`;
    await this.#pace(key, protocol);
    let isFirst = true;
    for await (const chunk of this.#parts.answer(peer, { protocol, body })) {
      if (!isFirst) await this.#pace(key, protocol);
      isFirst = false;
      const bytes = this.#encodeChunk(protocol, chunk);
      if (!isWritable(stream)) throw new RequestFailed("CLOSED", "the peer has gone");
      if (!stream.send(bytes)) await drained(stream);
      servedBytes.inc({ protocol: protocol.name }, bytes.length);
    }
  }

  async #pace(key: string, protocol: Protocol): Promise<void> {
    const waitMs = this.#buckets.take(key, SERVE_RATES[protocol.name], 1);
    if (waitMs > MAX_PACE_MS) throw new RequestFailed("BUSY", "too many requests");
    if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
  }

  #encodeChunk(protocol: Protocol, chunk: ServedChunk): Uint8Array {
    const payload =
      "frames" in chunk ? concatBytes(encodeVarint(chunk.sszLength), chunk.frames) : encodePayload(chunk.bytes);
    if (!protocol.hasContext) return concatBytes(Uint8Array.of(0), payload);
    const { digest } = this.#parts.digests.atEpoch(computeEpochAtSlot(this.#parts.spec, chunk.slot));
    return concatBytes(Uint8Array.of(0), digest, payload);
  }
}

function isWritable(stream: Stream): boolean {
  return stream.writeStatus === "writable";
}

async function drained(stream: Stream): Promise<void> {
  try {
    await stream.onDrain({ signal: AbortSignal.timeout(DRAIN_TIMEOUT_MS) });
  } catch (cause) {
    throw new RequestFailed("TIMEOUT", "the peer does not read its answer", { cause });
  }
}

function sendError(stream: Stream, code: number, error: Error): void {
  if (!isWritable(stream)) return;
  // Our own faults are nobody else's business.
  const message = error instanceof RequestFailed ? error.message : "internal error";
  const text = new TextEncoder().encode(message).subarray(0, MAX_ERROR_BYTES);
  stream.send(concatBytes(Uint8Array.of(code), encodePayload(text)));
}

/** Closes our half; a peer that does not close its own keeps nothing of ours alive. */
async function finish(stream: Stream): Promise<void> {
  if (stream.status === "aborted" || stream.status === "reset") return;
  try {
    await stream.close({ signal: AbortSignal.timeout(DRAIN_TIMEOUT_MS) });
    if (stream.remoteWriteStatus !== "closed") stream.abort(new RequestFailed("CLOSED", "done"));
  } catch (error) {
    stream.abort(error as Error);
  }
}
