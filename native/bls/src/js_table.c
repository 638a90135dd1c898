/* The key table for JavaScript: a handle is an object that wraps a table. */
#include "js_table.h"

#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "key_file.h"

static const napi_type_tag TABLE_TAG = {0x3f7d1c95a2e84b60, 0x91c6e5d2b7f0438a};

/* Tells the collector that a handle, small to it, holds more. */
#define HANDLE_WEIGHT (256 * 1024)

static void finalize_table(napi_env env, void *data, void *hint) {
  int64_t total;
  napi_adjust_external_memory(env, -HANDLE_WEIGHT, &total);
  key_table_release(data);
}

napi_value wrap_table(napi_env env, key_table *table) {
  napi_value handle;
  int64_t total;
  if (napi_create_object(env, &handle) != napi_ok ||
      napi_wrap(env, handle, table, finalize_table, NULL, NULL) != napi_ok) {
    key_table_release(table);
    return throw_failure(env, "NO_MEMORY", "cannot keep a key table");
  }
  napi_type_tag_object(env, handle, &TABLE_TAG);
  napi_adjust_external_memory(env, HANDLE_WEIGHT, &total);
  return handle;
}

key_table *unwrap_table(napi_env env, napi_value value) {
  void *table = NULL;
  return has_tag(env, value, &TABLE_TAG) && napi_unwrap(env, value, &table) == napi_ok ? table : NULL;
}

/* tableCreate(capacity) */
static napi_value table_create(napi_env env, napi_callback_info info) {
  napi_value args[1];
  size_t capacity;
  if (!get_arguments(env, info, 1, args) || !get_size(env, args[0], "capacity", MAX_KEYS, &capacity)) return NULL;
  key_table *table = key_table_create(capacity);
  if (table == NULL) return throw_failure(env, "NO_MEMORY", "cannot reserve a table of %zu keys", capacity);
  return wrap_table(env, table);
}

static napi_value table_length(napi_env env, napi_callback_info info) {
  napi_value args[1];
  key_table *table;
  if (!get_arguments(env, info, 1, args) || !get_table(env, args[0], &table)) return NULL;
  return make_number(env, (double)key_table_length(table));
}

/* tableAppend(table, keys) */
static napi_value table_append(napi_env env, napi_callback_info info) {
  napi_value args[2];
  key_table *table;
  byte_view keys;
  if (!get_arguments(env, info, 2, args) || !get_table(env, args[0], &table) ||
      !get_items(env, args[1], "keys", KEY_BYTES, &keys))
    return NULL;
  size_t count = keys.length / KEY_BYTES;
  if (!key_table_append(table, keys.data, count))
    return throw_failure(env, "NO_MEMORY", "cannot add %zu keys to %zu of a table for %zu", count,
                         key_table_length(table), table->capacity);
  return NULL;
}

/* tableFind(table, key): the place, or -1 */
static napi_value table_find(napi_env env, napi_callback_info info) {
  napi_value args[2];
  key_table *table;
  uint8_t *key;
  if (!get_arguments(env, info, 2, args) || !get_table(env, args[0], &table) ||
      !get_bytes_of(env, args[1], "key", KEY_BYTES, &key))
    return NULL;
  int64_t place = key_table_find(table, key);
  if (place < -1) return throw_failure(env, "NO_MEMORY", "not enough memory to index %zu keys", key_table_length(table));
  return make_number(env, (double)place);
}

/* tableRead(table, first, out): copies compressed keys until out is full. */
static napi_value table_read(napi_env env, napi_callback_info info) {
  napi_value args[3];
  key_table *table;
  size_t first;
  byte_view out;
  if (!get_arguments(env, info, 3, args) || !get_table(env, args[0], &table) ||
      !get_size(env, args[1], "first", MAX_KEYS, &first) || !get_items(env, args[2], "output", KEY_BYTES, &out))
    return NULL;
  size_t length = key_table_length(table);
  if (first > length || out.length / KEY_BYTES > length - first)
    return throw_misuse(env, "keys %zu to %zu of a table of %zu", first, first + out.length / KEY_BYTES, length);
  if (out.length > 0) memcpy(out.data, table->compressed.base + first * KEY_BYTES, out.length);
  return NULL;
}

/* tableCountMatching(table, first, keys) */
static napi_value table_count_matching(napi_env env, napi_callback_info info) {
  napi_value args[3];
  key_table *table;
  size_t first;
  byte_view keys;
  if (!get_arguments(env, info, 3, args) || !get_table(env, args[0], &table) ||
      !get_size(env, args[1], "first", MAX_KEYS, &first) || !get_items(env, args[2], "keys", KEY_BYTES, &keys))
    return NULL;
  return make_number(env, (double)key_table_count_matching(table, first, keys.data, keys.length / KEY_BYTES));
}

static void finalize_view(napi_env env, void *data, void *table) { key_table_release(table); }

/* tableCompressed(table): an ArrayBuffer over the keys there are now; it keeps the memory, whatever happens to the table. */
static napi_value table_compressed(napi_env env, napi_callback_info info) {
  napi_value args[1], buffer;
  key_table *table;
  if (!get_arguments(env, info, 1, args) || !get_table(env, args[0], &table)) return NULL;
  size_t bytes = key_table_length(table) * KEY_BYTES;
  if (bytes == 0) return napi_create_arraybuffer(env, 0, NULL, &buffer) == napi_ok ? buffer : NULL;
  key_table_retain(table);
  if (napi_create_external_arraybuffer(env, table->compressed.base, bytes, finalize_view, table, &buffer) == napi_ok)
    return buffer;
  key_table_release(table);
  return throw_failure(env, "NO_MEMORY", "cannot make a view of %zu bytes", bytes);
}

/* tableAggregate(table, places, out): false when there are none or a key is invalid */
static napi_value table_aggregate(napi_env env, napi_callback_info info) {
  napi_value args[3];
  key_table *table;
  word_view places;
  uint8_t *out;
  if (!get_arguments(env, info, 3, args) || !get_table(env, args[0], &table) ||
      !get_words(env, args[1], "places", &places) || !get_bytes_of(env, args[2], "output", KEY_BYTES, &out))
    return NULL;
  size_t length = key_table_length(table);
  uint32_t *copy = malloc(places.length * sizeof *copy + 1);
  if (copy == NULL) return throw_failure(env, "NO_MEMORY", "not enough memory for %zu places", places.length);
  if (places.length > 0) memcpy(copy, places.data, places.length * sizeof *copy);
  verdict result = places.length > 0 ? VERDICT_VALID : VERDICT_INVALID;
  blst_p1 sum = {0};
  for (size_t i = 0; i < places.length; i++) {
    if (copy[i] < length) continue;
    throw_misuse(env, "validator %u of a table of %zu", copy[i], length);
    free(copy);
    return NULL;
  }
  if (result == VERDICT_VALID) result = key_table_add(table, copy, places.length, &sum);
  free(copy);
  if (result == VERDICT_VALID) blst_p1_compress(out, &sum);
  if (result == VERDICT_VALID || result == VERDICT_INVALID) return make_boolean(env, result == VERDICT_VALID);
  napi_throw(env, make_verdict_error(env, result));
  return NULL;
}

/* Lets go of what the handle held; views and running checks keep the memory until they end. */
static napi_value table_close(napi_env env, napi_callback_info info) {
  napi_value args[1];
  key_table *table;
  if (!get_arguments(env, info, 1, args) || !get_table(env, args[0], &table)) return NULL;
  if (table->file != NULL && atomic_load(&table->file->busy)) return throw_misuse(env, "a flush is running");
  void *wrapped;
  if (napi_remove_wrap(env, args[0], &wrapped) != napi_ok) return throw_misuse(env, "expected a key table");
  if (table->file != NULL) key_file_release(table->file);
  finalize_table(env, table, NULL);
  return NULL;
}

void register_tables(napi_env env, napi_value exports) {
  static const js_function functions[] = {
      {"tableCreate", table_create},
      {"tableLength", table_length},
      {"tableAppend", table_append},
      {"tableFind", table_find},
      {"tableRead", table_read},
      {"tableCountMatching", table_count_matching},
      {"tableCompressed", table_compressed},
      {"tableAggregate", table_aggregate},
      {"tableClose", table_close},
  };
  register_functions(env, exports, functions, sizeof functions / sizeof *functions);
  register_table_files(env, exports);
}
