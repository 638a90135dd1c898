/**
 * Which method of the Engine API serves which fork, how long it may take, and how large its answer may be.
 * @see https://github.com/ethereum/execution-apis/blob/main/src/engine/osaka.md
 */
import { Fork } from "../../spec/fork.ts";

/** What this client calls, for engine_exchangeCapabilities. */
export const CALLED_METHODS: readonly string[] = [
  "engine_newPayloadV1",
  "engine_newPayloadV2",
  "engine_newPayloadV3",
  "engine_newPayloadV4",
  "engine_forkchoiceUpdatedV1",
  "engine_forkchoiceUpdatedV2",
  "engine_forkchoiceUpdatedV3",
  "engine_getPayloadV1",
  "engine_getPayloadV2",
  "engine_getPayloadV3",
  "engine_getPayloadV4",
  "engine_getPayloadV5",
  "engine_getBlobsV1",
  "engine_getBlobsV2",
  "engine_getClientVersionV1",
];

/** What an engine listed; undefined while it was not asked or does not know the question. */
export type Capabilities = ReadonlySet<string> | undefined;

export function newPayloadMethod(fork: Fork): string {
  if (fork >= Fork.electra) return "engine_newPayloadV4";
  if (fork >= Fork.deneb) return "engine_newPayloadV3";
  return fork >= Fork.capella ? "engine_newPayloadV2" : "engine_newPayloadV1";
}

/** @param fork of the payload to be built on the head, or of the head */
export function forkchoiceUpdatedMethod(fork: Fork): string {
  if (fork >= Fork.deneb) return "engine_forkchoiceUpdatedV3";
  return fork >= Fork.capella ? "engine_forkchoiceUpdatedV2" : "engine_forkchoiceUpdatedV1";
}

/** Engines that end at prague build fulu's payloads by V4, with proofs of whole blobs. */
export function getPayloadMethod(fork: Fork, capabilities: Capabilities): string {
  if (fork >= Fork.fulu && isListed(capabilities, "engine_getPayloadV5")) return "engine_getPayloadV5";
  if (fork >= Fork.electra) return "engine_getPayloadV4";
  if (fork >= Fork.deneb) return "engine_getPayloadV3";
  return fork >= Fork.capella ? "engine_getPayloadV2" : "engine_getPayloadV1";
}

/** Undefined where the engine does not say that it can: blobs come from peers then. */
export function getBlobsMethod(fork: Fork, capabilities: Capabilities): string | undefined {
  const names = fork >= Fork.fulu ? ["engine_getBlobsV2", "engine_getBlobsV1"] : ["engine_getBlobsV1"];
  return names.find((name) => capabilities?.has(name));
}

/** Without a list the newest method of the fork is tried. */
function isListed(capabilities: Capabilities, method: string): boolean {
  return capabilities === undefined || capabilities.has(method);
}

interface Limits {
  readonly timeoutMs: number;
  readonly maxBytes: number;
}

const KIB = 1024;
const MIB = 1024 * KIB;

const LIMITS: Readonly<Record<string, Limits>> = {
  engine_newPayload: { timeoutMs: 8000, maxBytes: 64 * KIB },
  engine_forkchoiceUpdated: { timeoutMs: 8000, maxBytes: 64 * KIB },
  // Transactions of at most 10 MiB and blobs of 128 KiB, as hexadecimal.
  engine_getPayload: { timeoutMs: 1000, maxBytes: 64 * MIB },
  engine_getBlobs: { timeoutMs: 1000, maxBytes: 48 * MIB },
};

const OTHER_LIMITS: Limits = { timeoutMs: 1000, maxBytes: 256 * KIB };

/** Timeouts are those of the Engine API's documents. */
export function limitsOf(method: string): Limits {
  return LIMITS[method.replace(/V\d+$/, "")] ?? OTHER_LIMITS;
}
