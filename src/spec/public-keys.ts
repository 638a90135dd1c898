import { bytesEqual } from "../base/bytes.ts";
import type { Arena } from "../columns/arena.ts";
import { BytesColumn } from "../columns/bytes-column.ts";
import type { KeyTable } from "../crypto/key-table.ts";

const KEY_BYTES = 48;

/** Where a signature check finds public keys: indices into a shared table, and keys that are not in it. */
export interface KeyRef {
  table: KeyTable;
  indices: ArrayLike<number>;
  extraKeys?: Uint8Array[];
}

/**
 * The public keys of a state's registry.
 *
 * Keys are append-only and nearly always the same in every state, so the first `base` of them are entries of one
 * shared table. A branch that appended other keys than the table's keeps its own in `tail` pages.
 */
export class PublicKeys {
  readonly table: KeyTable;
  readonly tail: BytesColumn;
  /** Keys 0 .. base-1 are the table's. */
  base: number;

  constructor(arena: Arena, limit: number, table: KeyTable, from?: PublicKeys) {
    this.table = table;
    this.base = from?.base ?? 0;
    this.tail = from?.tail.clone() ?? new BytesColumn(arena, KEY_BYTES, { limit, isVector: false });
  }

  clone(): PublicKeys {
    return new PublicKeys(this.tail.arena, this.tail.limit, this.table, this);
  }

  drop(): void {
    this.tail.drop();
    this.base = 0;
  }

  get length(): number {
    return this.base + this.tail.length;
  }

  get(index: number): Uint8Array {
    return index < this.base ? this.table.get(index) : this.tail.get(index - this.base);
  }

  /** Index of a key in this registry, or -1. */
  indexOf(key: Uint8Array): number {
    const index = this.table.indexOf(key);
    if (index >= 0 && index < this.base) return index;
    for (let i = 0; i < this.tail.length; i++) {
      if (this.tail.firstByte(i) === key[0] && bytesEqual(this.tail.get(i), key)) return this.base + i;
    }
    return -1;
  }

  push(key: Uint8Array): void {
    if (this.tail.length === 0 && this.#adopt(key)) this.base++;
    else this.tail.push(key);
  }

  /** Appends many keys (n * 48 bytes) that follow those already here. */
  pushAll(keys: Uint8Array): void {
    let done = 0;
    const count = keys.length / KEY_BYTES;
    if (this.tail.length === 0) {
      done = this.table.countMatching(this.base, keys);
      if (done < count && this.table.length === this.base + done) {
        this.table.append(keys.subarray(done * KEY_BYTES));
        done = count;
      }
      this.base += done;
    }
    for (let i = done; i < count; i++) this.tail.push(keys.subarray(i * KEY_BYTES, (i + 1) * KEY_BYTES));
  }

  keyRef(indices: ArrayLike<number>): KeyRef {
    if (this.tail.length === 0) return { table: this.table, indices };
    const inTable: number[] = [];
    const extraKeys: Uint8Array[] = [];
    for (let k = 0; k < indices.length; k++) {
      const index = indices[k]!;
      if (index < this.base) inTable.push(index);
      else extraKeys.push(this.get(index));
    }
    return { table: this.table, indices: inTable, extraKeys };
  }

  /** Takes the table's next key when it is this one, or appends it there when this registry ends where the table does. */
  #adopt(key: Uint8Array): boolean {
    if (this.table.countMatching(this.base, key) === 1) return true;
    if (this.table.length !== this.base) return false;
    this.table.append(key);
    return true;
  }
}
