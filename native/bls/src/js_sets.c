/* Verification of signature sets, on the calling thread or as asynchronous work. The sets arrive flat:
 *   tables   array of key tables
 *   shape    three words a set: table, number of places, number of extra keys
 *   places   validator indices of all sets, one after the other
 *   extra    compressed keys of all sets, messages, signatures: likewise
 * Everything is copied before it is checked, so that nobody can change it afterwards. */
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "batch.h"
#include "js_job.h"
#include "js_table.h"

#define MAX_SETS (1u << 20)
#define MAX_TABLES 1024
#define SHAPE_WORDS 3

typedef struct {
  js_job base;
  signature_set *sets;
  size_t count;
  key_table **tables; /* retained */
  size_t table_count;
  uint8_t *copy; /* what the sets point into */
  uint8_t *bad;  /* NULL: only one verdict is wanted */
  unsigned threads;
  verdict result;
} job;

typedef struct {
  word_view shape, places;
  byte_view extra, messages, signatures;
} flat_sets;

static void job_free(js_job *base) {
  job *work = (job *)base;
  for (size_t i = 0; i < work->table_count; i++) key_table_release(work->tables[i]);
  free(work->tables);
  free(work->sets);
  free(work->copy);
  free(work->bad);
  free(work);
}

static bool get_tables(napi_env env, napi_value value, job *work) {
  uint32_t count = 0;
  bool is_array = false;
  if (napi_is_array(env, value, &is_array) != napi_ok || !is_array ||
      napi_get_array_length(env, value, &count) != napi_ok || count > MAX_TABLES) {
    throw_misuse(env, "tables must be an array of at most %u", MAX_TABLES);
    return false;
  }
  work->tables = calloc(count + 1, sizeof *work->tables);
  if (work->tables == NULL) {
    throw_failure(env, "NO_MEMORY", "not enough memory for %u tables", count);
    return false;
  }
  for (uint32_t i = 0; i < count; i++) {
    napi_value handle;
    key_table *table;
    if (napi_get_element(env, value, i, &handle) != napi_ok || !get_table(env, handle, &table)) return false;
    key_table_retain(table);
    work->tables[work->table_count++] = table;
  }
  return true;
}

static bool get_flat(napi_env env, const napi_value *args, flat_sets *out) {
  return get_words(env, args[1], "shape", &out->shape) && get_words(env, args[2], "places", &out->places) &&
         get_items(env, args[3], "extra keys", KEY_BYTES, &out->extra) &&
         get_items(env, args[4], "messages", MESSAGE_BYTES, &out->messages) &&
         get_items(env, args[5], "signatures", SIGNATURE_BYTES, &out->signatures);
}

static uint8_t *append_copy(uint8_t **at, const void *data, size_t bytes) {
  uint8_t *start = *at;
  if (bytes > 0) memcpy(start, data, bytes);
  *at += bytes;
  return start;
}

/* One copy of everything; the words come first, so that they are aligned. */
static bool copy_flat(napi_env env, job *work, flat_sets *flat) {
  size_t words = (flat->shape.length + flat->places.length) * sizeof(uint32_t);
  size_t bytes = flat->extra.length + flat->messages.length + flat->signatures.length;
  work->copy = malloc(words + bytes + 1);
  work->sets = calloc(work->count + 1, sizeof *work->sets);
  if (work->copy == NULL || work->sets == NULL) {
    throw_failure(env, "NO_MEMORY", "not enough memory for %zu signature sets", work->count);
    return false;
  }
  uint8_t *at = work->copy;
  flat->shape.data = (uint32_t *)append_copy(&at, flat->shape.data, flat->shape.length * sizeof(uint32_t));
  flat->places.data = (uint32_t *)append_copy(&at, flat->places.data, flat->places.length * sizeof(uint32_t));
  flat->extra.data = append_copy(&at, flat->extra.data, flat->extra.length);
  flat->messages.data = append_copy(&at, flat->messages.data, flat->messages.length);
  flat->signatures.data = append_copy(&at, flat->signatures.data, flat->signatures.length);
  return true;
}

static bool places_exist(napi_env env, const signature_set *set, size_t number) {
  size_t length = set->place_count > 0 ? key_table_length(set->table) : 0;
  for (size_t i = 0; i < set->place_count; i++) {
    if (set->places[i] < length) continue;
    throw_misuse(env, "set %zu uses validator %u of a table of %zu", number, set->places[i], length);
    return false;
  }
  return true;
}

/* Cuts the copies into sets; the counts must use up every array exactly. */
static bool shape_sets(napi_env env, job *work, const flat_sets *flat) {
  size_t place = 0, extra = 0, extra_total = flat->extra.length / KEY_BYTES;
  for (size_t i = 0; i < work->count; i++) {
    const uint32_t *shape = flat->shape.data + i * SHAPE_WORDS;
    signature_set *set = &work->sets[i];
    if (shape[1] > flat->places.length - place || shape[2] > extra_total - extra ||
        (shape[1] > 0 && shape[0] >= work->table_count)) {
      throw_misuse(env, "set %zu reaches outside of the arrays", i);
      return false;
    }
    set->table = shape[1] > 0 ? work->tables[shape[0]] : NULL;
    set->places = flat->places.data + place;
    set->place_count = shape[1];
    set->extra = flat->extra.data + extra * KEY_BYTES;
    set->extra_count = shape[2];
    set->message = flat->messages.data + i * MESSAGE_BYTES;
    set->signature = flat->signatures.data + i * SIGNATURE_BYTES;
    if (!places_exist(env, set, i)) return false;
    place += shape[1];
    extra += shape[2];
  }
  if (place == flat->places.length && extra == extra_total) return true;
  throw_misuse(env, "the sets use %zu places and %zu extra keys, the arrays have %zu and %zu", place, extra,
               flat->places.length, extra_total);
  return false;
}

static bool fill_job(napi_env env, const napi_value *args, bool find, job *work) {
  flat_sets flat;
  size_t threads;
  if (!get_tables(env, args[0], work) || !get_flat(env, args, &flat) ||
      !get_size(env, args[6], "threads", 1024, &threads))
    return false;
  work->threads = (unsigned)threads;
  work->count = flat.shape.length / SHAPE_WORDS;
  if (work->count > MAX_SETS || flat.shape.length % SHAPE_WORDS != 0 ||
      flat.messages.length != work->count * MESSAGE_BYTES ||
      flat.signatures.length != work->count * SIGNATURE_BYTES) {
    throw_misuse(env, "shape, messages and signatures must be for the same number of sets, at most %u", MAX_SETS);
    return false;
  }
  if (find && (work->bad = malloc(work->count + 1)) == NULL) {
    throw_failure(env, "NO_MEMORY", "not enough memory for %zu signature sets", work->count);
    return false;
  }
  return copy_flat(env, work, &flat) && shape_sets(env, work, &flat);
}

static void job_run(js_job *base) {
  job *work = (job *)base;
  work->result = work->bad != NULL ? find_invalid_sets(work->sets, work->count, work->threads, work->bad)
                                   : verify_sets(work->sets, work->count, work->threads);
}

/* A boolean, or a Uint8Array with 1 for each bad set; NULL when the job has no verdict. */
static napi_value job_value(napi_env env, js_job *base) {
  const job *work = (job *)base;
  if (work->result != VERDICT_VALID && work->result != VERDICT_INVALID) return NULL;
  if (work->bad == NULL) return make_boolean(env, work->result == VERDICT_VALID);
  napi_value buffer, flags = NULL;
  void *data;
  if (napi_create_arraybuffer(env, work->count, &data, &buffer) != napi_ok) return NULL;
  if (work->count > 0) memcpy(data, work->bad, work->count);
  napi_create_typedarray(env, napi_uint8_array, work->count, buffer, 0, &flags);
  return flags;
}

static napi_value job_error(napi_env env, js_job *base) { return make_verdict_error(env, ((job *)base)->result); }

static js_job *make_job(napi_env env, napi_callback_info info, bool find) {
  napi_value args[7];
  if (!get_arguments(env, info, 7, args)) return NULL;
  job *work = calloc(1, sizeof *work);
  if (work == NULL) {
    throw_failure(env, "NO_MEMORY", "not enough memory for a job");
    return NULL;
  }
  work->base = (js_job){.run = job_run, .value = job_value, .error = job_error, .release = job_free};
  work->result = VERDICT_NO_MEMORY;
  if (fill_job(env, args, find, work)) return &work->base;
  job_free(&work->base);
  return NULL;
}

static napi_value run_now(napi_env env, napi_callback_info info, bool find) {
  js_job *work = make_job(env, info, find);
  return work != NULL ? run_job(env, work) : NULL;
}

static napi_value run_later(napi_env env, napi_callback_info info, bool find) {
  js_job *work = make_job(env, info, find);
  return work != NULL ? queue_job(env, work, "verifySets") : NULL;
}

static napi_value js_verify_sets(napi_env env, napi_callback_info info) { return run_now(env, info, false); }
static napi_value js_verify_sets_async(napi_env env, napi_callback_info info) { return run_later(env, info, false); }
static napi_value js_find_invalid(napi_env env, napi_callback_info info) { return run_now(env, info, true); }
static napi_value js_find_invalid_async(napi_env env, napi_callback_info info) { return run_later(env, info, true); }

void register_sets(napi_env env, napi_value exports) {
  static const js_function functions[] = {
      {"verifySets", js_verify_sets},
      {"verifySetsAsync", js_verify_sets_async},
      {"findInvalidSets", js_find_invalid},
      {"findInvalidSetsAsync", js_find_invalid_async},
  };
  register_functions(env, exports, functions, sizeof functions / sizeof *functions);
}
