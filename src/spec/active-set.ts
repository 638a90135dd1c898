/** Words of the bitmap that one entry of the rank table covers. */
const BLOCK_WORDS = 16;
const BLOCK_BITS = 32 * BLOCK_WORDS;

/**
 * The validators active in some epoch, ascending: `get_active_validator_indices` in an eighth of a byte each.
 *
 * Immutable. `select(k)` stands for `indices[k]` where only a few of the indices are wanted.
 */
export class ActiveSet {
  readonly count: number;
  readonly #bits: Uint32Array;
  /** Active validators before each block of the bitmap. */
  readonly #ranks: Uint32Array;

  /** @param bits bit i of word i/32 is validator i; taken over, not copied */
  constructor(bits: Uint32Array) {
    this.#bits = bits;
    this.#ranks = new Uint32Array(Math.ceil(bits.length / BLOCK_WORDS));
    let count = 0;
    for (let w = 0; w < bits.length; w++) {
      if (w % BLOCK_WORDS === 0) this.#ranks[w / BLOCK_WORDS] = count;
      count += popCount(bits[w]!);
    }
    this.count = count;
  }

  get sizeBytes(): number {
    return this.#bits.byteLength + this.#ranks.byteLength;
  }

  has(index: number): boolean {
    return ((this.#bits[index >>> 5] ?? 0) & (1 << (index & 31))) !== 0;
  }

  /** Bits of validators 32w .. 32w + 31. */
  word(w: number): number {
    return this.#bits[w] ?? 0;
  }

  /** The k-th active validator, k < count. */
  select(k: number): number {
    if (!(k >= 0 && k < this.count)) throw new RangeError(`position ${k} is outside ${this.count} active validators`);
    const ranks = this.#ranks;
    let low = 0;
    let high = ranks.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (ranks[middle]! <= k) low = middle;
      else high = middle - 1;
    }
    let left = k - ranks[low]!;
    let w = low * BLOCK_WORDS;
    for (let n = popCount(this.#bits[w]!); left >= n; n = popCount(this.#bits[w]!)) {
      left -= n;
      w++;
    }
    let word = this.#bits[w]!;
    while (left-- > 0) word &= word - 1;
    return w * 32 + (31 - Math.clz32(word & -word));
  }

  toIndices(): Uint32Array {
    const out = new Uint32Array(this.count);
    const bits = this.#bits;
    let at = 0;
    for (let w = 0; w < bits.length; w++) {
      const first = w * 32;
      let word = bits[w]!;
      if (word === 0xffffffff) {
        for (let i = 0; i < 32; i++) out[at++] = first + i;
        continue;
      }
      while (word !== 0) {
        out[at++] = first + (31 - Math.clz32(word & -word));
        word &= word - 1;
      }
    }
    return out;
  }

  /** True when the same validators are active; registries may differ in length. */
  equals(other: ActiveSet): boolean {
    if (this.count !== other.count) return false;
    const shared = Math.min(this.#bits.length, other.#bits.length);
    // Of equal counts, equal beginnings leave nothing for the rest.
    for (let w = 0; w < shared; w++) if (this.#bits[w] !== other.#bits[w]) return false;
    return true;
  }
}

/** Bits that the constructor of ActiveSet wants for this many validators, in whole blocks. */
export function activeSetWords(validators: number): number {
  return Math.ceil(validators / BLOCK_BITS) * BLOCK_WORDS;
}

function popCount(word: number): number {
  let n = word - ((word >>> 1) & 0x55555555);
  n = (n & 0x33333333) + ((n >>> 2) & 0x33333333);
  return Math.imul((n + (n >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
