import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { concatBytes, toHex, ZERO_BYTES32 } from "../../../src/base/bytes.ts";
import { getExecutionRequests, getTerminalPowBlock } from "../../../src/spec/block-production.ts";
import { createChainSpec } from "../../../src/spec/chain-spec.ts";
import { MINIMAL_CONFIG } from "../../../src/spec/config.ts";
import { maxCompressedLen, maxMessageSize } from "../../../src/spec/p2p.ts";

const spec = createChainSpec(MINIMAL_CONFIG);
const { DepositRequest, WithdrawalRequest, ConsolidationRequest } = spec.types.electra;

describe("execution requests", () => {
  const deposit = { ...DepositRequest.defaultValue(), amount: 2n ** 64n - 1n, index: 7n };
  const withdrawal = { ...WithdrawalRequest.defaultValue(), amount: 5n };
  const consolidation = { ...ConsolidationRequest.defaultValue(), sourceAddress: new Uint8Array(20).fill(3) };
  const deposits = concatBytes(Uint8Array.of(0), DepositRequest.serialize(deposit), DepositRequest.serialize(deposit));
  const withdrawals = concatBytes(Uint8Array.of(1), WithdrawalRequest.serialize(withdrawal));
  const consolidations = concatBytes(Uint8Array.of(2), ConsolidationRequest.serialize(consolidation));

  test("are decoded by type", () => {
    assert.deepEqual(getExecutionRequests(spec, [deposits, withdrawals, consolidations]), {
      deposits: [deposit, deposit],
      withdrawals: [withdrawal],
      consolidations: [consolidation],
    });
    assert.deepEqual(getExecutionRequests(spec, [withdrawals]), {
      deposits: [],
      withdrawals: [withdrawal],
      consolidations: [],
    });
  });

  const refused: [name: string, list: Uint8Array[], path: string][] = [
    ["types that do not ascend", [withdrawals, deposits], "executionRequests[1]"],
    ["a type twice", [deposits, deposits], "executionRequests[1]"],
    ["an unknown type", [Uint8Array.of(3, 0)], "executionRequests[0]"],
    ["no data", [Uint8Array.of(0)], "executionRequests[0]"],
    ["nothing at all", [deposits, new Uint8Array(0)], "executionRequests[1]"],
    ["a cut item", [deposits.slice(0, -1)], "executionRequests[0]"],
    ["too many items", [concatBytes(withdrawals, ...Array(16).fill(withdrawals.slice(1)))], "executionRequests[0]"],
  ];
  for (const [name, list, path] of refused) {
    test(`are refused for ${name}`, () => {
      assert.throws(() => getExecutionRequests(spec, list), { code: "DECODE", path });
    });
  }
});

describe("the terminal block", () => {
  const hash = (n: number) => new Uint8Array(32).fill(n);
  const block = (n: number, parentHash: Uint8Array, totalDifficulty: bigint) => ({
    blockHash: hash(n),
    parentHash,
    totalDifficulty,
  });
  const chainOf = (...blocks: ReturnType<typeof block>[]) => new Map(blocks.map((b) => [toHex(b.blockHash), b]));
  const withDifficulty = createChainSpec({ ...MINIMAL_CONFIG, TERMINAL_TOTAL_DIFFICULTY: 10n });

  test("is the first to reach the difficulty", () => {
    const chain = chainOf(block(3, hash(2), 12n), block(2, hash(1), 10n), block(1, hash(9), 9n));
    assert.deepEqual(getTerminalPowBlock(withDifficulty, chain)?.blockHash, hash(2));
    assert.equal(getTerminalPowBlock(withDifficulty, chainOf(block(1, hash(9), 9n))), undefined);
  });

  test("may be the genesis block", () => {
    assert.deepEqual(getTerminalPowBlock(withDifficulty, chainOf(block(1, ZERO_BYTES32, 10n)))?.blockHash, hash(1));
  });

  test("must have a known parent", () => {
    assert.throws(() => getTerminalPowBlock(withDifficulty, chainOf(block(2, hash(1), 10n))), {
      code: "POW_PARENT_UNKNOWN",
    });
  });

  test("is the configured one whatever the difficulty", () => {
    const configured = createChainSpec({
      ...MINIMAL_CONFIG,
      TERMINAL_TOTAL_DIFFICULTY: 10n,
      TERMINAL_BLOCK_HASH: hash(1),
    });
    const chain = chainOf(block(2, hash(1), 10n), block(1, hash(9), 9n));
    assert.deepEqual(getTerminalPowBlock(configured, chain)?.blockHash, hash(1));
    assert.equal(getTerminalPowBlock(configured, chainOf(block(2, hash(1), 10n))), undefined);
  });
});

test("message sizes leave room for what snappy adds", () => {
  assert.equal(maxCompressedLen(6), 39);
  assert.equal(maxCompressedLen(7), 40);
  assert.equal(maxMessageSize(spec), 32 + 10_485_760 + 1_747_626 + 1024);
  const small = createChainSpec({ ...MINIMAL_CONFIG, MAX_PAYLOAD_SIZE: 1000 });
  assert.equal(maxMessageSize(small), 1024 * 1024);
});
