#ifndef CRESSET_SHUFFLE_H
#define CRESSET_SHUFFLE_H

#include "sha256.h"

#define SHUFFLE_MAX_THREADS 64
/* Threads meet after every round, so one with fewer positions than this waits more than it works. */
#define SHUFFLE_POSITIONS_A_THREAD 16384

/* Afterwards values[i] is what was at compute_shuffled_index(i). rounds is at most 255. Returns -1 when out of memory. */
int shuffle_list(const sha256_kernels *kernels, uint32_t *values, size_t count, const uint8_t seed[32], unsigned rounds,
                 unsigned threads);

/* compute_shuffled_index; index < count <= 2^40, rounds at most 255. */
uint64_t shuffle_index(const sha256_kernels *kernels, uint64_t index, uint64_t count, const uint8_t seed[32],
                       unsigned rounds);

/* shuffle_index of each of n indices, in place; all are below count, which is at most 2^32. */
void shuffle_indices(const sha256_kernels *kernels, uint32_t *indices, size_t n, uint64_t count, const uint8_t seed[32],
                     unsigned rounds);

#endif
