/*
 * SHA-256 of one message a lane, for any vector width. The including file defines V (a vector of LANES 32-bit words),
 * LANES, LANES_INLINE (attributes of its functions) and the operations v_add, v_set, v_shr, v_ror, v_xor3, v_choose
 * (bits of g where e is 0, of f where it is 1), v_majority, load_lanes (16 big-endian words of each lane's block,
 * transposed) and store_lanes (the inverse, for 8 words).
 */

LANES_INLINE V lanes_big0(V a) { return v_xor3(v_ror(a, 2), v_ror(a, 13), v_ror(a, 22)); }
LANES_INLINE V lanes_big1(V e) { return v_xor3(v_ror(e, 6), v_ror(e, 11), v_ror(e, 25)); }
LANES_INLINE V lanes_small0(V x) { return v_xor3(v_ror(x, 7), v_ror(x, 18), v_shr(x, 3)); }
LANES_INLINE V lanes_small1(V x) { return v_xor3(v_ror(x, 17), v_ror(x, 19), v_shr(x, 10)); }

/* s[(7 - i) & 7] plays h in round i: names rotate, values stay. */
LANES_INLINE void lanes_round(V s[8], const int i, V kw) {
#define S_(letter) s[((letter) - i) & 7]
  V t = v_add(v_add(S_(7), kw), v_add(lanes_big1(S_(4)), v_choose(S_(4), S_(5), S_(6))));
  S_(3) = v_add(S_(3), t);
  S_(7) = v_add(t, v_add(lanes_big0(S_(0)), v_majority(S_(0), S_(1), S_(2))));
#undef S_
}

LANES_INLINE void lanes_digest(uint8_t *out, const uint8_t *in, const int padded) {
  V w[16], s[8], first[8];
  load_lanes(w, in);
  for (int i = 0; i < 8; i++) s[i] = v_set(sha256_initial[i]);
#pragma GCC unroll 16
  for (int i = 0; i < 16; i++) lanes_round(s, i, v_add(w[i], v_set(sha256_constants[i])));
  for (int round = 16; round < 64; round += 16) {
#pragma GCC unroll 16
    for (int i = 0; i < 16; i++) {
      V grown = v_add(lanes_small1(w[(i + 14) & 15]), w[(i + 9) & 15]);
      w[i] = v_add(v_add(w[i], lanes_small0(w[(i + 1) & 15])), grown);
      lanes_round(s, i, v_add(w[i], v_set(sha256_constants[round + i])));
    }
  }
#pragma GCC unroll 8
  for (int i = 0; i < 8; i++) first[i] = s[i] = v_add(s[i], v_set(sha256_initial[i]));
  if (padded) {
    for (int round = 0; round < 64; round += 16) {
#pragma GCC unroll 16
      for (int i = 0; i < 16; i++) lanes_round(s, i, v_set(sha256_padding_schedule[round + i]));
    }
#pragma GCC unroll 8
    for (int i = 0; i < 8; i++) s[i] = v_add(s[i], first[i]);
  }
  store_lanes(out, s);
}

/* Runs at most LANES messages through full lanes; the spare ones hash whatever the copy holds. */
LANES_INLINE void lanes_digest_some(uint8_t *out, const uint8_t *in, size_t n, const int padded) {
  uint8_t blocks[LANES * 64], digests[LANES * 32];
  memset(blocks, 0, sizeof blocks);
  memcpy(blocks, in, 64 * n);
  lanes_digest(digests, blocks, padded);
  memcpy(out, digests, 32 * n);
}
