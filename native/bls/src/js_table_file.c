/* Key tables on disk and the checking of their keys, for JavaScript: what takes long and may run aside. */
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "index_file.h"
#include "js_job.h"
#include "js_table.h"
#include "key_file.h"

#define MAX_PATH 4096

/* The index file is written again when this many keys, and a sixteenth of all, are missing from it. */
#define INDEX_LAG 65536
#define INDEX_LAG_SHARE 16

static bool get_path(napi_env env, napi_value value, char *out) {
  size_t length = 0;
  if (napi_get_value_string_utf8(env, value, out, MAX_PATH, &length) == napi_ok && length > 0 &&
      length < MAX_PATH - 1 && strlen(out) == length)
    return true;
  throw_misuse(env, "path must be a string of 1 to %d bytes without NUL", MAX_PATH - 2);
  return false;
}

/* tableOpen(path, capacity, writable, check, threads) */
static napi_value table_open(napi_env env, napi_callback_info info) {
  napi_value args[5];
  char path[MAX_PATH];
  size_t capacity, writable, check, threads;
  if (!get_arguments(env, info, 5, args) || !get_path(env, args[0], path) ||
      !get_size(env, args[1], "capacity", MAX_KEYS, &capacity) || !get_size(env, args[2], "writable", 1, &writable) ||
      !get_size(env, args[3], "check", 1, &check) || !get_size(env, args[4], "threads", 1024, &threads))
    return NULL;
  file_error error = {""};
  key_table *table =
      key_file_open(path, capacity, writable ? OPEN_WRITE : OPEN_READ, check, (unsigned)threads, &error);
  if (table == NULL) return throw_failure(env, "STORAGE", "%s", error.text);
  return wrap_table(env, table);
}

/* tableFacts(table, out): length on disk, keys dropped as damaged, writable, bytes anonymous, bytes mapped */
static napi_value table_facts(napi_env env, napi_callback_info info) {
  napi_value args[2], buffer;
  key_table *table;
  napi_typedarray_type type;
  size_t length, offset, anonymous, mapped;
  double *out;
  if (!get_arguments(env, info, 2, args) || !get_table(env, args[0], &table)) return NULL;
  if (napi_get_typedarray_info(env, args[1], &type, &length, (void **)&out, &buffer, &offset) != napi_ok ||
      type != napi_float64_array || length != 5 || out == NULL)
    return throw_misuse(env, "output must be a Float64Array of 5");
  key_table_memory(table, &anonymous, &mapped);
  out[0] = (double)atomic_load(&table->file_length);
  out[1] = table->file != NULL ? (double)table->file->dropped : 0;
  out[2] = table->file != NULL && table->file->writable;
  out[3] = (double)anonymous;
  out[4] = (double)mapped;
  return NULL;
}

typedef struct {
  js_job base;
  key_table *table; /* retained, and marked busy */
  size_t length;
  unsigned threads;
  key_index index; /* a copy to write; slots NULL when the file is fresh enough */
  bool done;
  file_error error;
} flush_job;

static void flush_run(js_job *base) {
  flush_job *job = (flush_job *)base;
  key_file *file = job->table->file;
  job->done = key_file_flush(job->table, job->length, job->threads, &job->error);
  /* A failure here only costs time when the table is opened next. */
  if (job->done && job->index.slots != NULL && index_file_write(&job->index, file->folder, file->log.id))
    file->index_covered = job->index.covered;
}

static napi_value flush_value(napi_env env, js_job *base) {
  flush_job *job = (flush_job *)base;
  return job->done ? make_number(env, (double)job->length) : NULL;
}

static napi_value flush_error(napi_env env, js_job *base) {
  napi_value code, message, error = NULL;
  napi_create_string_utf8(env, "STORAGE", NAPI_AUTO_LENGTH, &code);
  napi_create_string_utf8(env, ((flush_job *)base)->error.text, NAPI_AUTO_LENGTH, &message);
  napi_create_error(env, code, message, &error);
  return error;
}

static void flush_free(js_job *base) {
  flush_job *job = (flush_job *)base;
  atomic_store(&job->table->file->busy, false);
  key_table_release(job->table);
  free(job->index.slots);
  free(job);
}

/* Opening must not have to add many keys, nor to make a larger index. */
static bool is_index_stale(size_t covered, size_t length) {
  size_t behind = length - covered;
  if (behind >= INDEX_LAG && behind >= length / INDEX_LAG_SHARE) return true;
  return length >= INDEX_LAG && key_index_slots_for(length) > key_index_slots_for(covered);
}

/* The index changes while the flush runs, so it is copied; without memory for that it is left for the next time. */
static void copy_index(flush_job *job) {
  key_table *table = job->table;
  if (!is_index_stale(table->file->index_covered, job->length)) return;
  if (!key_index_extend(&table->index, table->compressed.base, job->length)) return;
  job->index = table->index;
  job->index.slots = malloc(table->index.slot_count * sizeof(uint32_t));
  if (job->index.slots != NULL)
    memcpy(job->index.slots, table->index.slots, table->index.slot_count * sizeof(uint32_t));
}

static js_job *make_flush(napi_env env, napi_callback_info info) {
  napi_value args[2];
  key_table *table;
  size_t threads;
  if (!get_arguments(env, info, 2, args) || !get_table(env, args[0], &table) ||
      !get_size(env, args[1], "threads", 1024, &threads))
    return NULL;
  bool writable = table->file != NULL && table->file->writable;
  if (!writable || atomic_exchange(&table->file->busy, true)) {
    throw_misuse(env, writable ? "a flush is running" : "the key table is not open for writing");
    return NULL;
  }
  flush_job *job = calloc(1, sizeof *job);
  if (job == NULL) {
    atomic_store(&table->file->busy, false);
    throw_failure(env, "NO_MEMORY", "not enough memory for a job");
    return NULL;
  }
  key_table_retain(table);
  job->base = (js_job){.run = flush_run, .value = flush_value, .error = flush_error, .release = flush_free};
  job->table = table;
  job->length = key_table_length(table);
  job->threads = (unsigned)threads;
  copy_index(job);
  return &job->base;
}

/* tableFlush(table, threads): the number of keys on disk */
static napi_value table_flush(napi_env env, napi_callback_info info) {
  js_job *job = make_flush(env, info);
  return job != NULL ? run_job(env, job) : NULL;
}

static napi_value table_flush_async(napi_env env, napi_callback_info info) {
  js_job *job = make_flush(env, info);
  return job != NULL ? queue_job(env, job, "flushKeys") : NULL;
}

typedef struct {
  js_job base;
  key_table *table; /* retained */
  size_t first, count, invalid;
  unsigned threads;
  verdict result;
} validate_job;

static void validate_run(js_job *base) {
  validate_job *job = (validate_job *)base;
  job->result = key_table_validate(job->table, job->first, job->count, job->threads, &job->invalid);
}

static napi_value validate_value(napi_env env, js_job *base) {
  validate_job *job = (validate_job *)base;
  return job->result == VERDICT_VALID ? make_number(env, (double)job->invalid) : NULL;
}

static napi_value validate_error(napi_env env, js_job *base) {
  return make_verdict_error(env, ((validate_job *)base)->result);
}

static void validate_free(js_job *base) {
  key_table_release(((validate_job *)base)->table);
  free(base);
}

static js_job *make_validate(napi_env env, napi_callback_info info) {
  napi_value args[4];
  key_table *table;
  size_t first, count, threads;
  if (!get_arguments(env, info, 4, args) || !get_table(env, args[0], &table) ||
      !get_size(env, args[1], "first", MAX_KEYS, &first) || !get_size(env, args[2], "count", MAX_KEYS, &count) ||
      !get_size(env, args[3], "threads", 1024, &threads))
    return NULL;
  size_t length = key_table_length(table);
  if (first > length || count > length - first) {
    throw_misuse(env, "keys %zu to %zu of a table of %zu", first, first + count, length);
    return NULL;
  }
  validate_job *job = calloc(1, sizeof *job);
  if (job == NULL) {
    throw_failure(env, "NO_MEMORY", "not enough memory for a job");
    return NULL;
  }
  key_table_retain(table);
  *job = (validate_job){.table = table, .first = first, .count = count, .threads = (unsigned)threads};
  job->base = (js_job){.run = validate_run, .value = validate_value, .error = validate_error, .release = validate_free};
  return &job->base;
}

/* tableValidate(table, first, count, threads): how many of the keys are invalid */
static napi_value table_validate(napi_env env, napi_callback_info info) {
  js_job *job = make_validate(env, info);
  return job != NULL ? run_job(env, job) : NULL;
}

static napi_value table_validate_async(napi_env env, napi_callback_info info) {
  js_job *job = make_validate(env, info);
  return job != NULL ? queue_job(env, job, "validateKeys") : NULL;
}

void register_table_files(napi_env env, napi_value exports) {
  static const js_function functions[] = {
      {"tableOpen", table_open},
      {"tableFacts", table_facts},
      {"tableFlush", table_flush},
      {"tableFlushAsync", table_flush_async},
      {"tableValidate", table_validate},
      {"tableValidateAsync", table_validate_async},
  };
  register_functions(env, exports, functions, sizeof functions / sizeof *functions);
}
