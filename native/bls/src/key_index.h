/* From a compressed key to its place in the table: open addressing over 32-bit slots, 8 bits of the hash and 24 of
 * place + 1. A slot proves nothing: a lookup always compares the key itself, so a wrong slot cannot give a wrong answer.
 * The hash has a secret seed, so nobody can choose keys that share a chain. */
#ifndef CRESSET_KEY_INDEX_H
#define CRESSET_KEY_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MAX_KEYS ((1u << 24) - 2)

typedef struct {
  uint32_t *slots;   /* NULL until the first lookup */
  size_t slot_count; /* a power of two */
  size_t covered;    /* keys [0, covered) have been added */
  size_t used;       /* slots taken; fewer than covered when keys repeat */
  uint64_t seed[2];
  void *mapping; /* what to unmap */
  size_t mapping_bytes;
  bool is_mapped_file;
} key_index;

/* Smallest slot count that holds this many keys at three quarters full. */
size_t key_index_slots_for(size_t keys);

/* Adds keys [covered, length); false when out of memory, with the index still right for `covered` keys. */
bool key_index_extend(key_index *index, const uint8_t *keys, size_t length);

/* Place of the first key equal to this one among keys [0, covered), or -1. */
int64_t key_index_find(const key_index *index, const uint8_t *keys, const uint8_t *key);

void key_index_free(key_index *index);

#endif
