/**
 * Messages of the sync committee and the contributions made of them, for the few slots in which they count.
 * @see https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/altair/validator.md
 */
import { BitArray } from "@chainsafe/ssz";
import { toHex } from "../../base/bytes.ts";
import { aggregateSignatures } from "../../crypto/bls.ts";
import type { ChainSpec } from "../../spec/chain-spec.ts";
import { G2_POINT_AT_INFINITY, SYNC_COMMITTEE_SUBNET_COUNT } from "../../spec/constants.ts";
import type { SyncAggregate, SyncCommitteeContribution } from "../../spec/containers.ts";
import { processSyncCommitteeContributions } from "../../spec/validator.ts";
import { countBits } from "./attestation-pool.ts";

const SLOTS_KEPT = 8;
/** Roots voted for in one slot: head, its parent, and what attackers think of. */
const MAX_GROUPS_PER_SLOT = 64;

interface Group {
  readonly bits: BitArray;
  readonly signatures: Uint8Array[];
  best: SyncCommitteeContribution | undefined;
}

export class SyncCommitteePool {
  readonly #spec: ChainSpec;
  readonly #slots = new Map<number, Map<string, Group>>();

  constructor(spec: ChainSpec) {
    this.#spec = spec;
  }

  /** Estimated bytes held. */
  get bytes(): number {
    let bytes = 0;
    for (const groups of this.#slots.values()) {
      for (const group of groups.values()) bytes += 512 + group.signatures.length * 160;
    }
    return bytes;
  }

  /** Adds a checked message. @param position in the subcommittee */
  addMessage(slot: number, root: Uint8Array, subcommittee: number, position: number, signature: Uint8Array): void {
    const group = this.#open(slot, root, subcommittee);
    if (group === undefined || group.bits.get(position)) return;
    group.bits.set(position, true);
    group.signatures.push(signature);
  }

  /** Adds a checked contribution; the one with the most bits stays. */
  addContribution(contribution: SyncCommitteeContribution): void {
    const { slot, beaconBlockRoot, subcommitteeIndex, aggregationBits } = contribution;
    const group = this.#open(slot, beaconBlockRoot, subcommitteeIndex);
    if (group === undefined) return;
    if (group.best === undefined || countBits(group.best.aggregationBits) < countBits(aggregationBits)) {
      group.best = contribution;
    }
  }

  /** What the messages known make; undefined when there is none. */
  contribution(slot: number, root: Uint8Array, subcommittee: number): SyncCommitteeContribution | undefined {
    const group = this.#slots.get(slot)?.get(keyOf(root, subcommittee));
    if (group === undefined || group.signatures.length === 0) return undefined;
    if (group.signatures.length > 1) group.signatures.splice(0, Infinity, aggregateSignatures(group.signatures));
    const signature = group.signatures[0]!;
    return {
      slot,
      beaconBlockRoot: root,
      subcommitteeIndex: subcommittee,
      aggregationBits: group.bits.clone(),
      signature,
    };
  }

  /** The aggregate for a block whose parent is `root`, of `slot` - 1 as the committee saw it. */
  syncAggregate(slot: number, root: Uint8Array): SyncAggregate {
    const contributions: SyncCommitteeContribution[] = [];
    for (let subcommittee = 0; subcommittee < SYNC_COMMITTEE_SUBNET_COUNT; subcommittee++) {
      const best = this.#best(slot, root, subcommittee);
      if (best !== undefined) contributions.push(best);
    }
    if (contributions.length > 0) return processSyncCommitteeContributions(this.#spec, contributions);
    const syncCommitteeBits = BitArray.fromBitLen(this.#spec.preset.SYNC_COMMITTEE_SIZE);
    return { syncCommitteeBits, syncCommitteeSignature: G2_POINT_AT_INFINITY };
  }

  prune(beforeSlot: number): void {
    for (const slot of this.#slots.keys()) if (slot < beforeSlot) this.#slots.delete(slot);
  }

  #best(slot: number, root: Uint8Array, subcommittee: number): SyncCommitteeContribution | undefined {
    const received = this.#slots.get(slot)?.get(keyOf(root, subcommittee))?.best;
    const own = this.contribution(slot, root, subcommittee);
    if (received === undefined || own === undefined) return received ?? own;
    return countBits(own.aggregationBits) > countBits(received.aggregationBits) ? own : received;
  }

  #open(slot: number, root: Uint8Array, subcommittee: number): Group | undefined {
    const groups = this.#slots.get(slot) ?? new Map<string, Group>();
    const key = keyOf(root, subcommittee);
    const known = groups.get(key);
    if (known !== undefined) return known;
    if (groups.size >= MAX_GROUPS_PER_SLOT) return undefined;
    const bits = BitArray.fromBitLen(this.#spec.preset.SYNC_COMMITTEE_SIZE / SYNC_COMMITTEE_SUBNET_COUNT);
    const group = { bits, signatures: [], best: undefined };
    this.#slots.set(slot, groups.set(key, group));
    if (this.#slots.size > SLOTS_KEPT) this.#slots.delete(Math.min(...this.#slots.keys()));
    return group;
  }
}

function keyOf(root: Uint8Array, subcommittee: number): string {
  return `${toHex(root)}/${subcommittee}`;
}
