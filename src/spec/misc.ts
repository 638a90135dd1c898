/**
 * The spec's `compute_*` helpers that need no state: time, domains, digests, integer roots.
 * https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/phase0/beacon-chain.md
 */
import { ZERO_BYTES32 } from "../base/bytes.ts";
import { assertValid } from "../base/errors.ts";
import { hash64, sha256 } from "../crypto/sha256.ts";
import type { ChainSpec } from "./chain-spec.ts";
import { forkAtEpoch, forkVersion } from "./config.ts";
import { VERSIONED_HASH_VERSION_KZG } from "./constants.ts";

export const MAX_UINT64 = 2n ** 64n - 1n;

/** @spec compute_epoch_at_slot (phase0) */
export function computeEpochAtSlot(spec: ChainSpec, slot: number): number {
  return Math.floor(slot / spec.preset.SLOTS_PER_EPOCH);
}

/** @spec compute_start_slot_at_epoch (phase0) */
export function computeStartSlotAtEpoch(spec: ChainSpec, epoch: number): number {
  return epoch * spec.preset.SLOTS_PER_EPOCH;
}

/** First epoch in which an activation or exit started in `epoch` can take effect. @spec compute_activation_exit_epoch (phase0) */
export function computeActivationExitEpoch(spec: ChainSpec, epoch: number): number {
  return epoch + 1 + spec.preset.MAX_SEED_LOOKAHEAD;
}

/** Milliseconds since the Unix epoch. @spec compute_time_at_slot_ms (phase0) */
export function computeTimeAtSlotMs(spec: ChainSpec, genesisTime: number, slot: number): number {
  return genesisTime * 1000 + slot * spec.config.SLOT_DURATION_MS;
}

/** Seconds since the Unix epoch, as an execution payload states it. @spec compute_time_at_slot (phase0, bellatrix) */
export function computeTimeAtSlot(state: { spec: ChainSpec; genesisTime: number }, slot: number): number {
  return state.genesisTime + Math.floor((slot * state.spec.config.SLOT_DURATION_MS) / 1000);
}

/** @spec compute_sync_committee_period (altair) */
export function computeSyncCommitteePeriod(spec: ChainSpec, epoch: number): number {
  return Math.floor(epoch / spec.preset.EPOCHS_PER_SYNC_COMMITTEE_PERIOD);
}

/** @spec compute_sync_committee_period_at_slot (altair) */
export function computeSyncCommitteePeriodAtSlot(spec: ChainSpec, slot: number): number {
  return computeSyncCommitteePeriod(spec, computeEpochAtSlot(spec, slot));
}

/** @spec compute_fork_data_root (phase0) */
export function computeForkDataRoot(currentVersion: Uint8Array, genesisValidatorsRoot: Uint8Array): Uint8Array {
  const version = new Uint8Array(32);
  version.set(currentVersion);
  return hash64(version, genesisValidatorsRoot);
}

/** @spec compute_fork_version (altair to fulu) */
export function computeForkVersion(spec: ChainSpec, epoch: number): Uint8Array {
  return forkVersion(spec.config, forkAtEpoch(spec.config, epoch));
}

/**
 * Names fork, chain and (from fulu) blob parameters in topics and status messages.
 * @spec compute_fork_digest (phase0, fulu)
 */
export function computeForkDigest(spec: ChainSpec, genesisValidatorsRoot: Uint8Array, epoch: number): Uint8Array {
  const baseDigest = computeForkDataRoot(computeForkVersion(spec, epoch), genesisValidatorsRoot);
  if (epoch < spec.config.FULU_FORK_EPOCH) return baseDigest.slice(0, 4);
  // [Modified in Fulu:EIP7892]
  const parameters = getBlobParameters(spec, epoch);
  const packed = new Uint8Array(16);
  packed.set(uintToBytes(parameters.epoch), 0);
  packed.set(uintToBytes(parameters.maxBlobsPerBlock), 8);
  return xor(baseDigest, sha256(packed)).slice(0, 4);
}

/** Blob limit in force at an epoch, and since when. @spec get_blob_parameters (fulu) */
export function getBlobParameters(spec: ChainSpec, epoch: number): { epoch: number; maxBlobsPerBlock: number } {
  let latest: { EPOCH: number; MAX_BLOBS_PER_BLOCK: number } | undefined;
  for (const entry of spec.config.BLOB_SCHEDULE) {
    if (entry.EPOCH <= epoch && (latest === undefined || entry.EPOCH >= latest.EPOCH)) latest = entry;
  }
  return latest === undefined
    ? { epoch: spec.config.ELECTRA_FORK_EPOCH, maxBlobsPerBlock: spec.config.MAX_BLOBS_PER_BLOCK_ELECTRA }
    : { epoch: latest.EPOCH, maxBlobsPerBlock: latest.MAX_BLOBS_PER_BLOCK };
}

/**
 * @spec compute_domain (phase0)
 * @param domainType 4 bytes
 * @param forkVersion the genesis fork's by default
 * @param genesisValidatorsRoot zeros by default
 */
export function computeDomain(
  spec: ChainSpec,
  domainType: Uint8Array,
  forkVersion: Uint8Array = spec.config.GENESIS_FORK_VERSION,
  genesisValidatorsRoot: Uint8Array = ZERO_BYTES32,
): Uint8Array {
  const domain = new Uint8Array(32);
  domain.set(domainType);
  domain.set(computeForkDataRoot(forkVersion, genesisValidatorsRoot).subarray(0, 28), 4);
  return domain;
}

/** @spec compute_signing_root (phase0), from the object's root rather than the object */
export function computeSigningRoot(objectRoot: Uint8Array, domain: Uint8Array): Uint8Array {
  return hash64(objectRoot, domain);
}

/** @spec integer_squareroot (phase0) */
export function integerSquareroot(n: bigint): bigint {
  let root = BigInt(Math.floor(Math.sqrt(Number(n))));
  // The double's root is off by a few units beyond 2^53.
  while (root * root > n) root--;
  while ((root + 1n) * (root + 1n) <= n) root++;
  return root;
}

/** Little-endian; Infinity stands for 2^64 - 1. @spec uint_to_bytes (phase0) */
export function uintToBytes(value: number | bigint): Uint8Array {
  const bytes = new Uint8Array(8);
  const exact = value === Number.POSITIVE_INFINITY ? MAX_UINT64 : BigInt(value);
  new DataView(bytes.buffer).setBigUint64(0, exact, true);
  return bytes;
}

/** @spec xor (phase0) */
export function xor(a: Uint8Array, b: Uint8Array): Uint8Array {
  return a.map((byte, i) => byte ^ b[i]!);
}

/** @spec add_flag (altair) */
export function addFlag(flags: number, flagIndex: number): number {
  return flags | (1 << flagIndex);
}

/** @spec has_flag (altair) */
export function hasFlag(flags: number, flagIndex: number): boolean {
  return (flags & (1 << flagIndex)) !== 0;
}

/** @spec kzg_commitment_to_versioned_hash (deneb) */
export function kzgCommitmentToVersionedHash(kzgCommitment: Uint8Array): Uint8Array {
  const hash = sha256(kzgCommitment).slice();
  hash[0] = VERSIONED_HASH_VERSION_KZG;
  return hash;
}

/** Lets a result of uint64 arithmetic pass; the spec fails on any larger one. */
export function uint64(value: bigint): bigint {
  assertValid(value <= MAX_UINT64, "UINT64_OVERFLOW", { value });
  return value;
}

/**
 * floor(a * b / c), exact for any safe integers whose quotient is one.
 * A double division of an exact product below 2^53 never rounds up to the next integer.
 */
export function mulDiv(a: number, b: number, c: number): number {
  const product = a * b;
  return product <= Number.MAX_SAFE_INTEGER ? Math.floor(product / c) : Number((BigInt(a) * BigInt(b)) / BigInt(c));
}
