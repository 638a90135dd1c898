/* Merkle roots of chunks, pages and records. Functions return false when a page id or index led nowhere. */
#ifndef CRESSET_MERKLE_H
#define CRESSET_MERKLE_H

#include "pages.h"
#include "sha256.h"

#define MERKLE_MAX_DEPTH 64
#define MERKLE_MAX_PAGE_SHIFT 16

typedef struct {
  sha256_kernels kernels;
  uint8_t zeros[MERKLE_MAX_DEPTH + 1][32]; /* zeros[d] is the root of 2^d zero chunks */
} merkle_context;

void merkle_context_fill_zeros(merkle_context *context);

/* Root of n chunks padded with zero chunks to 2^depth. Returns false when out of memory. n <= 2^depth. */
bool merkleize_chunks(const merkle_context *context, uint8_t out[32], const uint8_t *chunks, size_t n, unsigned depth,
                      unsigned threads);

typedef struct {
  const page_arena *arena;
  page_table pages;
  size_t count;
  unsigned depth;
  size_t last_chunks;
  uint8_t *out;
} page_roots_job;

bool merkleize_pages(const merkle_context *context, const page_roots_job *job, unsigned threads);

#define RECORD_MAX_FIELDS 64
#define RECORD_MAX_FIELD_BYTES 256

typedef struct {
  const page_arena *arena;
  page_table data, roots;
  size_t record_bytes;
  uint8_t layout[RECORD_MAX_FIELDS];
  size_t fields;
  item_selection selection;
  size_t count;
} record_roots_job;

bool hash_records(const merkle_context *context, const record_roots_job *job, unsigned threads);

#endif
