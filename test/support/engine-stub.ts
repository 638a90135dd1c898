/**
 * An execution engine for tests, over HTTP like a real one: checks tokens, keeps a tree of payloads, builds new ones,
 * and does what goes wrong in the field when told to. Never to be reached from the program itself.
 */
import { createHmac } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { fromHex, toHex, ZERO_BYTES32 } from "../../src/base/bytes.ts";
import { payloadFromJson, payloadToJson, quantity } from "../../src/chain/engine/json.ts";
import { CALLED_METHODS } from "../../src/chain/engine/methods.ts";
import type { PayloadAttributes } from "../../src/chain/engine/port.ts";
import type { ChainSpec } from "../../src/spec/chain-spec.ts";
import { forkAtEpoch } from "../../src/spec/config.ts";
import type { Withdrawal } from "../../src/spec/containers.ts";
import { Fork } from "../../src/spec/fork.ts";
import { computeEpochAtSlot } from "../../src/spec/misc.ts";
import { blobProof, cellProofs, EngineStubChain, type StubBlock } from "./engine-stub-chain.ts";

/** What the stand-in does instead of, or before, the right answer. */
export type EngineFault =
  | { readonly kind: "hang" }
  | { readonly kind: "late"; readonly ms: number }
  | { readonly kind: "close" }
  | { readonly kind: "status"; readonly code: number }
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "bytes"; readonly count: number }
  | { readonly kind: "error"; readonly code: number; readonly message: string }
  | { readonly kind: "result"; readonly value: unknown };

export interface EngineStubOptions {
  readonly spec: ChainSpec;
  /** Undefined: every request is let in. */
  readonly secret?: Uint8Array;
  readonly genesisHash?: Uint8Array;
  /** The beacon chain's, to know the fork of a payload by its timestamp; without it `fork` is the fork of all. */
  readonly genesisTime?: number;
  readonly fork?: Fork;
  /** Methods that it has; all of ours by default. */
  readonly methods?: readonly string[];
  readonly port?: number;
  readonly nowMs?: () => number;
}

// biome-ignore lint/suspicious/noExplicitAny: JSON as it came; a wrong field is the test's fault and fails it
type Json = any;

export class EngineStub {
  readonly chain: EngineStubChain;
  /** Every call that came in, oldest first. */
  readonly calls: { method: string; params: Json[] }[] = [];
  /** Asked for each call; undefined: behave. */
  fault: ((method: string, params: Json[]) => EngineFault | undefined) | undefined;
  /** So many answers of newPayload and forkchoiceUpdated say SYNCING. */
  syncingAnswers = 0;
  readonly #options: EngineStubOptions;
  readonly #server: Server;
  readonly #hanging = new Set<ServerResponse>();

  static async start(options: EngineStubOptions): Promise<EngineStub> {
    const stub = new EngineStub(options);
    await new Promise<void>((resolve) => stub.#server.listen(options.port ?? 0, "127.0.0.1", resolve));
    return stub;
  }

  private constructor(options: EngineStubOptions) {
    this.#options = options;
    this.chain = new EngineStubChain(options.spec, options.genesisHash ?? new Uint8Array(32).fill(0x11));
    this.#server = createServer((request, response) => void this.#serve(request, response));
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** How often a method was called, by the start of its name. */
  count(prefix: string): number {
    return this.calls.filter(({ method }) => method.startsWith(prefix)).length;
  }

  async stop(): Promise<void> {
    for (const response of this.#hanging) response.destroy();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    if (!this.#isAuthorized(request.headers.authorization)) {
      response.writeHead(401).end("invalid token");
      return;
    }
    const { id, method, params } = JSON.parse(Buffer.concat(chunks).toString("utf8"));
    this.calls.push({ method, params });
    const fault = this.fault?.(method, params);
    if (fault?.kind === "late") await new Promise((resolve) => setTimeout(resolve, fault.ms));
    if (fault === undefined || fault.kind === "late") this.#reply(response, id, () => this.#answer(method, params));
    else this.#misbehave(fault, response, id);
  }

  #reply(response: ServerResponse, id: number, answer: () => unknown): void {
    let body: Json;
    try {
      body = { jsonrpc: "2.0", id, result: answer() };
    } catch (error) {
      const { code = -32_602, message } = error as Error & { code?: number };
      body = { jsonrpc: "2.0", id, error: { code, message } };
    }
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(body));
  }

  #misbehave(fault: EngineFault, response: ServerResponse, id: number): void {
    switch (fault.kind) {
      case "hang":
        this.#hanging.add(response);
        return;
      case "close":
        response.destroy();
        return;
      case "status":
        response.writeHead(fault.code).end("");
        return;
      case "text":
        response.writeHead(200).end(fault.text);
        return;
      case "bytes":
        response.writeHead(200).end(Buffer.alloc(fault.count, 0x20));
        return;
      case "error":
        response.writeHead(200).end(JSON.stringify({ jsonrpc: "2.0", id, error: fault }));
        return;
      case "result":
        response.writeHead(200).end(JSON.stringify({ jsonrpc: "2.0", id, result: fault.value }));
        return;
      default:
        throw new TypeError(`fault ${fault.kind}`);
    }
  }

  /** Written apart from the client's own code. */
  #isAuthorized(header = ""): boolean {
    const { secret, nowMs = Date.now } = this.#options;
    if (secret === undefined) return true;
    const [head = "", claims = "", signature = ""] = header.replace(/^Bearer /, "").split(".");
    const expected = createHmac("sha256", secret).update(`${head}.${claims}`).digest("base64url");
    if (signature !== expected) return false;
    const { alg } = JSON.parse(Buffer.from(head, "base64url").toString());
    const { iat } = JSON.parse(Buffer.from(claims, "base64url").toString());
    return alg === "HS256" && Math.abs(iat - nowMs() / 1000) <= 60;
  }

  #answer(method: string, params: Json[]): unknown {
    if (method === "eth_syncing") return false;
    if (method === "engine_exchangeCapabilities") return this.#options.methods ?? CALLED_METHODS;
    if (!(this.#options.methods ?? CALLED_METHODS).includes(method)) throw rpcError(-32_601, "method not found");
    const version = Number(method.at(-1));
    if (method.startsWith("engine_newPayload")) return this.#newPayload(version, params);
    if (method.startsWith("engine_forkchoiceUpdated")) return this.#forkchoiceUpdated(params);
    if (method.startsWith("engine_getPayload")) return this.#getPayload(version, params);
    if (method.startsWith("engine_getBlobs")) return this.#getBlobs(version, params);
    return [{ code: "ST", name: "stand-in", version: "1", commit: "0x00000000" }];
  }

  #forkAt(timestamp: bigint): Fork {
    const { spec, genesisTime, fork = Fork.fulu } = this.#options;
    if (genesisTime === undefined) return fork;
    const slot = Math.floor(((Number(timestamp) - genesisTime) * 1000) / spec.config.SLOT_DURATION_MS);
    return forkAtEpoch(spec.config, computeEpochAtSlot(spec, slot));
  }

  #newPayload(version: number, [json, hashes = [], root, requests = []]: Json[]): unknown {
    const fork = this.#forkAt(BigInt(json.timestamp));
    const expected = fork >= Fork.electra ? 4 : fork >= Fork.deneb ? 3 : fork >= Fork.capella ? 2 : 1;
    if (version !== expected) throw rpcError(-38_005, `unsupported fork: V${version} for fork ${fork}`);
    const payload = payloadFromJson(this.#options.spec, fork, json);
    const beaconRoot = root === undefined ? ZERO_BYTES32 : fromHex(root);
    const verdict = this.chain.newPayload(fork, payload, hashes, beaconRoot, requests.map(fromHex));
    if (this.#takeSyncing()) return { status: "SYNCING", latestValidHash: null, validationError: null };
    return verdict;
  }

  #forkchoiceUpdated([state, attributes]: Json[]): unknown {
    const head = fromHex(state.headBlockHash);
    const payloadStatus = this.chain.verdictOf(head);
    if (this.#takeSyncing()) {
      return { payloadStatus: { status: "SYNCING", latestValidHash: null, validationError: null }, payloadId: null };
    }
    if (payloadStatus.status !== "VALID") return { payloadStatus, payloadId: null };
    this.chain.head = head;
    if (!attributes) return { payloadStatus, payloadId: null };
    const fork = this.#forkAt(BigInt(attributes.timestamp));
    return { payloadStatus, payloadId: this.chain.build(fork, head, readAttributes(attributes)) };
  }

  #takeSyncing(): boolean {
    if (this.syncingAnswers === 0) return false;
    this.syncingAnswers--;
    return true;
  }

  #getPayload(version: number, [id]: Json[]): unknown {
    const block = this.chain.building.get(id);
    if (block === undefined) throw rpcError(-38_001, "unknown payload");
    const executionPayload = payloadToJson(block.fork, block.payload);
    if (version === 1) return executionPayload;
    const built: Json = { executionPayload, blockValue: quantity(1_000_000_007n), shouldOverrideBuilder: false };
    if (version >= 3) built.blobsBundle = bundleOf(block, version >= 5);
    if (version >= 4) built.executionRequests = block.requests.map(toHex);
    return built;
  }

  #getBlobs(version: number, [hashes]: Json[]): unknown {
    const blobs = (hashes as string[]).map((hash) => this.chain.blobOf(hash));
    if (version === 1) return blobs.map((entry) => entry && { blob: toHex(entry.blob), proof: blobProof(entry) });
    if (blobs.includes(undefined)) return null;
    return blobs.map((entry) => ({ blob: toHex(entry!.blob), proofs: cellProofs(entry!) }));
  }
}

function bundleOf({ blobs }: StubBlock, hasCellProofs: boolean): Json {
  return {
    commitments: blobs.map(({ commitment }) => toHex(commitment)),
    proofs: blobs.flatMap((entry) => (hasCellProofs ? cellProofs(entry) : [blobProof(entry)])),
    blobs: blobs.map(({ blob }) => toHex(blob)),
  };
}

function readAttributes(json: Json): PayloadAttributes {
  const withdrawals = json.withdrawals?.map((item: Json) => ({
    index: Number(item.index),
    validatorIndex: Number(item.validatorIndex),
    address: fromHex(item.address),
    amount: BigInt(item.amount),
  })) as Withdrawal[] | undefined;
  return {
    timestamp: BigInt(json.timestamp),
    prevRandao: fromHex(json.prevRandao),
    suggestedFeeRecipient: fromHex(json.suggestedFeeRecipient),
    ...(withdrawals && { withdrawals }),
    ...(json.parentBeaconBlockRoot && { parentBeaconBlockRoot: fromHex(json.parentBeaconBlockRoot) }),
  };
}

function rpcError(code: number, message: string): Error {
  return Object.assign(new Error(message), { code });
}
