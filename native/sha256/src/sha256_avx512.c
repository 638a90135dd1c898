/* SHA-256 of sixteen messages at once, and the shuffle's swap, by AVX-512. */
#if defined(__x86_64__)
#include <immintrin.h>
#include <string.h>

#include "sha256.h"

#define AVX512 __attribute__((target("avx512f,avx512bw,avx512vl,avx2,prefer-vector-width=512")))
#define LANES 16
#define LANES_INLINE AVX512 static inline __attribute__((always_inline))
typedef __m512i V;

LANES_INLINE V v_add(V a, V b) { return _mm512_add_epi32(a, b); }
LANES_INLINE V v_set(uint32_t x) { return _mm512_set1_epi32((int)x); }
/* Macros: the counts must be immediates, also when nothing is inlined. */
#define v_shr(x, n) _mm512_srli_epi32(x, n)
#define v_ror(x, n) _mm512_ror_epi32(x, n)
LANES_INLINE V v_xor3(V a, V b, V c) { return _mm512_ternarylogic_epi32(a, b, c, 0x96); }
LANES_INLINE V v_choose(V e, V f, V g) { return _mm512_ternarylogic_epi32(e, f, g, 0xCA); }
LANES_INLINE V v_majority(V a, V b, V c) { return _mm512_ternarylogic_epi32(a, b, c, 0xE8); }

LANES_INLINE V swap_bytes(V x) {
  return _mm512_shuffle_epi8(x, _mm512_broadcast_i32x4(_mm_set_epi64x(0x0c0d0e0f08090a0bLL, 0x0405060700010203LL)));
}

/* In every group of four rows: 4 by 4 blocks of words become columns within each 128-bit part. */
LANES_INLINE void transpose_parts(V r[4]) {
  V t0 = _mm512_unpacklo_epi32(r[0], r[1]), t1 = _mm512_unpackhi_epi32(r[0], r[1]);
  V t2 = _mm512_unpacklo_epi32(r[2], r[3]), t3 = _mm512_unpackhi_epi32(r[2], r[3]);
  r[0] = _mm512_unpacklo_epi64(t0, t2);
  r[1] = _mm512_unpackhi_epi64(t0, t2);
  r[2] = _mm512_unpacklo_epi64(t1, t3);
  r[3] = _mm512_unpackhi_epi64(t1, t3);
}

LANES_INLINE void load_lanes(V w[16], const uint8_t *in) {
  V r[16];
#pragma GCC unroll 16
  for (int l = 0; l < 16; l++) r[l] = swap_bytes(_mm512_loadu_si512(in + 64 * l));
#pragma GCC unroll 4
  for (int g = 0; g < 16; g += 4) transpose_parts(r + g);
#pragma GCC unroll 4
  for (int c = 0; c < 4; c++) {
    V a = _mm512_shuffle_i32x4(r[c], r[4 + c], 0x44), b = _mm512_shuffle_i32x4(r[8 + c], r[12 + c], 0x44);
    V d = _mm512_shuffle_i32x4(r[c], r[4 + c], 0xEE), e = _mm512_shuffle_i32x4(r[8 + c], r[12 + c], 0xEE);
    w[c] = _mm512_shuffle_i32x4(a, b, 0x88);
    w[4 + c] = _mm512_shuffle_i32x4(a, b, 0xDD);
    w[8 + c] = _mm512_shuffle_i32x4(d, e, 0x88);
    w[12 + c] = _mm512_shuffle_i32x4(d, e, 0xDD);
  }
}

LANES_INLINE void store_lanes(uint8_t *out, V s[8]) {
  /* After this s[j] holds words 0-3 (s[4 + j]: 4-7) of the lanes j, 4 + j, 8 + j and 12 + j in its four parts. */
  transpose_parts(s);
  transpose_parts(s + 4);
  const V low = _mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11), high = _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15);
#pragma GCC unroll 4
  for (int j = 0; j < 4; j++) {
    V a = swap_bytes(_mm512_permutex2var_epi64(s[j], low, s[4 + j]));
    V b = swap_bytes(_mm512_permutex2var_epi64(s[j], high, s[4 + j]));
    _mm256_storeu_si256((__m256i *)(out + 32 * j), _mm512_castsi512_si256(a));
    _mm256_storeu_si256((__m256i *)(out + 32 * (4 + j)), _mm512_extracti64x4_epi64(a, 1));
    _mm256_storeu_si256((__m256i *)(out + 32 * (8 + j)), _mm512_castsi512_si256(b));
    _mm256_storeu_si256((__m256i *)(out + 32 * (12 + j)), _mm512_extracti64x4_epi64(b, 1));
  }
}

#include "sha256_lanes.h"

/* One batch of sixteen costs about as much as ten hashes of two SHA-NI streams. */
#define WORTH_A_BATCH 10

LANES_INLINE void digest_all(uint8_t *out, const uint8_t *in, size_t n, const int padded, sha256_bulk_fn rest) {
  for (; n >= LANES; n -= LANES, in += LANES * 64, out += LANES * 32) lanes_digest(out, in, padded);
  if (n >= WORTH_A_BATCH) lanes_digest_some(out, in, n, padded);
  else if (n > 0) rest(out, in, n);
}

AVX512 void sha256_pairs_avx512(uint8_t *out, const uint8_t *in, size_t n) {
  digest_all(out, in, n, 1, sha256_pairs_avx2);
}

AVX512 void sha256_singles_avx512(uint8_t *out, const uint8_t *in, size_t n) {
  digest_all(out, in, n, 0, sha256_singles_avx2);
}

AVX512 void sha256_pairs_avx512_shani(uint8_t *out, const uint8_t *in, size_t n) {
  digest_all(out, in, n, 1, sha256_pairs_shani);
}

AVX512 void sha256_singles_avx512_shani(uint8_t *out, const uint8_t *in, size_t n) {
  digest_all(out, in, n, 0, sha256_singles_shani);
}

AVX512 void shuffle_swap_avx512(uint32_t *values, const uint8_t *bits, size_t low, size_t high, size_t n) {
  size_t lead = (high + 1) & 15;
  if (lead > n) lead = n;
  shuffle_swap_c(values, bits, low, high, lead);
  low += lead, high -= lead, n -= lead;
  const __m512i backward = _mm512_setr_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
  for (; n >= 16; n -= 16, low += 16, high -= 16) {
    uint32_t *up = values + high - 15, *down = values + low;
    uint16_t set;
    memcpy(&set, bits + ((high - 15) >> 3), 2);
    __m512i a = _mm512_permutexvar_epi32(backward, _mm512_loadu_si512(down));
    __m512i b = _mm512_loadu_si512(up);
    _mm512_storeu_si512(up, _mm512_mask_blend_epi32(set, b, a));
    _mm512_storeu_si512(down, _mm512_permutexvar_epi32(backward, _mm512_mask_blend_epi32(set, a, b)));
  }
  shuffle_swap_c(values, bits, low, high, n);
}
#endif
