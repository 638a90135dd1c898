/**
 * Attestations that blocks may still take: single votes aggregated as they come, and the aggregates of others.
 * @see https://github.com/ethereum/consensus-specs/blob/a08d8a6e2b45f0b8c0d379abc15583427c643689/specs/phase0/validator.md#attestation-aggregation
 */
import { BitArray } from "@chainsafe/ssz";
import { toHex } from "../../base/bytes.ts";
import { gauge } from "../../base/metrics.ts";
import { aggregateSignatures } from "../../crypto/bls.ts";
import type { AttestationData } from "../../spec/containers.ts";

/** Votes of one committee: bits are places in the committee. */
export interface CommitteeVotes {
  readonly bits: BitArray;
  readonly signature: Uint8Array;
}

/** Everything known of one vote (`data`) by one committee. */
export interface VoteGroup {
  readonly data: AttestationData;
  /** hash_tree_root of the data, in hexadecimal. */
  readonly dataKey: string;
  readonly committeeIndex: number;
  readonly committeeLength: number;
  /** Single votes, aggregated when somebody asks. */
  readonly singles: { readonly bits: BitArray; readonly signatures: Uint8Array[] };
  /** Aggregates of which none contains another. */
  aggregates: CommitteeVotes[];
}

/** What a vote is filed under. */
export interface VoteKey {
  readonly data: AttestationData;
  /** hash_tree_root of the data. */
  readonly dataRoot: Uint8Array;
  readonly committeeIndex: number;
  readonly committeeLength: number;
}

const MAX_GROUPS = 1 << 14;
const MAX_AGGREGATES = 16;
/** Singles are folded into one signature beyond this many. */
const FOLD_AT = 64;
const GROUP_BYTES = 512;
const SIGNATURE_BYTES = 96 + 64;

const groupsHeld = gauge("cresset_attestation_pool_groups", "Votes by committees that the attestation pool holds");

export class AttestationPool {
  readonly #slots = new Map<number, Map<string, VoteGroup>>();
  #size = 0;
  /** Votes left out because the pool was full. */
  shed = 0;

  get size(): number {
    return this.#size;
  }

  /** Estimated bytes held. */
  get bytes(): number {
    let bytes = 0;
    for (const group of this.groups()) {
      const signatures = group.singles.signatures.length + group.aggregates.length;
      bytes += GROUP_BYTES + signatures * (SIGNATURE_BYTES + group.committeeLength / 8);
    }
    return bytes;
  }

  /** Adds a vote whose signature was checked. @param position of the voter in the committee */
  addSingle(key: VoteKey, position: number, signature: Uint8Array): void {
    const group = this.#open(key);
    if (group === undefined || group.singles.bits.get(position)) return;
    group.singles.bits.set(position, true);
    group.singles.signatures.push(signature);
    if (group.singles.signatures.length >= FOLD_AT) fold(group);
  }

  /** Adds an aggregate whose signature was checked. */
  addAggregate(key: VoteKey, votes: CommitteeVotes): void {
    const group = this.#open(key);
    if (group === undefined || group.aggregates.some(({ bits }) => contains(bits, votes.bits))) return;
    group.aggregates = group.aggregates.filter(({ bits }) => !contains(votes.bits, bits));
    group.aggregates.push(votes);
    if (group.aggregates.length <= MAX_AGGREGATES) return;
    group.aggregates.sort((a, b) => countBits(b.bits) - countBits(a.bits)).pop();
  }

  /** The most votes of a committee for some data in one aggregate. */
  best(
    slot: number,
    dataRoot: Uint8Array,
    committeeIndex: number,
  ): (CommitteeVotes & { data: AttestationData }) | undefined {
    const group = this.#slots.get(slot)?.get(keyOf(dataRoot, committeeIndex));
    if (group === undefined) return undefined;
    const votes = bestVotes(group);
    return votes && { ...votes, data: group.data };
  }

  *groups(): Generator<VoteGroup> {
    for (const groups of this.#slots.values()) yield* groups.values();
  }

  /** Forgets votes of earlier slots. */
  prune(beforeSlot: number): void {
    for (const [slot, groups] of this.#slots) {
      if (slot >= beforeSlot) continue;
      this.#size -= groups.size;
      this.#slots.delete(slot);
    }
    groupsHeld.set(this.#size);
  }

  #open({ data, dataRoot, committeeIndex, committeeLength }: VoteKey): VoteGroup | undefined {
    const groups = this.#slots.get(data.slot) ?? new Map<string, VoteGroup>();
    const key = keyOf(dataRoot, committeeIndex);
    const known = groups.get(key);
    if (known !== undefined) return known.committeeLength === committeeLength ? known : undefined;
    if (this.#size >= MAX_GROUPS) {
      this.shed++;
      return undefined;
    }
    const singles = { bits: BitArray.fromBitLen(committeeLength), signatures: [] };
    const group = { data, dataKey: toHex(dataRoot), committeeIndex, committeeLength, singles, aggregates: [] };
    this.#slots.set(data.slot, groups.set(key, group));
    groupsHeld.set(++this.#size);
    return group;
  }
}

/** Votes of a committee with the signatures that make up theirs. */
export interface UnsignedVotes {
  readonly bits: BitArray;
  readonly signatures: readonly Uint8Array[];
}

/** The disjoint parts with the most votes that a greedy choice finds; undefined when there is none. */
export function bestParts({ singles, aggregates }: VoteGroup): UnsignedVotes | undefined {
  const parts: UnsignedVotes[] = aggregates.map(({ bits, signature }) => ({ bits, signatures: [signature] }));
  if (singles.signatures.length > 0) parts.push(singles);
  parts.sort((a, b) => countBits(b.bits) - countBits(a.bits));
  const [first, ...rest] = parts;
  if (first === undefined) return undefined;
  const bits = first.bits.clone();
  const signatures = [...first.signatures];
  for (const part of rest) {
    if (!isDisjoint(bits, part.bits)) continue;
    for (let i = 0; i < bits.uint8Array.length; i++) bits.uint8Array[i]! |= part.bits.uint8Array[i]!;
    signatures.push(...part.signatures);
  }
  return { bits, signatures };
}

/** As `bestParts`, with one signature: some 0.1 ms for each that goes into it. */
export function bestVotes(group: VoteGroup): CommitteeVotes | undefined {
  fold(group);
  const best = bestParts(group);
  if (best === undefined) return undefined;
  const { bits, signatures } = best;
  return { bits, signature: signatures.length === 1 ? signatures[0]! : aggregateSignatures(signatures) };
}

function fold({ singles }: VoteGroup): void {
  if (singles.signatures.length > 1) singles.signatures.splice(0, Infinity, aggregateSignatures(singles.signatures));
}

function keyOf(dataRoot: Uint8Array, committeeIndex: number): string {
  return `${toHex(dataRoot)}/${committeeIndex}`;
}

export function countBits(bits: BitArray): number {
  let count = 0;
  for (const byte of bits.uint8Array) for (let rest = byte; rest !== 0; rest &= rest - 1) count++;
  return count;
}

function contains(superset: BitArray, subset: BitArray): boolean {
  return subset.uint8Array.every((byte, i) => (byte & ~superset.uint8Array[i]!) === 0);
}

function isDisjoint(a: BitArray, b: BitArray): boolean {
  return a.uint8Array.every((byte, i) => (byte & b.uint8Array[i]!) === 0);
}
