/**
 * The engine's answers as values of the spec, or a DecodeError that names the field: an engine that lies is no reason
 * to crash.
 * @see https://github.com/ethereum/execution-apis/blob/main/src/engine/osaka.md
 */
import { bytesEqual } from "../../base/bytes.ts";
import { DecodeError } from "../../base/errors.ts";
import type { ChainSpec } from "../../spec/chain-spec.ts";
import type { PowBlock } from "../../spec/containers.ts";
import { Fork } from "../../spec/fork.ts";
import { payloadFromJson } from "./json.ts";
import type { BlobAndProofs, BlobsBundle, BuiltPayload, ClientVersion, EngineVerdict, VerdictStatus } from "./port.ts";
import {
  type Json,
  MAX_UINT256,
  readArray,
  readByteList,
  readBytes,
  readObject,
  readOptional,
  readQuantity,
  readText,
} from "./read.ts";

const STATUSES: Readonly<Record<string, VerdictStatus>> = {
  VALID: "valid",
  INVALID: "invalid",
  ACCEPTED: "accepted",
  SYNCING: "syncing",
  INVALID_BLOCK_HASH: "invalid-block-hash",
};

/** A blob of 4096 field elements has 128 KiB in every preset. */
const MAX_REQUEST_BYTES = 8192 * 192;
const MAX_REQUESTS = 256;

export function readVerdict(value: Json, path = "payloadStatus"): EngineVerdict {
  const json = readObject(value, path);
  const name = readText(json.status, `${path}.status`, 40);
  const status = Object.hasOwn(STATUSES, name) ? STATUSES[name] : undefined;
  if (status === undefined) throw new DecodeError(`unknown status ${JSON.stringify(name)}`, `${path}.status`);
  const latestValidHash = readOptional(json.latestValidHash, (v) => readBytes(v, `${path}.latestValidHash`, 32));
  const error = readOptional(json.validationError, (v) => readText(v, `${path}.validationError`));
  return { status, ...(latestValidHash && { latestValidHash }), ...(error && { error }) };
}

export function readForkchoiceAnswer(value: Json): EngineVerdict & { payloadId?: string } {
  const json = readObject(value, "result");
  const verdict = readVerdict(json.payloadStatus);
  if (verdict.status === "accepted" || verdict.status === "invalid-block-hash") {
    throw new DecodeError(`${verdict.status} answers no forkchoiceUpdated`, "payloadStatus.status");
  }
  const payloadId = readOptional(json.payloadId, (v) => {
    readBytes(v, "payloadId", 8);
    return v as string;
  });
  return { ...verdict, ...(payloadId && { payloadId }) };
}

/** @param method the version that was called; V1 answers a bare payload */
export function readBuiltPayload(spec: ChainSpec, fork: Fork, method: string, value: Json): BuiltPayload {
  if (method === "engine_getPayloadV1") {
    return { payload: payloadFromJson(spec, fork, value, "result"), value: 0n, shouldOverrideBuilder: false };
  }
  const json = readObject(value, "result");
  const built: BuiltPayload = {
    payload: payloadFromJson(spec, fork, json.executionPayload),
    value: readQuantity(json.blockValue, "blockValue", MAX_UINT256),
    shouldOverrideBuilder: json.shouldOverrideBuilder === true,
  };
  if (fork < Fork.deneb) return built;
  const blobsBundle = readBlobsBundle(spec, json.blobsBundle, method === "engine_getPayloadV5");
  if (fork < Fork.electra) return { ...built, blobsBundle };
  return { ...built, blobsBundle, executionRequests: readExecutionRequests(json.executionRequests) };
}

function readBlobsBundle(spec: ChainSpec, value: Json, hasCellProofs: boolean): BlobsBundle {
  const json = readObject(value, "blobsBundle");
  const max = spec.preset.MAX_BLOB_COMMITMENTS_PER_BLOCK;
  const proofsPerBlob = hasCellProofs ? spec.preset.CELLS_PER_EXT_BLOB : 1;
  const commitments = readArray(json.commitments, "blobsBundle.commitments", max, (v, p) => readBytes(v, p, 48));
  const proofs = readArray(json.proofs, "blobsBundle.proofs", max * proofsPerBlob, (v, p) => readBytes(v, p, 48));
  const blobs = readArray(json.blobs, "blobsBundle.blobs", max, (v, p) => readBytes(v, p, blobBytes(spec)));
  expectCount("blobsBundle.blobs", blobs.length, commitments.length);
  expectCount("blobsBundle.proofs", proofs.length, commitments.length * proofsPerBlob);
  return { commitments, proofs, blobs, proofKind: hasCellProofs ? "cell" : "blob" };
}

function blobBytes(spec: ChainSpec): number {
  return 32 * spec.preset.FIELD_ELEMENTS_PER_BLOB;
}

function expectCount(path: string, count: number, expected: number): void {
  if (count !== expected) throw new DecodeError(`${count} items instead of ${expected}`, path);
}

/** Types must ascend, and a list without requests must not be there. */
function readExecutionRequests(value: Json): Uint8Array[] {
  const path = "executionRequests";
  const requests = readArray(value, path, MAX_REQUESTS, (v, p) => readByteList(v, p, MAX_REQUEST_BYTES));
  let previous = -1;
  for (const [i, request] of requests.entries()) {
    if (request.length < 2) throw new DecodeError("a list of requests without any", `${path}[${i}]`);
    if (request[0]! <= previous) throw new DecodeError(`type ${request[0]} after type ${previous}`, `${path}[${i}]`);
    previous = request[0]!;
  }
  return requests;
}

/** @param method V1 gives each blob that is there; V2 gives all of them or nothing */
export function readBlobs(spec: ChainSpec, method: string, count: number, value: Json): (BlobAndProofs | null)[] {
  if (value === null) return new Array<null>(count).fill(null);
  const items = readArray(value, "result", count, (item, path) =>
    readOptional(item, (v) => readBlob(spec, method, v, path)),
  );
  expectCount("result", items.length, count);
  return items.map((item) => item ?? null);
}

function readBlob(spec: ChainSpec, method: string, value: Json, path: string): BlobAndProofs {
  const json = readObject(value, path);
  const blob = readBytes(json.blob, `${path}.blob`, blobBytes(spec));
  if (method === "engine_getBlobsV1") return { blob, proofs: [readBytes(json.proof, `${path}.proof`, 48)] };
  const { CELLS_PER_EXT_BLOB } = spec.preset;
  const proofs = readArray(json.proofs, `${path}.proofs`, CELLS_PER_EXT_BLOB, (v, p) => readBytes(v, p, 48));
  expectCount(`${path}.proofs`, proofs.length, CELLS_PER_EXT_BLOB);
  return { blob, proofs };
}

export function readCapabilities(value: Json): Set<string> {
  return new Set(readArray(value, "result", 1000, (v, p) => readText(v, p, 100)));
}

/** The first of them: where several clients stand behind one port, which one answers is unknown. */
export function readClientVersion(value: Json): ClientVersion | undefined {
  const versions = readArray(value, "result", 100, (item, path) => {
    const json = readObject(item, path);
    const text = (name: string) => readText(json[name], `${path}.${name}`, 64);
    return { code: text("code").slice(0, 2), name: text("name"), version: text("version"), commit: text("commit") };
  });
  return versions[0];
}

/** A block of eth_getBlockByHash; undefined where the engine does not know it or leaves its difficulty out. */
export function readPowBlock(value: Json, blockHash: Uint8Array): PowBlock | undefined {
  if (value === null) return undefined;
  const json = readObject(value, "result");
  const hash = readBytes(json.hash, "hash", 32);
  if (!bytesEqual(hash, blockHash)) throw new DecodeError("another block than the one asked for", "hash");
  const parentHash = readBytes(json.parentHash, "parentHash", 32);
  const totalDifficulty = readOptional(json.totalDifficulty, (v) => readQuantity(v, "totalDifficulty", MAX_UINT256));
  return totalDifficulty === undefined ? undefined : { blockHash: hash, parentHash, totalDifficulty };
}
