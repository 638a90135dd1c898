/* Verification of many signature sets at once: a random 64-bit weight for each, one pairing for each distinct message.
 * A batch with an invalid set passes with probability 2^-64. */
#ifndef CRESSET_BATCH_H
#define CRESSET_BATCH_H

#include "key_table.h"

/* One signature by the sum of some keys over one 32-byte message. The pointers outlive the call. */
typedef struct {
  key_table *table; /* NULL when no places are used */
  const uint32_t *places;
  size_t place_count;
  const uint8_t *extra; /* compressed keys that are in no table */
  size_t extra_count;
  const uint8_t *message;
  const uint8_t *signature;
} signature_set;

/* A set with its bytes turned into checked points. */
typedef struct {
  blst_p1 key;
  blst_p2_affine signature;
  blst_p2 hash; /* of the message; made when first needed */
  bool has_hash;
  const uint8_t *message;
  size_t origin; /* place in the caller's list */
} prepared_set;

/* Scratch for the product of up to `capacity` sets. */
typedef struct pairing_space pairing_space;
pairing_space *pairing_space_new(size_t capacity);
void pairing_space_free(pairing_space *space);

/* Places of the sets ordered by message, so that equal messages are neighbours. */
size_t *order_by_message(const signature_set *sets, size_t count);

verdict prepare_set(const signature_set *set, size_t origin, prepared_set *out);

/* Whether all sets of this run (neighbours by message) hold. */
verdict check_run(prepared_set *sets, size_t count, pairing_space *space);

/* Whether all sets hold; an empty list does. */
verdict verify_sets(const signature_set *sets, size_t count, unsigned threads);

/* bad[i] becomes 1 for each set that does not hold, 0 for the others. */
verdict find_invalid_sets(const signature_set *sets, size_t count, unsigned threads, uint8_t *bad);

#endif
