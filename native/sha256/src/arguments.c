/* Reading and checking the arguments of a call, see arguments.h. */
#include "arguments.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "parallel.h"

#define MAX_SLABS ((uint32_t)1 << 20)
#define MIN_PAGE_BYTES 64
#define MAX_PAGE_BYTES 65536
#define MAX_SLAB_BYTES ((uint64_t)1 << 31)

static bool throw_formatted(napi_env env, napi_status (*raise)(napi_env, const char *, const char *), const char *format,
                            va_list arguments) {
  char message[256];
  vsnprintf(message, sizeof message, format, arguments);
  raise(env, NULL, message);
  return false;
}

bool throw_range(napi_env env, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  throw_formatted(env, napi_throw_range_error, format, arguments);
  va_end(arguments);
  return false;
}

bool throw_type(napi_env env, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  throw_formatted(env, napi_throw_type_error, format, arguments);
  va_end(arguments);
  return false;
}

bool call_open(napi_env env, napi_callback_info info, call_t *call) {
  size_t count = MAX_ARGUMENTS;
  call->env = env;
  if (napi_get_cb_info(env, info, &count, call->values, NULL, NULL) != napi_ok ||
      napi_get_instance_data(env, &call->instance) != napi_ok || call->instance == NULL) {
    napi_throw_error(env, NULL, "the sha256 addon is not ready in this environment");
    return false;
  }
  return true;
}

bool read_integer(const call_t *call, int at, const char *name, uint64_t min, uint64_t max, uint64_t *out) {
  double value;
  if (napi_get_value_double(call->env, call->values[at], &value) != napi_ok) {
    return throw_type(call->env, "%s must be a number", name);
  }
  if (!(value >= (double)min && value <= (double)max) || value != floor(value)) {
    return throw_range(call->env, "%s must be an integer from %llu to %llu, not %g", name, (unsigned long long)min,
                       (unsigned long long)max, value);
  }
  *out = (uint64_t)value;
  return true;
}

static bool read_typed(const call_t *call, napi_value value, const char *name, napi_typedarray_type wanted,
                       const char *wanted_name, void **data, size_t *length) {
  bool typed = false;
  napi_typedarray_type type = napi_int8_array;
  if (napi_is_typedarray(call->env, value, &typed) != napi_ok || !typed ||
      napi_get_typedarray_info(call->env, value, &type, length, data, NULL, NULL) != napi_ok || type != wanted) {
    return throw_type(call->env, "%s must be a %s", name, wanted_name);
  }
  if (*data == NULL) *length = 0;
  return true;
}

static bool read_bytes_value(const call_t *call, napi_value value, const char *name, bytes_t *out) {
  void *data = NULL;
  if (!read_typed(call, value, name, napi_uint8_array, "Uint8Array", &data, &out->length)) return false;
  out->data = data;
  return true;
}

bool read_bytes(const call_t *call, int at, const char *name, bytes_t *out) {
  return read_bytes_value(call, call->values[at], name, out);
}

bool read_bytes_of(const call_t *call, int at, const char *name, size_t length, uint8_t **out) {
  bytes_t bytes;
  if (!read_bytes(call, at, name, &bytes)) return false;
  if (bytes.length != length) {
    return throw_range(call->env, "%s must have %zu bytes, not %zu", name, length, bytes.length);
  }
  *out = bytes.data;
  return true;
}

bool read_words(const call_t *call, int at, const char *name, uint32_t **data, size_t *length) {
  void *pointer = NULL;
  if (!read_typed(call, call->values[at], name, napi_uint32_array, "Uint32Array", &pointer, length)) return false;
  *data = pointer;
  return true;
}

bool read_table(const call_t *call, int at, const char *name, page_table *out) {
  uint32_t *ids;
  if (!read_words(call, at, name, &ids, &out->length)) return false;
  out->ids = ids;
  return true;
}

bool read_threads(const call_t *call, int at, unsigned *out) {
  napi_valuetype type;
  uint64_t value = 1;
  *out = 1;
  if (napi_typeof(call->env, call->values[at], &type) == napi_ok && type == napi_undefined) return true;
  if (!read_integer(call, at, "threads", 1, 1u << 20, &value)) return false;
  *out = value > PARALLEL_MAX_THREADS ? PARALLEL_MAX_THREADS : (unsigned)value;
  return true;
}

bool check_span(napi_env env, const char *name, const bytes_t *bytes, uint64_t offset, uint64_t length) {
  if (offset <= bytes->length && length <= bytes->length - offset) return true;
  return throw_range(env, "%s has %zu bytes, which is less than offset %llu and length %llu ask for", name, bytes->length,
                     (unsigned long long)offset, (unsigned long long)length);
}

static bool is_power_of_two(uint64_t value) { return value != 0 && (value & (value - 1)) == 0; }

static unsigned log2_of(uint64_t value) { return (unsigned)__builtin_ctzll(value); }

static bool read_page_sizes(const call_t *call, uint64_t *bytes, uint64_t *pages) {
  if (!read_integer(call, 1, "pageBytes", MIN_PAGE_BYTES, MAX_PAGE_BYTES, bytes)) return false;
  if (!read_integer(call, 2, "pagesPerSlab", 1, MAX_SLAB_BYTES / MIN_PAGE_BYTES, pages)) return false;
  if (!is_power_of_two(*bytes) || !is_power_of_two(*pages)) {
    return throw_range(call->env, "pageBytes and pagesPerSlab must be powers of two");
  }
  if (*bytes * *pages > MAX_SLAB_BYTES) {
    return throw_range(call->env, "a slab must not exceed %llu bytes", (unsigned long long)MAX_SLAB_BYTES);
  }
  return true;
}

bool arena_open(const call_t *call, arena_t *arena) {
  memset(arena, 0, sizeof *arena);
  uint64_t bytes, pages;
  if (!read_page_sizes(call, &bytes, &pages)) return false;
  bool is_array = false;
  uint32_t count = 0;
  if (napi_is_array(call->env, call->values[0], &is_array) != napi_ok || !is_array ||
      napi_get_array_length(call->env, call->values[0], &count) != napi_ok) {
    return throw_type(call->env, "slabs must be an array of Uint8Array");
  }
  if (count > MAX_SLABS) return throw_range(call->env, "more than %u slabs", MAX_SLABS);
  arena->pages.slab_count = count;
  arena->pages.page_shift = log2_of(bytes);
  arena->pages.slab_shift = log2_of(pages);
  arena->slab_bytes = (size_t)(bytes * pages);
  if (count == 0) return true;
  arena->pages.slabs = calloc(count, sizeof *arena->pages.slabs);
  arena->values = calloc(count, sizeof *arena->values);
  arena->wanted = calloc(count, 1);
  if (arena->pages.slabs == NULL || arena->values == NULL || arena->wanted == NULL) {
    arena_close(arena);
    napi_throw_error(call->env, NULL, "out of memory");
    return false;
  }
  return true;
}

void arena_close(arena_t *arena) {
  free(arena->pages.slabs);
  free(arena->values);
  free(arena->wanted);
  memset(arena, 0, sizeof *arena);
}

static bool want_page(const call_t *call, arena_t *arena, const char *name, const page_table *table, size_t page) {
  if (page >= table->length) {
    return throw_range(call->env, "%s has %zu pages, and page %zu was asked for", name, table->length, page);
  }
  uint32_t id = *(const volatile uint32_t *)(table->ids + page);
  size_t slab = (size_t)id >> arena->pages.slab_shift;
  if (slab >= arena->pages.slab_count) {
    return throw_range(call->env, "%s[%zu] is page %u, beyond the %zu slabs", name, page, id, arena->pages.slab_count);
  }
  arena->wanted[slab] = 1;
  return true;
}

bool arena_want(const call_t *call, arena_t *arena, const char *name, const page_table *table, size_t item_bytes,
                const item_selection *selection, size_t count) {
  if (count == 0) return true;
  size_t per_page = page_bytes(&arena->pages) / item_bytes;
  if (selection->list == NULL) {
    size_t last = (selection->first + count - 1) / per_page;
    for (size_t page = selection->first / per_page; page <= last; page++) {
      if (!want_page(call, arena, name, table, page)) return false;
    }
    return true;
  }
  size_t before = SIZE_MAX;
  for (size_t k = 0; k < count; k++) {
    size_t page = selected_item(selection, k) / per_page;
    if (page != before && !want_page(call, arena, name, table, page)) return false;
    before = page;
  }
  return true;
}

bool arena_fetch(const call_t *call, arena_t *arena) {
  for (size_t s = 0; s < arena->pages.slab_count; s++) {
    if (!arena->wanted[s]) continue;
    if (napi_get_element(call->env, call->values[0], (uint32_t)s, &arena->values[s]) != napi_ok) {
      bool pending = false;
      if (napi_is_exception_pending(call->env, &pending) == napi_ok && pending) return false;
      return throw_type(call->env, "slabs[%zu] cannot be read", s);
    }
  }
  return true;
}

bool arena_pin(const call_t *call, arena_t *arena) {
  for (size_t s = 0; s < arena->pages.slab_count; s++) {
    if (arena->values[s] == NULL) continue;
    bytes_t slab;
    if (!read_bytes_value(call, arena->values[s], "a slab", &slab)) return false;
    if (slab.length != arena->slab_bytes) {
      return throw_range(call->env, "slabs[%zu] has %zu bytes instead of %zu", s, slab.length, arena->slab_bytes);
    }
    arena->pages.slabs[s] = slab.data;
  }
  return true;
}
