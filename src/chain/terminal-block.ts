/**
 * The last block before the merge, on networks whose config names it: of local ones it is the execution chain's genesis.
 * @see https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/bellatrix/validator.md
 */
import { toHex, ZERO_BYTES32 } from "../base/bytes.ts";
import type { ChainSpec } from "../spec/chain-spec.ts";
import type { PowBlock } from "../spec/containers.ts";
import { isZero } from "../spec/fork-choice/store.ts";

/** By block hash in hexadecimal; empty where only the total difficulty tells, for nobody mines such networks any more. */
export function terminalBlocks({ config }: ChainSpec): ReadonlyMap<string, PowBlock> {
  const { TERMINAL_BLOCK_HASH: blockHash } = config;
  if (isZero(blockHash)) return new Map();
  return new Map([[toHex(blockHash), { blockHash, parentHash: ZERO_BYTES32, totalDifficulty: 0n }]]);
}
