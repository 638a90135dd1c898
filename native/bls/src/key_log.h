/* The log of a key table on disk: how many keys are committed, and the checksum of each block of them.
 *
 *   0      header, 64 bytes: magic, version, block size, item sizes, identity, checksum
 *   512    commit slot 0, 32 bytes: sequence, keys, checksum of the last, unfinished block, checksum of the slot
 *   1024   commit slot 1
 *   4096   one record a full block, 16 bytes: checksum of its keys and points, checksum of the record
 *
 * A commit goes: keys and points, fsync; records of blocks that became full, fsync; the older slot, fsync. Whatever is
 * torn by a crash is therefore not yet counted by the other slot. Numbers are little-endian. */
#ifndef CRESSET_KEY_LOG_H
#define CRESSET_KEY_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KEY_BLOCK 4096u
#define KEY_FILE_VERSION 1u

typedef struct {
  int fd;
  uint64_t id; /* random; keys every checksum, so that files of two tables cannot be mixed */
  uint64_t sequence;
  size_t count;         /* committed keys, as far as the log can tell */
  uint64_t tail_sum;    /* of keys [count / KEY_BLOCK * KEY_BLOCK, count) */
  size_t blocks;        /* full blocks whose record is sound */
  uint64_t *block_sums; /* room for every block up to the capacity */
  size_t block_capacity;
} key_log;

typedef enum { LOG_OK, LOG_IO, LOG_FOREIGN, LOG_VERSION, LOG_DAMAGED, LOG_TOO_LARGE, LOG_NO_MEMORY } log_result;

/* A fresh log in fd, not yet synced. */
log_result key_log_create(key_log *log, int fd, size_t capacity);

/* Reads a log; on LOG_OK, count and blocks describe the longest prefix that it vouches for. */
log_result key_log_open(key_log *log, int fd, size_t capacity);

uint64_t key_log_sum(const key_log *log, size_t block, const uint8_t *keys, const uint8_t *points, size_t count);

/* Writes and syncs records [log->blocks, blocks), whose sums are in block_sums already. */
bool key_log_write_blocks(key_log *log, size_t blocks);

/* Writes and syncs the older slot. */
bool key_log_commit(key_log *log, size_t count, uint64_t tail_sum);

void key_log_free(key_log *log);

bool write_all(int fd, const void *data, size_t bytes, uint64_t offset);
bool read_all(int fd, void *data, size_t bytes, uint64_t offset);

#endif
