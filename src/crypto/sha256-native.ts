/** The functions of native/sha256 as they are there: outputs are filled, and every argument is checked again. */

import { loadNative } from "./native.ts";

type ArenaArguments = [slabs: readonly Uint8Array[], pageBytes: number, pagesPerSlab: number];
/** A page table for each column of the validators but the keys, in the order of the SSZ fields. */
type ColumnArguments = [
  withdrawalCredentials: Uint32Array,
  effectiveBalance: Uint32Array,
  slashed: Uint32Array,
  activationEligibilityEpoch: Uint32Array,
  activationEpoch: Uint32Array,
  exitEpoch: Uint32Array,
  withdrawableEpoch: Uint32Array,
];
type KeyArguments = [keys: Uint8Array, base: number, tailTable: Uint32Array];
type SelectionArguments = [rootsTable: Uint32Array, indices: Uint32Array | null, first: number, count: number];

interface Sha256Native {
  hashPairs(input: Uint8Array, output: Uint8Array, count: number, threads: number): void;
  sha256(data: Uint8Array, length: number, output: Uint8Array): void;
  merkleizeChunks(chunks: Uint8Array, length: number, limitDepth: number, output: Uint8Array, threads: number): void;
  zeroHash(depth: number, output: Uint8Array): void;
  shuffleList(indices: Uint32Array, seed: Uint8Array, rounds: number, threads: number): void;
  computeShuffledIndex(index: number, count: number, seed: Uint8Array, rounds: number): number;
  computeShuffledIndices(indices: Uint32Array, length: number, count: number, seed: Uint8Array, rounds: number): void;
  implementation(): string;
  implementations(): string[];
  useImplementation(name: string): void;
  merkleizePages(
    ...args: [
      ...ArenaArguments,
      ids: Uint32Array,
      count: number,
      depth: number,
      lastChunks: number,
      output: Uint8Array,
      threads: number,
    ]
  ): void;
  hashRecords(
    ...args: [
      ...ArenaArguments,
      dataTable: Uint32Array,
      recordBytes: number,
      layout: Uint8Array,
      ...SelectionArguments,
      threads: number,
    ]
  ): void;
  hashValidators(
    ...args: [...ArenaArguments, ...ColumnArguments, ...KeyArguments, ...SelectionArguments, threads: number]
  ): void;
  scatterValidators(
    ...args: [
      ...ArenaArguments,
      ...ColumnArguments,
      source: Uint8Array,
      sourceOffset: number,
      first: number,
      count: number,
      keysOutput: Uint8Array,
    ]
  ): void;
  gatherValidators(
    ...args: [
      ...ArenaArguments,
      ...ColumnArguments,
      ...KeyArguments,
      first: number,
      count: number,
      output: Uint8Array,
      outputOffset: number,
    ]
  ): void;
}

export type { ColumnArguments };

export const sha256Native = loadNative("sha256") as Sha256Native;
