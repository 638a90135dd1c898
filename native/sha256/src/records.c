/* Roots of fixed-size records of any layout, a batch of records at a time and each level of all of them at once. */
#include <stdatomic.h>

#include "merkle.h"
#include "parallel.h"

#define BATCH 64
#define LEAF_BYTES (32 * 1024)
#define FIELD_CHUNKS (RECORD_MAX_FIELD_BYTES / 32)

typedef struct {
  const merkle_context *context;
  const record_roots_job *job;
  size_t width; /* fields, padded to a power of two */
  size_t batch;
  atomic_bool failed;
} records_run;

static size_t padded_chunks(size_t bytes) {
  size_t chunks = 1;
  while (chunks * 32 < bytes) chunks *= 2;
  return chunks;
}

/* Puts field's root of each record at its leaf. */
static void place_field(const records_run *run, uint8_t *leaves, size_t field, size_t offset,
                        const uint8_t *const records[], size_t n) {
  size_t bytes = run->job->layout[field], chunks = padded_chunks(bytes);
  size_t stride = 32 * run->width;
  uint8_t *leaf = leaves + 32 * field;
  if (chunks == 1) {
    for (size_t k = 0; k < n; k++) memcpy(leaf + stride * k, records[k] + offset, bytes);
    return;
  }
  uint8_t nodes[BATCH * FIELD_CHUNKS * 32];
  memset(nodes, 0, n * chunks * 32);
  for (size_t k = 0; k < n; k++) memcpy(nodes + 32 * chunks * k, records[k] + offset, bytes);
  for (; chunks > 1; chunks /= 2) run->context->kernels.pairs(nodes, nodes, n * chunks / 2);
  for (size_t k = 0; k < n; k++) memcpy(leaf + stride * k, nodes + 32 * k, 32);
}

static void hash_batch(const records_run *run, uint8_t *leaves, const uint8_t *const records[], uint8_t *const roots[],
                       size_t n) {
  memset(leaves, 0, n * run->width * 32);
  size_t offset = 0;
  for (size_t f = 0; f < run->job->fields; f++) {
    place_field(run, leaves, f, offset, records, n);
    offset += run->job->layout[f];
  }
  for (size_t width = run->width; width > 1; width /= 2) run->context->kernels.pairs(leaves, leaves, n * width / 2);
  for (size_t k = 0; k < n; k++) memcpy(roots[k], leaves + 32 * k, 32);
}

static void run_records(void *argument, size_t begin, size_t end) {
  records_run *run = argument;
  const record_roots_job *job = run->job;
  item_cursor data = item_cursor_of(job->arena, &job->data, job->record_bytes);
  item_cursor out = item_cursor_of(job->arena, &job->roots, 32);
  uint8_t leaves[LEAF_BYTES];
  const uint8_t *records[BATCH];
  uint8_t *roots[BATCH];
  for (size_t from = begin; from < end; from += run->batch) {
    size_t n = end - from < run->batch ? end - from : run->batch;
    for (size_t k = 0; k < n; k++) {
      size_t index = selected_item(&job->selection, from + k);
      records[k] = item_at(&data, index);
      roots[k] = item_at(&out, index);
      if (records[k] == NULL || roots[k] == NULL) {
        atomic_store(&run->failed, true);
        return;
      }
    }
    hash_batch(run, leaves, records, roots, n);
  }
}

bool hash_records(const merkle_context *context, const record_roots_job *job, unsigned threads) {
  records_run run = {.context = context, .job = job, .width = 1};
  while (run.width < job->fields) run.width *= 2;
  run.batch = LEAF_BYTES / (32 * run.width);
  if (run.batch > BATCH) run.batch = BATCH;
  parallel_ranges(job->count, 1024, threads, run_records, &run);
  return !atomic_load(&run.failed);
}
