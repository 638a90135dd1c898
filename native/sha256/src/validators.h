/* The validator registry as columns: roots of the records, and the way from SSZ records to columns and back. */
#ifndef CRESSET_VALIDATORS_H
#define CRESSET_VALIDATORS_H

#include "merkle.h"

enum {
  COLUMN_CREDENTIALS,
  COLUMN_BALANCE,
  COLUMN_SLASHED,
  COLUMN_ELIGIBILITY,
  COLUMN_ACTIVATION,
  COLUMN_EXIT,
  COLUMN_WITHDRAWABLE,
  COLUMN_COUNT
};

#define KEY_BYTES 48
#define VALIDATOR_BYTES 121

/* Bytes of an item of each column, in the order above. */
extern const uint8_t validator_item_bytes[COLUMN_COUNT];

typedef struct {
  const page_arena *arena;
  page_table columns[COLUMN_COUNT];
  const uint8_t *keys; /* of the validators 0 .. base - 1 */
  size_t base;
  page_table tail; /* keys of the validators from base on */
  page_table roots;
  item_selection selection;
  size_t count;
} validators_job;

/* Each returns false when a page id or index led nowhere. */
bool hash_validators(const merkle_context *context, const validators_job *job, unsigned threads);
bool scatter_validators(const validators_job *job, const uint8_t *source, uint8_t *keys);
bool gather_validators(const validators_job *job, uint8_t *out);

/* Index of the first of count records whose slashed byte is neither 0 nor 1, or count. */
size_t find_bad_slashed(const uint8_t *source, size_t count);

#endif
