#include "key_index.h"

#include <string.h>
#include <sys/mman.h>

#include "points.h"
#include "siphash.h"

#define PLACE_MASK 0xffffffu
#define MIN_SLOTS 1024
#define GROUP 16

size_t key_index_slots_for(size_t keys) {
  size_t slots = MIN_SLOTS;
  while (slots / 4 * 3 < keys) slots *= 2;
  return slots;
}

static inline uint64_t hash_key(const key_index *index, const uint8_t *key) {
  return siphash(index->seed[0], index->seed[1], key, KEY_BYTES);
}

static inline uint32_t tag_of(uint64_t hash) { return (uint32_t)(hash >> 56) << 24; }

static inline uint64_t next_slot(const key_index *index, uint64_t slot) { return (slot + 1) & (index->slot_count - 1); }

/* The slot that holds the key, or the empty one where it would go. */
static uint64_t probe(const key_index *index, const uint8_t *keys, const uint8_t *key, uint64_t hash) {
  uint64_t slot = hash & (index->slot_count - 1);
  for (size_t steps = 0; steps < index->slot_count; steps++, slot = next_slot(index, slot)) {
    uint32_t value = index->slots[slot];
    if (value == 0) return slot;
    size_t place = (value & PLACE_MASK) - 1u;
    if ((value & ~PLACE_MASK) == tag_of(hash) && place < index->covered &&
        memcmp(keys + place * KEY_BYTES, key, KEY_BYTES) == 0)
      return slot;
  }
  return index->slot_count;
}

/* Adds one group of at most GROUP keys; slots are prefetched because each is a cache miss. */
static void add_group(key_index *index, const uint8_t *keys, size_t from, size_t count) {
  uint64_t hashes[GROUP];
  for (size_t i = 0; i < count; i++) {
    hashes[i] = hash_key(index, keys + (from + i) * KEY_BYTES);
    __builtin_prefetch(&index->slots[hashes[i] & (index->slot_count - 1)], 1);
  }
  for (size_t i = 0; i < count; i++) {
    index->covered = from + i;
    uint64_t slot = probe(index, keys, keys + (from + i) * KEY_BYTES, hashes[i]);
    if (slot < index->slot_count && index->slots[slot] == 0) {
      index->slots[slot] = tag_of(hashes[i]) | (uint32_t)(from + i + 1);
      index->used++;
    }
  }
  index->covered = from + count;
}

static bool resize(key_index *index, size_t slot_count) {
  size_t bytes = slot_count * sizeof(uint32_t);
  void *mapping = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapping == MAP_FAILED) return false;
  key_index_free(index);
  index->slots = index->mapping = mapping;
  index->slot_count = slot_count;
  index->mapping_bytes = bytes;
  return true;
}

bool key_index_extend(key_index *index, const uint8_t *keys, size_t length) {
  if (index->slots != NULL && length <= index->covered) return true;
  if (index->slots == NULL && !random_bytes(index->seed, sizeof index->seed)) return false;
  /* A rebuild is as cheap as moving slots over, because moving needs each key's hash again too. */
  if (index->slots == NULL || key_index_slots_for(length) > index->slot_count) {
    if (!resize(index, key_index_slots_for(length))) return false;
  }
  for (size_t from = index->covered; from < length; from += GROUP)
    add_group(index, keys, from, length - from < GROUP ? length - from : GROUP);
  return true;
}

int64_t key_index_find(const key_index *index, const uint8_t *keys, const uint8_t *key) {
  if (index->slots == NULL) return -1;
  uint64_t slot = probe(index, keys, key, hash_key(index, key));
  if (slot >= index->slot_count || index->slots[slot] == 0) return -1;
  return (int64_t)(index->slots[slot] & PLACE_MASK) - 1;
}

void key_index_free(key_index *index) {
  if (index->mapping != NULL) munmap(index->mapping, index->mapping_bytes);
  index->slots = index->mapping = NULL;
  index->slot_count = index->covered = index->used = index->mapping_bytes = 0;
  index->is_mapped_file = false;
}
