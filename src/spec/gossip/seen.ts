/**
 * What gossip has accepted already, so that a second message of the same kind is not forwarded again.
 * @see https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/fulu/p2p-interface.md
 */
import { BoundedMap, BoundedSet, IndexSet, WindowMap } from "../../base/bounded.ts";
import type { PartialDataColumnHeader } from "../containers.ts";

/** Validator indices are checked against the registry before they get here; this bounds the bitmaps all the same. */
const MAX_VALIDATORS = 2 ** 26;
/** The clock admits two epochs; before deneb 32 slots, which are more epochs in the minimal preset. */
const EPOCHS_KEPT = 8;
/** Messages of sync committees are valid in their own slot only. */
const SYNC_SLOTS_KEPT = 4;
/** Blocks and sidecars of older slots than that would be forwarded twice, in a long time without finality. */
const BLOCK_SLOTS_KEPT = 4096;

/** Bitfields seen under one key: only those that no other one contains. */
export class BitfieldCover {
  /** Valid disjoint aggregates of one committee are few, one per aggregator at most. */
  static readonly LIMIT = 64;
  #fields: Uint8Array[] = [];

  /** @spec is_non_strict_superset (phase0): whether some bitfield seen before has every bit of this one. */
  covers(bits: Uint8Array): boolean {
    return this.#fields.some((field) => containsBits(field, bits));
  }

  add(bits: Uint8Array): void {
    this.#fields = this.#fields.filter((field) => !containsBits(bits, field)).slice(1 - BitfieldCover.LIMIT);
    this.#fields.push(bits.slice());
  }
}

/**
 * @spec Seen (phase0 to fulu)
 * Each set forgets its lowest slot or epoch, or its oldest member, when it is full.
 */
export class Seen {
  /** By slot: proposers. */
  readonly proposerSlots = numbersBySlot(BLOCK_SLOTS_KEPT, 64);
  /** By target epoch: aggregators. */
  readonly aggregatorEpochs = indicesByEpoch();
  /** By target epoch: aggregation bits under `dataRoot:committeeIndex`. */
  readonly aggregateDataRoots = coversByWindow(EPOCHS_KEPT, 16384);
  readonly voluntaryExitIndices = new IndexSet(MAX_VALIDATORS);
  readonly proposerSlashingIndices = new IndexSet(MAX_VALIDATORS);
  readonly attesterSlashingIndices = new IndexSet(MAX_VALIDATORS);
  /** By target epoch: attesters. */
  readonly attestationValidatorEpochs = indicesByEpoch();
  /** By slot: {@link tupleKey} of aggregator and subcommittee. */
  readonly syncContributionAggregatorSlots = numbersBySlot(SYNC_SLOTS_KEPT, 16384);
  /** By slot: aggregation bits under `blockRoot:subcommitteeIndex`. */
  readonly syncContributionData = coversByWindow(SYNC_SLOTS_KEPT, 1024);
  /** By slot: {@link tupleKey} of validator and subnet. */
  readonly syncMessageValidatorSlots = numbersBySlot(SYNC_SLOTS_KEPT, 16384);
  readonly blsToExecutionChangeIndices = new IndexSet(MAX_VALIDATORS);
  /** By slot: {@link tupleKey} of proposer and blob index. */
  readonly blobSidecarTuples = numbersBySlot(BLOCK_SLOTS_KEPT, 1024);
  /** By slot: {@link tupleKey} of proposer and column index. */
  readonly dataColumnSidecarTuples = numbersBySlot(BLOCK_SLOTS_KEPT, 1024);
  /** By block root, in hexadecimal: validated headers of partial columns. */
  readonly partialDataColumnHeaders = new BoundedMap<string, PartialDataColumnHeader>({
    limit: 64,
    sizeOf: (header) => 512 + header.kzgCommitments.length * 112,
  });

  /** The last one forwarded; -1 before the first, so that genesis may be told as finalized. */
  lightClientFinalityUpdate: { readonly slot: number; readonly hasSupermajority: boolean } = {
    slot: -1,
    hasSupermajority: false,
  };
  /** Attested slot of the last optimistic update forwarded. */
  lightClientOptimisticSlot = -1;

  /** Forgets what finality makes unreachable. */
  prune(finalizedSlot: number): void {
    for (const bySlot of [this.proposerSlots, this.blobSidecarTuples, this.dataColumnSidecarTuples]) {
      bySlot.prune(finalizedSlot);
    }
  }

  /** Estimated bytes held by all sets. */
  get bytes(): number {
    let sum = 0;
    for (const part of Object.values(this)) sum += (part as { bytes?: number }).bytes ?? 0;
    return sum;
  }
}

/** An index below 256 and a validator index as one number. */
export function tupleKey(validatorIndex: number, index: number): number {
  return validatorIndex * 256 + index;
}

function numbersBySlot(slots: number, limit: number): WindowMap<BoundedSet<number>> {
  return new WindowMap({ limit: slots, create: () => new BoundedSet({ limit }) });
}

function indicesByEpoch(): WindowMap<IndexSet> {
  return new WindowMap({ limit: EPOCHS_KEPT, create: () => new IndexSet(MAX_VALIDATORS) });
}

function coversByWindow(windows: number, limit: number): WindowMap<BoundedMap<string, BitfieldCover>> {
  // 256: a key of 66 characters, an array and a typed array or two.
  return new WindowMap({ limit: windows, create: () => new BoundedMap({ limit, sizeOf: () => 256 }) });
}

function containsBits(superset: Uint8Array, subset: Uint8Array): boolean {
  for (let i = 0; i < subset.length; i++) if ((subset[i]! & ~(superset[i] ?? 0)) !== 0) return false;
  return true;
}
