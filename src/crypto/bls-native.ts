/** What the native addon exports. Its C checks every argument again: misuse throws, an invalid signature is false. */
import { StorageError } from "../base/errors.ts";
import { loadNative } from "./native.ts";

/** Opaque: memory of the addon behind a tagged object. */
export interface TableHandle {
  readonly kind?: "table";
}
/** Opaque, as TableHandle. */
export interface SecretHandle {
  readonly kind?: "secret";
}

/** Signature sets laid flat; `shape` has three words a set: table, number of places, number of extra keys. */
export type FlatSets = [
  tables: TableHandle[],
  shape: Uint32Array,
  places: Uint32Array,
  extraKeys: Uint8Array,
  messages: Uint8Array,
  signatures: Uint8Array,
  threads: number,
];

export interface BlsNative {
  keyValidate(key: Uint8Array): boolean;
  signatureValidate(signature: Uint8Array): boolean;
  aggregateKeys(keys: Uint8Array, out: Uint8Array): boolean;
  aggregateSignatures(signatures: Uint8Array, out: Uint8Array): boolean;
  aggregateVerify(keys: Uint8Array, messages: Uint8Array, signature: Uint8Array): boolean;
  hashToG2(message: Uint8Array, domain: Uint8Array, out: Uint8Array): void;

  verifySets(...sets: FlatSets): boolean;
  verifySetsAsync(...sets: FlatSets): Promise<boolean>;
  findInvalidSets(...sets: FlatSets): Uint8Array;
  findInvalidSetsAsync(...sets: FlatSets): Promise<Uint8Array>;

  secretFromBytes(bytes: Uint8Array): SecretHandle;
  secretFromSeed(seed: Uint8Array): SecretHandle;
  secretChild(secret: SecretHandle, index: number): SecretHandle;
  secretPublicKey(secret: SecretHandle, out: Uint8Array): void;
  secretSign(secret: SecretHandle, message: Uint8Array, out: Uint8Array): void;
  secretDestroy(secret: SecretHandle): void;

  tableCreate(capacity: number): TableHandle;
  tableLength(table: TableHandle): number;
  tableAppend(table: TableHandle, keys: Uint8Array): void;
  tableFind(table: TableHandle, key: Uint8Array): number;
  tableRead(table: TableHandle, first: number, out: Uint8Array): void;
  tableCountMatching(table: TableHandle, first: number, keys: Uint8Array): number;
  tableCompressed(table: TableHandle): ArrayBuffer;
  tableValidate(table: TableHandle, first: number, count: number, threads: number): number;
  tableValidateAsync(table: TableHandle, first: number, count: number, threads: number): Promise<number>;
  tableAggregate(table: TableHandle, places: Uint32Array, out: Uint8Array): boolean;
  tableOpen(path: string, capacity: number, writable: 0 | 1, check: 0 | 1, threads: number): TableHandle;
  /** Fills: length on disk, keys dropped as damaged, writable, bytes anonymous, bytes mapped. */
  tableFacts(table: TableHandle, out: Float64Array): void;
  tableFlush(table: TableHandle, threads: number): number;
  tableFlushAsync(table: TableHandle, threads: number): Promise<number>;
  tableClose(table: TableHandle): void;
}

export const blsNative = loadNative("bls") as BlsNative;

/** The addon's error about files as a StorageError that says which; any other error as it is. */
export function asStorageError(error: unknown, what: string): unknown {
  const isStorage = error instanceof Error && (error as NodeJS.ErrnoException).code === "STORAGE";
  return isStorage ? new StorageError(`${what}: ${error.message}`, { cause: error }) : error;
}
