/* SHA-256 by the ARMv8 crypto extension: two streams interleaved, because one alone waits on the latency of its rounds. */
#if defined(__aarch64__)
#pragma GCC push_options
#pragma GCC target("+crypto")
#include <arm_neon.h>

#include "sha256.h"

#define ARMV8_INLINE static inline __attribute__((always_inline))

typedef struct {
  uint32x4_t abcd, efgh;
} state_t;

ARMV8_INLINE void load_block(uint32x4_t w[4], const uint8_t *block) {
  for (int i = 0; i < 4; i++) w[i] = vreinterpretq_u32_u8(vrev32q_u8(vld1q_u8(block + 16 * i)));
}

ARMV8_INLINE void four_rounds(state_t *s, uint32x4_t kw) {
  uint32x4_t abcd = s->abcd;
  s->abcd = vsha256hq_u32(s->abcd, s->efgh, kw);
  s->efgh = vsha256h2q_u32(s->efgh, abcd, kw);
}

ARMV8_INLINE uint32x4_t next_words(const uint32x4_t w[4], int r) {
  return vsha256su1q_u32(vsha256su0q_u32(w[r & 3], w[(r + 1) & 3]), w[(r + 2) & 3], w[(r + 3) & 3]);
}

ARMV8_INLINE state_t add_states(state_t a, state_t b) {
  state_t s = {vaddq_u32(a.abcd, b.abcd), vaddq_u32(a.efgh, b.efgh)};
  return s;
}

/* Lanes is 1 or 2 and padded 0 or 1, both known to the compiler, which unrolls everything. */
ARMV8_INLINE void digest_lanes(uint8_t *out, const uint8_t *in, const int lanes, const int padded) {
  const state_t initial = {vld1q_u32(sha256_initial), vld1q_u32(sha256_initial + 4)};
  state_t s[2], first[2];
  uint32x4_t w[2][4];
  for (int l = 0; l < lanes; l++) {
    load_block(w[l], in + 64 * l);
    s[l] = initial;
  }
#pragma GCC unroll 16
  for (int r = 0; r < 16; r++) {
    uint32x4_t k = vld1q_u32(sha256_constants + 4 * r);
    for (int l = 0; l < lanes; l++) four_rounds(&s[l], vaddq_u32(w[l][r & 3], k));
    if (r < 12) {
      for (int l = 0; l < lanes; l++) w[l][r & 3] = next_words(w[l], r);
    }
  }
  for (int l = 0; l < lanes; l++) first[l] = s[l] = add_states(s[l], initial);
  if (padded) {
#pragma GCC unroll 16
    for (int r = 0; r < 16; r++) {
      uint32x4_t kw = vld1q_u32(sha256_padding_schedule + 4 * r);
      for (int l = 0; l < lanes; l++) four_rounds(&s[l], kw);
    }
    for (int l = 0; l < lanes; l++) s[l] = add_states(s[l], first[l]);
  }
  for (int l = 0; l < lanes; l++) {
    vst1q_u8(out + 32 * l, vrev32q_u8(vreinterpretq_u8_u32(s[l].abcd)));
    vst1q_u8(out + 32 * l + 16, vrev32q_u8(vreinterpretq_u8_u32(s[l].efgh)));
  }
}

void sha256_pairs_armv8(uint8_t *out, const uint8_t *in, size_t n) {
  for (; n >= 2; n -= 2, in += 128, out += 64) digest_lanes(out, in, 2, 1);
  if (n > 0) digest_lanes(out, in, 1, 1);
}

void sha256_singles_armv8(uint8_t *out, const uint8_t *in, size_t n) {
  for (; n >= 2; n -= 2, in += 128, out += 64) digest_lanes(out, in, 2, 0);
  if (n > 0) digest_lanes(out, in, 1, 0);
}

void sha256_compress_armv8(uint32_t state[8], const uint8_t *data, size_t blocks) {
  state_t s = {vld1q_u32(state), vld1q_u32(state + 4)};
  for (; blocks > 0; blocks--, data += 64) {
    state_t before = s;
    uint32x4_t w[4];
    load_block(w, data);
#pragma GCC unroll 16
    for (int r = 0; r < 16; r++) {
      four_rounds(&s, vaddq_u32(w[r & 3], vld1q_u32(sha256_constants + 4 * r)));
      if (r < 12) w[r & 3] = next_words(w, r);
    }
    s = add_states(s, before);
  }
  vst1q_u32(state, s.abcd);
  vst1q_u32(state + 4, s.efgh);
}
#pragma GCC pop_options
#endif
