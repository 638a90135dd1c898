/* Arguments from JavaScript: every function returns false after throwing, and nothing is used before it was checked. */
#ifndef CRESSET_ARGS_H
#define CRESSET_ARGS_H

#define NAPI_VERSION 8
#include <node_api.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "key_table.h"

#define MAX_ARGUMENTS 10

typedef struct {
  uint8_t *data;
  size_t length;
} byte_view;

typedef struct {
  uint32_t *data;
  size_t length;
} word_view;

/* Exactly `count` arguments. */
bool get_arguments(napi_env env, napi_callback_info info, size_t count, napi_value *out);

/* A Uint8Array (or Buffer) of any length. */
bool get_bytes(napi_env env, napi_value value, const char *name, byte_view *out);

/* A Uint8Array of exactly this length. */
bool get_bytes_of(napi_env env, napi_value value, const char *name, size_t length, uint8_t **out);

/* A Uint8Array of a multiple of `item`. */
bool get_items(napi_env env, napi_value value, const char *name, size_t item, byte_view *out);

/* A Uint32Array. */
bool get_words(napi_env env, napi_value value, const char *name, word_view *out);

/* An integer in [0, most]. */
bool get_size(napi_env env, napi_value value, const char *name, size_t most, size_t *out);

/* Whether the value is an object with this tag: a handle that this addon made. */
bool has_tag(napi_env env, napi_value value, const napi_type_tag *tag);

/* A key table that is open. */
bool get_table(napi_env env, napi_value value, key_table **out);

napi_value make_boolean(napi_env env, bool value);
napi_value make_number(napi_env env, double value);

/* A TypeError with a formatted message; returns NULL, which is what a callback then returns. */
napi_value throw_misuse(napi_env env, const char *format, ...);

/* An Error with code "STORAGE", "NO_MEMORY" or "NO_RANDOM"; returns NULL. */
napi_value throw_failure(napi_env env, const char *code, const char *format, ...);

/* For verdicts that are neither valid nor invalid. */
napi_value make_verdict_error(napi_env env, verdict result);

#endif
