#include "batch.h"

#include <stdlib.h>
#include <string.h>

#include "parallel.h"

#define WEIGHT_BITS 64
#define WEIGHT_BYTES 8
#define MAX_CHUNK 1024
#define MIN_CHUNK 16

struct pairing_space {
  blst_p1 *group_keys; /* one a distinct message */
  blst_p2 *group_hashes;
  blst_p1_affine *keys; /* one a set, then one a pair */
  blst_p2_affine *hashes;
  const blst_p2_affine **signature_list;
  uint64_t *weights;
  limb_t *scratch;
};

static void *array_of(size_t count, size_t size) { return malloc(count * size); }

pairing_space *pairing_space_new(size_t capacity) {
  pairing_space *space = calloc(1, sizeof *space);
  if (space == NULL) return NULL;
  size_t scratch1 = blst_p1s_mult_pippenger_scratch_sizeof(capacity);
  size_t scratch2 = blst_p2s_mult_pippenger_scratch_sizeof(capacity);
  space->group_keys = array_of(capacity, sizeof(blst_p1));
  space->group_hashes = array_of(capacity, sizeof(blst_p2));
  space->keys = array_of(capacity + 1, sizeof(blst_p1_affine));
  space->hashes = array_of(capacity + 1, sizeof(blst_p2_affine));
  space->signature_list = array_of(capacity + 1, sizeof(void *));
  space->weights = array_of(2 * capacity + 2, WEIGHT_BYTES);
  space->scratch = malloc(scratch1 > scratch2 ? scratch1 : scratch2);
  if (space->group_keys && space->group_hashes && space->keys && space->hashes &&
      space->signature_list && space->weights && space->scratch)
    return space;
  pairing_space_free(space);
  return NULL;
}

void pairing_space_free(pairing_space *space) {
  if (space == NULL) return;
  free(space->group_keys);
  free(space->group_hashes);
  free(space->keys);
  free(space->hashes);
  free(space->signature_list);
  free(space->weights);
  free(space->scratch);
  free(space);
}

static int compare_messages(const void *a, const void *b, void *context) {
  const signature_set *sets = context;
  size_t i = *(const size_t *)a, j = *(const size_t *)b;
  int order = memcmp(sets[i].message, sets[j].message, MESSAGE_BYTES);
  return order != 0 ? order : (i > j) - (i < j);
}

size_t *order_by_message(const signature_set *sets, size_t count) {
  size_t *order = array_of(count + 1, sizeof *order);
  if (order == NULL) return NULL;
  for (size_t i = 0; i < count; i++) order[i] = i;
  qsort_r(order, count, sizeof *order, compare_messages, (void *)sets);
  return order;
}

static verdict sum_places(const signature_set *set, blst_p1 *out) {
  memset(out, 0, sizeof *out);
  if (set->place_count != 1) return key_table_add(set->table, set->places, set->place_count, out);
  const blst_p1_affine *point;
  verdict found = key_table_point(set->table, set->places[0], &point);
  if (found == VERDICT_VALID) blst_p1_from_affine(out, point);
  return found;
}

verdict prepare_set(const signature_set *set, size_t origin, prepared_set *out) {
  out->origin = origin;
  out->message = set->message;
  out->has_hash = false;
  if (set->place_count + set->extra_count == 0) return VERDICT_INVALID;
  verdict keys = sum_places(set, &out->key);
  if (keys != VERDICT_VALID) return keys;
  if (!add_keys_from_bytes(&out->key, set->extra, set->extra_count)) return VERDICT_INVALID;
  if (blst_p1_is_inf(&out->key)) return VERDICT_INVALID;
  return signature_from_bytes(&out->signature, set->signature) ? VERDICT_VALID : VERDICT_INVALID;
}

/* A set that is alone in its batch needs no weight; others get nonzero ones that nobody can foresee. */
static bool draw_weights(uint64_t *weights, size_t count, bool alone) {
  if (alone) {
    weights[0] = 1;
    return true;
  }
  if (!random_bytes(weights, count * WEIGHT_BYTES)) return false;
  for (size_t i = 0; i < count; i++)
    if (weights[i] == 0) weights[i] = 1;
  return true;
}

/* Sum of weight * signature. Points at infinity add nothing, and blst's multi-scalar code must not see them. */
static void weigh_signatures(const prepared_set *sets, size_t count, pairing_space *space, blst_p2 *sum) {
  uint64_t *weights = space->weights + count;
  size_t used = 0;
  for (size_t i = 0; i < count; i++) {
    if (blst_p2_affine_is_inf(&sets[i].signature)) continue;
    space->signature_list[used] = &sets[i].signature;
    weights[used++] = space->weights[i];
  }
  memset(sum, 0, sizeof *sum);
  if (used == 0) return;
  if (used == 1 && weights[0] == 1) {
    blst_p2_from_affine(sum, space->signature_list[0]);
    return;
  }
  space->signature_list[used] = NULL;
  const uint8_t *scalars[2] = {(const uint8_t *)weights, NULL};
  blst_p2s_mult_pippenger(sum, space->signature_list, used, scalars, WEIGHT_BITS, space->scratch);
}

/* Sum of weight * key over sets with the same message. */
static void weigh_keys(const prepared_set *sets, size_t count, const uint64_t *weights, pairing_space *space,
                       blst_p1 *sum) {
  if (count == 1) {
    if (weights[0] == 1)
      *sum = sets[0].key;
    else
      blst_p1_mult(sum, &sets[0].key, (const uint8_t *)weights, WEIGHT_BITS);
    return;
  }
  const blst_p1 *points[MAX_CHUNK];
  for (size_t i = 0; i < count; i++) points[i] = &sets[i].key;
  blst_p1s_to_affine(space->keys, points, count);
  const blst_p1_affine *const keys[2] = {space->keys, NULL};
  const uint8_t *const scalars[2] = {(const uint8_t *)weights, NULL};
  blst_p1s_mult_pippenger(sum, keys, count, scalars, WEIGHT_BITS, space->scratch);
}

static bool same_message(const prepared_set *a, const prepared_set *b) {
  return memcmp(a->message, b->message, MESSAGE_BYTES) == 0;
}

/* Fills group_keys and group_hashes; a sum that is infinity pairs to one and is left out. */
static size_t group_by_message(prepared_set *sets, size_t count, pairing_space *space) {
  size_t groups = 0;
  for (size_t from = 0, to; from < count; from = to) {
    for (to = from + 1; to < count && same_message(&sets[from], &sets[to]);) to++;
    weigh_keys(sets + from, to - from, space->weights + from, space, &space->group_keys[groups]);
    if (blst_p1_is_inf(&space->group_keys[groups])) continue;
    if (!sets[from].has_hash) {
      hash_message(&sets[from].hash, sets[from].message, MESSAGE_BYTES);
      sets[from].has_hash = true;
    }
    space->group_hashes[groups++] = sets[from].hash;
  }
  return groups;
}

/* Makes product that of the pairings of the run, and sum that of its weighted signatures. Without a sum the run stands
 * alone, and the pairing of its signatures with the negative generator is multiplied in too. */
static verdict pair_run(prepared_set *sets, size_t count, bool alone, pairing_space *space, blst_fp12 *product,
                        blst_p2 *sum) {
  blst_p2 signatures;
  if (!draw_weights(space->weights, count, alone)) return VERDICT_NO_RANDOM;
  weigh_signatures(sets, count, space, &signatures);
  size_t pairs = group_by_message(sets, count, space);
  if (pairs > 0) {
    const blst_p1 *const keys[2] = {space->group_keys, NULL};
    const blst_p2 *const hashes[2] = {space->group_hashes, NULL};
    blst_p1s_to_affine(space->keys, keys, pairs);
    blst_p2s_to_affine(space->hashes, hashes, pairs);
  }
  if (sum != NULL) {
    *sum = signatures;
  } else if (!blst_p2_is_inf(&signatures)) {
    space->keys[pairs] = BLS12_381_NEG_G1;
    blst_p2_to_affine(&space->hashes[pairs++], &signatures);
  }
  *product = *blst_fp12_one();
  const blst_p1_affine *const key_list[2] = {space->keys, NULL};
  const blst_p2_affine *const hash_list[2] = {space->hashes, NULL};
  if (pairs > 0) blst_miller_loop_n(product, hash_list, key_list, pairs);
  return VERDICT_VALID;
}

static bool is_one(const blst_fp12 *product) {
  blst_fp12 out;
  blst_final_exp(&out, product);
  return blst_fp12_is_one(&out);
}

verdict check_run(prepared_set *sets, size_t count, pairing_space *space) {
  blst_fp12 product;
  verdict paired = pair_run(sets, count, count == 1, space, &product, NULL);
  if (paired != VERDICT_VALID) return paired;
  return is_one(&product) ? VERDICT_VALID : VERDICT_INVALID;
}

typedef struct {
  const signature_set *sets;
  const size_t *order;
  size_t count, chunk;
  blst_fp12 *products; /* one a chunk */
  blst_p2 *sums;       /* likewise; NULL for a single chunk */
  atomic_int result;
} batch;

static verdict run_chunk(batch *work, size_t index) {
  size_t from = index * work->chunk;
  size_t count = work->count - from < work->chunk ? work->count - from : work->chunk;
  prepared_set *sets = array_of(count, sizeof *sets);
  pairing_space *space = sets == NULL ? NULL : pairing_space_new(count);
  verdict result = space == NULL ? VERDICT_NO_MEMORY : VERDICT_VALID;
  for (size_t i = 0; i < count && result == VERDICT_VALID; i++) {
    size_t origin = work->order[from + i];
    result = prepare_set(&work->sets[origin], origin, &sets[i]);
  }
  if (result == VERDICT_VALID)
    result = pair_run(sets, count, work->count == 1, space, &work->products[index],
                      work->sums != NULL ? &work->sums[index] : NULL);
  pairing_space_free(space);
  free(sets);
  return result;
}

static void chunk_body(void *context, size_t index) {
  batch *work = context;
  if (atomic_load(&work->result) != VERDICT_VALID) return;
  verdict result = run_chunk(work, index);
  if (result != VERDICT_VALID) atomic_store(&work->result, result);
}

/* Even shares while they are small, then several chunks a thread, so that a slow core holds nobody up. */
static size_t chunk_size(size_t count, unsigned threads) {
  size_t share = (count + threads - 1) / threads;
  if (share > MAX_CHUNK) return MAX_CHUNK;
  if (threads > 1 && share > 4 * MIN_CHUNK) return (share + 3) / 4;
  return share;
}

static bool chunks_balance(const batch *work, size_t chunks) {
  blst_fp12 product = work->products[0];
  if (work->sums == NULL) return is_one(&product);
  blst_p2 sum = work->sums[0];
  for (size_t i = 1; i < chunks; i++) {
    blst_fp12_mul(&product, &product, &work->products[i]);
    blst_p2_add_or_double(&sum, &sum, &work->sums[i]);
  }
  blst_p2_affine signature;
  blst_fp12 of_signature;
  blst_p2_to_affine(&signature, &sum);
  blst_aggregated_in_g2(&of_signature, &signature);
  return blst_fp12_finalverify(&of_signature, &product);
}

verdict verify_sets(const signature_set *sets, size_t count, unsigned threads) {
  if (count == 0) return VERDICT_VALID;
  batch work = {.sets = sets, .count = count, .chunk = chunk_size(count, threads < 1 ? 1 : threads)};
  atomic_init(&work.result, VERDICT_VALID);
  size_t chunks = (count + work.chunk - 1) / work.chunk;
  size_t *order = order_by_message(sets, count);
  work.order = order;
  work.products = array_of(chunks, sizeof(blst_fp12));
  work.sums = chunks > 1 ? array_of(chunks, sizeof(blst_p2)) : NULL;
  verdict result = VERDICT_NO_MEMORY;
  if (order != NULL && work.products != NULL && (chunks == 1 || work.sums != NULL)) {
    parallel_for(chunks, threads, chunk_body, &work);
    result = (verdict)atomic_load(&work.result);
    if (result == VERDICT_VALID && !chunks_balance(&work, chunks)) result = VERDICT_INVALID;
  }
  free(order);
  free(work.products);
  free(work.sums);
  return result;
}
