/** Lets @chainsafe/ssz hash natively: without it, the root of a block costs more than its state transition. */

import { type Hasher, hasher as portable, setHasher } from "@chainsafe/persistent-merkle-tree";
import { hash64, hashPairs, merkleizeChunks } from "./sha256.ts";

const BLOCK_BYTES = 64;
/** Larger inputs go to native code as they are; smaller ones are copied there first, which is cheaper. */
const MANY_BLOCKS = 64;

let isInstalled = false;

/** Replaces the library's hash functions by those of native/sha256, for the whole isolate; once is enough. */
export function installSszHasher(): void {
  if (isInstalled) return;
  setHasher(sszHasher);
  isInstalled = true;
}

export const sszHasher: Hasher = {
  ...portable,
  name: "cresset",
  digest64: hash64,
  digest64Into: (left, right, output) => output.set(hash64(left, right)),
  hashInto,
  merkleizeBlocksBytes(blocks, padFor, output, offset) {
    // A single chunk comes in a block of two.
    const chunks = padFor === 1 ? blocks.subarray(0, 32) : blocks;
    output.set(merkleizeChunks(chunks, depthFor(padFor)), offset);
  },
  merkleizeBlockArray(blocks, blockLimit, padFor, output, offset) {
    if (blockLimit > blocks.length) throw new RangeError(`${blockLimit} blocks wanted of ${blocks.length}`);
    const bytes = new Uint8Array(blockLimit * BLOCK_BYTES);
    for (let i = 0; i < blockLimit; i++) bytes.set(blocks[i]!, i * BLOCK_BYTES);
    this.merkleizeBlocksBytes(bytes, padFor, output, offset);
  },
  digestNLevel(data, levels) {
    let nodes = data;
    for (let level = 0; level < levels; level++) {
      const above = nodes.subarray(0, nodes.length / 2);
      hashInto(nodes, above);
      nodes = above;
    }
    return nodes;
  },
};

/** @param output may be the start of `input` */
function hashInto(input: Uint8Array, output: Uint8Array): void {
  if (input.length % BLOCK_BYTES !== 0 || output.length * 2 !== input.length) {
    throw new RangeError(`cannot hash ${input.length} bytes into ${output.length}`);
  }
  const count = input.length / BLOCK_BYTES;
  if (count >= MANY_BLOCKS) hashPairs(input, output, count);
  else for (let i = 0; i < count; i++) output.set(merkleizeChunks(block(input, i), 1), i * (BLOCK_BYTES / 2));
}

function block(input: Uint8Array, i: number): Uint8Array {
  return input.subarray(i * BLOCK_BYTES, (i + 1) * BLOCK_BYTES);
}

function depthFor(chunks: number): number {
  if (chunks < 1) throw new RangeError(`a tree of ${chunks} chunks`);
  return Math.ceil(Math.log2(chunks));
}
