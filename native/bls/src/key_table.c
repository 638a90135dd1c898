#include "key_table.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "key_file.h"
#include "parallel.h"

#define COMMIT_STEP (256u * 1024)
#define VALIDATE_CHUNK 256
#define ADD_CHUNK 1024

size_t page_bytes(void) { return (size_t)sysconf(_SC_PAGESIZE); }

static size_t round_up(size_t value, size_t step) { return (value + step - 1) / step * step; }

static bool region_reserve(key_region *region, size_t capacity, size_t item) {
  region->item = item;
  region->reserved = round_up(capacity * item, COMMIT_STEP);
  void *base = mmap(NULL, region->reserved, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  region->base = base == MAP_FAILED ? NULL : base;
  return region->base != NULL;
}

static void region_free(key_region *region) {
  if (region->base != NULL) munmap(region->base, region->reserved);
}

bool key_region_commit(key_region *region, size_t end) {
  if (end <= region->committed) return true;
  size_t target = round_up(end, COMMIT_STEP);
  if (target > region->reserved) return false;
  size_t from = region->committed;
  if (mprotect(region->base + from, target - from, PROT_READ | PROT_WRITE) != 0) return false;
  region->committed = target;
  return true;
}

key_table *key_table_create(size_t capacity) {
  key_table *table = calloc(1, sizeof *table);
  if (table == NULL) return NULL;
  atomic_init(&table->references, 1);
  table->capacity = capacity;
  if (region_reserve(&table->compressed, capacity, KEY_BYTES) &&
      region_reserve(&table->points, capacity, sizeof(blst_p1_affine)) && region_reserve(&table->status, capacity, 1))
    return table;
  key_table_release(table);
  return NULL;
}

void key_table_retain(key_table *table) { atomic_fetch_add_explicit(&table->references, 1, memory_order_relaxed); }

void key_table_release(key_table *table) {
  if (atomic_fetch_sub_explicit(&table->references, 1, memory_order_acq_rel) != 1) return;
  if (table->file != NULL) key_file_free(table->file);
  region_free(&table->compressed);
  region_free(&table->points);
  region_free(&table->status);
  key_index_free(&table->index);
  free(table);
}

size_t key_table_length(const key_table *table) { return atomic_load_explicit(&table->length, memory_order_acquire); }

bool key_table_append(key_table *table, const uint8_t *keys, size_t count) {
  size_t length = key_table_length(table);
  if (count > table->capacity - length) return false;
  if (!key_region_commit(&table->compressed, (length + count) * KEY_BYTES) ||
      !key_region_commit(&table->points, (length + count) * sizeof(blst_p1_affine)) ||
      !key_region_commit(&table->status, length + count))
    return false;
  if (count > 0) memcpy(table->compressed.base + length * KEY_BYTES, keys, count * KEY_BYTES);
  atomic_store_explicit(&table->length, length + count, memory_order_release);
  return true;
}

int64_t key_table_find(key_table *table, const uint8_t *key) {
  if (!key_index_extend(&table->index, table->compressed.base, key_table_length(table))) return -2;
  return key_index_find(&table->index, table->compressed.base, key);
}

size_t key_table_count_matching(const key_table *table, size_t first, const uint8_t *keys, size_t count) {
  size_t length = key_table_length(table);
  if (first >= length || count == 0) return 0;
  if (count > length - first) count = length - first;
  const uint8_t *mine = table->compressed.base + first * KEY_BYTES;
  if (memcmp(mine, keys, count * KEY_BYTES) == 0) return count;
  size_t same = 0;
  while (same < count && memcmp(mine + same * KEY_BYTES, keys + same * KEY_BYTES, KEY_BYTES) == 0) same++;
  return same;
}

static _Atomic uint8_t *status_of(const key_table *table, size_t i) {
  return (_Atomic uint8_t *)(table->status.base + i);
}

/* Judges a key of anonymous memory; of several threads that want it one does, the others wait some 50 us. */
static uint8_t judge(key_table *table, size_t i) {
  _Atomic uint8_t *status = status_of(table, i);
  uint8_t expected = KEY_UNKNOWN;
  if (!atomic_compare_exchange_strong(status, &expected, KEY_BUSY)) {
    while ((expected = atomic_load_explicit(status, memory_order_acquire)) == KEY_BUSY) sched_yield();
    return expected;
  }
  blst_p1_affine point;
  bool valid = key_from_bytes(&point, table->compressed.base + i * KEY_BYTES);
  if (!valid) memset(&point, 0, sizeof point); /* on disk, all zero means invalid */
  memcpy(table->points.base + i * sizeof point, &point, sizeof point);
  uint8_t judged = valid ? KEY_VALID : KEY_INVALID;
  atomic_store_explicit(status, judged, memory_order_release);
  return judged;
}

verdict key_table_point(key_table *table, size_t i, const blst_p1_affine **point) {
  uint8_t status = atomic_load_explicit(status_of(table, i), memory_order_acquire);
  if (status == KEY_UNKNOWN || status == KEY_BUSY) {
    if (i < atomic_load_explicit(&table->file_length, memory_order_acquire)) {
      if (!key_file_check_block(table, i / KEY_BLOCK)) return VERDICT_CORRUPT_TABLE;
      status = atomic_load_explicit(status_of(table, i), memory_order_acquire);
    } else {
      status = judge(table, i);
    }
  }
  *point = (const blst_p1_affine *)(table->points.base + i * sizeof(blst_p1_affine));
  return status == KEY_VALID ? VERDICT_VALID : VERDICT_INVALID;
}

verdict key_table_add(key_table *table, const uint32_t *places, size_t count, blst_p1 *sum) {
  const blst_p1_affine *points[ADD_CHUNK];
  while (count > 0) {
    size_t chunk = count < ADD_CHUNK ? count : ADD_CHUNK;
    for (size_t i = 0; i < chunk; i++) {
      verdict found = key_table_point(table, places[i], &points[i]);
      if (found != VERDICT_VALID) return found;
    }
    blst_p1 part;
    blst_p1s_add(&part, points, chunk);
    blst_p1_add_or_double(sum, sum, &part);
    places += chunk;
    count -= chunk;
  }
  return VERDICT_VALID;
}

/* Pages of [from, to) that are in memory, by the kernel's word; in bytes. */
static size_t resident_bytes(const uint8_t *base, size_t from, size_t to) {
  size_t page = page_bytes(), total = 0;
  unsigned char present[1024];
  for (size_t at = from / page * page; at < to; at += sizeof present * page) {
    size_t bytes = round_up(to - at < sizeof present * page ? to - at : sizeof present * page, page);
    if (mincore((void *)(base + at), bytes, present) != 0) continue;
    for (size_t i = 0; i < bytes / page; i++) total += (present[i] & 1) * page;
  }
  return total;
}

void key_table_memory(const key_table *table, size_t *anonymous, size_t *mapped) {
  const key_region *regions[] = {&table->compressed, &table->points, &table->status};
  *anonymous = *mapped = 0;
  for (size_t i = 0; i < 3; i++) {
    *anonymous += resident_bytes(regions[i]->base, regions[i]->mapped, regions[i]->committed);
    *mapped += regions[i]->mapped;
  }
  *(table->index.is_mapped_file ? mapped : anonymous) += table->index.mapping_bytes;
}

typedef struct {
  key_table *table;
  size_t first, count;
  atomic_size_t invalid;
  atomic_int result;
} validation;

static void validate_chunk(void *context, size_t chunk) {
  validation *work = context;
  size_t from = chunk * VALIDATE_CHUNK;
  size_t to = from + VALIDATE_CHUNK < work->count ? from + VALIDATE_CHUNK : work->count;
  for (size_t i = from; i < to; i++) {
    const blst_p1_affine *point;
    verdict found = key_table_point(work->table, work->first + i, &point);
    if (found == VERDICT_INVALID) atomic_fetch_add(&work->invalid, 1);
    if (found == VERDICT_CORRUPT_TABLE) atomic_store(&work->result, found);
  }
}

verdict key_table_validate(key_table *table, size_t first, size_t count, unsigned threads, size_t *invalid) {
  validation work = {.table = table, .first = first, .count = count};
  atomic_init(&work.invalid, 0);
  atomic_init(&work.result, VERDICT_VALID);
  parallel_for((count + VALIDATE_CHUNK - 1) / VALIDATE_CHUNK, threads, validate_chunk, &work);
  *invalid = atomic_load(&work.invalid);
  return (verdict)atomic_load(&work.result);
}
