/** The rows of the report with their goals, which hold for a million validators. */

export interface Row {
  readonly id: string;
  readonly title: string;
  readonly unit: "ms" | "MiB" | "ns" | "us";
  /** At most this. */
  readonly goal?: number;
  /** At least so many times faster than the other side in the same run. */
  readonly minRatio?: number;
  /** At most this times the other side's figure. */
  readonly maxShare?: number;
  /** Time on the CPU says nothing of it. */
  readonly isThreaded?: boolean;
  /** The other side's row, where it has no such choice. */
  readonly against?: string;
}

export const GOAL_VALIDATORS = 1_000_000;

export const STATE_ROWS: readonly Row[] = [
  { id: "memory_loaded", title: "memory: one state and its caches, anonymous", unit: "MiB", goal: 150 },
  { id: "memory_mapped", title: "memory: the key table, mapped", unit: "MiB" },
  { id: "memory_boundary", title: "memory: each further epoch boundary", unit: "MiB", goal: 30 },
  { id: "memory_block_1", title: "memory: a block's state, 1 whole-slot attestation", unit: "MiB", goal: 1 },
  { id: "memory_block_8", title: "memory: a block's state, 8 whole-slot attestations", unit: "MiB" },
  { id: "load", title: "SSZ bytes to a state with its root, 1 core", unit: "ms", goal: 700 },
  {
    id: "load_2",
    title: "SSZ bytes to a state with its root, 2 cores",
    unit: "ms",
    goal: 450,
    against: "load",
    isThreaded: true,
  },
  { id: "epoch", title: "epoch transition, 99 % participation", unit: "ms", goal: 45, minRatio: 10 },
  { id: "epoch_root", title: "state root after it", unit: "ms", goal: 20 },
  { id: "exiting", title: "epoch transition and root, 10 % exiting", unit: "ms", goal: 130 },
  { id: "slashed", title: "epoch transition and root, 10 % slashed", unit: "ms", goal: 130 },
  { id: "leaking", title: "epoch transition and root, 10 % leaking", unit: "ms", goal: 130 },
  { id: "keys_open", title: "key table opened from disk", unit: "ms", goal: 50, against: "keys_build" },
  { id: "keys_build", title: "key table built, 2 cores", unit: "ms", goal: 30_000, isThreaded: true },
  { id: "block_1", title: "block with 1 whole-slot attestation", unit: "ms" },
  { id: "block_8", title: "block with 8 whole-slot attestations", unit: "ms", goal: 12 },
  { id: "shuffle", title: "committee shuffling of one epoch", unit: "ms", goal: 60 },
];

/** What does not depend on the number of validators. */
export const PRIMITIVE_ROWS: readonly Row[] = [
  { id: "hash", title: "hash of 64 bytes in bulk", unit: "ns", goal: 38 },
  { id: "signature_batch", title: "signature sets in a batch, per set", unit: "us", maxShare: 1.03 },
  { id: "signature_same", title: "signature sets with one message, per set", unit: "us", maxShare: 1.03 },
];

/** Rows whose cost must grow linearly with the validators. */
export const SLOPE_ROWS: readonly string[] = ["load", "epoch", "epoch_root"];
