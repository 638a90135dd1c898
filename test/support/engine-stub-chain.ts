/**
 * The payloads that the engine stand-in knows, by a hash rule of its own: SHA-256 over the SSZ of the payload with a
 * zero hash, the beacon block's parent root and the requests.
 */
import { bytesEqual, concatBytes, toHex, ZERO_BYTES32 } from "../../src/base/bytes.ts";
import type { PayloadAttributes } from "../../src/chain/engine/port.ts";
import { blobToKzgCommitment, computeBlobKzgProof, computeCellsAndKzgProofs } from "../../src/crypto/kzg.ts";
import { sha256 } from "../../src/crypto/sha256.ts";
import type { ChainSpec } from "../../src/spec/chain-spec.ts";
import type { ExecutionPayload } from "../../src/spec/containers.ts";
import { Fork, forkName } from "../../src/spec/fork.ts";
import { kzgCommitmentToVersionedHash } from "../../src/spec/misc.ts";

const BLOB_TRANSACTION_TYPE = 0x03;
const GAS_PER_BLOB = 131_072n;

export interface StubBlob {
  readonly blob: Uint8Array;
  readonly commitment: Uint8Array;
  readonly versionedHash: Uint8Array;
}

export interface StubBlock {
  readonly payload: ExecutionPayload;
  readonly fork: Fork;
  readonly blobs: readonly StubBlob[];
  readonly requests: readonly Uint8Array[];
}

export type StubVerdict = { status: string; latestValidHash: string | null; validationError: string | null };

export class EngineStubChain {
  readonly spec: ChainSpec;
  readonly genesisHash: Uint8Array;
  readonly blocks = new Map<string, StubBlock>();
  readonly building = new Map<string, StubBlock>();
  /** Hash of an invalid payload: its children are invalid too. */
  readonly #invalid = new Map<string, Uint8Array>();
  /** Put into the next payload that is built. */
  readonly #waiting: StubBlob[] = [];
  readonly #pool = new Map<string, StubBlob>();
  nextRequests: Uint8Array[] = [];
  nextTransactions: Uint8Array[] = [];
  head: Uint8Array;
  #nextId = 1;

  constructor(spec: ChainSpec, genesisHash: Uint8Array) {
    this.spec = spec;
    this.genesisHash = genesisHash;
    this.head = genesisHash;
  }

  addBlob(blob: Uint8Array): StubBlob {
    const commitment = blobToKzgCommitment(blob);
    const entry = { blob, commitment, versionedHash: kzgCommitmentToVersionedHash(commitment) };
    this.#waiting.push(entry);
    this.#pool.set(toHex(entry.versionedHash), entry);
    return entry;
  }

  blobOf(versionedHash: string): StubBlob | undefined {
    return this.#pool.get(versionedHash);
  }

  /** The payload and what builds on it are INVALID from now on, whatever was said before. */
  invalidate(hash: Uint8Array, latestValidHash: Uint8Array): void {
    this.#invalid.set(toHex(hash), latestValidHash);
  }

  isKnown(hash: Uint8Array): boolean {
    return bytesEqual(hash, this.genesisHash) || this.blocks.has(toHex(hash));
  }

  /** @returns the latest valid hash when the block or an ancestor was invalidated */
  invalidAncestor(hash: Uint8Array): Uint8Array | undefined {
    let at: Uint8Array | undefined = hash;
    while (at !== undefined) {
      const latestValid = this.#invalid.get(toHex(at));
      if (latestValid !== undefined) return latestValid;
      at = this.blocks.get(toHex(at))?.payload.parentHash;
    }
    return undefined;
  }

  verdictOf(hash: Uint8Array): StubVerdict {
    const latestValid = this.invalidAncestor(hash);
    if (latestValid !== undefined) return invalid(latestValid, "a block before it, or it, is invalid");
    if (!this.isKnown(hash)) return { status: "SYNCING", latestValidHash: null, validationError: null };
    return { status: "VALID", latestValidHash: toHex(hash), validationError: null };
  }

  newPayload(
    fork: Fork,
    payload: ExecutionPayload,
    versionedHashes: readonly string[],
    beaconRoot: Uint8Array,
    requests: readonly Uint8Array[],
  ): StubVerdict {
    const expected = this.hashOf(fork, payload, beaconRoot, requests);
    if (!bytesEqual(payload.blockHash, expected)) return invalid(undefined, `block hash is not ${toHex(expected)}`);
    if (String(hashesOf(payload)) !== String(versionedHashes)) return invalid(payload.parentHash, "versioned hashes");
    const latestValid = this.invalidAncestor(payload.parentHash);
    if (latestValid === undefined && !this.isKnown(payload.parentHash)) return this.verdictOf(payload.parentHash);
    const blobs = versionedHashes.flatMap((hash) => this.#pool.get(hash) ?? []);
    this.blocks.set(toHex(payload.blockHash), { fork, payload, blobs, requests });
    return this.verdictOf(payload.blockHash);
  }

  build(fork: Fork, parentHash: Uint8Array, attributes: PayloadAttributes): string {
    const parent = this.blocks.get(toHex(parentHash))?.payload;
    const blobs = fork >= Fork.deneb ? this.#waiting.splice(0, this.spec.config.MAX_BLOBS_PER_BLOCK) : [];
    const type = this.spec.types[forkName(fork)] as ChainSpec["types"]["fulu"];
    const payload: ExecutionPayload = {
      ...type.ExecutionPayload.defaultValue(),
      parentHash,
      feeRecipient: attributes.suggestedFeeRecipient,
      prevRandao: attributes.prevRandao,
      timestamp: BigInt(attributes.timestamp),
      blockNumber: (parent?.blockNumber ?? 0n) + 1n,
      gasLimit: 60_000_000n,
      baseFeePerGas: 7n,
      transactions: [...this.nextTransactions, ...blobs.map(blobTransaction)],
    };
    if (fork >= Fork.capella) payload.withdrawals = [...(attributes.withdrawals ?? [])];
    if (fork >= Fork.deneb) payload.blobGasUsed = GAS_PER_BLOB * BigInt(blobs.length);
    const requests = fork >= Fork.electra ? this.nextRequests : [];
    payload.blockHash = this.hashOf(fork, payload, attributes.parentBeaconBlockRoot ?? ZERO_BYTES32, requests);
    this.nextRequests = [];
    this.nextTransactions = [];
    const id = `0x${(this.#nextId++).toString(16).padStart(16, "0")}`;
    this.building.set(id, { fork, payload, blobs, requests });
    return id;
  }

  hashOf(fork: Fork, payload: ExecutionPayload, beaconRoot: Uint8Array, requests: readonly Uint8Array[]): Uint8Array {
    const type = this.spec.types[forkName(fork)] as ChainSpec["types"]["fulu"];
    const ssz = type.ExecutionPayload.serialize({ ...payload, blockHash: ZERO_BYTES32 });
    return sha256(concatBytes(ssz, beaconRoot, ...requests));
  }
}

function invalid(latestValidHash: Uint8Array | undefined, validationError: string): StubVerdict {
  return { status: "INVALID", latestValidHash: latestValidHash ? toHex(latestValidHash) : null, validationError };
}

function blobTransaction({ versionedHash }: StubBlob): Uint8Array {
  return concatBytes(Uint8Array.of(BLOB_TRANSACTION_TYPE), versionedHash);
}

function hashesOf(payload: ExecutionPayload): string[] {
  const blobTransactions = payload.transactions.filter((bytes) => bytes[0] === BLOB_TRANSACTION_TYPE);
  return blobTransactions.map((bytes) => toHex(bytes.subarray(1)));
}

export function blobProof({ blob, commitment }: StubBlob): string {
  return toHex(computeBlobKzgProof(blob, commitment));
}

const cellProofsByBlob = new Map<string, string[]>();

/** A quarter of a second each, so kept. */
export function cellProofs({ blob, versionedHash }: StubBlob): string[] {
  const key = toHex(versionedHash);
  const known = cellProofsByBlob.get(key);
  if (known) return known;
  const proofs = computeCellsAndKzgProofs(blob)[1].map(toHex);
  cellProofsByBlob.set(key, proofs);
  return proofs;
}
