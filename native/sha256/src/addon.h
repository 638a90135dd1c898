/* What the addon's source files share: the state of one environment, and the functions that work on pages. */
#ifndef CRESSET_ADDON_H
#define CRESSET_ADDON_H

#include "arguments.h"
#include "merkle.h"
#include "parallel.h"
#include "shuffle.h"
#include "validators.h"

typedef struct {
  merkle_context context;
  sha256_kernels available[SHA256_MAX_KERNELS];
  size_t available_count;
} instance_t;

napi_value addon_merkleize_pages(napi_env env, napi_callback_info info);
napi_value addon_hash_records(napi_env env, napi_callback_info info);
napi_value addon_hash_validators(napi_env env, napi_callback_info info);
napi_value addon_scatter_validators(napi_env env, napi_callback_info info);
napi_value addon_gather_validators(napi_env env, napi_callback_info info);

#endif
