/**
 * Exits, slashings and credential changes that wait for a block.
 * @see https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/phase0/validator.md#block-proposal
 */
import { BoundedMap } from "../../base/bounded.ts";
import { InvalidBlock } from "../../base/errors.ts";
import { processAttesterSlashing } from "../../spec/block/attester-slashing.ts";
import { processBlsToExecutionChange } from "../../spec/block/bls-to-execution-change.ts";
import { processProposerSlashing } from "../../spec/block/proposer-slashing.ts";
import { processVoluntaryExit } from "../../spec/block/voluntary-exit.ts";
import type {
  AttesterSlashing,
  BeaconBlockBody,
  ProposerSlashing,
  SignedBLSToExecutionChange,
  SignedVoluntaryExit,
} from "../../spec/containers.ts";
import { Fork } from "../../spec/fork.ts";
import { trustingVerifier } from "../../spec/signature-sets.ts";
import type { BeaconState } from "../../spec/state.ts";

export type Operations = Pick<
  BeaconBlockBody,
  "proposerSlashings" | "attesterSlashings" | "voluntaryExits" | "blsToExecutionChanges"
>;

/** A validator makes one of each kind, and a block takes at most 16. */
const LIMIT = 4096;
const SLASHING_LIMIT = 256;

export class OperationPool {
  readonly exits = new BoundedMap<number, SignedVoluntaryExit>({ limit: LIMIT, sizeOf: () => 256 });
  readonly changes = new BoundedMap<number, SignedBLSToExecutionChange>({ limit: LIMIT, sizeOf: () => 384 });
  /** By proposer. */
  readonly proposerSlashings = new BoundedMap<number, ProposerSlashing>({ limit: SLASHING_LIMIT, sizeOf: () => 2048 });
  /** By the first of the validators it slashes. */
  readonly attesterSlashings = new BoundedMap<number, AttesterSlashing>({
    limit: SLASHING_LIMIT,
    sizeOf: ({ attestation1, attestation2 }) =>
      2048 + (attestation1.attestingIndices.length + attestation2.attestingIndices.length) * 8,
  });

  get bytes(): number {
    const { exits, changes, proposerSlashings, attesterSlashings } = this;
    return exits.bytes + changes.bytes + proposerSlashings.bytes + attesterSlashings.bytes;
  }

  /**
   * What a block on top of this state can carry.
   * @param state advanced to the block's slot; not changed
   */
  pack(state: BeaconState): Operations {
    const { preset } = state.spec;
    const isElectra = state.fork >= Fork.electra;
    const slashingLimit = isElectra ? preset.MAX_ATTESTER_SLASHINGS_ELECTRA : preset.MAX_ATTESTER_SLASHINGS;
    const trial = state.clone();
    try {
      // In the order in which a block processes them: each is tried on what those before it leave.
      return {
        proposerSlashings: take(trial, this.proposerSlashings, preset.MAX_PROPOSER_SLASHINGS, processProposerSlashing),
        attesterSlashings: take(trial, this.attesterSlashings, slashingLimit, processAttesterSlashing),
        voluntaryExits: take(trial, this.exits, preset.MAX_VOLUNTARY_EXITS, processVoluntaryExit),
        blsToExecutionChanges:
          state.fork >= Fork.capella
            ? take(trial, this.changes, preset.MAX_BLS_TO_EXECUTION_CHANGES, processBlsToExecutionChange)
            : [],
      };
    } finally {
      trial.drop();
    }
  }

  /** Forgets what a finalized state has no use for any more. */
  prune(finalized: BeaconState): void {
    for (const index of [...this.exits.keys()]) {
      if (finalized.validators.exitEpoch.get(index) !== Number.POSITIVE_INFINITY) this.exits.delete(index);
    }
    for (const index of [...this.proposerSlashings.keys()]) {
      if (finalized.validators.slashed.get(index) === 1) this.proposerSlashings.delete(index);
    }
    for (const index of [...this.changes.keys()]) {
      if (finalized.validators.withdrawalCredentials.get(index)[0] !== 0) this.changes.delete(index);
    }
  }
}

function take<T>(
  trial: BeaconState,
  pool: BoundedMap<number, T>,
  limit: number,
  process: (state: BeaconState, operation: T, verifier: typeof trustingVerifier) => void,
): T[] {
  const taken: T[] = [];
  for (const operation of pool.values()) {
    if (taken.length >= limit) break;
    try {
      process(trial, operation, trustingVerifier);
      taken.push(operation);
    } catch (error) {
      if (!(error instanceof InvalidBlock)) throw error;
    }
  }
  return taken;
}
