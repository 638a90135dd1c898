/** Everything that waits for a block. */
import type { ChainSpec } from "../../spec/chain-spec.ts";
import { AttestationPool } from "./attestation-pool.ts";
import { OperationPool } from "./operation-pool.ts";
import { SyncCommitteePool } from "./sync-committee-pool.ts";

export class Pools {
  readonly attestations: AttestationPool = new AttestationPool();
  readonly operations: OperationPool = new OperationPool();
  readonly syncCommittee: SyncCommitteePool;
  readonly #slotsPerEpoch: number;

  constructor(spec: ChainSpec) {
    this.syncCommittee = new SyncCommitteePool(spec);
    this.#slotsPerEpoch = spec.preset.SLOTS_PER_EPOCH;
  }

  /** Estimated bytes held. */
  get bytes(): number {
    return this.attestations.bytes + this.operations.bytes + this.syncCommittee.bytes;
  }

  /** Forgets what no block of this slot or later can take. */
  onSlot(slot: number): void {
    this.attestations.prune((Math.floor(slot / this.#slotsPerEpoch) - 1) * this.#slotsPerEpoch);
    this.syncCommittee.prune(slot - 3);
  }
}
