/*
 * A validator has eight leaves: key root, credentials, balance, slashed, and four epochs. Of its eight hashes three join
 * plain numbers that neighbours mostly share (a full balance and not slashed; never exiting), so these are taken over
 * from the validator before when they are equal.
 */
#include "validators.h"

#include <stdatomic.h>

#include "parallel.h"

#define BATCH 64
#define NUMBER_PAIRS 3

const uint8_t validator_item_bytes[COLUMN_COUNT] = {32, 8, 1, 8, 8, 8, 8};

/* Where each column's value lies in the SSZ record. */
static const uint8_t record_offset[COLUMN_COUNT] = {48, 80, 88, 89, 97, 105, 113};

/* The columns of the number pairs, left and right. */
static const uint8_t pair_columns[NUMBER_PAIRS][2] = {
    {COLUMN_BALANCE, COLUMN_SLASHED}, {COLUMN_ELIGIBILITY, COLUMN_ACTIVATION}, {COLUMN_EXIT, COLUMN_WITHDRAWABLE}};

typedef struct {
  item_cursor columns[COLUMN_COUNT], tail, roots;
} cursors_t;

static void open_cursors(cursors_t *cursors, const validators_job *job) {
  for (int c = 0; c < COLUMN_COUNT; c++) {
    cursors->columns[c] = item_cursor_of(job->arena, &job->columns[c], validator_item_bytes[c]);
  }
  cursors->tail = item_cursor_of(job->arena, &job->tail, KEY_BYTES);
  cursors->roots = item_cursor_of(job->arena, &job->roots, 32);
}

static const uint8_t *key_at(const validators_job *job, cursors_t *cursors, size_t index) {
  return index < job->base ? job->keys + KEY_BYTES * index : item_at(&cursors->tail, index - job->base);
}

/* The last number pair of its kind and where its digest is. */
typedef struct {
  uint64_t left, right;
  size_t entry; /* SIZE_MAX: none yet */
} memo_t;

typedef struct {
  uint8_t keys[BATCH * 64];
  uint8_t key_roots[BATCH * 32];
  uint8_t pairs[BATCH * (1 + NUMBER_PAIRS) * 64];
  /* The digests of pairs, after those of the memos that an earlier batch left. */
  uint8_t digests[(NUMBER_PAIRS + BATCH * (1 + NUMBER_PAIRS)) * 32];
  size_t entries[BATCH][NUMBER_PAIRS];
  uint8_t nodes[BATCH * 128];
  memo_t memos[NUMBER_PAIRS];
  size_t used; /* pairs to hash */
} batch_t;

static bool place_keys(batch_t *batch, const validators_job *job, cursors_t *cursors, const size_t index[], size_t n) {
  for (size_t k = 0; k < n; k++) {
    const uint8_t *key = key_at(job, cursors, index[k]);
    if (key == NULL) return false;
    memcpy(batch->keys + 64 * k, key, KEY_BYTES);
  }
  return true;
}

static bool place_credentials(batch_t *batch, cursors_t *cursors, const size_t index[], size_t n) {
  for (size_t k = 0; k < n; k++) {
    const uint8_t *item = item_at(&cursors->columns[COLUMN_CREDENTIALS], index[k]);
    if (item == NULL) return false;
    memcpy(batch->pairs + 64 * k + 32, item, 32);
  }
  return true;
}

/* Reads the numbers as they lie in memory: only equality counts, and they go back the same way. */
static bool read_numbers(cursors_t *cursors, int column, const size_t index[], size_t n, uint64_t values[]) {
  item_cursor *cursor = &cursors->columns[column];
  for (size_t k = 0; k < n; k++) {
    const uint8_t *item = item_at(cursor, index[k]);
    if (item == NULL) return false;
    values[k] = 0;
    if (cursor->item_bytes == 1) memcpy(&values[k], item, 1);
    else memcpy(&values[k], item, 8);
  }
  return true;
}

static bool place_numbers(batch_t *batch, cursors_t *cursors, int p, const size_t index[], size_t n) {
  uint64_t left[BATCH], right[BATCH];
  if (!read_numbers(cursors, pair_columns[p][0], index, n, left)) return false;
  if (!read_numbers(cursors, pair_columns[p][1], index, n, right)) return false;
  memo_t *memo = &batch->memos[p];
  for (size_t k = 0; k < n; k++) {
    if (memo->entry == SIZE_MAX || memo->left != left[k] || memo->right != right[k]) {
      uint8_t *pair = batch->pairs + 64 * batch->used;
      memset(pair, 0, 64);
      memcpy(pair, &left[k], 8);
      memcpy(pair + 32, &right[k], 8);
      *memo = (memo_t){left[k], right[k], NUMBER_PAIRS + batch->used++};
    }
    batch->entries[k][p] = memo->entry;
  }
  return true;
}

static void hash_batch(batch_t *batch, const sha256_kernels *kernels, size_t n) {
  kernels->pairs(batch->key_roots, batch->keys, n);
  for (size_t k = 0; k < n; k++) memcpy(batch->pairs + 64 * k, batch->key_roots + 32 * k, 32);
  uint8_t *fresh = batch->digests + 32 * NUMBER_PAIRS;
  kernels->pairs(fresh, batch->pairs, batch->used);
  for (size_t k = 0; k < n; k++) {
    uint8_t *nodes = batch->nodes + 128 * k;
    memcpy(nodes, fresh + 32 * k, 32);
    for (int p = 0; p < NUMBER_PAIRS; p++) memcpy(nodes + 32 * (p + 1), batch->digests + 32 * batch->entries[k][p], 32);
  }
  kernels->pairs(batch->nodes, batch->nodes, 2 * n);
  kernels->pairs(batch->nodes, batch->nodes, n);
  for (int p = 0; p < NUMBER_PAIRS; p++) {
    memmove(batch->digests + 32 * p, batch->digests + 32 * batch->memos[p].entry, 32);
    batch->memos[p].entry = (size_t)p;
  }
}

static bool store_roots(const batch_t *batch, cursors_t *cursors, const size_t index[], size_t n) {
  for (size_t k = 0; k < n; k++) {
    uint8_t *item = item_at(&cursors->roots, index[k]);
    if (item == NULL) return false;
    memcpy(item, batch->nodes + 32 * k, 32);
  }
  return true;
}

typedef struct {
  const merkle_context *context;
  const validators_job *job;
  atomic_bool failed;
} validators_run;

static bool hash_range(const validators_run *run, size_t begin, size_t end) {
  const validators_job *job = run->job;
  cursors_t cursors;
  open_cursors(&cursors, job);
  batch_t batch;
  memset(batch.keys, 0, sizeof batch.keys);
  for (int p = 0; p < NUMBER_PAIRS; p++) batch.memos[p] = (memo_t){0, 0, SIZE_MAX};
  for (size_t from = begin; from < end; from += BATCH) {
    size_t n = end - from < BATCH ? end - from : BATCH, index[BATCH];
    for (size_t k = 0; k < n; k++) index[k] = selected_item(&job->selection, from + k);
    if (!place_keys(&batch, job, &cursors, index, n)) return false;
    if (!place_credentials(&batch, &cursors, index, n)) return false;
    batch.used = n;
    for (int p = 0; p < NUMBER_PAIRS; p++) {
      if (!place_numbers(&batch, &cursors, p, index, n)) return false;
    }
    hash_batch(&batch, &run->context->kernels, n);
    if (!store_roots(&batch, &cursors, index, n)) return false;
  }
  return true;
}

static void run_validators(void *argument, size_t begin, size_t end) {
  validators_run *run = argument;
  if (!hash_range(run, begin, end)) atomic_store(&run->failed, true);
}

bool hash_validators(const merkle_context *context, const validators_job *job, unsigned threads) {
  validators_run run = {context, job, false};
  parallel_ranges(job->count, 1024, threads, run_validators, &run);
  return !atomic_load(&run.failed);
}

size_t find_bad_slashed(const uint8_t *source, size_t count) {
  size_t k = 0;
  while (k < count && source[VALIDATOR_BYTES * k + record_offset[COLUMN_SLASHED]] <= 1) k++;
  return k;
}

/* Constant sizes become single moves. */
static inline void copy_item(uint8_t *to, const uint8_t *from, size_t bytes) {
  if (bytes == 8) memcpy(to, from, 8);
  else if (bytes == 32) memcpy(to, from, 32);
  else *to = *from;
}

bool scatter_validators(const validators_job *job, const uint8_t *source, uint8_t *keys) {
  cursors_t cursors;
  open_cursors(&cursors, job);
  for (size_t from = 0; from < job->count; from += BATCH) {
    size_t n = job->count - from < BATCH ? job->count - from : BATCH;
    const uint8_t *records = source + VALIDATOR_BYTES * from;
    for (size_t k = 0; k < n; k++) memcpy(keys + KEY_BYTES * (from + k), records + VALIDATOR_BYTES * k, KEY_BYTES);
    for (int c = 0; c < COLUMN_COUNT; c++) {
      for (size_t k = 0; k < n; k++) {
        uint8_t *item = item_at(&cursors.columns[c], job->selection.first + from + k);
        if (item == NULL) return false;
        copy_item(item, records + VALIDATOR_BYTES * k + record_offset[c], validator_item_bytes[c]);
      }
    }
  }
  return true;
}

bool gather_validators(const validators_job *job, uint8_t *out) {
  cursors_t cursors;
  open_cursors(&cursors, job);
  for (size_t from = 0; from < job->count; from += BATCH) {
    size_t n = job->count - from < BATCH ? job->count - from : BATCH;
    uint8_t *records = out + VALIDATOR_BYTES * from;
    for (size_t k = 0; k < n; k++) {
      const uint8_t *key = key_at(job, &cursors, job->selection.first + from + k);
      if (key == NULL) return false;
      memcpy(records + VALIDATOR_BYTES * k, key, KEY_BYTES);
    }
    for (int c = 0; c < COLUMN_COUNT; c++) {
      for (size_t k = 0; k < n; k++) {
        const uint8_t *item = item_at(&cursors.columns[c], job->selection.first + from + k);
        if (item == NULL) return false;
        copy_item(records + VALIDATOR_BYTES * k + record_offset[c], item, validator_item_bytes[c]);
      }
    }
  }
  return true;
}
