/**
 * Compares a fork-choice store with what a `checks` step expects.
 * https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/tests/formats/fast_confirmation/README.md
 */
import { toHex } from "../base/bytes.ts";
import { DecodeError } from "../base/errors.ts";
import type { Checkpoint } from "../spec/fork-choice/checkpoint-states.ts";
import { type FastConfirmationStore, getSafeExecutionBlockHash } from "../spec/fork-choice/fast-confirmation.ts";
import { getHead, getViableLeaves, getWeight } from "../spec/fork-choice/get-head.ts";
import { getProposerHead } from "../spec/fork-choice/proposer-head.ts";
import { getCurrentSlot, type Store } from "../spec/fork-choice/store.ts";

/** Expected values by the spec's names. */
export type StoreChecks = Readonly<Record<string, unknown>>;

type Reader = (store: Store) => unknown;

const STORE_READERS: Readonly<Record<string, Reader>> = {
  time: (store) => store.time,
  genesis_time: (store) => store.genesisTime,
  head: (store) => {
    const root = getHead(store);
    return { slot: store.array.slot[store.rowOf(root)], root: toHex(root) };
  },
  justified_checkpoint: (store) => checkpointJson(store.justifiedCheckpoint),
  finalized_checkpoint: (store) => checkpointJson(store.finalizedCheckpoint),
  proposer_boost_root: (store) => toHex(store.proposerBoostRoot),
  get_proposer_head: (store) => toHex(getProposerHead(store, getHead(store), getCurrentSlot(store))),
  viable_for_head_roots_and_weights: (store) =>
    sortedByRoot(getViableLeaves(store).map((root) => ({ root: toHex(root), weight: getWeight(store, root) }))),
};

const FCR_READERS: Readonly<Record<string, (fcrStore: FastConfirmationStore) => unknown>> = {
  previous_epoch_observed_justified_checkpoint: (fcr) => checkpointJson(fcr.previousEpochObservedJustifiedCheckpoint),
  current_epoch_observed_justified_checkpoint: (fcr) => checkpointJson(fcr.currentEpochObservedJustifiedCheckpoint),
  previous_epoch_greatest_unrealized_checkpoint: (fcr) => checkpointJson(fcr.previousEpochGreatestUnrealizedCheckpoint),
  previous_slot_head: (fcr) => toHex(fcr.previousSlotHead),
  current_slot_head: (fcr) => toHex(fcr.currentSlotHead),
  confirmed_root: (fcr) => toHex(fcr.confirmedRoot),
  safe_execution_block_hash: (fcr) => toHex(getSafeExecutionBlockHash(fcr)),
};

/**
 * Differences between the store and the expectation, one line each.
 * @param runConfirmation called first where the expectation speaks of the fast confirmation rule: such a check stands for
 * the slot's run of the rule, which has no step of its own
 */
export function checkStore(
  store: Store,
  fcrStore: FastConfirmationStore,
  checks: StoreChecks,
  runConfirmation: () => void,
): string[] {
  if (Object.keys(checks).some((name) => name in FCR_READERS)) runConfirmation();
  const problems: string[] = [];
  for (const [name, value] of Object.entries(checks)) {
    const read = STORE_READERS[name] ?? (FCR_READERS[name] && (() => FCR_READERS[name]!(fcrStore)));
    if (!read) throw new DecodeError(`unknown check ${name}`);
    const expected = canonical(
      name === "viable_for_head_roots_and_weights" ? sortedByRoot(value as RootEntry[]) : value,
    );
    const actual = canonical(read(store));
    if (actual !== expected) problems.push(`${name}: expected ${expected}, got ${actual}`);
  }
  return problems;
}

interface RootEntry {
  readonly root: string;
}

function sortedByRoot<T extends RootEntry>(entries: readonly T[]): T[] {
  return [...entries].sort((a, b) => (a.root < b.root ? -1 : 1));
}

function checkpointJson(checkpoint: Checkpoint): { epoch: number; root: string } {
  return { epoch: checkpoint.epoch, root: toHex(checkpoint.root) };
}

/** JSON with sorted keys, so that key order never matters, and with large integers as they are. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner) => {
    if (typeof inner === "bigint") return inner <= Number.MAX_SAFE_INTEGER ? Number(inner) : String(inner);
    if (inner === null || typeof inner !== "object" || Array.isArray(inner)) return inner;
    return Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}
