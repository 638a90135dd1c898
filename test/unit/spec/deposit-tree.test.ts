import assert from "node:assert/strict";
import { test } from "node:test";
import { ListCompositeType } from "@chainsafe/ssz";
import { createChainSpec } from "../../../src/spec/chain-spec.ts";
import { MINIMAL_CONFIG } from "../../../src/spec/config.ts";
import { DepositTree } from "../../../src/spec/deposit-tree.ts";

const { DepositData } = createChainSpec(MINIMAL_CONFIG).types.phase0;

test("the root is that of the SSZ list, at every length", () => {
  const type = new ListCompositeType(DepositData, 2 ** 32);
  const deposits: ReturnType<typeof DepositData.defaultValue>[] = [];
  const tree = new DepositTree();
  assert.deepEqual(tree.root(), type.hashTreeRoot(deposits));
  for (let i = 0; i < 70; i++) {
    const data = { ...DepositData.defaultValue(), amount: BigInt(i) };
    deposits.push(data);
    tree.push(DepositData.hashTreeRoot(data));
    assert.equal(tree.count, i + 1);
    assert.deepEqual(tree.root(), type.hashTreeRoot(deposits), `${i + 1} deposits`);
  }
});
