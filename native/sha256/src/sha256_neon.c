/* SHA-256 of four messages at once, and the shuffle's swap, by plain NEON: for cores without the crypto extension. */
#if defined(__aarch64__)
#include <arm_neon.h>
#include <string.h>

#include "sha256.h"

#define LANES 4
#define LANES_INLINE static inline __attribute__((always_inline))
typedef uint32x4_t V;

LANES_INLINE V v_add(V a, V b) { return vaddq_u32(a, b); }
LANES_INLINE V v_set(uint32_t x) { return vdupq_n_u32(x); }
/* Macros: the counts must be immediates, also when nothing is inlined. Shift-and-insert makes a rotation of two
 * instructions. */
#define v_shr(x, n) vshrq_n_u32(x, n)
#define v_ror(x, n) vsriq_n_u32(vshlq_n_u32(x, 32 - (n)), x, n)
LANES_INLINE V v_xor3(V a, V b, V c) { return veorq_u32(veorq_u32(a, b), c); }
LANES_INLINE V v_choose(V e, V f, V g) { return vbslq_u32(e, f, g); }
LANES_INLINE V v_majority(V a, V b, V c) { return vbslq_u32(veorq_u32(a, b), c, b); }

/* Rows of four words become columns. */
LANES_INLINE void transpose(V r[4]) {
  V t0 = vtrn1q_u32(r[0], r[1]), t1 = vtrn2q_u32(r[0], r[1]), t2 = vtrn1q_u32(r[2], r[3]), t3 = vtrn2q_u32(r[2], r[3]);
#define PAIRS(x) vreinterpretq_u64_u32(x)
  r[0] = vreinterpretq_u32_u64(vtrn1q_u64(PAIRS(t0), PAIRS(t2)));
  r[1] = vreinterpretq_u32_u64(vtrn1q_u64(PAIRS(t1), PAIRS(t3)));
  r[2] = vreinterpretq_u32_u64(vtrn2q_u64(PAIRS(t0), PAIRS(t2)));
  r[3] = vreinterpretq_u32_u64(vtrn2q_u64(PAIRS(t1), PAIRS(t3)));
#undef PAIRS
}

LANES_INLINE void load_lanes(V w[16], const uint8_t *in) {
#pragma GCC unroll 4
  for (int g = 0; g < 4; g++) {
#pragma GCC unroll 4
    for (int l = 0; l < 4; l++) w[4 * g + l] = vreinterpretq_u32_u8(vrev32q_u8(vld1q_u8(in + 64 * l + 16 * g)));
    transpose(w + 4 * g);
  }
}

LANES_INLINE void store_lanes(uint8_t *out, V s[8]) {
#pragma GCC unroll 2
  for (int g = 0; g < 2; g++) {
    transpose(s + 4 * g);
#pragma GCC unroll 4
    for (int l = 0; l < 4; l++) vst1q_u8(out + 32 * l + 16 * g, vrev32q_u8(vreinterpretq_u8_u32(s[4 * g + l])));
  }
}

#include "sha256_lanes.h"

/* One batch of four costs less than two portable hashes. */
#define WORTH_A_BATCH 2

void sha256_pairs_neon(uint8_t *out, const uint8_t *in, size_t n) {
  for (; n >= LANES; n -= LANES, in += LANES * 64, out += LANES * 32) lanes_digest(out, in, 1);
  if (n >= WORTH_A_BATCH) lanes_digest_some(out, in, n, 1);
  else sha256_pairs_c(out, in, n);
}

void sha256_singles_neon(uint8_t *out, const uint8_t *in, size_t n) {
  for (; n >= LANES; n -= LANES, in += LANES * 64, out += LANES * 32) lanes_digest(out, in, 0);
  if (n >= WORTH_A_BATCH) lanes_digest_some(out, in, n, 0);
  else sha256_singles_c(out, in, n);
}

LANES_INLINE uint32x4_t backward(uint32x4_t x) {
  x = vrev64q_u32(x);
  return vextq_u32(x, x, 2);
}

LANES_INLINE void swap_four(uint32_t *down, uint32_t *up, uint32_t set, uint32x4_t lane_bit) {
  uint32x4_t mask = vtstq_u32(vdupq_n_u32(set), lane_bit);
  uint32x4_t a = backward(vld1q_u32(down)), b = vld1q_u32(up);
  vst1q_u32(up, vbslq_u32(mask, a, b));
  vst1q_u32(down, backward(vbslq_u32(mask, b, a)));
}

void shuffle_swap_neon(uint32_t *values, const uint8_t *bits, size_t low, size_t high, size_t n) {
  /* Scalar steps until the upper vectors' bits fill a whole byte. */
  size_t lead = (high + 1) & 7;
  if (lead > n) lead = n;
  shuffle_swap_c(values, bits, low, high, lead);
  low += lead, high -= lead, n -= lead;
  static const uint32_t lane_bits[8] = {1, 2, 4, 8, 16, 32, 64, 128};
  const uint32x4_t lower = vld1q_u32(lane_bits), upper = vld1q_u32(lane_bits + 4);
  for (; n >= 8; n -= 8, low += 8, high -= 8) {
    uint32_t set = bits[(high - 7) >> 3];
    swap_four(values + low, values + high - 3, set, upper);
    swap_four(values + low + 4, values + high - 7, set, lower);
  }
  shuffle_swap_c(values, bits, low, high, n);
}
#endif
