/** A growable set of item indices as bits: which records changed since their roots were computed. */
export class ItemSet {
  #bits: Uint32Array;
  #size = 0;

  constructor(bits = new Uint32Array(0), size = 0) {
    this.#bits = bits;
    this.#size = size;
  }

  get size(): number {
    return this.#size;
  }

  clone(): ItemSet {
    return this.#size === 0 ? new ItemSet() : new ItemSet(this.#bits.slice(), this.#size);
  }

  add(index: number): void {
    const word = index >>> 5;
    if (word >= this.#bits.length) this.#grow(word + 1);
    const bit = 1 << (index & 31);
    if ((this.#bits[word]! & bit) === 0) {
      this.#bits[word]! |= bit;
      this.#size++;
    }
  }

  addRange(from: number, to: number): void {
    for (let i = from; i < to; i++) this.add(i);
  }

  has(index: number): boolean {
    const word = index >>> 5;
    return word < this.#bits.length && (this.#bits[word]! & (1 << (index & 31))) !== 0;
  }

  clear(): void {
    this.#bits = new Uint32Array(0);
    this.#size = 0;
  }

  /** The members below `end`, ascending. */
  toIndices(end: number): Uint32Array {
    const out = new Uint32Array(this.#size);
    let at = 0;
    for (let word = 0; word < this.#bits.length; word++) {
      let bits = this.#bits[word]!;
      while (bits !== 0) {
        const low = 31 - Math.clz32(bits & -bits);
        const index = word * 32 + low;
        if (index < end) out[at++] = index;
        bits &= bits - 1;
      }
    }
    return out.subarray(0, at);
  }

  #grow(words: number): void {
    const bits = new Uint32Array(Math.max(words, this.#bits.length * 2, 8));
    bits.set(this.#bits);
    this.#bits = bits;
  }
}
