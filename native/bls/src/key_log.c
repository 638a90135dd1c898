#include "key_log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "points.h"
#include "siphash.h"

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "key tables are little-endian"
#endif

#define RECORDS_AT 4096u

static const uint8_t MAGIC[8] = {'C', 'R', 'E', 'S', 'S', 'E', 'T', 'K'};

typedef struct {
  uint8_t magic[8];
  uint32_t version, block_keys, key_bytes, point_bytes;
  uint64_t id;
  uint64_t unused[3];
  uint64_t sum;
} log_header;

typedef struct {
  uint64_t sequence, count, tail_sum, sum;
} log_slot;

typedef struct {
  uint64_t data_sum, sum;
} log_record;

_Static_assert(sizeof(log_header) == 64 && sizeof(log_slot) == 32 && sizeof(log_record) == 16, "as on disk");

bool write_all(int fd, const void *data, size_t bytes, uint64_t offset) {
  const uint8_t *at = data;
  while (bytes > 0) {
    ssize_t done = pwrite(fd, at, bytes, (off_t)offset);
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) return false;
    at += done;
    bytes -= (size_t)done;
    offset += (uint64_t)done;
  }
  return true;
}

bool read_all(int fd, void *data, size_t bytes, uint64_t offset) {
  uint8_t *at = data;
  while (bytes > 0) {
    ssize_t done = pread(fd, at, bytes, (off_t)offset);
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) return false;
    at += done;
    bytes -= (size_t)done;
    offset += (uint64_t)done;
  }
  return true;
}

static uint64_t slot_offset(uint64_t sequence) { return 512 + 512 * (sequence & 1); }

static uint64_t header_sum(const log_header *header) { return siphash(0, 0, header, offsetof(log_header, sum)); }

static uint64_t slot_sum(const key_log *log, const log_slot *slot) {
  return siphash(log->id, 1, slot, offsetof(log_slot, sum));
}

static uint64_t record_sum(const key_log *log, size_t block, uint64_t data_sum) {
  return siphash(log->id, ~(uint64_t)block, &data_sum, sizeof data_sum);
}

uint64_t key_log_sum(const key_log *log, size_t block, const uint8_t *keys, const uint8_t *points, size_t count) {
  uint64_t of_keys = siphash(log->id, 2 * block, keys, count * KEY_BYTES);
  uint64_t of_points = siphash(log->id, 2 * block + 1, points, count * sizeof(blst_p1_affine));
  return siphash(of_keys, of_points, &count, sizeof count);
}

static bool make_room(key_log *log, size_t capacity) {
  log->block_capacity = capacity / KEY_BLOCK + 1;
  log->block_sums = calloc(log->block_capacity, sizeof *log->block_sums);
  return log->block_sums != NULL;
}

log_result key_log_create(key_log *log, int fd, size_t capacity) {
  *log = (key_log){.fd = fd};
  if (!make_room(log, capacity)) return LOG_NO_MEMORY;
  log_header header = {.version = KEY_FILE_VERSION,
                       .block_keys = KEY_BLOCK,
                       .key_bytes = KEY_BYTES,
                       .point_bytes = sizeof(blst_p1_affine)};
  memcpy(header.magic, MAGIC, sizeof MAGIC);
  if (!random_bytes(&header.id, sizeof header.id)) return LOG_IO;
  header.sum = header_sum(&header);
  log->id = header.id;
  log_slot slot = {0};
  slot.sum = slot_sum(log, &slot);
  uint8_t page[RECORDS_AT] = {0};
  memcpy(page, &header, sizeof header);
  memcpy(page + slot_offset(0), &slot, sizeof slot);
  return write_all(fd, page, sizeof page, 0) ? LOG_OK : LOG_IO;
}

static log_result read_header(key_log *log, const log_header *header) {
  if (memcmp(header->magic, MAGIC, sizeof MAGIC) != 0) return LOG_FOREIGN;
  /* Before the checksum: a later version may keep it elsewhere. */
  if (header->version != KEY_FILE_VERSION) return LOG_VERSION;
  if (header->sum != header_sum(header)) return LOG_DAMAGED;
  if (header->block_keys != KEY_BLOCK || header->key_bytes != KEY_BYTES ||
      header->point_bytes != sizeof(blst_p1_affine))
    return LOG_VERSION;
  log->id = header->id;
  return LOG_OK;
}

/* The newer of the sound slots; false when neither is. */
static bool read_slots(key_log *log, const uint8_t *page) {
  bool found = false;
  for (uint64_t i = 0; i < 2; i++) {
    log_slot slot;
    memcpy(&slot, page + slot_offset(i), sizeof slot);
    if (slot.sum != slot_sum(log, &slot) || (slot.sequence & 1) != i) continue;
    if (found && slot.sequence < log->sequence) continue;
    log->sequence = slot.sequence;
    log->count = slot.count;
    log->tail_sum = slot.tail_sum;
    found = true;
  }
  return found;
}

/* Sums of full blocks, up to the first record that is missing or damaged. */
static void read_records(key_log *log, size_t limit) {
  for (size_t block = 0; block < limit; block++) {
    log_record record;
    if (!read_all(log->fd, &record, sizeof record, RECORDS_AT + block * sizeof record) ||
        record.sum != record_sum(log, block, record.data_sum))
      return;
    log->block_sums[block] = record.data_sum;
    log->blocks = block + 1;
  }
}

log_result key_log_open(key_log *log, int fd, size_t capacity) {
  *log = (key_log){.fd = fd};
  uint8_t page[RECORDS_AT];
  log_header header;
  if (!read_all(fd, page, sizeof page, 0)) return LOG_DAMAGED;
  memcpy(&header, page, sizeof header);
  log_result result = read_header(log, &header);
  if (result != LOG_OK) return result;
  bool has_slot = read_slots(log, page);
  if (has_slot && log->count > capacity) return LOG_TOO_LARGE;
  if (!make_room(log, capacity)) return LOG_NO_MEMORY;
  /* Without a slot the records alone tell which blocks were complete. */
  read_records(log, has_slot ? log->count / KEY_BLOCK : capacity / KEY_BLOCK);
  if (!has_slot || log->blocks < log->count / KEY_BLOCK) log->count = log->blocks * KEY_BLOCK;
  return LOG_OK;
}

bool key_log_write_blocks(key_log *log, size_t blocks) {
  if (blocks == log->blocks) return true;
  for (size_t block = log->blocks; block < blocks; block++) {
    log_record record = {log->block_sums[block], record_sum(log, block, log->block_sums[block])};
    if (!write_all(log->fd, &record, sizeof record, RECORDS_AT + block * sizeof record)) return false;
  }
  if (fdatasync(log->fd) != 0) return false;
  log->blocks = blocks;
  return true;
}

bool key_log_commit(key_log *log, size_t count, uint64_t tail_sum) {
  log_slot slot = {.sequence = log->sequence + 1, .count = count, .tail_sum = tail_sum};
  slot.sum = slot_sum(log, &slot);
  if (!write_all(log->fd, &slot, sizeof slot, slot_offset(slot.sequence)) || fdatasync(log->fd) != 0) return false;
  log->sequence = slot.sequence;
  log->count = count;
  log->tail_sum = tail_sum;
  return true;
}

void key_log_free(key_log *log) {
  free(log->block_sums);
  log->block_sums = NULL;
}
