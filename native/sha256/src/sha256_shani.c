/* SHA-256 by the x86 SHA extensions: two streams interleaved, because one alone waits on the latency of its rounds. */
#if defined(__x86_64__)
#include <immintrin.h>
#include <string.h>

#include "sha256.h"

#define SHANI __attribute__((target("sha,sse4.1,ssse3")))
#define SHANI_INLINE SHANI static inline __attribute__((always_inline))

/* The instructions want the state as ABEF and CDGH. */
typedef struct {
  __m128i abef, cdgh;
} state_t;

SHANI_INLINE state_t pack_state(const uint32_t words[8]) {
  __m128i cdab = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)words), 0xB1);
  __m128i efgh = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)(words + 4)), 0x1B);
  state_t s = {_mm_alignr_epi8(cdab, efgh, 8), _mm_blend_epi16(efgh, cdab, 0xF0)};
  return s;
}

SHANI_INLINE void unpack_state(state_t s, __m128i *abcd, __m128i *efgh) {
  __m128i feba = _mm_shuffle_epi32(s.abef, 0x1B);
  __m128i dchg = _mm_shuffle_epi32(s.cdgh, 0xB1);
  *abcd = _mm_blend_epi16(feba, dchg, 0xF0);
  *efgh = _mm_alignr_epi8(dchg, feba, 8);
}

SHANI_INLINE __m128i byte_order(void) { return _mm_set_epi64x(0x0c0d0e0f08090a0bLL, 0x0405060700010203LL); }

SHANI_INLINE void load_block(__m128i w[4], const uint8_t *block) {
  for (int i = 0; i < 4; i++) {
    w[i] = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(block + 16 * i)), byte_order());
  }
}

SHANI_INLINE void four_rounds(state_t *s, __m128i kw) {
  s->cdgh = _mm_sha256rnds2_epu32(s->cdgh, s->abef, kw);
  s->abef = _mm_sha256rnds2_epu32(s->abef, s->cdgh, _mm_shuffle_epi32(kw, 0x0E));
}

SHANI_INLINE __m128i next_words(const __m128i w[4], int r) {
  __m128i t = _mm_sha256msg1_epu32(w[r & 3], w[(r + 1) & 3]);
  t = _mm_add_epi32(t, _mm_alignr_epi8(w[(r + 3) & 3], w[(r + 2) & 3], 4));
  return _mm_sha256msg2_epu32(t, w[(r + 3) & 3]);
}

SHANI_INLINE __m128i table_at(const uint32_t *table, int r) {
  return _mm_loadu_si128((const __m128i *)(table + 4 * r));
}

SHANI_INLINE state_t add_states(state_t a, state_t b) {
  state_t s = {_mm_add_epi32(a.abef, b.abef), _mm_add_epi32(a.cdgh, b.cdgh)};
  return s;
}

SHANI_INLINE void store_digest(uint8_t *out, state_t s) {
  __m128i abcd, efgh;
  unpack_state(s, &abcd, &efgh);
  _mm_storeu_si128((__m128i *)out, _mm_shuffle_epi8(abcd, byte_order()));
  _mm_storeu_si128((__m128i *)(out + 16), _mm_shuffle_epi8(efgh, byte_order()));
}

/* Lanes is 1 or 2 and padded 0 or 1, both known to the compiler, which unrolls everything. */
SHANI_INLINE void digest_lanes(uint8_t *out, const uint8_t *in, const int lanes, const int padded) {
  const state_t initial = pack_state(sha256_initial);
  state_t s[2], first[2];
  __m128i w[2][4];
  for (int l = 0; l < lanes; l++) {
    load_block(w[l], in + 64 * l);
    s[l] = initial;
  }
#pragma GCC unroll 16
  for (int r = 0; r < 16; r++) {
    __m128i k = table_at(sha256_constants, r);
    for (int l = 0; l < lanes; l++) four_rounds(&s[l], _mm_add_epi32(w[l][r & 3], k));
    if (r < 12) {
      for (int l = 0; l < lanes; l++) w[l][r & 3] = next_words(w[l], r);
    }
  }
  for (int l = 0; l < lanes; l++) first[l] = s[l] = add_states(s[l], initial);
  if (padded) {
#pragma GCC unroll 16
    for (int r = 0; r < 16; r++) {
      __m128i kw = table_at(sha256_padding_schedule, r);
      for (int l = 0; l < lanes; l++) four_rounds(&s[l], kw);
    }
    for (int l = 0; l < lanes; l++) s[l] = add_states(s[l], first[l]);
  }
  for (int l = 0; l < lanes; l++) store_digest(out + 32 * l, s[l]);
}

SHANI void sha256_pairs_shani(uint8_t *out, const uint8_t *in, size_t n) {
  for (; n >= 2; n -= 2, in += 128, out += 64) digest_lanes(out, in, 2, 1);
  if (n > 0) digest_lanes(out, in, 1, 1);
}

SHANI void sha256_singles_shani(uint8_t *out, const uint8_t *in, size_t n) {
  for (; n >= 2; n -= 2, in += 128, out += 64) digest_lanes(out, in, 2, 0);
  if (n > 0) digest_lanes(out, in, 1, 0);
}

SHANI void sha256_compress_shani(uint32_t state[8], const uint8_t *data, size_t blocks) {
  state_t s = pack_state(state);
  for (; blocks > 0; blocks--, data += 64) {
    state_t before = s;
    __m128i w[4];
    load_block(w, data);
#pragma GCC unroll 16
    for (int r = 0; r < 16; r++) {
      four_rounds(&s, _mm_add_epi32(w[r & 3], table_at(sha256_constants, r)));
      if (r < 12) w[r & 3] = next_words(w, r);
    }
    s = add_states(s, before);
  }
  __m128i abcd, efgh;
  unpack_state(s, &abcd, &efgh);
  _mm_storeu_si128((__m128i *)state, abcd);
  _mm_storeu_si128((__m128i *)(state + 4), efgh);
}
#endif
