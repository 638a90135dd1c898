/*
 * Pages of columns. A slab is one buffer of many pages; a page id counts pages through all slabs; a page table lists the
 * ids of one column's pages in order.
 *
 * The memory belongs to JavaScript, and another worker may write to a shared page table while we read it. So each look-up
 * checks what it just read, and nothing relies on an earlier check.
 */
#ifndef CRESSET_PAGES_H
#define CRESSET_PAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct {
  uint8_t **slabs; /* NULL for a slab that this call does not use */
  size_t slab_count;
  unsigned page_shift; /* log2 of the bytes of a page */
  unsigned slab_shift; /* log2 of the pages of a slab */
} page_arena;

typedef struct {
  const uint32_t *ids;
  size_t length;
} page_table;

static inline size_t page_bytes(const page_arena *arena) { return (size_t)1 << arena->page_shift; }

static inline uint8_t *page_of_id(const page_arena *arena, uint32_t id) {
  size_t slab = (size_t)id >> arena->slab_shift;
  if (slab >= arena->slab_count || arena->slabs[slab] == NULL) return NULL;
  size_t in_slab = id & (((size_t)1 << arena->slab_shift) - 1);
  return arena->slabs[slab] + (in_slab << arena->page_shift);
}

static inline uint8_t *page_at(const page_arena *arena, const page_table *table, size_t page) {
  if (page >= table->length) return NULL;
  return page_of_id(arena, *(const volatile uint32_t *)(table->ids + page));
}

/* Finds items of one column; stays on the page of the last one, as neighbours come one after the other. */
typedef struct {
  const page_arena *arena;
  const page_table *table;
  size_t item_bytes, per_page;
  size_t first, count; /* the items of the page at data; count is 0 before the first look-up */
  uint8_t *data;
} item_cursor;

static inline item_cursor item_cursor_of(const page_arena *arena, const page_table *table, size_t item_bytes) {
  item_cursor cursor = {arena, table, item_bytes, page_bytes(arena) / item_bytes, 0, 0, NULL};
  return cursor;
}

static inline uint8_t *item_at(item_cursor *cursor, size_t index) {
  if (index - cursor->first >= cursor->count) {
    size_t page = index / cursor->per_page;
    cursor->data = page_at(cursor->arena, cursor->table, page);
    cursor->first = page * cursor->per_page;
    cursor->count = cursor->per_page;
  }
  return cursor->data == NULL ? NULL : cursor->data + (index - cursor->first) * cursor->item_bytes;
}

/* Which items a call works on: a list of indices, or (list NULL) a run of them. */
typedef struct {
  const uint32_t *list;
  size_t first;
} item_selection;

static inline size_t selected_item(const item_selection *selection, size_t k) {
  return selection->list == NULL ? selection->first + k : *(const volatile uint32_t *)(selection->list + k);
}

#endif
