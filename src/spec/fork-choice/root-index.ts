/**
 * Finds a block's row by its root: open addressing over typed arrays, no JS object a block.
 */
import { randomBytes } from "node:crypto";

const EMPTY = -1;

/**
 * Maps the 32-byte roots of a table's rows to row numbers.
 * The roots stay in the table; only row numbers are kept here. Rows are only added, or all replaced by `rebuild`.
 */
export class RootIndex {
  #slots: Int32Array = new Int32Array(64).fill(EMPTY);
  #count = 0;
  /** Unknown to peers, so that nobody can grind roots that share a slot. */
  readonly #seed: number = randomBytes(4).readUInt32LE() | 1;

  /** The row whose root equals `root`, or -1. */
  find(roots: Uint8Array, root: Uint8Array): number {
    if (root.length !== 32) return EMPTY;
    const mask = this.#slots.length - 1;
    for (let at = this.#hash(root, 0) & mask; ; at = (at + 1) & mask) {
      const row = this.#slots[at]!;
      if (row === EMPTY || compareRoots(roots, row * 32, root, 0) === 0) return row;
    }
  }

  /** Adds a row whose root is not in the index yet. */
  add(roots: Uint8Array, row: number): void {
    if ((this.#count + 1) * 2 > this.#slots.length) this.rebuild(roots, this.#count, this.#slots.length * 2);
    this.#place(roots, row);
    this.#count++;
  }

  /** Forgets everything and indexes the rows `0 .. count - 1`. */
  rebuild(roots: Uint8Array, count: number, slots: number = this.#slots.length): void {
    this.#slots = new Int32Array(slots).fill(EMPTY);
    this.#count = count;
    for (let row = 0; row < count; row++) this.#place(roots, row);
  }

  get sizeBytes(): number {
    return this.#slots.byteLength;
  }

  #place(roots: Uint8Array, row: number): void {
    const mask = this.#slots.length - 1;
    let at = this.#hash(roots, row * 32) & mask;
    while (this.#slots[at] !== EMPTY) at = (at + 1) & mask;
    this.#slots[at] = row;
  }

  #hash(bytes: Uint8Array, at: number): number {
    let hash = this.#seed;
    for (let i = 0; i < 16; i++) hash = Math.imul(hash ^ bytes[at + i]!, 0x01000193);
    return (hash ^ (hash >>> 15)) >>> 0;
  }
}

/** Orders two 32-byte roots lying in larger arrays as the spec orders `Root` values: byte by byte, first byte first. */
export function compareRoots(a: Uint8Array, atA: number, b: Uint8Array, atB: number): number {
  for (let i = 0; i < 32; i++) {
    const difference = a[atA + i]! - b[atB + i]!;
    if (difference !== 0) return difference;
  }
  return 0;
}
