import assert from "node:assert/strict";
import { test } from "node:test";
import { treeDot, treeJson, treeNodes, treeText } from "../../src/cli/forkchoice-tree.ts";
import { getWeight } from "../../src/spec/fork-choice/get-head.ts";
import { ExecutionStatus } from "../../src/spec/fork-choice/proto-array.ts";
import type { Store } from "../../src/spec/fork-choice/store.ts";
import { addTo, rootOf, setSlot, storeOf, voteFor } from "./fork-choice-builder.ts";

/** a - b, on b: c (late, optimistic) and d - e; f (invalid) on e. */
function store(): Store {
  const store = storeOf();
  const optimistic = {
    executionBlockHash: rootOf("C"),
    executionStatus: ExecutionStatus.notValidated,
    isTimely: false,
  };
  addTo(store, "b", "a", 1);
  addTo(store, "c", "b", 4, optimistic);
  addTo(store, "d", "b", 2);
  addTo(store, "e", "d", 3);
  addTo(store, "f", "e", 4, { executionStatus: ExecutionStatus.invalidated });
  voteFor(store, "e", [0, 1]);
  setSlot(store, 4);
  store.proposerBoostRoot = rootOf("e");
  return store;
}

test("text indents branches, not chains, and says what matters of each block", () => {
  assert.deepEqual(treeText(store()).split("\n"), [
    "     0 0x61616161..6161 89.6 ETH  [justified, finalized]",
    "     1 0x62626262..6262 89.6 ETH",
    "       4 0x63636363..6363 0 ETH  [optimistic, late]",
    "       2 0x64646464..6464 89.6 ETH",
    "       3 0x65656565..6565 89.6 ETH  [head, boosted]",
    "       4 0x66666666..6666 0 ETH  [not viable, invalid]",
  ]);
});

test("DOT names every block and every edge", () => {
  const dot = treeDot(store(), 'a "name"');
  assert.ok(dot.startsWith('digraph "a \\"name\\"" {') && dot.endsWith("}"));
  assert.equal(dot.split("\n").filter((line) => line.includes(" -> ")).length, 5);
  assert.equal(dot.split("\n").filter((line) => line.includes("[label=")).length, 6);
  assert.match(dot, /"0x(65)+" \[label="slot 3\\n0x65656565..6565\\n89.6 ETH\\nhead\\nboosted".*penwidth=3\];/);
});

test("JSON has weights in exact Gwei and survives a round trip", () => {
  const tree = store();
  const json = JSON.parse(JSON.stringify(treeJson(tree)));
  assert.equal(json.slot, 4);
  assert.equal(json.nodes.length, 6);
  assert.deepEqual(json.nodes, treeNodes(tree));
  for (const node of treeNodes(tree)) {
    const root = Buffer.from(node.root.slice(2), "hex");
    assert.equal(node.weight, String(getWeight(tree, root)));
  }
  assert.equal(json.nodes[0].parent_root, null);
});
