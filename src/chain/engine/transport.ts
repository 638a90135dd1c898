/**
 * JSON-RPC over HTTP with a fresh token in each request, one answer of bounded size, and a deadline.
 */
import { Agent, type ClientRequest, request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest, Agent as SecureAgent } from "node:https";
import { EngineError, UsageError } from "../../base/errors.ts";
import { counter, histogram } from "../../base/metrics.ts";
import { createToken } from "./jwt.ts";
import { limitsOf } from "./methods.ts";
import { type Json, readText } from "./read.ts";

const requestSeconds = histogram(
  "cresset_engine_request_seconds",
  "Time until an execution client has answered",
  [0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8],
  ["method"],
);
const failures = counter("cresset_engine_failures_total", "Requests without a usable answer", ["method", "code"]);

export interface TransportOptions {
  readonly url: string;
  /** Undefined: no token is sent. */
  readonly secret: Uint8Array | undefined;
  readonly nowMs: () => number;
  /** For machines on which engines need longer than their documents allow. */
  readonly timeoutMultiplier?: number;
}

/** One execution client's Engine API port. */
export class Transport {
  readonly url: string;
  readonly #target: URL;
  readonly #options: TransportOptions;
  readonly #agent: Agent;
  readonly #pending = new Set<ClientRequest>();
  #nextId = 1;

  constructor(options: TransportOptions) {
    this.#target = parseUrl(options.url);
    this.url = withoutPassword(this.#target);
    this.#options = options;
    const agentOptions = { keepAlive: true, maxSockets: 8, maxFreeSockets: 4 };
    this.#agent = this.#target.protocol === "https:" ? new SecureAgent(agentOptions) : new Agent(agentOptions);
  }

  /** @throws EngineError */
  async call(method: string, params: readonly Json[]): Promise<Json> {
    const done = requestSeconds.startTimer({ method });
    try {
      return await this.#callOnce(method, params);
    } catch (error) {
      failures.inc({ method, code: error instanceof EngineError ? error.code : "ENGINE_ANSWER" });
      throw error;
    } finally {
      done();
    }
  }

  async #callOnce(method: string, params: readonly Json[]): Promise<Json> {
    const id = this.#nextId++;
    const body = JSON.stringify({ jsonrpc: "2.0", id, method, params });
    const { status, text } = await this.#exchange(method, body, true);
    if (status === 401 || status === 403) throw this.#refused(status);
    return this.#resultOf(method, id, status, text);
  }

  #refused(status: number): EngineError {
    return new EngineError(
      "ENGINE_AUTH",
      `${this.url} refuses our token (HTTP ${status}): both clients must read the same JWT secret, and their clocks ` +
        "must agree within 60 seconds",
    );
  }

  #resultOf(method: string, id: number, status: number, text: string): Json {
    let answer: { id?: Json; result?: Json; error?: { code?: Json; message?: Json } };
    try {
      answer = JSON.parse(text);
    } catch (error) {
      throw this.#nonsense(method, `HTTP ${status} with ${text.length} characters that are no JSON`, error);
    }
    if (typeof answer !== "object" || answer === null) throw this.#nonsense(method, "an answer that is no object");
    if (answer.error !== undefined && answer.error !== null) {
      const rpcCode = Number(answer.error.code);
      const message = readText(answer.error.message ?? "", "error.message", 300);
      throw new EngineError("ENGINE_RPC", `${this.url} answers ${method} with error ${rpcCode}: ${message}`, {
        rpcCode,
      });
    }
    if (answer.id !== id) throw this.#nonsense(method, "the answer to another question");
    if (answer.result === undefined) throw this.#nonsense(method, `HTTP ${status} without a result`);
    return answer.result;
  }

  #nonsense(method: string, what: string, cause?: unknown): EngineError {
    return new EngineError("ENGINE_ANSWER", `${this.url} answers ${method} with ${what}`, { cause });
  }

  /** Every method called here may be asked twice; a connection that was closed while idle is worth one more try. */
  async #exchange(method: string, body: string, mayRetry: boolean): Promise<{ status: number; text: string }> {
    const limits = limitsOf(method);
    const timeoutMs = limits.timeoutMs * (this.#options.timeoutMultiplier ?? 1);
    const { secret, nowMs } = this.#options;
    const headers: Record<string, string | number> = {
      "content-type": "application/json",
      "content-length": Buffer.byteLength(body),
    };
    if (secret) headers.authorization = `Bearer ${createToken(secret, nowMs())}`;
    const send = this.#target.protocol === "https:" ? httpsRequest : httpRequest;
    const request = send(this.#target, { method: "POST", agent: this.#agent, headers });
    this.#pending.add(request);
    const timer = setTimeout(() => request.destroy(this.#late(method, timeoutMs)), timeoutMs);
    try {
      const response = await new Promise<IncomingMessage>((resolve, reject) => {
        request.once("response", resolve).on("error", reject);
        request.end(body);
      });
      return { status: response.statusCode ?? 0, text: await this.#readBody(method, response, limits.maxBytes) };
    } catch (error) {
      if (mayRetry && request.reusedSocket && (error as NodeJS.ErrnoException).code === "ECONNRESET") {
        return await this.#exchange(method, body, false);
      }
      throw this.#unreachable(error);
    } finally {
      clearTimeout(timer);
      this.#pending.delete(request);
    }
  }

  #late(method: string, timeoutMs: number): EngineError {
    return new EngineError("ENGINE_TIMEOUT", `${this.url} did not answer ${method} within ${timeoutMs} ms`);
  }

  #unreachable(error: unknown): EngineError {
    if (error instanceof EngineError) return error;
    const reason = (error as NodeJS.ErrnoException).code ?? (error as Error).message;
    return new EngineError("ENGINE_OFFLINE", `${this.url} cannot be reached: ${reason}`, { cause: error });
  }

  async #readBody(method: string, response: IncomingMessage, maxBytes: number): Promise<string> {
    const chunks: Buffer[] = [];
    let length = 0;
    for await (const chunk of response as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > maxBytes) {
        response.destroy();
        throw this.#nonsense(method, `more than ${maxBytes} bytes`);
      }
      chunks.push(chunk);
    }
    return Buffer.concat(chunks, length).toString("utf8");
  }

  /** Ends what is under way, with errors. */
  close(): void {
    for (const request of this.#pending) {
      request.destroy(new EngineError("ENGINE_OFFLINE", `the connection to ${this.url} was closed here`));
    }
    this.#agent.destroy();
  }
}

function parseUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === "http:" || url?.protocol === "https:") return url;
  throw new UsageError(`an execution client's address is like http://127.0.0.1:8551, not ${text}`);
}

/** What is logged and shown. */
function withoutPassword(url: URL): string {
  const copy = new URL(url);
  copy.username = "";
  copy.password = "";
  copy.search = "";
  return copy.href.replace(/\/$/, "");
}
