#include "key_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "index_file.h"
#include "parallel.h"

#define POINT_BYTES sizeof(blst_p1_affine)

static bool fail(file_error *error, const char *what) {
  snprintf(error->text, sizeof error->text, "%s: %s", what, strerror(errno));
  return false;
}

static bool fail_text(file_error *error, const char *what) {
  snprintf(error->text, sizeof error->text, "%s", what);
  return false;
}

static void close_fd(int *fd) {
  if (*fd >= 0) close(*fd);
  *fd = -1;
}

void key_file_release(key_file *file) {
  close_fd(&file->keys);
  close_fd(&file->points);
  close_fd(&file->log.fd);
  close_fd(&file->folder);
}

void key_file_free(key_file *file) {
  key_file_release(file);
  key_log_free(&file->log);
  free(file);
}

static uint8_t *key_at(const key_table *table, size_t i) { return table->compressed.base + i * KEY_BYTES; }
static uint8_t *point_at(const key_table *table, size_t i) { return table->points.base + i * POINT_BYTES; }

static void mark_keys(key_table *table, size_t from, size_t to) {
  for (size_t i = from; i < to; i++) {
    const blst_p1_affine *point = (const blst_p1_affine *)point_at(table, i);
    uint8_t status = blst_p1_affine_is_inf(point) ? KEY_INVALID : KEY_VALID;
    atomic_store_explicit((_Atomic uint8_t *)(table->status.base + i), status, memory_order_release);
  }
}

static uint64_t sum_in_memory(const key_table *table, size_t block, size_t count) {
  size_t first = block * KEY_BLOCK;
  return key_log_sum(&table->file->log, block, key_at(table, first), point_at(table, first), count);
}

bool key_file_check_block(key_table *table, size_t block) {
  if (sum_in_memory(table, block, KEY_BLOCK) != table->file->log.block_sums[block]) return false;
  mark_keys(table, block * KEY_BLOCK, (block + 1) * KEY_BLOCK);
  return true;
}

/* Replaces memory by the file's pages for whole pages below `bytes`; the same bytes, so nobody notices. */
static bool map_pages(key_region *region, int fd, size_t bytes, int protection, int sharing) {
  size_t end = bytes / page_bytes() * page_bytes();
  if (end <= region->mapped) return true;
  if (mmap(region->base + region->mapped, end - region->mapped, protection, sharing | MAP_FIXED, fd,
           (off_t)region->mapped) == MAP_FAILED)
    return false;
  region->mapped = end;
  if (region->committed < end) region->committed = end;
  return true;
}

/* Compressed keys are mapped privately and writable: JavaScript has a view of them, and a stray write there must neither
 * reach the file nor kill the process. */
static bool map_file(key_table *table, size_t count) {
  return map_pages(&table->compressed, table->file->keys, count * KEY_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE) &&
         map_pages(&table->points, table->file->points, count * POINT_BYTES, PROT_READ, MAP_SHARED);
}

/* The page that a region's end shares with keys to come is memory, filled from the file. */
static bool read_rest(key_region *region, int fd, size_t bytes) {
  return key_region_commit(region, bytes) &&
         read_all(fd, region->base + region->mapped, bytes - region->mapped, region->mapped);
}

static bool load_keys(key_table *table, size_t count, file_error *error) {
  if (!map_file(table, count) || !read_rest(&table->compressed, table->file->keys, count * KEY_BYTES) ||
      !read_rest(&table->points, table->file->points, count * POINT_BYTES) || !key_region_commit(&table->status, count))
    return fail(error, "cannot map the keys");
  return true;
}

/* Turns file pages that reach past `bytes` into memory again, because other keys will be written there. */
static bool unmap_rest(key_region *region, int fd, size_t bytes) {
  size_t keep = bytes / page_bytes() * page_bytes();
  if (region->mapped <= keep) return true;
  if (mmap(region->base + keep, region->committed - keep, PROT_NONE,
           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) == MAP_FAILED)
    return false;
  region->mapped = region->committed = keep;
  return read_rest(region, fd, bytes);
}

static bool cut_memory(key_table *table, size_t length, file_error *error) {
  /* What is dropped keeps no judgement. */
  memset(table->status.base + length, 0, table->status.committed - length);
  if (!unmap_rest(&table->compressed, table->file->keys, length * KEY_BYTES) ||
      !unmap_rest(&table->points, table->file->points, length * POINT_BYTES))
    return fail(error, "cannot drop damaged keys");
  return true;
}

/* The keys that the log counts and the files really have; after a cut only whole blocks can be trusted. */
static bool usable_length(const key_file *file, size_t *out, file_error *error) {
  struct stat keys, points;
  if (fstat(file->keys, &keys) != 0 || fstat(file->points, &points) != 0) return fail(error, "cannot read file sizes");
  size_t present = (size_t)keys.st_size / KEY_BYTES;
  if ((size_t)points.st_size / POINT_BYTES < present) present = (size_t)points.st_size / POINT_BYTES;
  *out = present >= file->log.count ? file->log.count : present / KEY_BLOCK * KEY_BLOCK;
  return true;
}

typedef struct {
  key_table *table;
  atomic_size_t first_bad;
} block_check;

static void check_body(void *context, size_t block) {
  block_check *work = context;
  if (key_file_check_block(work->table, block)) return;
  size_t known = atomic_load(&work->first_bad);
  while (block < known && !atomic_compare_exchange_weak(&work->first_bad, &known, block)) {
  }
}

static size_t sound_blocks(key_table *table, size_t blocks, unsigned threads) {
  block_check work = {.table = table};
  atomic_init(&work.first_bad, blocks);
  parallel_for(blocks, threads, check_body, &work);
  return atomic_load(&work.first_bad);
}

/* Sets the length to the prefix whose checksums hold: the unfinished block always, the others if asked. */
static bool load_prefix(key_table *table, bool check, unsigned threads, file_error *error) {
  key_file *file = table->file;
  size_t length;
  if (!usable_length(file, &length, error) || !load_keys(table, length, error)) return false;
  size_t blocks = length / KEY_BLOCK, tail = length % KEY_BLOCK;
  if (tail > 0 && sum_in_memory(table, blocks, tail) == file->log.tail_sum)
    mark_keys(table, blocks * KEY_BLOCK, length);
  else
    length -= tail;
  if (check) {
    size_t sound = sound_blocks(table, blocks, threads);
    if (sound < blocks) length = sound * KEY_BLOCK;
  }
  file->dropped = file->log.count - length;
  atomic_store(&table->length, length);
  atomic_store(&table->file_length, length);
  return cut_memory(table, length, error);
}

/* After a loss, the shorter length is committed at once: nothing that follows it may come back after a crash. */
static bool commit_cut(key_table *table, file_error *error) {
  key_log *log = &table->file->log;
  size_t length = key_table_length(table), tail = length % KEY_BLOCK;
  log->blocks = length / KEY_BLOCK;
  uint64_t tail_sum = tail > 0 ? log->tail_sum : 0;
  return key_log_commit(log, length, tail_sum) || fail(error, "cannot commit the keys that are left");
}

static bool log_failure(log_result result, file_error *error) {
  switch (result) {
    case LOG_OK:
      return true;
    case LOG_FOREIGN:
      return fail_text(error, "log: not a key table (offset 0: wrong magic)");
    case LOG_VERSION:
      return fail_text(error, "log: key table of another version (offset 8)");
    case LOG_DAMAGED:
      return fail_text(error, "log: too short, or its header fails its checksum (offset 0)");
    case LOG_TOO_LARGE:
      return fail_text(error, "log: more keys than the capacity asked for (offset 512)");
    case LOG_NO_MEMORY:
      return fail_text(error, "not enough memory for the log");
    default:
      return fail(error, "log");
  }
}

/* The log appears complete or not at all: it is written aside and renamed, after the empty files that it counts. */
static bool create_files(key_file *file, size_t capacity, file_error *error) {
  int flags = O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC;
  file->keys = openat(file->folder, "keys", flags, 0644);
  file->points = openat(file->folder, "points", flags, 0644);
  int log = openat(file->folder, "log.new", flags, 0644);
  if (file->keys < 0 || file->points < 0 || log < 0) {
    if (log >= 0) close(log);
    return fail(error, "cannot create files");
  }
  log_result result = key_log_create(&file->log, log, capacity);
  if (result != LOG_OK) return log_failure(result, error);
  if (fsync(log) != 0 || renameat(file->folder, "log.new", file->folder, "log") != 0 || fsync(file->folder) != 0)
    return fail(error, "cannot create the log");
  return true;
}

static bool open_files(key_file *file, size_t capacity, file_error *error) {
  int flags = (file->writable ? O_RDWR : O_RDONLY) | O_CLOEXEC;
  int log = openat(file->folder, "log", flags);
  if (log < 0 && errno == ENOENT && file->writable) return create_files(file, capacity, error);
  if (log < 0) return fail(error, "log");
  log_result result = key_log_open(&file->log, log, capacity);
  if (result != LOG_OK) return log_failure(result, error);
  file->keys = openat(file->folder, "keys", flags);
  file->points = openat(file->folder, "points", flags);
  return (file->keys >= 0 && file->points >= 0) || fail(error, "keys or points");
}

static bool open_folder(key_file *file, const char *path, file_error *error) {
  if (file->writable && mkdir(path, 0755) != 0 && errno != EEXIST) return fail(error, "cannot create the folder");
  file->folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (file->folder < 0) return fail(error, "cannot open the folder");
  if (!file->writable || flock(file->folder, LOCK_EX | LOCK_NB) == 0) return true;
  return errno == EWOULDBLOCK ? fail_text(error, "another writer has it open") : fail(error, "cannot lock");
}

key_table *key_file_open(const char *path, size_t capacity, open_mode mode, bool check, unsigned threads,
                         file_error *error) {
  key_file *file = calloc(1, sizeof *file);
  key_table *table = file == NULL ? NULL : key_table_create(capacity);
  if (table == NULL) {
    free(file);
    fail_text(error, "not enough memory");
    return NULL;
  }
  file->folder = file->keys = file->points = file->log.fd = -1;
  file->writable = mode == OPEN_WRITE;
  table->file = file;
  if (open_folder(file, path, error) && open_files(file, capacity, error) &&
      load_prefix(table, check, threads, error) && (!file->writable || file->dropped == 0 || commit_cut(table, error))) {
    if (index_file_open(&table->index, file->folder, file->log.id, key_table_length(table)))
      file->index_covered = table->index.covered;
    return table;
  }
  key_table_release(table);
  return NULL;
}

/* Checksums of the blocks that [from, length) completes, and of the rest. */
static uint64_t sum_new_blocks(key_table *table, size_t from, size_t length) {
  for (size_t block = from / KEY_BLOCK; block < length / KEY_BLOCK; block++)
    table->file->log.block_sums[block] = sum_in_memory(table, block, KEY_BLOCK);
  size_t tail = length % KEY_BLOCK;
  return tail > 0 ? sum_in_memory(table, length / KEY_BLOCK, tail) : 0;
}

static bool write_keys(key_table *table, size_t from, size_t length, file_error *error) {
  key_file *file = table->file;
  size_t count = length - from;
  if (!write_all(file->keys, key_at(table, from), count * KEY_BYTES, from * KEY_BYTES) ||
      !write_all(file->points, point_at(table, from), count * POINT_BYTES, from * POINT_BYTES) ||
      fdatasync(file->keys) != 0 || fdatasync(file->points) != 0)
    return fail(error, "cannot write keys");
  uint64_t tail_sum = sum_new_blocks(table, from, length);
  if (!key_log_write_blocks(&file->log, length / KEY_BLOCK) || !key_log_commit(&file->log, length, tail_sum))
    return fail(error, "cannot commit keys");
  return true;
}

bool key_file_flush(key_table *table, size_t length, unsigned threads, file_error *error) {
  size_t from = atomic_load(&table->file_length), invalid;
  if (length == from) return true;
  if (key_table_validate(table, from, length - from, threads, &invalid) != VERDICT_VALID)
    return fail_text(error, "cannot check the keys");
  if (!write_keys(table, from, length, error)) return false;
  atomic_store(&table->file_length, length);
  return map_file(table, length) || fail(error, "cannot map the keys");
}
