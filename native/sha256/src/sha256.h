/*
 * SHA-256 kernels and their run-time choice.
 *
 * A kernel set never keeps state: the choice belongs to the caller (one per JavaScript environment), so workers do not
 * disturb one another.
 */
#ifndef CRESSET_SHA256_H
#define CRESSET_SHA256_H

#include <stddef.h>
#include <stdint.h>

/* Bulk kernel. Reads n blocks of 64 bytes and writes n digests of 32. out may be equal to in: every kernel reads a group
 * of blocks whole before it writes that group's digests. */
typedef void (*sha256_bulk_fn)(uint8_t *out, const uint8_t *in, size_t n);

/* Runs one step of the shuffle, see shuffle.c: for k in [0, n) swaps values[low + k] with values[high - k] where bit
 * (high - k) of bits is set. low + n - 1 < high - n + 1. */
typedef void (*shuffle_swap_fn)(uint32_t *values, const uint8_t *bits, size_t low, size_t high, size_t n);

typedef struct sha256_kernels {
  const char *name;
  void (*compress)(uint32_t state[8], const uint8_t *data, size_t blocks);
  sha256_bulk_fn pairs;   /* digest of a 64-byte message: the block, then the constant padding block */
  sha256_bulk_fn singles; /* digest of a message that was already padded into one block */
  shuffle_swap_fn swap;
} sha256_kernels;

#define SHA256_MAX_KERNELS 8

/* Fills list with the sets that this CPU runs, best first, and returns how many there are (at least one). */
size_t sha256_available(sha256_kernels list[SHA256_MAX_KERNELS]);

void sha256_digest(const sha256_kernels *kernels, uint8_t out[32], const uint8_t *data, size_t length);

extern const uint32_t sha256_initial[8];
extern const uint32_t sha256_constants[64];
/* Round constants plus the message schedule of the padding block that follows a 64-byte message. */
extern const uint32_t sha256_padding_schedule[64];

static inline uint32_t sha256_load_be32(const uint8_t *p) {
  return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | (uint32_t)p[3];
}

static inline void sha256_store_be32(uint8_t *p, uint32_t v) {
  p[0] = (uint8_t)(v >> 24);
  p[1] = (uint8_t)(v >> 16);
  p[2] = (uint8_t)(v >> 8);
  p[3] = (uint8_t)v;
}

/* Portable kernels, also used for the few blocks left over by the wide ones. */
void sha256_compress_c(uint32_t state[8], const uint8_t *data, size_t blocks);
void sha256_pairs_c(uint8_t *out, const uint8_t *in, size_t n);
void sha256_singles_c(uint8_t *out, const uint8_t *in, size_t n);
void shuffle_swap_c(uint32_t *values, const uint8_t *bits, size_t low, size_t high, size_t n);

#if defined(__x86_64__)
void sha256_compress_shani(uint32_t state[8], const uint8_t *data, size_t blocks);
void sha256_pairs_shani(uint8_t *out, const uint8_t *in, size_t n);
void sha256_singles_shani(uint8_t *out, const uint8_t *in, size_t n);
void sha256_pairs_avx2(uint8_t *out, const uint8_t *in, size_t n);
void sha256_singles_avx2(uint8_t *out, const uint8_t *in, size_t n);
/* The AVX-512 kernels leave short rests to SHA-NI where there is such (_shani), else to AVX2. */
void sha256_pairs_avx512(uint8_t *out, const uint8_t *in, size_t n);
void sha256_singles_avx512(uint8_t *out, const uint8_t *in, size_t n);
void sha256_pairs_avx512_shani(uint8_t *out, const uint8_t *in, size_t n);
void sha256_singles_avx512_shani(uint8_t *out, const uint8_t *in, size_t n);
void shuffle_swap_avx2(uint32_t *values, const uint8_t *bits, size_t low, size_t high, size_t n);
void shuffle_swap_avx512(uint32_t *values, const uint8_t *bits, size_t low, size_t high, size_t n);
#elif defined(__aarch64__)
void sha256_compress_armv8(uint32_t state[8], const uint8_t *data, size_t blocks);
void sha256_pairs_armv8(uint8_t *out, const uint8_t *in, size_t n);
void sha256_singles_armv8(uint8_t *out, const uint8_t *in, size_t n);
void sha256_pairs_neon(uint8_t *out, const uint8_t *in, size_t n);
void sha256_singles_neon(uint8_t *out, const uint8_t *in, size_t n);
void shuffle_swap_neon(uint32_t *values, const uint8_t *bits, size_t low, size_t high, size_t n);
#endif

#endif
