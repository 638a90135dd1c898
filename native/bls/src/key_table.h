/* Public keys by validator index: compressed (for roots and lookup) and affine (for signatures), in address space that is
 * reserved once, so that pointers to keys stay good while the table grows. A prefix may be mapped from a file
 * (key_file.h); the rest is anonymous memory. Keys are appended unchecked: the affine form is made, and the key judged,
 * when a signature first needs it. One thread appends and looks up; any number resolve keys. */
#ifndef CRESSET_KEY_TABLE_H
#define CRESSET_KEY_TABLE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "blst.h"
#include "key_index.h"
#include "points.h"

typedef enum { KEY_UNKNOWN, KEY_VALID, KEY_INVALID, KEY_BUSY } key_status;

typedef enum { VERDICT_VALID, VERDICT_INVALID, VERDICT_CORRUPT_TABLE, VERDICT_NO_MEMORY, VERDICT_NO_RANDOM } verdict;

/* One array of the table: `committed` bytes from its start can be touched. */
typedef struct {
  uint8_t *base;
  size_t reserved, committed, item;
  size_t mapped; /* bytes from the start that are file pages */
} key_region;

struct key_file;

typedef struct key_table {
  atomic_uint references;
  size_t capacity;
  atomic_size_t length;
  key_region compressed, points, status;
  key_index index;
  struct key_file *file;     /* NULL: anonymous */
  atomic_size_t file_length; /* keys [0, file_length) are on disk */
} key_table;

/* NULL when the address space cannot be reserved. */
key_table *key_table_create(size_t capacity);
void key_table_retain(key_table *table);
void key_table_release(key_table *table);

size_t key_table_length(const key_table *table);

/* Copies count keys to the end, unchecked; false when over capacity or out of memory. */
bool key_table_append(key_table *table, const uint8_t *keys, size_t count);

int64_t key_table_find(key_table *table, const uint8_t *key);

/* How many of the count keys equal those from `first` on, up to the first difference. */
size_t key_table_count_matching(const key_table *table, size_t first, const uint8_t *keys, size_t count);

/* The affine form of key i, which must be below the length; checks the key first when nobody has. */
verdict key_table_point(key_table *table, size_t i, const blst_p1_affine **point);

/* Adds the keys at these places to sum; false verdicts as key_table_point's. */
verdict key_table_add(key_table *table, const uint32_t *places, size_t count, blst_p1 *sum);

/* Checks keys [first, first + count) on several threads; *invalid is how many of them are not valid. */
verdict key_table_validate(key_table *table, size_t first, size_t count, unsigned threads, size_t *invalid);

/* Bytes held in anonymous memory, and bytes that are pages of files. */
void key_table_memory(const key_table *table, size_t *anonymous, size_t *mapped);

/* Makes bytes [0, end) of a region usable; false when out of memory. */
bool key_region_commit(key_region *region, size_t end);

size_t page_bytes(void);

#endif
