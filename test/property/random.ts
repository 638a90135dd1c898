/** A small seeded generator, so that a failing run can be repeated from its printed seed. */
export interface Random {
  /** An integer in [0, end). */
  below(end: number): number;
  bytes(length: number): Uint8Array;
  /** Mostly small, sometimes near 2^53 or 2^64. */
  uint64(): bigint;
}

export function seededRandom(seed: number): Random {
  let state = (seed ^ 0x9e3779b9) >>> 0 || 1;
  const next = () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
  const below = (end: number) => next() % end;
  return {
    below,
    bytes: (length) => Uint8Array.from({ length }, () => next() & 0xff),
    uint64() {
      const kind = below(8);
      if (kind === 0) return 2n ** 64n - 1n - BigInt(below(3));
      if (kind === 1) return 2n ** 53n - 2n + BigInt(below(4));
      if (kind === 2) return (BigInt(next()) << 32n) | BigInt(next());
      return BigInt(below(kind < 5 ? 100 : 64_000_000_000 % 2 ** 31));
    },
  };
}
