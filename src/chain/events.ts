/** What happens on the chain, for those who watch it: named as the beacon API names its events, in values of the spec. */
import type {
  Attestation,
  AttesterSlashing,
  DataColumnSidecar,
  Phase0Attestation,
  ProposerSlashing,
  SignedBLSToExecutionChange,
  SignedContributionAndProof,
  SignedVoluntaryExit,
  SingleAttestation,
} from "../spec/containers.ts";
import type { Fork } from "../spec/fork.ts";

export interface HeadChange {
  readonly slot: number;
  readonly root: Uint8Array;
  readonly stateRoot: Uint8Array;
  readonly isEpochTransition: boolean;
  /** Block on which the duties of the head's epoch depend, and those of the epoch after it. */
  readonly currentEpochDependentRoot: Uint8Array;
  readonly nextEpochDependentRoot: Uint8Array;
  readonly isOptimistic: boolean;
}

export interface ChainEventMap {
  head: HeadChange;
  block: { readonly slot: number; readonly root: Uint8Array; readonly isOptimistic: boolean };
  block_gossip: { readonly slot: number; readonly root: Uint8Array };
  attestation: { readonly fork: Fork; readonly attestation: Attestation | Phase0Attestation };
  single_attestation: { readonly attestation: SingleAttestation };
  voluntary_exit: SignedVoluntaryExit;
  bls_to_execution_change: SignedBLSToExecutionChange;
  proposer_slashing: ProposerSlashing;
  attester_slashing: AttesterSlashing;
  contribution_and_proof: SignedContributionAndProof;
  finalized_checkpoint: {
    readonly epoch: number;
    readonly root: Uint8Array;
    readonly stateRoot: Uint8Array;
    readonly isOptimistic: boolean;
  };
  chain_reorg: {
    readonly slot: number;
    readonly depth: number;
    readonly oldHead: Uint8Array;
    readonly newHead: Uint8Array;
    readonly oldState: Uint8Array;
    readonly newState: Uint8Array;
    readonly isOptimistic: boolean;
  };
  data_column_sidecar: { readonly root: Uint8Array; readonly slot: number; readonly sidecar: DataColumnSidecar };
}

export type ChainEventName = keyof ChainEventMap;

type Listener<K extends ChainEventName> = (event: ChainEventMap[K]) => void;

/** Listeners are called at once, in the order they came; one that throws is a bug and does not stop the others. */
export class ChainEvents {
  readonly #listeners = new Map<ChainEventName, Set<Listener<never>>>();
  readonly #onError: (error: unknown) => void;

  constructor(onError: (error: unknown) => void = () => {}) {
    this.#onError = onError;
  }

  /** @returns ends it */
  on<K extends ChainEventName>(name: K, listener: Listener<K>): () => void {
    const listeners = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, listeners);
    listeners.add(listener);
    return () => void listeners.delete(listener);
  }

  /** Whether anybody listens, so that costly events need not be made. */
  has(name: ChainEventName): boolean {
    return (this.#listeners.get(name)?.size ?? 0) > 0;
  }

  emit<K extends ChainEventName>(name: K, event: ChainEventMap[K]): void {
    for (const listener of this.#listeners.get(name) ?? []) {
      try {
        (listener as Listener<K>)(event);
      } catch (error) {
        this.#onError(error);
      }
    }
  }
}
