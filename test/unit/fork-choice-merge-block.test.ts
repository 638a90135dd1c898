import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { InvalidBlock } from "../../src/base/errors.ts";
import { createChainSpec } from "../../src/spec/chain-spec.ts";
import { type Config, MINIMAL_CONFIG } from "../../src/spec/config.ts";
import type { BeaconBlock } from "../../src/spec/containers.ts";
import { type GetPowBlock, validateMergeBlock } from "../../src/spec/fork-choice/merge-block.ts";
import { rootOf } from "./fork-choice-builder.ts";

const TERMINAL = { TERMINAL_TOTAL_DIFFICULTY: 100n };

function specOf(overrides: Partial<Config>) {
  return createChainSpec({ ...MINIMAL_CONFIG, ...overrides });
}

function blockOn(parent: string, slot = 8): BeaconBlock {
  return { slot, body: { executionPayload: { parentHash: rootOf(parent) } } } as unknown as BeaconBlock;
}

/** Blocks x on w on v, with these difficulties. */
function powChain(x: bigint, w: bigint): GetPowBlock {
  const blocks = [
    { blockHash: rootOf("x"), parentHash: rootOf("w"), totalDifficulty: x },
    { blockHash: rootOf("w"), parentHash: rootOf("v"), totalDifficulty: w },
  ];
  return (hash) => blocks.find((block) => block.blockHash[0] === hash[0]);
}

function refusedWith(code: string): (error: unknown) => boolean {
  return (error) => error instanceof InvalidBlock && error.code === code;
}

describe("validateMergeBlock", () => {
  test("takes the first block that reaches the terminal difficulty as parent, and no other", () => {
    const spec = specOf(TERMINAL);
    validateMergeBlock(spec, blockOn("x"), powChain(100n, 99n));
    validateMergeBlock(spec, blockOn("x"), powChain(1n << 255n, 0n));
    const notTerminal = refusedWith("MERGE_BLOCK_PARENT_NOT_TERMINAL");
    assert.throws(() => validateMergeBlock(spec, blockOn("x"), powChain(99n, 98n)), notTerminal);
    assert.throws(() => validateMergeBlock(spec, blockOn("x"), powChain(101n, 100n)), notTerminal);
  });

  test("lets an unknown parent through in optimistic sync only", () => {
    const spec = specOf(TERMINAL);
    const unknown = refusedWith("MERGE_BLOCK_PARENT_UNKNOWN");
    assert.throws(() => validateMergeBlock(spec, blockOn("y"), powChain(100n, 99n)), unknown);
    assert.throws(() => validateMergeBlock(spec, blockOn("x")), unknown);
    validateMergeBlock(spec, blockOn("y"), powChain(100n, 99n), true);
    const noGrandparent = refusedWith("MERGE_BLOCK_GRANDPARENT_UNKNOWN");
    assert.throws(() => validateMergeBlock(spec, blockOn("w"), powChain(100n, 99n), true), noGrandparent);
  });

  test("with a terminal block hash asks for that hash and the activation epoch, never for blocks", () => {
    const spec = specOf({ TERMINAL_BLOCK_HASH: rootOf("x"), TERMINAL_BLOCK_HASH_ACTIVATION_EPOCH: 1 });
    const never: GetPowBlock = () => assert.fail("asked for a block");
    validateMergeBlock(spec, blockOn("x"), never);
    assert.throws(() => validateMergeBlock(spec, blockOn("y"), never, true), refusedWith("MERGE_BLOCK_WRONG_PARENT"));
    assert.throws(() => validateMergeBlock(spec, blockOn("x", 7), never), refusedWith("MERGE_BLOCK_TOO_EARLY"));
  });
});
