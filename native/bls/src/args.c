#include "args.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "js_table.h"

static bool is_pending(napi_env env) {
  bool pending = false;
  napi_is_exception_pending(env, &pending);
  return pending;
}

napi_value throw_misuse(napi_env env, const char *format, ...) {
  char message[256];
  va_list list;
  va_start(list, format);
  vsnprintf(message, sizeof message, format, list);
  va_end(list);
  if (!is_pending(env)) napi_throw_type_error(env, "MISUSE", message);
  return NULL;
}

napi_value throw_failure(napi_env env, const char *code, const char *format, ...) {
  char message[512];
  va_list list;
  va_start(list, format);
  vsnprintf(message, sizeof message, format, list);
  va_end(list);
  if (!is_pending(env)) napi_throw_error(env, code, message);
  return NULL;
}

bool get_arguments(napi_env env, napi_callback_info info, size_t count, napi_value *out) {
  napi_value all[MAX_ARGUMENTS];
  size_t given = MAX_ARGUMENTS;
  if (napi_get_cb_info(env, info, &given, all, NULL, NULL) != napi_ok || given != count) {
    throw_misuse(env, "expected %zu arguments, got %zu", count, given);
    return false;
  }
  memcpy(out, all, count * sizeof *out);
  return true;
}

static bool get_array(napi_env env, napi_value value, const char *name, napi_typedarray_type want, const char *kind,
                      void **data, size_t *length) {
  bool is_array = false;
  napi_typedarray_type type;
  napi_value buffer;
  size_t offset;
  if (napi_is_typedarray(env, value, &is_array) == napi_ok && is_array &&
      napi_get_typedarray_info(env, value, &type, length, data, &buffer, &offset) == napi_ok && type == want) {
    if (*data == NULL) *length = 0;
    return true;
  }
  throw_misuse(env, "%s must be a %s", name, kind);
  return false;
}

bool get_bytes(napi_env env, napi_value value, const char *name, byte_view *out) {
  return get_array(env, value, name, napi_uint8_array, "Uint8Array", (void **)&out->data, &out->length);
}

bool get_bytes_of(napi_env env, napi_value value, const char *name, size_t length, uint8_t **out) {
  byte_view view;
  if (!get_bytes(env, value, name, &view)) return false;
  *out = view.data;
  if (view.length == length) return true;
  throw_misuse(env, "%s must have %zu bytes, not %zu", name, length, view.length);
  return false;
}

bool get_items(napi_env env, napi_value value, const char *name, size_t item, byte_view *out) {
  if (!get_bytes(env, value, name, out)) return false;
  if (out->length % item == 0) return true;
  throw_misuse(env, "%s must have a multiple of %zu bytes, not %zu", name, item, out->length);
  return false;
}

bool get_words(napi_env env, napi_value value, const char *name, word_view *out) {
  return get_array(env, value, name, napi_uint32_array, "Uint32Array", (void **)&out->data, &out->length);
}

bool get_size(napi_env env, napi_value value, const char *name, size_t most, size_t *out) {
  double number;
  if (napi_get_value_double(env, value, &number) != napi_ok) {
    throw_misuse(env, "%s must be a number", name);
    return false;
  }
  if (!(number >= 0 && number <= (double)most) || number != floor(number)) {
    throw_misuse(env, "%s must be an integer from 0 to %zu", name, most);
    return false;
  }
  *out = (size_t)number;
  return true;
}

bool has_tag(napi_env env, napi_value value, const napi_type_tag *tag) {
  napi_valuetype type;
  bool tagged = false;
  return napi_typeof(env, value, &type) == napi_ok && type == napi_object &&
         napi_check_object_type_tag(env, value, tag, &tagged) == napi_ok && tagged;
}

bool get_table(napi_env env, napi_value value, key_table **out) {
  *out = unwrap_table(env, value);
  if (*out == NULL) {
    throw_misuse(env, "expected a key table that is open");
    return false;
  }
  return true;
}

napi_value make_boolean(napi_env env, bool value) {
  napi_value out = NULL;
  napi_get_boolean(env, value, &out);
  return out;
}

napi_value make_number(napi_env env, double value) {
  napi_value out = NULL;
  napi_create_double(env, value, &out);
  return out;
}

napi_value make_verdict_error(napi_env env, verdict result) {
  const char *code = result == VERDICT_NO_MEMORY ? "NO_MEMORY" : result == VERDICT_NO_RANDOM ? "NO_RANDOM" : "STORAGE";
  const char *message = result == VERDICT_NO_MEMORY   ? "not enough memory to check signatures"
                        : result == VERDICT_NO_RANDOM ? "the operating system gives no random numbers"
                                                      : "a block of the key table on disk fails its checksum";
  napi_value code_value, message_value, error = NULL;
  napi_create_string_utf8(env, code, NAPI_AUTO_LENGTH, &code_value);
  napi_create_string_utf8(env, message, NAPI_AUTO_LENGTH, &message_value);
  napi_create_error(env, code_value, message_value, &error);
  return error;
}
