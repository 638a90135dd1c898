/** A fork-choice store without states: blocks by letter, validators with one balance each. */
import { ZERO_BYTES32 } from "../../src/base/bytes.ts";
import { createChainSpec } from "../../src/spec/chain-spec.ts";
import { MINIMAL_CONFIG } from "../../src/spec/config.ts";
import { BalanceSource } from "../../src/spec/fork-choice/balance-source.ts";
import { type BlockRecord, ExecutionStatus, ProtoArray } from "../../src/spec/fork-choice/proto-array.ts";
import { Store } from "../../src/spec/fork-choice/store.ts";

export const SPEC = createChainSpec(MINIMAL_CONFIG);
export const SLOT_MS = SPEC.config.SLOT_DURATION_MS;
export const INCREMENT_GWEI = 1_000_000_000;
export const GENESIS_TIME = 1000;

/** The root that stands for a letter: its code in every byte. */
export function rootOf(letter: string): Uint8Array {
  return new Uint8Array(32).fill(letter.charCodeAt(0));
}

export function recordOf(letter: string, parent: string, slot: number, values: Partial<BlockRecord> = {}): BlockRecord {
  const root = rootOf(letter);
  return {
    ...{ root, parentRoot: parent === "" ? ZERO_BYTES32 : rootOf(parent), stateRoot: ZERO_BYTES32, slot },
    ...{ proposerIndex: slot, executionBlockHash: ZERO_BYTES32, executionStatus: ExecutionStatus.irrelevant },
    ...{ isTimely: true, justifiedEpoch: 0, finalizedEpoch: 0, unrealizedFinalizedEpoch: 0 },
    unrealizedJustified: { epoch: 0, root: rootOf("a") },
    ...values,
  };
}

/** Active, unslashed validators with these effective balances in increments. */
export function balancesOf(increments: number[]): BalanceSource {
  return new BalanceSource({
    effective: Uint16Array.from(increments),
    status: new Uint8Array(increments.length).fill(1),
    incrementGwei: INCREMENT_GWEI,
  });
}

/** A store whose genesis block is "a", justified and finalized. */
export function storeOf(increments: number[] = Array(16).fill(32), anchor: Partial<BlockRecord> = {}): Store {
  const array = new ProtoArray();
  array.append(recordOf("a", "", 0, anchor));
  const balances = balancesOf(increments);
  return new Store({
    ...{ spec: SPEC, genesisTime: GENESIS_TIME, timeMs: GENESIS_TIME * 1000, array },
    anchor: { epoch: 0, root: rootOf("a") },
    blockStates: { get: () => undefined },
    checkpoints: {
      balancesAt: () => balances,
      stateAt: () => {
        throw new Error("this store has no states");
      },
    },
  });
}

export function addTo(store: Store, letter: string, parent: string, slot: number, values?: Partial<BlockRecord>): void {
  store.array.append(recordOf(letter, parent, slot, values));
  store.headRow = -1;
}

/** Votes without checks. */
export function voteFor(store: Store, letter: string, indices: number[], epoch = 1): void {
  const balances = store.countedBalances;
  store.messages.update(indices, epoch, store.rowOf(rootOf(letter)), balances, balances && store.array.votes);
  store.headRow = -1;
}

export function setSlot(store: Store, slot: number, intoSlotMs = 0): void {
  store.timeMs = GENESIS_TIME * 1000 + slot * SLOT_MS + intoSlotMs;
  store.headRow = -1;
}

/** The letter of a root. */
export function letterOf(root: Uint8Array): string {
  return String.fromCharCode(root[0]!);
}
