/*
 * The functions that work on pages. Each has the same course: read the arguments, mark the pages, fetch the slabs, read the
 * arguments once more (fetching may have run JavaScript), pin the slabs, work. See arguments.h.
 */
#include "addon.h"

#define FIRST_ARGUMENT 3 /* after slabs, pageBytes, pagesPerSlab */

static bool check_found(napi_env env, bool found) {
  return found || throw_range(env, "a page table or index list changed during the call");
}

static bool read_selection(const call_t *call, int at, item_selection *selection, size_t *count) {
  uint64_t first, number;
  napi_valuetype type;
  size_t listed = 0;
  selection->list = NULL;
  if (napi_typeof(call->env, call->values[at], &type) != napi_ok) return throw_type(call->env, "indices cannot be read");
  if (type != napi_null) {
    uint32_t *list;
    if (!read_words(call, at, "indices", &list, &listed)) return false;
    selection->list = list;
  }
  if (!read_integer(call, at + 1, "first", 0, MAX_COUNT, &first)) return false;
  if (!read_integer(call, at + 2, "count", 0, MAX_COUNT, &number)) return false;
  if (type != napi_null && number > listed) {
    return throw_range(call->env, "indices has %zu entries, fewer than count %llu", listed, (unsigned long long)number);
  }
  if (type == napi_null && first + number > MAX_COUNT) return throw_range(call->env, "first + count exceeds 2^32");
  selection->first = (size_t)first;
  *count = (size_t)number;
  return true;
}

/* merkleizePages(arena, ids, count, depth, lastChunks, output, threads) */

static bool read_pages_job(const call_t *call, const arena_t *arena, page_roots_job *job) {
  const int at = FIRST_ARGUMENT;
  uint64_t count, depth, last;
  bytes_t out;
  job->arena = &arena->pages;
  if (!read_table(call, at, "ids", &job->pages) || !read_integer(call, at + 1, "count", 0, MAX_COUNT, &count) ||
      !read_integer(call, at + 2, "depth", 0, arena->pages.page_shift - 5, &depth) ||
      !read_integer(call, at + 3, "lastChunks", 0, (uint64_t)1 << depth, &last) ||
      !read_bytes(call, at + 4, "output", &out) || !check_span(call->env, "output", &out, 0, 32 * count)) {
    return false;
  }
  if (count > job->pages.length) {
    return throw_range(call->env, "ids has %zu entries, fewer than count %llu", job->pages.length,
                       (unsigned long long)count);
  }
  job->count = (size_t)count;
  job->depth = (unsigned)depth;
  job->last_chunks = (size_t)last;
  job->out = out.data;
  return true;
}

static bool run_pages_call(const call_t *call, arena_t *arena) {
  page_roots_job job;
  unsigned threads;
  item_selection all = {NULL, 0};
  if (!read_pages_job(call, arena, &job) || !read_threads(call, FIRST_ARGUMENT + 5, &threads) ||
      !arena_want(call, arena, "ids", &job.pages, page_bytes(&arena->pages), &all, job.count) ||
      !arena_fetch(call, arena) || !read_pages_job(call, arena, &job) || !arena_pin(call, arena)) {
    return false;
  }
  return check_found(call->env, merkleize_pages(&((instance_t *)call->instance)->context, &job, threads));
}

/* hashRecords(arena, dataTable, recordBytes, layout, rootsTable, indices, first, count, threads) */

static bool read_layout(const call_t *call, int at, record_roots_job *job) {
  bytes_t layout;
  if (!read_bytes(call, at, "layout", &layout)) return false;
  if (layout.length == 0 || layout.length > RECORD_MAX_FIELDS) {
    return throw_range(call->env, "layout must have 1 to %d fields, not %zu", RECORD_MAX_FIELDS, layout.length);
  }
  job->fields = layout.length;
  memcpy(job->layout, layout.data, layout.length);
  size_t sum = 0;
  for (size_t f = 0; f < job->fields; f++) {
    if (job->layout[f] == 0) return throw_range(call->env, "field %zu of layout is empty", f);
    sum += job->layout[f];
  }
  if (sum != job->record_bytes) {
    return throw_range(call->env, "layout covers %zu bytes of %zu", sum, job->record_bytes);
  }
  return true;
}

static bool read_records_job(const call_t *call, const arena_t *arena, record_roots_job *job) {
  const int at = FIRST_ARGUMENT;
  uint64_t record_bytes;
  job->arena = &arena->pages;
  if (!read_table(call, at, "dataTable", &job->data) ||
      !read_integer(call, at + 1, "recordBytes", 1, page_bytes(&arena->pages), &record_bytes)) {
    return false;
  }
  job->record_bytes = (size_t)record_bytes;
  return read_layout(call, at + 2, job) && read_table(call, at + 3, "rootsTable", &job->roots) &&
         read_selection(call, at + 4, &job->selection, &job->count);
}

static bool run_records_call(const call_t *call, arena_t *arena) {
  record_roots_job job;
  unsigned threads;
  if (!read_records_job(call, arena, &job) || !read_threads(call, FIRST_ARGUMENT + 7, &threads) ||
      !arena_want(call, arena, "dataTable", &job.data, job.record_bytes, &job.selection, job.count) ||
      !arena_want(call, arena, "rootsTable", &job.roots, 32, &job.selection, job.count) || !arena_fetch(call, arena) ||
      !read_records_job(call, arena, &job) || !arena_pin(call, arena)) {
    return false;
  }
  return check_found(call->env, hash_records(&((instance_t *)call->instance)->context, &job, threads));
}

/* The calls on validators: arena, the seven tables, then what each needs. */

#define AFTER_TABLES (FIRST_ARGUMENT + COLUMN_COUNT)

static const char *const column_names[COLUMN_COUNT] = {
    "withdrawalCredentials", "effectiveBalance", "slashed",          "activationEligibilityEpoch",
    "activationEpoch",       "exitEpoch",        "withdrawableEpoch"};

static bool read_columns(const call_t *call, const arena_t *arena, validators_job *job) {
  job->arena = &arena->pages;
  for (int c = 0; c < COLUMN_COUNT; c++) {
    if (!read_table(call, FIRST_ARGUMENT + c, column_names[c], &job->columns[c])) return false;
  }
  return true;
}

static bool want_columns(const call_t *call, arena_t *arena, const validators_job *job) {
  for (int c = 0; c < COLUMN_COUNT; c++) {
    if (!arena_want(call, arena, column_names[c], &job->columns[c], validator_item_bytes[c], &job->selection,
                    job->count)) {
      return false;
    }
  }
  return true;
}

static bool read_keys(const call_t *call, int at, validators_job *job) {
  bytes_t keys;
  uint64_t base;
  if (!read_bytes(call, at, "keys", &keys) || !read_integer(call, at + 1, "base", 0, MAX_COUNT, &base) ||
      !check_span(call->env, "keys", &keys, 0, KEY_BYTES * base) || !read_table(call, at + 2, "tailTable", &job->tail)) {
    return false;
  }
  job->keys = keys.data;
  job->base = (size_t)base;
  return true;
}

static bool want_tail(const call_t *call, arena_t *arena, const validators_job *job) {
  const item_selection *selection = &job->selection;
  if (selection->list == NULL) {
    size_t end = selection->first + job->count;
    if (end <= job->base) return true;
    size_t from = selection->first > job->base ? selection->first : job->base;
    item_selection tail = {NULL, from - job->base};
    return arena_want(call, arena, "tailTable", &job->tail, KEY_BYTES, &tail, end - from);
  }
  for (size_t k = 0; k < job->count; k++) {
    size_t index = selected_item(selection, k);
    item_selection one = {NULL, index - job->base};
    if (index >= job->base && !arena_want(call, arena, "tailTable", &job->tail, KEY_BYTES, &one, 1)) return false;
  }
  return true;
}

/* hashValidators(arena, tables, keys, base, tailTable, rootsTable, indices, first, count, threads) */

static bool read_hash_job(const call_t *call, const arena_t *arena, validators_job *job) {
  return read_columns(call, arena, job) && read_keys(call, AFTER_TABLES, job) &&
         read_table(call, AFTER_TABLES + 3, "rootsTable", &job->roots) &&
         read_selection(call, AFTER_TABLES + 4, &job->selection, &job->count);
}

static bool run_hash_call(const call_t *call, arena_t *arena) {
  validators_job job = {0};
  unsigned threads;
  if (!read_hash_job(call, arena, &job) || !read_threads(call, AFTER_TABLES + 7, &threads) ||
      !want_columns(call, arena, &job) || !want_tail(call, arena, &job) ||
      !arena_want(call, arena, "rootsTable", &job.roots, 32, &job.selection, job.count) || !arena_fetch(call, arena) ||
      !read_hash_job(call, arena, &job) || !arena_pin(call, arena)) {
    return false;
  }
  return check_found(call->env, hash_validators(&((instance_t *)call->instance)->context, &job, threads));
}

static bool read_run(const call_t *call, int at, validators_job *job) {
  uint64_t first, count;
  if (!read_integer(call, at, "first", 0, MAX_COUNT, &first) ||
      !read_integer(call, at + 1, "count", 0, MAX_COUNT, &count)) {
    return false;
  }
  if (first + count > MAX_COUNT) return throw_range(call->env, "first + count exceeds 2^32");
  job->selection = (item_selection){NULL, (size_t)first};
  job->count = (size_t)count;
  return true;
}

/* scatterValidators(arena, tables, source, sourceOffset, first, count, keysOutput) */

static bool read_scatter_job(const call_t *call, const arena_t *arena, validators_job *job, uint8_t **source,
                             uint8_t **keys) {
  bytes_t from, to;
  uint64_t offset;
  if (!read_columns(call, arena, job) || !read_bytes(call, AFTER_TABLES, "source", &from) ||
      !read_integer(call, AFTER_TABLES + 1, "sourceOffset", 0, (uint64_t)1 << 53, &offset) ||
      !read_run(call, AFTER_TABLES + 2, job) || !read_bytes(call, AFTER_TABLES + 4, "keysOutput", &to) ||
      !check_span(call->env, "source", &from, offset, VALIDATOR_BYTES * (uint64_t)job->count) ||
      !check_span(call->env, "keysOutput", &to, 0, KEY_BYTES * (uint64_t)job->count)) {
    return false;
  }
  *source = job->count == 0 ? NULL : from.data + offset;
  *keys = to.data;
  return true;
}

static bool run_scatter_call(const call_t *call, arena_t *arena) {
  validators_job job = {0};
  uint8_t *source, *keys;
  if (!read_scatter_job(call, arena, &job, &source, &keys) || !want_columns(call, arena, &job) ||
      !arena_fetch(call, arena) || !read_scatter_job(call, arena, &job, &source, &keys) || !arena_pin(call, arena)) {
    return false;
  }
  size_t bad = find_bad_slashed(source, job.count);
  if (bad < job.count) {
    return throw_range(call->env, "validator %zu: slashed is neither 0 nor 1", job.selection.first + bad);
  }
  return check_found(call->env, scatter_validators(&job, source, keys));
}

/* gatherValidators(arena, tables, keys, base, tailTable, first, count, output, outputOffset) */

static bool read_gather_job(const call_t *call, const arena_t *arena, validators_job *job, uint8_t **out) {
  bytes_t to;
  uint64_t offset;
  if (!read_columns(call, arena, job) || !read_keys(call, AFTER_TABLES, job) || !read_run(call, AFTER_TABLES + 3, job) ||
      !read_bytes(call, AFTER_TABLES + 5, "output", &to) ||
      !read_integer(call, AFTER_TABLES + 6, "outputOffset", 0, (uint64_t)1 << 53, &offset) ||
      !check_span(call->env, "output", &to, offset, VALIDATOR_BYTES * (uint64_t)job->count)) {
    return false;
  }
  *out = job->count == 0 ? NULL : to.data + offset;
  return true;
}

static bool run_gather_call(const call_t *call, arena_t *arena) {
  validators_job job = {0};
  uint8_t *out;
  if (!read_gather_job(call, arena, &job, &out) || !want_columns(call, arena, &job) || !want_tail(call, arena, &job) ||
      !arena_fetch(call, arena) || !read_gather_job(call, arena, &job, &out) || !arena_pin(call, arena)) {
    return false;
  }
  return check_found(call->env, gather_validators(&job, out));
}

static napi_value with_arena(napi_env env, napi_callback_info info, bool (*run)(const call_t *, arena_t *)) {
  call_t call;
  arena_t arena;
  if (!call_open(env, info, &call) || !arena_open(&call, &arena)) return NULL;
  run(&call, &arena);
  arena_close(&arena);
  return NULL;
}

napi_value addon_merkleize_pages(napi_env env, napi_callback_info info) {
  return with_arena(env, info, run_pages_call);
}

napi_value addon_hash_records(napi_env env, napi_callback_info info) { return with_arena(env, info, run_records_call); }

napi_value addon_hash_validators(napi_env env, napi_callback_info info) { return with_arena(env, info, run_hash_call); }

napi_value addon_scatter_validators(napi_env env, napi_callback_info info) {
  return with_arena(env, info, run_scatter_call);
}

napi_value addon_gather_validators(napi_env env, napi_callback_info info) {
  return with_arena(env, info, run_gather_call);
}
