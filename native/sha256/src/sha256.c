/* Tables, the portable kernels, the digest of a message of any length, and the list of kernels that this CPU runs. */
#include "sha256.h"

#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>
#elif defined(__aarch64__)
#include <sys/auxv.h>
#ifndef HWCAP_SHA2
#define HWCAP_SHA2 (1u << 6)
#endif
#endif

const uint32_t sha256_initial[8] = {
    0x6a09e667u, 0xbb67ae85u, 0x3c6ef372u, 0xa54ff53au, 0x510e527fu, 0x9b05688cu, 0x1f83d9abu, 0x5be0cd19u,
};

const uint32_t sha256_constants[64] = {
    0x428a2f98u, 0x71374491u, 0xb5c0fbcfu, 0xe9b5dba5u, 0x3956c25bu, 0x59f111f1u, 0x923f82a4u, 0xab1c5ed5u,
    0xd807aa98u, 0x12835b01u, 0x243185beu, 0x550c7dc3u, 0x72be5d74u, 0x80deb1feu, 0x9bdc06a7u, 0xc19bf174u,
    0xe49b69c1u, 0xefbe4786u, 0x0fc19dc6u, 0x240ca1ccu, 0x2de92c6fu, 0x4a7484aau, 0x5cb0a9dcu, 0x76f988dau,
    0x983e5152u, 0xa831c66du, 0xb00327c8u, 0xbf597fc7u, 0xc6e00bf3u, 0xd5a79147u, 0x06ca6351u, 0x14292967u,
    0x27b70a85u, 0x2e1b2138u, 0x4d2c6dfcu, 0x53380d13u, 0x650a7354u, 0x766a0abbu, 0x81c2c92eu, 0x92722c85u,
    0xa2bfe8a1u, 0xa81a664bu, 0xc24b8b70u, 0xc76c51a3u, 0xd192e819u, 0xd6990624u, 0xf40e3585u, 0x106aa070u,
    0x19a4c116u, 0x1e376c08u, 0x2748774cu, 0x34b0bcb5u, 0x391c0cb3u, 0x4ed8aa4au, 0x5b9cca4fu, 0x682e6ff3u,
    0x748f82eeu, 0x78a5636fu, 0x84c87814u, 0x8cc70208u, 0x90befffau, 0xa4506cebu, 0xbef9a3f7u, 0xc67178f2u,
};

const uint32_t sha256_padding_schedule[64] = {
    0xc28a2f98u, 0x71374491u, 0xb5c0fbcfu, 0xe9b5dba5u, 0x3956c25bu, 0x59f111f1u, 0x923f82a4u, 0xab1c5ed5u,
    0xd807aa98u, 0x12835b01u, 0x243185beu, 0x550c7dc3u, 0x72be5d74u, 0x80deb1feu, 0x9bdc06a7u, 0xc19bf374u,
    0x649b69c1u, 0xf0fe4786u, 0x0fe1edc6u, 0x240cf254u, 0x4fe9346fu, 0x6cc984beu, 0x61b9411eu, 0x16f988fau,
    0xf2c65152u, 0xa88e5a6du, 0xb019fc65u, 0xb9d99ec7u, 0x9a1231c3u, 0xe70eeaa0u, 0xfdb1232bu, 0xc7353eb0u,
    0x3069bad5u, 0xcb976d5fu, 0x5a0f118fu, 0xdc1eeefdu, 0x0a35b689u, 0xde0b7a04u, 0x58f4ca9du, 0xe15d5b16u,
    0x007f3e86u, 0x37088980u, 0xa507ea32u, 0x6fab9537u, 0x17406110u, 0x0d8cd6f1u, 0xcdaa3b6du, 0xc0bbbe37u,
    0x83613bdau, 0xdb48a363u, 0x0b02e931u, 0x6fd15ca7u, 0x521afacau, 0x31338431u, 0x6ed41a95u, 0x6d437890u,
    0xc39c91f2u, 0x9eccabbdu, 0xb5c9a0e6u, 0x532fb63cu, 0xd2c741c6u, 0x07237ea3u, 0xa4954b68u, 0x4c191d76u,
};

#define ROTR(x, n) ((x) >> (n) | (x) << (32 - (n)))
#define BIG0(a) (ROTR(a, 2) ^ ROTR(a, 13) ^ ROTR(a, 22))
#define BIG1(e) (ROTR(e, 6) ^ ROTR(e, 11) ^ ROTR(e, 25))
#define SMALL0(x) (ROTR(x, 7) ^ ROTR(x, 18) ^ (x) >> 3)
#define SMALL1(x) (ROTR(x, 17) ^ ROTR(x, 19) ^ (x) >> 10)

/* One round with the eight names rotated by the caller instead of moving values. */
#define ROUND(a, b, c, d, e, f, g, h, kw)                                     \
  do {                                                                        \
    uint32_t t_ = (h) + BIG1(e) + ((g) ^ ((e) & ((f) ^ (g)))) + (kw);         \
    (d) += t_;                                                                \
    (h) = t_ + BIG0(a) + (((a) & (b)) | ((c) & ((a) | (b))));                 \
  } while (0)

#define EIGHT_ROUNDS(kw, i)                         \
  do {                                              \
    ROUND(a, b, c, d, e, f, g, h, kw((i) + 0));     \
    ROUND(h, a, b, c, d, e, f, g, kw((i) + 1));     \
    ROUND(g, h, a, b, c, d, e, f, kw((i) + 2));     \
    ROUND(f, g, h, a, b, c, d, e, kw((i) + 3));     \
    ROUND(e, f, g, h, a, b, c, d, kw((i) + 4));     \
    ROUND(d, e, f, g, h, a, b, c, kw((i) + 5));     \
    ROUND(c, d, e, f, g, h, a, b, kw((i) + 6));     \
    ROUND(b, c, d, e, f, g, h, a, kw((i) + 7));     \
  } while (0)

#define UNPACK(s) uint32_t a = s[0], b = s[1], c = s[2], d = s[3], e = s[4], f = s[5], g = s[6], h = s[7]
#define ADD_BACK(s) (s[0] += a, s[1] += b, s[2] += c, s[3] += d, s[4] += e, s[5] += f, s[6] += g, s[7] += h)

void sha256_compress_c(uint32_t state[8], const uint8_t *data, size_t blocks) {
  for (; blocks > 0; blocks--, data += 64) {
    uint32_t w[16];
    for (int i = 0; i < 16; i++) w[i] = sha256_load_be32(data + 4 * i);
    UNPACK(state);
#define FIRST(i) (w[i] + sha256_constants[i])
    EIGHT_ROUNDS(FIRST, 0);
    EIGHT_ROUNDS(FIRST, 8);
#define EXPAND(i) \
  ((w[(i) & 15] += SMALL1(w[((i) + 14) & 15]) + w[((i) + 9) & 15] + SMALL0(w[((i) + 1) & 15])) + sha256_constants[i])
    for (int i = 16; i < 64; i += 16) {
      EIGHT_ROUNDS(EXPAND, i);
      EIGHT_ROUNDS(EXPAND, i + 8);
    }
    ADD_BACK(state);
  }
}

static void compress_padding(uint32_t state[8]) {
  UNPACK(state);
#define PADDING(i) (sha256_padding_schedule[i])
  for (int i = 0; i < 64; i += 8) EIGHT_ROUNDS(PADDING, i);
  ADD_BACK(state);
}

static void store_digest(uint8_t *out, const uint32_t state[8]) {
  for (int i = 0; i < 8; i++) sha256_store_be32(out + 4 * i, state[i]);
}

void sha256_pairs_c(uint8_t *out, const uint8_t *in, size_t n) {
  for (size_t k = 0; k < n; k++) {
    uint32_t state[8];
    memcpy(state, sha256_initial, sizeof state);
    sha256_compress_c(state, in + 64 * k, 1);
    compress_padding(state);
    store_digest(out + 32 * k, state);
  }
}

void sha256_singles_c(uint8_t *out, const uint8_t *in, size_t n) {
  for (size_t k = 0; k < n; k++) {
    uint32_t state[8];
    memcpy(state, sha256_initial, sizeof state);
    sha256_compress_c(state, in + 64 * k, 1);
    store_digest(out + 32 * k, state);
  }
}

void sha256_digest(const sha256_kernels *kernels, uint8_t out[32], const uint8_t *data, size_t length) {
  uint32_t state[8];
  memcpy(state, sha256_initial, sizeof state);
  size_t whole = length / 64, rest = length % 64;
  if (whole > 0) kernels->compress(state, data, whole);
  uint8_t last[128] = {0};
  if (rest > 0) memcpy(last, data + 64 * whole, rest);
  last[rest] = 0x80;
  size_t blocks = rest < 56 ? 1 : 2;
  uint64_t bits = (uint64_t)length * 8;
  sha256_store_be32(last + 64 * blocks - 8, (uint32_t)(bits >> 32));
  sha256_store_be32(last + 64 * blocks - 4, (uint32_t)bits);
  kernels->compress(state, last, blocks);
  store_digest(out, state);
}

static const sha256_kernels kernels_c = {"c", sha256_compress_c, sha256_pairs_c, sha256_singles_c, shuffle_swap_c};

#if defined(__x86_64__)

/* The operating system must save the wide registers too, which __builtin_cpu_supports checks by XGETBV. */
size_t sha256_available(sha256_kernels list[SHA256_MAX_KERNELS]) {
  unsigned a = 0, b = 0, c = 0, d = 0;
  __builtin_cpu_init();
  int leaf7 = __get_cpuid_count(7, 0, &a, &b, &c, &d);
  int sha = leaf7 && (b >> 29 & 1) && __builtin_cpu_supports("sse4.1") && __builtin_cpu_supports("ssse3");
  int avx2 = __builtin_cpu_supports("avx2") != 0;
  int avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512vl");
  size_t n = 0;
  if (avx512 && sha) {
    list[n++] = (sha256_kernels){"avx512", sha256_compress_shani, sha256_pairs_avx512_shani,
                                 sha256_singles_avx512_shani, shuffle_swap_avx512};
  } else if (avx512) {
    list[n++] = (sha256_kernels){"avx512", sha256_compress_c, sha256_pairs_avx512, sha256_singles_avx512,
                                 shuffle_swap_avx512};
  }
  if (sha) {
    list[n++] = (sha256_kernels){"shani", sha256_compress_shani, sha256_pairs_shani, sha256_singles_shani,
                                 avx2 ? shuffle_swap_avx2 : shuffle_swap_c};
  }
  if (avx2) {
    list[n++] = (sha256_kernels){"avx2", sha256_compress_c, sha256_pairs_avx2, sha256_singles_avx2, shuffle_swap_avx2};
  }
  list[n++] = kernels_c;
  return n;
}

#elif defined(__aarch64__)

size_t sha256_available(sha256_kernels list[SHA256_MAX_KERNELS]) {
  size_t n = 0;
  if (getauxval(AT_HWCAP) & HWCAP_SHA2) {
    list[n++] =
        (sha256_kernels){"armv8", sha256_compress_armv8, sha256_pairs_armv8, sha256_singles_armv8, shuffle_swap_neon};
  }
  list[n++] = (sha256_kernels){"neon", sha256_compress_c, sha256_pairs_neon, sha256_singles_neon, shuffle_swap_neon};
  list[n++] = kernels_c;
  return n;
}

#else

size_t sha256_available(sha256_kernels list[SHA256_MAX_KERNELS]) {
  list[0] = kernels_c;
  return 1;
}

#endif
