/** What a node's page shows, as plain JSON. Sizes are bytes, times milliseconds, fractions between 0 and 1. */

export interface CheckpointStatus {
  readonly epoch: number;
  readonly root: string;
}

/** A slot of the head's chain; without a root nobody's block came. */
export interface SlotStatus {
  readonly slot: number;
  readonly root?: string;
  readonly proposer?: number;
  /** From the start of the slot until the block was imported; absent for blocks of the past. */
  readonly delayMs?: number;
  readonly blobs?: number;
  readonly transactions?: number;
  readonly graffiti?: string;
  /** Votes and seats of the sync committee that the block brings. */
  readonly attestations?: number;
  readonly syncFraction?: number;
}

export interface PeerStatus {
  readonly id: string;
  readonly agent: string;
  readonly direction: string;
  readonly state: string;
  readonly address: string;
  readonly score: number;
  readonly headSlot?: number;
}

export interface ExecutionStatus {
  readonly url: string;
  readonly state: "synced" | "syncing" | "offline" | "auth-failed";
  readonly client?: string;
  readonly error?: string;
}

export interface SyncStatus {
  readonly state: "synced" | "finalized-range" | "head";
  readonly distance: number;
  readonly targetSlot: number;
  readonly slotsPerSecond: number;
  readonly secondsLeft?: number;
}

/** A share of the stake by votes for source, target and head. */
export interface ParticipationStatus {
  readonly epoch: number;
  readonly source: number;
  readonly target: number;
  readonly head: number;
}

export interface ValidatorStatus {
  readonly pubkey: string;
  readonly index?: number;
  readonly status: string;
  readonly balanceGwei: number;
  readonly lastAttestedSlot: number;
  readonly lastAttestationDelayMs: number;
  readonly lastMissedAttestationSlot: number;
  readonly lastProposedSlot: number;
  readonly lastMissedProposalSlot: number;
  readonly lastSyncMessageSlot: number;
  readonly lastError: string;
}

export interface ValidatorsStatus {
  readonly count: number;
  readonly active: number;
  readonly nextProposal?: { readonly slot: number; readonly validatorIndex: number };
  /** By kind and outcome, since the start. */
  readonly duties: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** The first of them, those with trouble before the others. */
  readonly list: readonly ValidatorStatus[];
}

export interface HolderStatus {
  readonly name: string;
  readonly bytes: number;
}

export interface NodeStatus {
  readonly version: string;
  readonly network: string;
  readonly fork: string;
  readonly nowMs: number;
  readonly startedMs: number;
  readonly genesisMs: number;
  readonly slotMs: number;
  readonly slotsPerEpoch: number;
  /** Negative before genesis. */
  readonly slot: number;
  readonly head: { readonly slot: number; readonly root: string; readonly isOptimistic: boolean };
  readonly justified: CheckpointStatus;
  readonly finalized: CheckpointStatus;
  readonly validatorCount: number;
  /** Of the epoch before the head's, from altair on. */
  readonly participation?: ParticipationStatus;
  readonly sync: SyncStatus;
  readonly peerCount: number;
  readonly peers: readonly PeerStatus[];
  readonly addresses: readonly string[];
  /** Empty on networks without execution clients. */
  readonly execution: readonly ExecutionStatus[];
  /** Newest first. */
  readonly slots: readonly SlotStatus[];
  readonly validators?: ValidatorsStatus;
  readonly memory: {
    readonly rssBytes: number;
    readonly limitBytes?: number;
    readonly holders: readonly HolderStatus[];
  };
  readonly disk: { readonly freeBytes: number; readonly holders: readonly HolderStatus[] };
}
