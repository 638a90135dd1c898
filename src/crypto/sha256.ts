/**
 * SHA-256 and the Merkle roots made of it, in bulk and straight from the pages of columns.
 *
 * Wrong arguments throw TypeError or RangeError; what outputs then hold is not defined.
 */

import { type ColumnArguments, sha256Native } from "./sha256-native.ts";

/** Where pages live: page `id` is in slab `floor(id / pagesPerSlab)`. Both sizes are powers of two. */
export interface PageArena {
  readonly slabs: readonly Uint8Array[];
  readonly pageBytes: number;
  readonly pagesPerSlab: number;
}

/**
 * Small arguments and results travel through one lasting buffer: V8 keeps short arrays inside its heap, and must move each
 * that native code touches out of it, at a hundred times the cost of a hash.
 */
const SCRATCH_BYTES = 8192;
const scratch = new Uint8Array(SCRATCH_BYTES);
const scratchRoot = new Uint8Array(new ArrayBuffer(128), 0, 32);

function throughScratch(bytes: Uint8Array): Uint8Array {
  if (bytes.length > SCRATCH_BYTES) return bytes;
  scratch.set(bytes);
  return scratch;
}

export function sha256(data: Uint8Array): Uint8Array {
  sha256Native.sha256(throughScratch(data), data.length, scratchRoot);
  return scratchRoot.slice();
}

/** The digest of two roots, which are the children of a Merkle node. */
export function hash64(left: Uint8Array, right: Uint8Array): Uint8Array {
  if (left.length !== 32 || right.length !== 32) {
    throw new RangeError(`a root has 32 bytes, not ${left.length} or ${right.length}`);
  }
  scratch.set(left);
  scratch.set(right, 32);
  sha256Native.hashPairs(scratch, scratchRoot, 1, 1);
  return scratchRoot.slice();
}

/**
 * Hashes `count` pairs of 32 bytes each.
 * @param output may be the start of `input`, not any other part of it
 */
export function hashPairs(input: Uint8Array, output: Uint8Array, count: number, threads = 1): void {
  sha256Native.hashPairs(input, output, count, threads);
}

/**
 * The root of chunks that are zero-padded to 2^limitDepth.
 * @param chunks a multiple of 32 bytes
 * @param limitDepth at most 64
 */
export function merkleizeChunks(chunks: Uint8Array, limitDepth: number, threads = 1): Uint8Array {
  sha256Native.merkleizeChunks(throughScratch(chunks), chunks.length, limitDepth, scratchRoot, threads);
  return scratchRoot.slice();
}

/** The root of 2^depth zero chunks, depth at most 64. */
export function zeroHash(depth: number): Uint8Array {
  sha256Native.zeroHash(depth, scratchRoot);
  return scratchRoot.slice();
}

/** The root of a list: that of its items, joined with their number. */
export function mixInLength(root: Uint8Array, length: number): Uint8Array {
  if (!Number.isSafeInteger(length) || length < 0)
    throw new RangeError(`length must be a natural number, not ${length}`);
  if (root.length !== 32) throw new RangeError(`a root has 32 bytes, not ${root.length}`);
  scratch.set(root);
  scratch.fill(0, 32, 64);
  for (let at = 32, rest = length; rest > 0; at++, rest = Math.floor(rest / 256)) scratch[at] = rest % 256;
  sha256Native.hashPairs(scratch, scratchRoot, 1, 1);
  return scratchRoot.slice();
}

/**
 * Writes to `output[32 * k]` the root of page `ids[k]` as a tree of 2^depth chunks.
 * @param lastChunks chunks of page `count - 1` that may differ from zero; all chunks of the others may
 */
export function merkleizePages(
  arena: PageArena,
  ids: Uint32Array,
  count: number,
  depth: number,
  lastChunks: number,
  output: Uint8Array,
  threads = 1,
): void {
  const { slabs, pageBytes, pagesPerSlab } = arena;
  sha256Native.merkleizePages(slabs, pageBytes, pagesPerSlab, ids, count, depth, lastChunks, output, threads);
}

/**
 * Writes the roots of fixed-size records to a column of 32-byte items.
 * @param layout the bytes of each field, 256 at most; a field of more than 32 is a byte vector
 * @param indices the records to hash; null for `first` to `first + count - 1`
 */
export function hashRecords(
  arena: PageArena,
  dataTable: Uint32Array,
  recordBytes: number,
  layout: Uint8Array,
  rootsTable: Uint32Array,
  indices: Uint32Array | null,
  first: number,
  count: number,
  threads = 1,
): void {
  const { slabs, pageBytes, pagesPerSlab } = arena;
  sha256Native.hashRecords(
    slabs,
    pageBytes,
    pagesPerSlab,
    dataTable,
    recordBytes,
    layout,
    rootsTable,
    indices,
    first,
    count,
    threads,
  );
}

/**
 * Writes the roots of Validator records to a column of 32-byte items.
 * @param tables the seven columns, in the order of the SSZ fields after the key
 * @param keys of the validators 0 to base - 1, 48 bytes each
 * @param tailTable column of 48-byte items with the keys of the validators from `base` on
 * @param indices the validators to hash; null for `first` to `first + count - 1`
 */
export function hashValidators(
  arena: PageArena,
  tables: readonly Uint32Array[],
  keys: Uint8Array,
  base: number,
  tailTable: Uint32Array,
  rootsTable: Uint32Array,
  indices: Uint32Array | null,
  first: number,
  count: number,
  threads = 1,
): void {
  const { slabs, pageBytes, pagesPerSlab } = arena;
  sha256Native.hashValidators(
    slabs,
    pageBytes,
    pagesPerSlab,
    ...columnsOf(tables),
    keys,
    base,
    tailTable,
    rootsTable,
    indices,
    first,
    count,
    threads,
  );
}

/**
 * Splits SSZ Validator records into the pages of their columns.
 * A `slashed` byte that is neither 0 nor 1 throws a RangeError that names the validator, before anything is written.
 * @param keysOutput receives the public keys, 48 bytes each
 */
export function scatterValidators(
  arena: PageArena,
  tables: readonly Uint32Array[],
  source: Uint8Array,
  sourceOffset: number,
  first: number,
  count: number,
  keysOutput: Uint8Array,
): void {
  const { slabs, pageBytes, pagesPerSlab } = arena;
  const columns = columnsOf(tables);
  sha256Native.scatterValidators(
    slabs,
    pageBytes,
    pagesPerSlab,
    ...columns,
    source,
    sourceOffset,
    first,
    count,
    keysOutput,
  );
}

/** The inverse of scatterValidators: 121 bytes a validator. Keys as in hashValidators. */
export function gatherValidators(
  arena: PageArena,
  tables: readonly Uint32Array[],
  keys: Uint8Array,
  base: number,
  tailTable: Uint32Array,
  first: number,
  count: number,
  output: Uint8Array,
  outputOffset: number,
): void {
  const { slabs, pageBytes, pagesPerSlab } = arena;
  const columns = columnsOf(tables);
  sha256Native.gatherValidators(
    slabs,
    pageBytes,
    pagesPerSlab,
    ...columns,
    keys,
    base,
    tailTable,
    first,
    count,
    output,
    outputOffset,
  );
}

function columnsOf(tables: readonly Uint32Array[]): ColumnArguments {
  if (tables.length !== 7) throw new RangeError(`validators have 7 columns besides the key, not ${tables.length}`);
  return tables as unknown as ColumnArguments;
}

/** The name of the SHA-256 implementation in use, chosen for this CPU. */
export function implementation(): string {
  return sha256Native.implementation();
}

/** The implementations that this CPU runs, best first. */
export function implementations(): string[] {
  return sha256Native.implementations();
}

/** Forces one of `implementations()` in the calling thread: for tests and measurements. */
export function useImplementation(name: string): void {
  sha256Native.useImplementation(name);
}
