#include <stdlib.h>
#include <string.h>

#include "batch.h"
#include "parallel.h"

/* Sets searched together: a larger group finds one bad set cheaper, a smaller one spreads better over threads. */
#define GROUP 64

typedef struct {
  const signature_set *sets;
  const size_t *order;
  size_t count;
  uint8_t *bad;
  atomic_int result;
} search;

typedef struct {
  prepared_set *sets;
  pairing_space *space;
  uint8_t *bad;
} group;

static verdict split(group *work, size_t from, size_t to);

/* Marks the bad sets of [from, to); `known_bad` says that there is at least one. */
static verdict search_range(group *work, size_t from, size_t to, bool known_bad, bool *found) {
  verdict result = VERDICT_INVALID;
  *found = false;
  if (from == to) return VERDICT_VALID;
  if (!known_bad) result = check_run(work->sets + from, to - from, work->space);
  if (result != VERDICT_INVALID) return result;
  *found = true;
  if (to - from > 1) return split(work, from, to);
  work->bad[work->sets[from].origin] = 1;
  return VERDICT_VALID;
}

/* A range with a bad set: when its first half is clean, the second is known to be bad without a check. */
static verdict split(group *work, size_t from, size_t to) {
  size_t middle = from + (to - from) / 2;
  bool in_first, in_second;
  verdict result = search_range(work, from, middle, false, &in_first);
  if (result != VERDICT_VALID) return result;
  return search_range(work, middle, to, !in_first, &in_second);
}

/* Sets whose bytes are no points are bad at once; the rest, still ordered by message, is searched. */
static verdict search_group(search *work, size_t from, size_t count, group *scratch) {
  size_t good = 0;
  for (size_t i = 0; i < count; i++) {
    size_t origin = work->order[from + i];
    verdict result = prepare_set(&work->sets[origin], origin, &scratch->sets[good]);
    if (result == VERDICT_VALID)
      good++;
    else if (result == VERDICT_INVALID)
      work->bad[origin] = 1;
    else
      return result;
  }
  bool found;
  return search_range(scratch, 0, good, false, &found);
}

static void group_body(void *context, size_t index) {
  search *work = context;
  if (atomic_load(&work->result) != VERDICT_VALID) return;
  size_t from = index * GROUP;
  size_t count = work->count - from < GROUP ? work->count - from : GROUP;
  group scratch = {malloc(count * sizeof(prepared_set)), pairing_space_new(count), work->bad};
  verdict result = VERDICT_NO_MEMORY;
  if (scratch.sets != NULL && scratch.space != NULL) result = search_group(work, from, count, &scratch);
  free(scratch.sets);
  pairing_space_free(scratch.space);
  if (result != VERDICT_VALID) atomic_store(&work->result, result);
}

verdict find_invalid_sets(const signature_set *sets, size_t count, unsigned threads, uint8_t *bad) {
  memset(bad, 0, count);
  search work = {.sets = sets, .count = count, .bad = bad};
  atomic_init(&work.result, VERDICT_VALID);
  size_t *order = order_by_message(sets, count);
  if (order == NULL) return VERDICT_NO_MEMORY;
  work.order = order;
  parallel_for((count + GROUP - 1) / GROUP, threads, group_body, &work);
  free(order);
  return (verdict)atomic_load(&work.result);
}
