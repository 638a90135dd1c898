#ifndef CRESSET_JS_TABLE_H
#define CRESSET_JS_TABLE_H

#include <node_api.h>

#include "key_table.h"

/* The table behind a handle, or NULL when the value is no handle of this addon's. */
key_table *unwrap_table(napi_env env, napi_value value);

/* A handle for the table; takes over one reference. */
napi_value wrap_table(napi_env env, key_table *table);

void register_tables(napi_env env, napi_value exports);
void register_table_files(napi_env env, napi_value exports);
void register_sets(napi_env env, napi_value exports);
void register_points(napi_env env, napi_value exports);
void register_secrets(napi_env env, napi_value exports);

typedef struct {
  const char *name;
  napi_callback callback;
} js_function;

void register_functions(napi_env env, napi_value exports, const js_function *functions, size_t count);

#endif
