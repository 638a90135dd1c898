/** Draws the block tree of a fork-choice store: as indented text, as a Graphviz graph, or as plain values for JSON. */
import { bytesEqual, toHex } from "../base/bytes.ts";
import { getHead, getWeights } from "../spec/fork-choice/get-head.ts";
import { ExecutionStatus } from "../spec/fork-choice/proto-array.ts";
import { getCurrentSlot, getUnrealizedJustification, type Store } from "../spec/fork-choice/store.ts";

/** A block as the debug endpoints of the beacon API show it, and a little more. */
export interface TreeNode {
  readonly root: string;
  /** Null for the oldest block kept. */
  readonly parent_root: string | null;
  readonly slot: number;
  /** Gwei, as decimal digits. */
  readonly weight: string;
  readonly is_viable: boolean;
  readonly is_timely: boolean;
  readonly execution_status: string;
  readonly execution_block_hash: string;
  readonly justified_epoch: number;
  readonly unrealized_justified_epoch: number;
  readonly finalized_epoch: number;
  readonly unrealized_finalized_epoch: number;
  /** What the store says of this block: head, justified, finalized, boosted. */
  readonly marks: readonly string[];
}

const STATUS_NAMES: readonly string[] = ["irrelevant", "valid", "optimistic", "invalid"];
const STATUS_COLORS: readonly string[] = ["white", "white", "lightyellow", "mistyrose"];

/** Every block, parents before children. */
export function treeNodes(store: Store): TreeNode[] {
  const { array } = store;
  const head = getHead(store);
  const weights = getWeights(store);
  return Array.from({ length: array.length }, (_, row) => {
    const root = array.rootAt(row);
    const parent = array.parent[row]!;
    return {
      root: toHex(root),
      parent_root: parent < 0 ? null : toHex(array.rootAt(parent)),
      slot: array.slot[row]!,
      weight: String(weights[row]),
      is_viable: array.viable[row] === 1,
      is_timely: array.timely[row] === 1,
      execution_status: STATUS_NAMES[array.executionStatus[row]!]!,
      execution_block_hash: toHex(array.executionBlockHashes.subarray(row * 32, row * 32 + 32)),
      justified_epoch: array.justifiedEpoch[row]!,
      unrealized_justified_epoch: getUnrealizedJustification(store, row).epoch,
      finalized_epoch: array.finalizedEpoch[row]!,
      unrealized_finalized_epoch: array.unrealizedFinalizedEpoch[row]!,
      marks: marksOf(store, root, head),
    };
  });
}

/** The tree with the store's clock and checkpoints. */
export function treeJson(store: Store): Record<string, unknown> {
  return {
    time: store.time,
    slot: getCurrentSlot(store),
    head: toHex(getHead(store)),
    justified_checkpoint: checkpointJson(store.justifiedCheckpoint),
    finalized_checkpoint: checkpointJson(store.finalizedCheckpoint),
    unrealized_justified_checkpoint: checkpointJson(store.unrealizedJustifiedCheckpoint),
    unrealized_finalized_checkpoint: checkpointJson(store.unrealizedFinalizedCheckpoint),
    proposer_boost_root: toHex(store.proposerBoostRoot),
    nodes: treeNodes(store),
  };
}

/** One line a block; a fork indents its branches, a straight chain does not. */
export function treeText(store: Store): string {
  const nodes = treeNodes(store);
  const children = Map.groupBy(nodes, (node) => node.parent_root);
  const lines: string[] = [];
  // A stack instead of recursion: chains without finality get long.
  const stack = (children.get(null) ?? []).map((node) => ({ node, depth: 0 })).reverse();
  while (stack.length > 0) {
    const { node, depth } = stack.pop()!;
    lines.push(`${"  ".repeat(depth)}${lineOf(node, store)}`);
    const below = children.get(node.root) ?? [];
    for (const child of below.toReversed()) stack.push({ node: child, depth: below.length > 1 ? depth + 1 : depth });
  }
  return lines.join("\n");
}

/** A Graphviz digraph, newest blocks on the right. */
export function treeDot(store: Store, name: string): string {
  const lines = [
    `digraph ${JSON.stringify(name)} {`,
    "  rankdir=LR;",
    '  node [shape=box, style=filled, fontname="monospace"];',
  ];
  for (const node of treeNodes(store)) {
    const label = [`slot ${node.slot}`, shortRoot(node.root), `${inEther(node.weight)} ETH`, ...node.marks].join("\\n");
    const isHead = node.marks.includes("head");
    const border = isHead ? ", penwidth=3" : node.is_viable ? "" : ", color=gray, fontcolor=gray";
    const fill = STATUS_COLORS[STATUS_NAMES.indexOf(node.execution_status)]!;
    lines.push(`  "${node.root}" [label="${label}", fillcolor=${fill}${border}];`);
    if (node.parent_root !== null) lines.push(`  "${node.parent_root}" -> "${node.root}";`);
  }
  return [...lines, "}"].join("\n");
}

function marksOf(store: Store, root: Uint8Array, head: Uint8Array): string[] {
  const marks: [string, Uint8Array][] = [
    ["head", head],
    ["justified", store.justifiedCheckpoint.root],
    ["finalized", store.finalizedCheckpoint.root],
    ["boosted", store.proposerBoostRoot],
  ];
  return marks.filter(([, marked]) => bytesEqual(marked, root)).map(([name]) => name);
}

function lineOf(node: TreeNode, store: Store): string {
  const status = STATUS_NAMES.indexOf(node.execution_status);
  const remarks = [
    ...node.marks,
    ...(node.is_viable ? [] : ["not viable"]),
    ...(status > ExecutionStatus.valid ? [node.execution_status] : []),
    ...(node.slot === getCurrentSlot(store) && !node.is_timely ? ["late"] : []),
  ];
  const tail = remarks.length > 0 ? `  [${remarks.join(", ")}]` : "";
  return `${String(node.slot).padStart(6)} ${shortRoot(node.root)} ${inEther(node.weight)} ETH${tail}`;
}

function shortRoot(root: string): string {
  return `${root.slice(0, 10)}..${root.slice(-4)}`;
}

/** Gwei digits as ether, without loss and without trailing zeros. */
function inEther(gwei: string): string {
  const digits = gwei.padStart(10, "0");
  const fraction = digits.slice(-9).replace(/0+$/, "");
  return fraction === "" ? digits.slice(0, -9) : `${digits.slice(0, -9)}.${fraction}`;
}

function checkpointJson(checkpoint: { epoch: number; root: Uint8Array }): { epoch: number; root: string } {
  return { epoch: checkpoint.epoch, root: toHex(checkpoint.root) };
}
