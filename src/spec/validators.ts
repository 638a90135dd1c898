import type { Arena } from "../columns/arena.ts";
import { BytesColumn } from "../columns/bytes-column.ts";
import type { ByteSource } from "../columns/column.ts";
import { ItemSet } from "../columns/item-set.ts";
import { makeWritable } from "../columns/record-column.ts";
import { U8Column } from "../columns/u8-column.ts";
import { U64Column } from "../columns/u64-column.ts";
import type { KeyTable } from "../crypto/key-table.ts";
import { gatherValidators, hashValidators, scatterValidators } from "../crypto/sha256.ts";
import { type KeyRef, PublicKeys } from "./public-keys.ts";

/** Bytes of a Validator in SSZ. */
export const VALIDATOR_BYTES = 121;
const KEY_BYTES = 48;
const STRETCH = 8192;
const SLASHED_OFFSET = 88;

export interface NewValidator {
  pubkey: Uint8Array;
  withdrawalCredentials: Uint8Array;
  effectiveBalance: number;
  slashed: boolean;
  activationEligibilityEpoch: number;
  activationEpoch: number;
  exitEpoch: number;
  withdrawableEpoch: number;
}

/**
 * The validator registry, one column a field.
 *
 * A column of record roots stands beside the fields, so that a change of one validator costs its 8 hashes and a
 * path to the top, however many others share its pages.
 */
export class Validators {
  readonly keys: PublicKeys;
  readonly withdrawalCredentials: BytesColumn;
  readonly effectiveBalance: U64Column;
  readonly slashed: U8Column;
  readonly activationEligibilityEpoch: U64Column;
  readonly activationEpoch: U64Column;
  readonly exitEpoch: U64Column;
  readonly withdrawableEpoch: U64Column;
  readonly roots: BytesColumn;
  readonly #changes: ItemSet;

  constructor(arena: Arena, limit: number, table: KeyTable, from?: Validators) {
    const shape = { limit, isVector: false };
    this.keys = from?.keys.clone() ?? new PublicKeys(arena, limit, table);
    this.withdrawalCredentials = from?.withdrawalCredentials.clone() ?? new BytesColumn(arena, 32, shape);
    this.effectiveBalance = from?.effectiveBalance.clone() ?? new U64Column(arena, shape);
    this.slashed = from?.slashed.clone() ?? new U8Column(arena, shape);
    this.activationEligibilityEpoch = from?.activationEligibilityEpoch.clone() ?? new U64Column(arena, shape);
    this.activationEpoch = from?.activationEpoch.clone() ?? new U64Column(arena, shape);
    this.exitEpoch = from?.exitEpoch.clone() ?? new U64Column(arena, shape);
    this.withdrawableEpoch = from?.withdrawableEpoch.clone() ?? new U64Column(arena, shape);
    this.roots = from?.roots.clone() ?? new BytesColumn(arena, 32, shape);
    this.#changes = from === undefined ? new ItemSet() : from.#changes.clone();
    for (const column of this.#columns()) column.changes = this.#changes;
  }

  clone(): Validators {
    return new Validators(this.roots.arena, this.roots.limit, this.keys.table, this);
  }

  drop(): void {
    this.keys.drop();
    this.roots.drop();
    for (const column of this.#columns()) column.drop();
  }

  get length(): number {
    return this.exitEpoch.length;
  }

  get limit(): number {
    return this.roots.limit;
  }

  getPubkey(index: number): Uint8Array {
    return this.keys.get(index);
  }

  /** Index of the validator with this public key, or -1. */
  indexOf(pubkey: Uint8Array): number {
    return this.keys.indexOf(pubkey);
  }

  keyRef(indices: ArrayLike<number>): KeyRef {
    return this.keys.keyRef(indices);
  }

  push(validator: NewValidator): void {
    this.keys.push(validator.pubkey);
    this.withdrawalCredentials.push(validator.withdrawalCredentials);
    this.effectiveBalance.push(validator.effectiveBalance);
    this.slashed.push(validator.slashed ? 1 : 0);
    this.activationEligibilityEpoch.push(validator.activationEligibilityEpoch);
    this.activationEpoch.push(validator.activationEpoch);
    this.exitEpoch.push(validator.exitEpoch);
    this.withdrawableEpoch.push(validator.withdrawableEpoch);
  }

  get(index: number): NewValidator {
    return {
      pubkey: this.getPubkey(index),
      withdrawalCredentials: this.withdrawalCredentials.get(index),
      effectiveBalance: this.effectiveBalance.get(index),
      slashed: this.slashed.get(index) === 1,
      activationEligibilityEpoch: this.activationEligibilityEpoch.get(index),
      activationEpoch: this.activationEpoch.get(index),
      exitEpoch: this.exitEpoch.get(index),
      withdrawableEpoch: this.withdrawableEpoch.get(index),
    };
  }

  /** One record in SSZ, exact over the whole uint64 range. */
  recordBytes(index: number): Uint8Array {
    const out = new Uint8Array(VALIDATOR_BYTES);
    const { table, base, tail } = this.keys;
    const tables = this.#tables();
    gatherValidators(this.roots.arena, tables, table.compressed(), base, tail.pages.table, index, 1, out, 0);
    return out;
  }

  hashTreeRoot(threads = 1): Uint8Array {
    this.hashRecords(threads);
    return this.roots.hashTreeRoot(threads);
  }

  /** Brings the column of record roots up to date. */
  hashRecords(threads: number): void {
    const length = this.length;
    if (this.roots.length !== length) this.roots.resize(length);
    if (this.#changes.size === 0) return;
    const indices = this.#changes.toIndices(length);
    makeWritable(this.roots, indices);
    const { table, base, tail } = this.keys;
    hashValidators(
      this.roots.arena,
      this.#tables(),
      table.compressed(),
      base,
      tail.pages.table,
      this.roots.pages.table,
      indices,
      0,
      indices.length,
      indices.length > 4096 ? threads : 1,
    );
    this.#changes.clear();
    for (const column of this.#columns()) column.pages.clearDirty();
  }

  /** Replaces the registry by SSZ records; the caller has checked bounds, divisibility and limit. */
  load(source: ByteSource, offset: number, byteLength: number): void {
    const count = byteLength / VALIDATOR_BYTES;
    this.keys.drop();
    for (const column of this.#columns()) {
      column.resize(0);
      column.resize(count);
    }
    for (let first = 0; first < count; first += STRETCH) {
      const n = Math.min(STRETCH, count - first);
      const bytes = source.read(offset + first * VALIDATOR_BYTES, n * VALIDATOR_BYTES);
      for (const column of this.#columns()) {
        const last = Math.floor((first + n - 1) / column.storedPerPage);
        for (let p = Math.floor(first / column.storedPerPage); p <= last; p++) column.pages.writable(p);
      }
      const keys = new Uint8Array(n * KEY_BYTES);
      scatterValidators(this.roots.arena, this.#tables(), bytes, 0, first, n, keys);
      this.keys.pushAll(keys);
      this.#shareEqualPages(first, first + n);
    }
    this.#changes.addRange(0, count);
  }

  /** Hands the SSZ records to `sink`, a stretch a step; the bytes are valid during the call only. */
  *storeSteps(sink: (bytes: Uint8Array) => void): Generator<void> {
    const out = new Uint8Array(Math.min(STRETCH, this.length) * VALIDATOR_BYTES);
    const { table, base, tail } = this.keys;
    for (let first = 0; first < this.length; first += STRETCH) {
      const n = Math.min(STRETCH, this.length - first);
      const tables = this.#tables();
      gatherValidators(this.roots.arena, tables, table.compressed(), base, tail.pages.table, first, n, out, 0);
      sink(out.subarray(0, n * VALIDATOR_BYTES));
      yield;
    }
  }

  /** Every column with its name, for memory accounting. */
  parts(): [string, BytesColumn | U64Column | U8Column][] {
    return [
      ["withdrawalCredentials", this.withdrawalCredentials],
      ["effectiveBalance", this.effectiveBalance],
      ["slashed", this.slashed],
      ["activationEligibilityEpoch", this.activationEligibilityEpoch],
      ["activationEpoch", this.activationEpoch],
      ["exitEpoch", this.exitEpoch],
      ["withdrawableEpoch", this.withdrawableEpoch],
      ["roots", this.roots],
      ["pubkeyTail", this.keys.tail],
    ];
  }

  #columns(): [BytesColumn, U64Column, U8Column, U64Column, U64Column, U64Column, U64Column] {
    return [
      this.withdrawalCredentials,
      this.effectiveBalance,
      this.slashed,
      this.activationEligibilityEpoch,
      this.activationEpoch,
      this.exitEpoch,
      this.withdrawableEpoch,
    ];
  }

  #tables(): Uint32Array[] {
    return this.#columns().map((column) => column.pages.table);
  }

  /** Pages that a load has filled for good and that are zero or equal their neighbour (far-future epochs) are stored once. */
  #shareEqualPages(from: number, to: number): void {
    for (const column of this.#columns()) {
      const end = Math.floor(to / column.storedPerPage);
      for (let p = Math.floor(from / column.storedPerPage); p < end; p++) column.shareIfEqual(p);
    }
  }
}

/** Index within `records` of the first Validator whose `slashed` byte is neither 0 nor 1, or -1. */
export function findBadSlashedByte(records: Uint8Array): number {
  for (let at = SLASHED_OFFSET, i = 0; at < records.length; at += VALIDATOR_BYTES, i++) if (records[at]! > 1) return i;
  return -1;
}
