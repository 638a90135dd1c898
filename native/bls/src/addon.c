/* BLS signatures and the public-key table for Node. No globals: any number of isolates may load this. */
#include "args.h"
#include "js_table.h"

void register_functions(napi_env env, napi_value exports, const js_function *functions, size_t count) {
  for (size_t i = 0; i < count; i++) {
    napi_value function;
    if (napi_create_function(env, functions[i].name, NAPI_AUTO_LENGTH, functions[i].callback, NULL, &function) !=
            napi_ok ||
        napi_set_named_property(env, exports, functions[i].name, function) != napi_ok) {
      throw_failure(env, "NO_MEMORY", "cannot register %s", functions[i].name);
      return;
    }
  }
}

NAPI_MODULE_INIT() {
  register_tables(env, exports);
  register_sets(env, exports);
  register_points(env, exports);
  register_secrets(env, exports);
  return exports;
}
