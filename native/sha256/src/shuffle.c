/*
 * The swap-or-not shuffle of a whole list.
 *
 * In one round every position i is paired with flip = (pivot - i) mod count, and a pair swaps when the round's bit of its
 * higher position is set. The pairs form two runs that mirror around a middle: positions 0..pivot, and pivot+1..count-1.
 * So a round walks both ends of each run inwards, and needs the bits of the upper halves only.
 */
#include "shuffle.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_POSITIONS 256
#define HASH_BATCH 64

void shuffle_swap_c(uint32_t *values, const uint8_t *bits, size_t low, size_t high, size_t n) {
  for (; n > 0; n--, low++, high--) {
    uint32_t mask = 0u - (bits[high >> 3] >> (high & 7) & 1u);
    uint32_t a = values[low], b = values[high], change = (a ^ b) & mask;
    values[low] = a ^ change;
    values[high] = b ^ change;
  }
}

static size_t round_pivot(const sha256_kernels *kernels, const uint8_t seed[32], uint8_t round, size_t count) {
  uint8_t message[33], digest[32];
  memcpy(message, seed, 32);
  message[32] = round;
  sha256_digest(kernels, digest, message, sizeof message);
  uint64_t value = 0;
  for (int i = 7; i >= 0; i--) value = value << 8 | digest[i];
  return (size_t)(value % count);
}

static void put_block_number(uint8_t *message, uint32_t block) {
  for (int i = 0; i < 4; i++) message[33 + i] = (uint8_t)(block >> 8 * i);
}

/* The padded message of 37 bytes, but for the block's number. */
static void start_message(uint8_t message[64], const uint8_t seed[32], uint8_t round) {
  memset(message, 0, 64);
  memcpy(message, seed, 32);
  message[32] = round;
  message[37] = 0x80;
  sha256_store_be32(message + 60, 37 * 8);
}

static void hash_block(const sha256_kernels *kernels, const uint8_t seed[32], uint8_t round, uint32_t block,
                       uint8_t bits[32]) {
  uint8_t message[64];
  start_message(message, seed, round);
  put_block_number(message, block);
  kernels->singles(bits, message, 1);
}

/* Bits of the positions [256 * first, 256 * end), each block the digest of seed, round and the block's number. */
static void hash_blocks(const sha256_kernels *kernels, const uint8_t seed[32], uint8_t round, size_t first, size_t end,
                        uint8_t *bits) {
  uint8_t messages[HASH_BATCH * 64];
  for (size_t k = 0; k < HASH_BATCH && first + k < end; k++) start_message(messages + 64 * k, seed, round);
  while (first < end) {
    size_t n = end - first < HASH_BATCH ? end - first : HASH_BATCH;
    for (size_t k = 0; k < n; k++) put_block_number(messages + 64 * k, (uint32_t)(first + k));
    kernels->singles(bits + 32 * first, messages, n);
    first += n;
  }
}

typedef struct {
  const sha256_kernels *kernels;
  const uint8_t *seed;
  uint32_t *values;
  size_t count;
  unsigned rounds, threads;
  pthread_mutex_t gate; /* held until the number of threads is final */
  pthread_barrier_t barrier;
} job_t;

typedef struct {
  job_t *job;
  unsigned index;
  uint8_t *bits; /* each thread has its own, as it hashes just the blocks that it needs */
} part_t;

/* The thread's share of the run low..high, whose pairs are (low + k, high - k). */
static void swap_run(const part_t *part, uint8_t round, size_t low, size_t high) {
  const job_t *job = part->job;
  size_t pairs = (high - low + 1) / 2;
  size_t begin = pairs * part->index / job->threads, end = pairs * (part->index + 1) / job->threads;
  if (begin == end) return;
  size_t top = high - begin, bottom = high - end + 1;
  hash_blocks(job->kernels, job->seed, round, bottom / BLOCK_POSITIONS, top / BLOCK_POSITIONS + 1, part->bits);
  job->kernels->swap(job->values, part->bits, low + begin, top, end - begin);
}

/* Rounds run backwards: the last one moves the original list, so that afterwards item i came from the place where
 * compute_shuffled_index sends i. */
static void run_rounds(part_t *part) {
  job_t *job = part->job;
  for (unsigned r = job->rounds; r-- > 0;) {
    size_t pivot = round_pivot(job->kernels, job->seed, (uint8_t)r, job->count);
    swap_run(part, (uint8_t)r, 0, pivot);
    if (pivot + 1 < job->count) swap_run(part, (uint8_t)r, pivot + 1, job->count - 1);
    if (job->threads > 1) pthread_barrier_wait(&job->barrier);
  }
}

static void *thread_main(void *argument) {
  part_t *part = argument;
  pthread_mutex_lock(&part->job->gate);
  pthread_mutex_unlock(&part->job->gate);
  run_rounds(part);
  return NULL;
}

static void run_threads(job_t *job, part_t *parts) {
  pthread_t handles[SHUFFLE_MAX_THREADS];
  unsigned wanted = job->threads;
  job->threads = 1;
  pthread_mutex_init(&job->gate, NULL);
  pthread_mutex_lock(&job->gate);
  while (job->threads < wanted && pthread_create(&handles[job->threads], NULL, thread_main, &parts[job->threads]) == 0) {
    job->threads++;
  }
  pthread_barrier_init(&job->barrier, NULL, job->threads);
  pthread_mutex_unlock(&job->gate);
  run_rounds(&parts[0]);
  for (unsigned i = 1; i < job->threads; i++) pthread_join(handles[i], NULL);
  pthread_barrier_destroy(&job->barrier);
  pthread_mutex_destroy(&job->gate);
}

int shuffle_list(const sha256_kernels *kernels, uint32_t *values, size_t count, const uint8_t seed[32], unsigned rounds,
                 unsigned threads) {
  if (count < 2 || rounds == 0) return 0;
  if (threads > SHUFFLE_MAX_THREADS) threads = SHUFFLE_MAX_THREADS;
  size_t useful = count / SHUFFLE_POSITIONS_A_THREAD + 1;
  if (threads > useful) threads = (unsigned)useful;
  size_t stride = (count + BLOCK_POSITIONS - 1) / BLOCK_POSITIONS * 32;
  uint8_t *bits = malloc(stride * threads);
  if (bits == NULL) return -1;
  job_t job = {.kernels = kernels, .seed = seed, .values = values, .count = count, .rounds = rounds, .threads = threads};
  part_t parts[SHUFFLE_MAX_THREADS];
  for (unsigned i = 0; i < threads; i++) parts[i] = (part_t){&job, i, bits + stride * i};
  if (threads > 1) run_threads(&job, parts);
  else run_rounds(&parts[0]);
  free(bits);
  return 0;
}

uint64_t shuffle_index(const sha256_kernels *kernels, uint64_t index, uint64_t count, const uint8_t seed[32],
                       unsigned rounds) {
  for (unsigned r = 0; r < rounds; r++) {
    uint64_t pivot = round_pivot(kernels, seed, (uint8_t)r, count);
    uint64_t flip = (pivot + count - index) % count;
    uint64_t position = index > flip ? index : flip;
    uint8_t bits[32];
    uint64_t block = position / BLOCK_POSITIONS;
    hash_block(kernels, seed, (uint8_t)r, (uint32_t)block, bits);
    if (bits[position % BLOCK_POSITIONS / 8] >> (position & 7) & 1) index = flip;
  }
  return index;
}

/* All of a group's blocks of a round are hashed at once, which lets the wide kernels work. */
static void shuffle_group(const sha256_kernels *kernels, uint32_t *indices, size_t n, uint64_t count,
                          const uint8_t seed[32], unsigned rounds) {
  uint8_t messages[HASH_BATCH * 64], bits[HASH_BATCH * 32];
  uint64_t flips[HASH_BATCH], positions[HASH_BATCH];
  for (size_t k = 0; k < n; k++) start_message(messages + 64 * k, seed, 0);
  for (unsigned r = 0; r < rounds; r++) {
    uint64_t pivot = round_pivot(kernels, seed, (uint8_t)r, count);
    for (size_t k = 0; k < n; k++) {
      flips[k] = (pivot + count - indices[k]) % count;
      positions[k] = indices[k] > flips[k] ? indices[k] : flips[k];
      messages[64 * k + 32] = (uint8_t)r;
      put_block_number(messages + 64 * k, (uint32_t)(positions[k] / BLOCK_POSITIONS));
    }
    kernels->singles(bits, messages, n);
    for (size_t k = 0; k < n; k++) {
      uint8_t byte = bits[32 * k + positions[k] % BLOCK_POSITIONS / 8];
      if (byte >> (positions[k] & 7) & 1) indices[k] = (uint32_t)flips[k];
    }
  }
}

void shuffle_indices(const sha256_kernels *kernels, uint32_t *indices, size_t n, uint64_t count, const uint8_t seed[32],
                     unsigned rounds) {
  for (size_t from = 0; from < n; from += HASH_BATCH) {
    size_t left = n - from;
    shuffle_group(kernels, indices + from, left < HASH_BATCH ? left : HASH_BATCH, count, seed, rounds);
  }
}
