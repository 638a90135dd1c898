/**
 * The proto-array against a get_head that follows the spec word by word, on random trees, votes and checkpoints.
 * A failure prints its seed; FORK_CHOICE_SEED=n repeats that run alone, FORK_CHOICE_RUNS=n makes it longer.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { toHex, ZERO_BYTES32 } from "../../src/base/bytes.ts";
import { createChainSpec } from "../../src/spec/chain-spec.ts";
import { MINIMAL_CONFIG } from "../../src/spec/config.ts";
import { BalanceSource } from "../../src/spec/fork-choice/balance-source.ts";
import { getHead, getViableLeaves, getWeight } from "../../src/spec/fork-choice/get-head.ts";
import { onInvalidPayload } from "../../src/spec/fork-choice/optimistic.ts";
import { ExecutionStatus, ProtoArray } from "../../src/spec/fork-choice/proto-array.ts";
import { prune } from "../../src/spec/fork-choice/prune.ts";
import { Store } from "../../src/spec/fork-choice/store.ts";
import { seededRandom } from "./random.ts";

const INCREMENT = 1_000_000_000;
const VALIDATORS = 40;
const SPEC = createChainSpec(MINIMAL_CONFIG);
const { SLOTS_PER_EPOCH } = SPEC.preset;
const SLOT_MS = SPEC.config.SLOT_DURATION_MS;

interface ModelBlock {
  root: string;
  parent: string;
  slot: number;
  justifiedEpoch: number;
  unrealizedJustifiedEpoch: number;
}

/** Balances of one checkpoint state, once for the model and once for the store. */
interface Balances {
  gwei: bigint[];
  active: boolean[];
  slashed: boolean[];
  source: BalanceSource;
}

/** The spec's Store and functions, with objects and recursion. */
class Model {
  readonly blocks = new Map<string, ModelBlock>();
  readonly messages = new Map<number, { epoch: number; root: string }>();
  readonly equivocating = new Set<number>();
  justified = { epoch: 0, root: "" };
  finalized = { epoch: 0, root: "" };
  boost = toHex(ZERO_BYTES32);
  slot = 0;
  balances!: Balances;

  epoch(slot: number): number {
    return Math.floor(slot / SLOTS_PER_EPOCH);
  }

  ancestor(root: string, slot: number): string {
    const block = this.blocks.get(root)!;
    return block.slot > slot && this.blocks.has(block.parent) ? this.ancestor(block.parent, slot) : root;
  }

  isAncestor(root: string, ancestor: string): boolean {
    return this.ancestor(root, this.blocks.get(ancestor)!.slot) === ancestor;
  }

  weight(root: string): bigint {
    const { gwei, active, slashed } = this.balances;
    let sum = 0n;
    for (const [index, message] of this.messages) {
      if (!active[index] || slashed[index] || this.equivocating.has(index)) continue;
      if (this.blocks.has(message.root) && this.isAncestor(message.root, root)) sum += gwei[index]!;
    }
    if (this.blocks.has(this.boost) && this.isAncestor(this.boost, root)) {
      const total = gwei.reduce((total, balance, index) => (active[index] ? total + balance : total), 0n);
      const atLeast = total > BigInt(INCREMENT) ? total : BigInt(INCREMENT);
      sum += ((atLeast / BigInt(SLOTS_PER_EPOCH)) * BigInt(SPEC.config.PROPOSER_SCORE_BOOST)) / 100n;
    }
    return sum;
  }

  filter(root: string, viable: Set<string>): boolean {
    const children = [...this.blocks.values()].filter((block) => block.parent === root);
    if (children.length > 0) {
      const results = children.map((child) => this.filter(child.root, viable));
      if (results.some(Boolean)) viable.add(root);
      return results.some(Boolean);
    }
    const block = this.blocks.get(root)!;
    const epoch = this.epoch(this.slot);
    const source = epoch > this.epoch(block.slot) ? block.unrealizedJustifiedEpoch : block.justifiedEpoch;
    const isJustifiedOk = this.justified.epoch === 0 || source === this.justified.epoch || source + 2 >= epoch;
    const checkpointBlock = this.ancestor(root, this.finalized.epoch * SLOTS_PER_EPOCH);
    const isFinalizedOk = this.finalized.epoch === 0 || this.finalized.root === checkpointBlock;
    if (isJustifiedOk && isFinalizedOk) viable.add(root);
    return isJustifiedOk && isFinalizedOk;
  }

  viable(): Set<string> {
    const viable = new Set<string>();
    this.filter(this.justified.root, viable);
    return viable;
  }

  head(viable: Set<string>): string {
    let head = this.justified.root;
    while (true) {
      const children = [...viable].filter((root) => this.blocks.get(root)!.parent === head);
      if (children.length === 0) return head;
      head = children.reduce((best, child) => {
        const difference = this.weight(child) - this.weight(best);
        return difference > 0n || (difference === 0n && child > best) ? child : best;
      });
    }
  }
}

function randomBalances(random: (below: number) => number): Balances {
  // Few distinct balances make ties, odd totals make a boost with a rest.
  const increments = Array.from({ length: VALIDATORS }, () => 1 + random(3));
  const active = increments.map(() => random(8) > 0);
  const slashed = increments.map(() => random(8) === 0);
  const status = Uint8Array.from(increments, (_, i) => (active[i] ? 1 : 0) | (slashed[i] ? 2 : 0));
  const effective = Uint16Array.from(increments);
  return {
    ...{ gwei: increments.map((count) => BigInt(count * INCREMENT)), active, slashed },
    source: new BalanceSource({ effective, status, incrementGwei: INCREMENT }),
  };
}

/** A store and a model that get the same random operations. */
class Run {
  readonly #random: (below: number) => number;
  readonly #model = new Model();
  readonly #store: Store;
  #nextRoot = 1;

  constructor(seed: number) {
    this.#random = seededRandom(seed).below;
    this.#model.balances = randomBalances(this.#random);
    const array = new ProtoArray();
    const root = this.#newRoot();
    const anchor = { epoch: 0, root };
    array.append(this.#record(root, ZERO_BYTES32, 0, 0, 0));
    const blockStates = { get: () => undefined };
    const checkpoints = {
      balancesAt: () => this.#model.balances.source,
      stateAt: () => {
        throw new Error("no states here");
      },
    };
    this.#store = new Store({ spec: SPEC, genesisTime: 0, timeMs: 0, anchor, array, blockStates, checkpoints });
    const block = { root: toHex(root), parent: toHex(ZERO_BYTES32), slot: 0 };
    this.#model.blocks.set(block.root, { ...block, justifiedEpoch: 0, unrealizedJustifiedEpoch: 0 });
    this.#model.justified = this.#model.finalized = { epoch: 0, root: block.root };
  }

  step(): string {
    const operations = [
      ...[this.#addBlock, this.#addBlock, this.#addBlock, this.#vote, this.#vote, this.#vote, this.#tick],
      ...[this.#boost, this.#equivocate, this.#justify, this.#finalize, this.#invalidate, this.#prune],
    ];
    return operations[this.#random(operations.length)]!.call(this);
  }

  check(): void {
    const model = this.#model;
    const viable = model.viable();
    assert.equal(toHex(getHead(this.#store)), model.head(viable), "head");
    const leaves = [...viable].filter((root) => ![...viable].some((other) => model.blocks.get(other)!.parent === root));
    assert.deepEqual(getViableLeaves(this.#store).map(toHex).sort(), leaves.sort(), "viable leaves");
    const rows = Array.from({ length: this.#store.array.length }, (_, row) => this.#store.array.rootAt(row));
    for (const root of rows) {
      if (model.blocks.has(toHex(root)))
        assert.equal(getWeight(this.#store, root), model.weight(toHex(root)), "weight");
    }
  }

  #newRoot(): Uint8Array {
    const root = new Uint8Array(32);
    root[0] = this.#random(4);
    root.set([this.#nextRoot >> 8, this.#nextRoot & 255], 30);
    this.#nextRoot++;
    return root;
  }

  #record(root: Uint8Array, parentRoot: Uint8Array, slot: number, justifiedEpoch: number, unrealizedEpoch: number) {
    return {
      ...{ root, parentRoot, slot, justifiedEpoch, stateRoot: ZERO_BYTES32, proposerIndex: 0 },
      ...{ executionBlockHash: root, executionStatus: ExecutionStatus.notValidated, isTimely: true },
      ...{ finalizedEpoch: 0, unrealizedFinalizedEpoch: 0 },
      unrealizedJustified: { epoch: unrealizedEpoch, root: ZERO_BYTES32 },
    };
  }

  /** A block that both sides still have. */
  #anyBlock(): Uint8Array {
    const { array } = this.#store;
    const rows = Array.from({ length: array.length }, (_, row) => row);
    const alive = rows.filter((row) => array.executionStatus[row] !== ExecutionStatus.invalidated);
    // Late blocks more often, or the trees stay flat.
    const from = this.#random(2) === 0 ? 0 : Math.max(0, alive.length - 3);
    return array.rootAt(alive[from + this.#random(alive.length - from)]!);
  }

  #addBlock(): string {
    const parentRoot = this.#anyBlock();
    const slot = this.#model.blocks.get(toHex(parentRoot))!.slot + 1 + this.#random(this.#random(4) === 0 ? 12 : 2);
    const epoch = this.#model.epoch(slot);
    const justifiedEpoch = Math.max(0, epoch - this.#random(5));
    const unrealizedEpoch = justifiedEpoch + this.#random(2);
    const root = this.#newRoot();
    this.#store.array.append(this.#record(root, parentRoot, slot, justifiedEpoch, unrealizedEpoch));
    this.#store.headRow = -1;
    const block = { root: toHex(root), parent: toHex(parentRoot), slot };
    this.#model.blocks.set(block.root, { ...block, justifiedEpoch, unrealizedJustifiedEpoch: unrealizedEpoch });
    return `block ${block.root} on ${block.parent} at ${slot}`;
  }

  #vote(): string {
    const store = this.#store;
    const root = this.#anyBlock();
    const epoch = this.#random(6);
    const indices = Array.from({ length: 1 + this.#random(12) }, () => this.#random(VALIDATORS + 3));
    const balances = store.countedBalances;
    const votes = balances && store.array.votes;
    if (store.messages.update(indices, epoch, store.rowOf(root), balances, votes)) store.headRow = -1;
    for (const index of indices) {
      if (this.#model.equivocating.has(index) || epoch <= (this.#model.messages.get(index)?.epoch ?? -1)) continue;
      this.#model.messages.set(index, { epoch, root: toHex(root) });
    }
    return `votes of ${indices} in ${epoch} for ${toHex(root)}`;
  }

  #equivocate(): string {
    const index = this.#random(VALIDATORS);
    const balances = this.#store.countedBalances;
    this.#store.messages.setEquivocating(index, balances, balances && this.#store.array.votes);
    this.#store.headRow = -1;
    this.#model.equivocating.add(index);
    return `${index} equivocates`;
  }

  #tick(): string {
    this.#model.slot += this.#random(6);
    this.#store.timeMs = this.#model.slot * SLOT_MS;
    this.#store.headRow = -1;
    return `slot ${this.#model.slot}`;
  }

  #boost(): string {
    const root = this.#random(4) === 0 ? ZERO_BYTES32 : this.#anyBlock();
    this.#store.proposerBoostRoot = root;
    this.#store.headRow = -1;
    this.#model.boost = toHex(root);
    return `boost ${toHex(root)}`;
  }

  #justify(): string {
    const root = this.#anyBlock();
    const epoch = this.#random(4) === 0 ? 0 : this.#model.epoch(this.#model.slot) - this.#random(3);
    this.#model.balances = randomBalances(this.#random);
    this.#model.justified = { epoch: Math.max(0, epoch), root: toHex(root) };
    this.#store.setJustified({ epoch: Math.max(0, epoch), root });
    this.#store.unrealizedJustifiedCheckpoint = this.#store.justifiedCheckpoint;
    return `justified ${toHex(root)} in ${epoch}`;
  }

  #finalize(): string {
    const row = this.#store.rowOf(this.#random(2) === 0 ? this.#store.justifiedCheckpoint.root : this.#anyBlock());
    const epoch = Math.max(0, Math.ceil(this.#store.array.slot[row]! / SLOTS_PER_EPOCH) + this.#random(3) - 1);
    this.#store.finalizedCheckpoint = { epoch, root: this.#store.array.rootAt(row) };
    this.#store.headRow = -1;
    this.#model.finalized = { epoch, root: toHex(this.#store.array.rootAt(row)) };
    return `finalized ${this.#model.finalized.root} in ${epoch}`;
  }

  #invalidate(): string {
    const root = this.#anyBlock();
    const { array, justifiedCheckpoint, finalizedCheckpoint } = this.#store;
    const row = this.#store.rowOf(root);
    const holds = [justifiedCheckpoint.root, finalizedCheckpoint.root].some((used) =>
      array.isAncestor(this.#store.rowOf(used), row),
    );
    if (holds) return "nothing";
    const { invalidated } = onInvalidPayload(this.#store, { root, parentRoot: ZERO_BYTES32 }, undefined);
    for (const bad of invalidated) this.#model.blocks.delete(toHex(bad));
    return `invalid ${invalidated.map(toHex)}`;
  }

  #prune(): string {
    return `pruned ${prune(this.#store).length}`;
  }
}

const only = process.env.FORK_CHOICE_SEED;
const runs = Number(process.env.FORK_CHOICE_RUNS ?? 300);
const seeds = only === undefined ? Array.from({ length: runs }, (_, i) => 1000 + i) : [Number(only)];

test(`get_head equals the spec's on ${seeds.length} random trees`, () => {
  for (const seed of seeds) {
    const log: string[] = [];
    try {
      const run = new Run(seed);
      for (let k = 0; k < 80; k++) {
        log.push(run.step());
        run.check();
      }
    } catch (error) {
      throw new Error(`seed ${seed}, after ${log.join("; ")}`, { cause: error });
    }
  }
});
