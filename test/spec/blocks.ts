/**
 * What the runners that apply whole blocks share.
 * https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/tests/formats/sanity/blocks.md
 */
import assert from "node:assert/strict";
import { InvalidBlock } from "../../src/base/errors.ts";
import type { SignedBeaconBlock } from "../../src/spec/containers.ts";
import type { Fork } from "../../src/spec/fork.ts";
import { forkTypes } from "../../src/spec/fork-types.ts";
import { immediateVerifier, trustingVerifier, type Verifier } from "../../src/spec/signature-sets.ts";
import type { BeaconState } from "../../src/spec/state.ts";
import { stateTransition } from "../../src/spec/transition.ts";
import { assertState, forkOf, stateOf } from "./chain.ts";
import type { VectorCase } from "./vectors.ts";

const BLS_OFF = 2;

/** Signatures count unless the case was made without them. */
export function verifierOf(vector: VectorCase): Verifier {
  return vector.meta.bls_setting === BLS_OFF ? trustingVerifier : immediateVerifier;
}

/**
 * Applies blocks_0, blocks_1 ... and compares with the post-state; without one, some block must be refused.
 * @param forkOfBlock the case's fork by default
 */
export function runBlocks(
  vector: VectorCase,
  pre: BeaconState = stateOf(vector, "pre"),
  forkOfBlock: (index: number) => Fork = () => forkOf(vector),
): void {
  const blocks = Array.from({ length: vector.meta.blocks_count }, (_, i) => {
    const type = forkTypes({ spec: pre.spec, fork: forkOfBlock(i) }).SignedBeaconBlock;
    return type.deserialize(vector.ssz(`blocks_${i}`));
  });
  const isValid = vector.has("post.ssz_snappy");
  if (!isValid) assert.throws(() => applyBlocks(vector, pre, blocks), InvalidBlock);
  else assertState(applyBlocks(vector, pre, blocks), vector, "post");
}

function applyBlocks(vector: VectorCase, pre: BeaconState, blocks: SignedBeaconBlock[]): BeaconState {
  const verifier = verifierOf(vector);
  let state = pre;
  for (const block of blocks) state = stateTransition(state, block, { validateResult: true, verifier });
  return state;
}
