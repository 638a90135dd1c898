/** What a chain is put together from. */
import type { SlotClock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import type { Database } from "../db/database.ts";
import type { ChainSpec } from "../spec/chain-spec.ts";
import type { StateOptions } from "../spec/state.ts";
import type { Anchor } from "./anchor.ts";
import type { ExecutionEngine } from "./engine/port.ts";

export interface ChainOptions {
  /** Columns that the node keeps, ascending. */
  readonly custodyColumns: readonly number[];
  /** Post-states of blocks kept in memory. */
  readonly maxStates?: number;
  /** Epochs between two whole finalized states on disk. */
  readonly snapshotEpochs?: number;
  /** How long a block of the present waits for its data. */
  readonly availabilityTimeoutMs?: number;
  /** Native threads for signatures and roots. */
  readonly threads?: number;
}

export interface ChainParts {
  readonly spec: ChainSpec;
  readonly database: Database;
  readonly slotClock: SlotClock;
  readonly log: Logger;
  /** Absent for a network without execution clients. */
  readonly engine?: ExecutionEngine;
  /** Where to begin when the database is new. */
  readonly anchor?: Anchor;
  /** Where the states of this node live. */
  readonly stateOptions: StateOptions;
  readonly options: ChainOptions;
}
