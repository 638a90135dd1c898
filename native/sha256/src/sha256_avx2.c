/* SHA-256 of eight messages at once, and the shuffle's swap, by AVX2. */
#if defined(__x86_64__)
#include <immintrin.h>
#include <string.h>

#include "sha256.h"

#define AVX2 __attribute__((target("avx2")))
#define LANES 8
#define LANES_INLINE AVX2 static inline __attribute__((always_inline))
typedef __m256i V;

LANES_INLINE V v_add(V a, V b) { return _mm256_add_epi32(a, b); }
LANES_INLINE V v_set(uint32_t x) { return _mm256_set1_epi32((int)x); }
LANES_INLINE V v_shr(V x, const int n) { return _mm256_srli_epi32(x, n); }
LANES_INLINE V v_ror(V x, const int n) { return _mm256_or_si256(_mm256_srli_epi32(x, n), _mm256_slli_epi32(x, 32 - n)); }
LANES_INLINE V v_xor3(V a, V b, V c) { return _mm256_xor_si256(_mm256_xor_si256(a, b), c); }
LANES_INLINE V v_choose(V e, V f, V g) { return _mm256_xor_si256(g, _mm256_and_si256(e, _mm256_xor_si256(f, g))); }
LANES_INLINE V v_majority(V a, V b, V c) {
  return _mm256_or_si256(_mm256_and_si256(a, b), _mm256_and_si256(c, _mm256_or_si256(a, b)));
}

/* Rows of eight words become columns. */
LANES_INLINE void transpose(V r[8]) {
  V t[8], u[8];
#pragma GCC unroll 4
  for (int i = 0; i < 8; i += 2) {
    t[i] = _mm256_unpacklo_epi32(r[i], r[i + 1]);
    t[i + 1] = _mm256_unpackhi_epi32(r[i], r[i + 1]);
  }
#pragma GCC unroll 2
  for (int i = 0; i < 8; i += 4) {
    u[i] = _mm256_unpacklo_epi64(t[i], t[i + 2]);
    u[i + 1] = _mm256_unpackhi_epi64(t[i], t[i + 2]);
    u[i + 2] = _mm256_unpacklo_epi64(t[i + 1], t[i + 3]);
    u[i + 3] = _mm256_unpackhi_epi64(t[i + 1], t[i + 3]);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; i++) {
    r[i] = _mm256_permute2x128_si256(u[i], u[i + 4], 0x20);
    r[i + 4] = _mm256_permute2x128_si256(u[i], u[i + 4], 0x31);
  }
}

LANES_INLINE V swap_bytes(V x) {
  return _mm256_shuffle_epi8(x, _mm256_broadcastsi128_si256(_mm_set_epi64x(0x0c0d0e0f08090a0bLL, 0x0405060700010203LL)));
}

LANES_INLINE void load_lanes(V w[16], const uint8_t *in) {
#pragma GCC unroll 2
  for (int half = 0; half < 2; half++) {
#pragma GCC unroll 8
    for (int l = 0; l < 8; l++) {
      w[8 * half + l] = swap_bytes(_mm256_loadu_si256((const __m256i *)(in + 64 * l + 32 * half)));
    }
    transpose(w + 8 * half);
  }
}

LANES_INLINE void store_lanes(uint8_t *out, V s[8]) {
  transpose(s);
#pragma GCC unroll 8
  for (int l = 0; l < 8; l++) _mm256_storeu_si256((__m256i *)(out + 32 * l), swap_bytes(s[l]));
}

#include "sha256_lanes.h"

/* One batch of eight costs as much as about four portable hashes. */
#define WORTH_A_BATCH 4

AVX2 void sha256_pairs_avx2(uint8_t *out, const uint8_t *in, size_t n) {
  for (; n >= LANES; n -= LANES, in += LANES * 64, out += LANES * 32) lanes_digest(out, in, 1);
  if (n >= WORTH_A_BATCH) lanes_digest_some(out, in, n, 1);
  else sha256_pairs_c(out, in, n);
}

AVX2 void sha256_singles_avx2(uint8_t *out, const uint8_t *in, size_t n) {
  for (; n >= LANES; n -= LANES, in += LANES * 64, out += LANES * 32) lanes_digest(out, in, 0);
  if (n >= WORTH_A_BATCH) lanes_digest_some(out, in, n, 0);
  else sha256_singles_c(out, in, n);
}

AVX2 void shuffle_swap_avx2(uint32_t *values, const uint8_t *bits, size_t low, size_t high, size_t n) {
  /* Scalar steps until the upper vector's bits fill whole bytes. */
  size_t lead = (high + 1) & 7;
  if (lead > n) lead = n;
  shuffle_swap_c(values, bits, low, high, lead);
  low += lead, high -= lead, n -= lead;
  const __m256i backward = _mm256_setr_epi32(7, 6, 5, 4, 3, 2, 1, 0);
  const __m256i lane_bit = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
  for (; n >= 8; n -= 8, low += 8, high -= 8) {
    __m256i *up = (__m256i *)(values + high - 7), *down = (__m256i *)(values + low);
    __m256i a = _mm256_permutevar8x32_epi32(_mm256_loadu_si256(down), backward);
    __m256i b = _mm256_loadu_si256(up);
    __m256i set = _mm256_and_si256(_mm256_set1_epi32(bits[(high - 7) >> 3]), lane_bit);
    __m256i mask = _mm256_cmpeq_epi32(set, lane_bit);
    _mm256_storeu_si256(up, _mm256_blendv_epi8(b, a, mask));
    _mm256_storeu_si256(down, _mm256_permutevar8x32_epi32(_mm256_blendv_epi8(a, b, mask), backward));
  }
  shuffle_swap_c(values, bits, low, high, n);
}
#endif
