/**
 * BLS signatures of the beacon chain: single checks, aggregation, and batches over the key table.
 * @see https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/altair/bls.md
 */
import { availableParallelism } from "node:os";
import { asStorageError, blsNative, type FlatSets, type TableHandle } from "./bls-native.ts";
import type { KeyTable } from "./key-table.ts";

export { KeyTable } from "./key-table.ts";
export { SecretKey } from "./secret-key.ts";

const KEY_BYTES = 48;
const MESSAGE_BYTES = 32;
const SIGNATURE_BYTES = 96;
const NO_KEYS: Uint8Array[] = [];

/** One signature over one message by the sum of the table's keys at `indices` and of `extraKeys`. */
export interface SignatureSet {
  readonly table: KeyTable;
  readonly indices: ArrayLike<number>;
  /** Compressed keys that are not in the table. */
  readonly extraKeys?: readonly Uint8Array[];
  /** 32 bytes: a signing root. */
  readonly message: Uint8Array;
  /** 96 bytes, compressed. */
  readonly signature: Uint8Array;
}

export interface BatchOptions {
  /** Native threads; 1 when the caller waits, all cores when it does not. */
  threads?: number;
}

/** Whether the set's signature holds. Without any key it does not. */
export function verifySet(set: SignatureSet): boolean {
  return verifySets([set]);
}

/** Whether all sets hold, by one random linear combination; an invalid set slips through once in 2^64. */
export function verifySets(sets: readonly SignatureSet[], options: BatchOptions = {}): boolean {
  return guarded(() => blsNative.verifySets(...flatten(sets, options.threads ?? 1)));
}

/** As verifySets, on native threads. The sets are copied before it returns. */
export async function verifySetsAsync(sets: readonly SignatureSet[], options: BatchOptions = {}): Promise<boolean> {
  return guardedAsync(blsNative.verifySetsAsync(...flatten(sets, options.threads ?? availableParallelism())));
}

/** Places of the sets that do not hold, by halving: cheap for a few among many. */
export function findInvalidSets(sets: readonly SignatureSet[], options: BatchOptions = {}): number[] {
  return listFlags(guarded(() => blsNative.findInvalidSets(...flatten(sets, options.threads ?? 1))));
}

/** As findInvalidSets, on native threads. */
export async function findInvalidSetsAsync(
  sets: readonly SignatureSet[],
  options: BatchOptions = {},
): Promise<number[]> {
  const flat = flatten(sets, options.threads ?? availableParallelism());
  return listFlags(await guardedAsync(blsNative.findInvalidSetsAsync(...flat)));
}

/** @spec bls.Verify (phase0) */
export function verify(pubkey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  return fastAggregateVerify([pubkey], message, signature);
}

/** @spec bls.FastAggregateVerify (phase0) */
export function fastAggregateVerify(
  pubkeys: readonly Uint8Array[],
  message: Uint8Array,
  signature: Uint8Array,
): boolean {
  const shape = Uint32Array.of(0, 0, pubkeys.length);
  return blsNative.verifySets([], shape, new Uint32Array(0), join(pubkeys, KEY_BYTES), message, signature, 1);
}

/** Also accepts no keys with the signature at infinity. @spec eth_fast_aggregate_verify (altair) */
export function ethFastAggregateVerify(
  pubkeys: readonly Uint8Array[],
  message: Uint8Array,
  signature: Uint8Array,
): boolean {
  if (pubkeys.length === 0 && isInfinity(signature)) return true;
  return fastAggregateVerify(pubkeys, message, signature);
}

/** @spec bls.AggregateVerify (phase0) */
export function aggregateVerify(
  pubkeys: readonly Uint8Array[],
  messages: readonly Uint8Array[],
  signature: Uint8Array,
): boolean {
  if (pubkeys.length !== messages.length) return false;
  return blsNative.aggregateVerify(join(pubkeys, KEY_BYTES), join(messages, MESSAGE_BYTES), signature);
}

/** Throws when there are none or one is invalid. @spec bls.Aggregate (phase0) */
export function aggregateSignatures(signatures: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(SIGNATURE_BYTES);
  if (!blsNative.aggregateSignatures(join(signatures, SIGNATURE_BYTES), out)) {
    throw new RangeError("no signatures to aggregate, or an invalid one");
  }
  return out;
}

/** Throws when there are none or one is invalid. @spec eth_aggregate_pubkeys (altair) */
export function aggregatePublicKeys(keys: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(KEY_BYTES);
  if (!blsNative.aggregateKeys(join(keys, KEY_BYTES), out)) {
    throw new RangeError("no public keys to aggregate, or an invalid one");
  }
  return out;
}

/** On the curve, in the subgroup, not infinity. @spec bls.KeyValidate (altair) */
export function keyValidate(pubkey: Uint8Array): boolean {
  return blsNative.keyValidate(pubkey);
}

/** On the curve and in the subgroup; infinity is. */
export function signatureValidate(signature: Uint8Array): boolean {
  return blsNative.signatureValidate(signature);
}

/** The uncompressed point (192 bytes) that a message hashes to under a domain separation tag. */
export function hashToG2(message: Uint8Array, domain: Uint8Array): Uint8Array {
  const out = new Uint8Array(2 * SIGNATURE_BYTES);
  blsNative.hashToG2(message, domain, out);
  return out;
}

/** A damaged key file is no verdict about a signature. */
function guarded<T>(run: () => T): T {
  try {
    return run();
  } catch (error) {
    throw asStorageError(error, "key table");
  }
}

function guardedAsync<T>(running: Promise<T>): Promise<T> {
  return running.catch((error: unknown) => {
    throw asStorageError(error, "key table");
  });
}

function isInfinity(signature: Uint8Array): boolean {
  return signature.length === SIGNATURE_BYTES && signature.every((byte, i) => byte === (i === 0 ? 0xc0 : 0));
}

/** One array of all items; each must have exactly `size` bytes. */
function join(items: readonly Uint8Array[], size: number): Uint8Array {
  const out = new Uint8Array(items.length * size);
  items.forEach((item, i) => {
    if (item.length !== size) throw new TypeError(`item ${i} must have ${size} bytes, not ${item.length}`);
    out.set(item, i * size);
  });
  return out;
}

function flatten(sets: readonly SignatureSet[], threads: number): FlatSets {
  const tables: TableHandle[] = [];
  const tableNumbers = new Map<KeyTable, number>();
  const shape = new Uint32Array(3 * sets.length);
  let placeCount = 0;
  for (const [i, set] of sets.entries()) {
    let table = tableNumbers.get(set.table);
    if (table === undefined) {
      table = tables.push(set.table.handle) - 1;
      tableNumbers.set(set.table, table);
    }
    shape.set([table, set.indices.length, set.extraKeys?.length ?? 0], 3 * i);
    placeCount += set.indices.length;
  }
  const extraKeys = sets.flatMap((set) => set.extraKeys ?? NO_KEYS);
  const messages = sets.map((set) => set.message);
  const signatures = sets.map((set) => set.signature);
  return [
    tables,
    shape,
    joinPlaces(sets, placeCount),
    join(extraKeys, KEY_BYTES),
    join(messages, MESSAGE_BYTES),
    join(signatures, SIGNATURE_BYTES),
    threads,
  ];
}

function joinPlaces(sets: readonly SignatureSet[], count: number): Uint32Array {
  const places = new Uint32Array(count);
  let at = 0;
  for (const { indices } of sets) {
    // Typed arrays wrap what does not fit, which would check somebody else's key.
    if (!(indices instanceof Uint32Array)) checkPlaces(indices);
    places.set(indices, at);
    at += indices.length;
  }
  return places;
}

function checkPlaces(indices: ArrayLike<number>): void {
  for (let i = 0; i < indices.length; i++) {
    if (indices[i] !== indices[i]! >>> 0) throw new TypeError(`not a validator index: ${indices[i]}`);
  }
}

function listFlags(flags: Uint8Array): number[] {
  const places: number[] = [];
  flags.forEach((flag, i) => {
    if (flag !== 0) places.push(i);
  });
  return places;
}
