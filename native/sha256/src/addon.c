/* The addon's entry: one instance an environment, and the functions that work on plain buffers. */
#include "addon.h"

#include <stdlib.h>

static napi_value text(napi_env env, const char *value) {
  napi_value result = NULL;
  napi_create_string_utf8(env, value, NAPI_AUTO_LENGTH, &result);
  return result;
}

static bool overlap(const uint8_t *a, size_t a_length, const uint8_t *b, size_t b_length) {
  return (uintptr_t)a < (uintptr_t)b + b_length && (uintptr_t)b < (uintptr_t)a + a_length;
}

typedef struct {
  sha256_bulk_fn pairs;
  const uint8_t *in;
  uint8_t *out;
} pairs_job;

static void run_pairs(void *argument, size_t begin, size_t end) {
  const pairs_job *job = argument;
  job->pairs(job->out + 32 * begin, job->in + 64 * begin, end - begin);
}

/* hashPairs(input, output, count, threads) */
static napi_value hash_pairs(napi_env env, napi_callback_info info) {
  call_t call;
  bytes_t in, out;
  uint64_t count;
  unsigned threads;
  if (!call_open(env, info, &call) || !read_bytes(&call, 0, "input", &in) || !read_bytes(&call, 1, "output", &out) ||
      !read_integer(&call, 2, "count", 0, MAX_COUNT, &count) || !read_threads(&call, 3, &threads) ||
      !check_span(env, "input", &in, 0, 64 * count) || !check_span(env, "output", &out, 0, 32 * count)) {
    return NULL;
  }
  instance_t *instance = call.instance;
  /* In place one thread's digests would land on the pairs of another. */
  if (overlap(in.data, in.length, out.data, out.length)) threads = 1;
  pairs_job job = {instance->context.kernels.pairs, in.data, out.data};
  parallel_ranges((size_t)count, 4096, threads, run_pairs, &job);
  return NULL;
}

/* A buffer, then how many of its first bytes to take. */
static bool read_prefix(const call_t *call, int at, const char *name, bytes_t *out) {
  uint64_t length;
  if (!read_bytes(call, at, name, out) || !read_integer(call, at + 1, "length", 0, (uint64_t)1 << 53, &length) ||
      !check_span(call->env, name, out, 0, length)) {
    return false;
  }
  out->length = (size_t)length;
  return true;
}

/* sha256(data, length, output) */
static napi_value sha256(napi_env env, napi_callback_info info) {
  call_t call;
  bytes_t data;
  uint8_t *out, digest[32];
  if (!call_open(env, info, &call) || !read_prefix(&call, 0, "data", &data) ||
      !read_bytes_of(&call, 2, "output", 32, &out)) {
    return NULL;
  }
  sha256_digest(&((instance_t *)call.instance)->context.kernels, digest, data.data, data.length);
  memcpy(out, digest, 32);
  return NULL;
}

/* merkleizeChunks(chunks, length, limitDepth, output, threads) */
static napi_value merkleize(napi_env env, napi_callback_info info) {
  call_t call;
  bytes_t chunks;
  uint64_t depth;
  uint8_t *out, root[32];
  unsigned threads;
  if (!call_open(env, info, &call) || !read_prefix(&call, 0, "chunks", &chunks) ||
      !read_integer(&call, 2, "limitDepth", 0, MERKLE_MAX_DEPTH, &depth) ||
      !read_bytes_of(&call, 3, "output", 32, &out) || !read_threads(&call, 4, &threads)) {
    return NULL;
  }
  size_t count = chunks.length / 32;
  if (chunks.length % 32 != 0) {
    throw_range(env, "chunks must have a multiple of 32 bytes, not %zu", chunks.length);
  } else if (depth < 63 && (uint64_t)count > (uint64_t)1 << depth) {
    throw_range(env, "%zu chunks exceed a tree of depth %u", count, (unsigned)depth);
  } else if (!merkleize_chunks(&((instance_t *)call.instance)->context, root, chunks.data, count, (unsigned)depth,
                               threads)) {
    napi_throw_error(env, NULL, "out of memory");
  } else {
    memcpy(out, root, 32);
  }
  return NULL;
}

/* zeroHash(depth, output) */
static napi_value zero_hash(napi_env env, napi_callback_info info) {
  call_t call;
  uint64_t depth;
  uint8_t *out;
  if (!call_open(env, info, &call) || !read_integer(&call, 0, "depth", 0, MERKLE_MAX_DEPTH, &depth) ||
      !read_bytes_of(&call, 1, "output", 32, &out)) {
    return NULL;
  }
  memcpy(out, ((instance_t *)call.instance)->context.zeros[depth], 32);
  return NULL;
}

/* shuffleList(indices, seed, rounds, threads) */
static napi_value shuffle(napi_env env, napi_callback_info info) {
  call_t call;
  uint32_t *values;
  size_t count;
  uint8_t *seed, seed_copy[32];
  uint64_t rounds;
  unsigned threads;
  if (!call_open(env, info, &call) || !read_words(&call, 0, "indices", &values, &count) ||
      !read_bytes_of(&call, 1, "seed", 32, &seed) || !read_integer(&call, 2, "rounds", 0, 255, &rounds) ||
      !read_threads(&call, 3, &threads)) {
    return NULL;
  }
  if (count > MAX_COUNT) {
    throw_range(env, "%zu indices are more than a list can hold", count);
    return NULL;
  }
  memcpy(seed_copy, seed, 32);
  const sha256_kernels *kernels = &((instance_t *)call.instance)->context.kernels;
  if (shuffle_list(kernels, values, count, seed_copy, (unsigned)rounds, threads) != 0) {
    napi_throw_error(env, NULL, "out of memory");
  }
  return NULL;
}

/* computeShuffledIndex(index, count, seed, rounds) */
static napi_value shuffled_index(napi_env env, napi_callback_info info) {
  call_t call;
  uint64_t index, count, rounds;
  uint8_t *seed;
  if (!call_open(env, info, &call) || !read_integer(&call, 1, "count", 1, (uint64_t)1 << 40, &count) ||
      !read_integer(&call, 0, "index", 0, count - 1, &index) || !read_bytes_of(&call, 2, "seed", 32, &seed) ||
      !read_integer(&call, 3, "rounds", 0, 255, &rounds)) {
    return NULL;
  }
  const sha256_kernels *kernels = &((instance_t *)call.instance)->context.kernels;
  napi_value result = NULL;
  napi_create_double(env, (double)shuffle_index(kernels, index, count, seed, (unsigned)rounds), &result);
  return result;
}

/* computeShuffledIndices(indices, length, count, seed, rounds) */
static napi_value shuffled_indices(napi_env env, napi_callback_info info) {
  call_t call;
  uint32_t *indices;
  size_t size;
  uint64_t length, count, rounds;
  uint8_t *seed, seed_copy[32];
  if (!call_open(env, info, &call) || !read_words(&call, 0, "indices", &indices, &size) ||
      !read_integer(&call, 1, "length", 0, size, &length) ||
      !read_integer(&call, 2, "count", 1, (uint64_t)1 << 32, &count) || !read_bytes_of(&call, 3, "seed", 32, &seed) ||
      !read_integer(&call, 4, "rounds", 0, 255, &rounds)) {
    return NULL;
  }
  for (size_t k = 0; k < length; k++) {
    if (indices[k] >= count) {
      throw_range(env, "index %zu is not below the count", k);
      return NULL;
    }
  }
  memcpy(seed_copy, seed, 32);
  const sha256_kernels *kernels = &((instance_t *)call.instance)->context.kernels;
  shuffle_indices(kernels, indices, length, count, seed_copy, (unsigned)rounds);
  return NULL;
}

/* implementation() */
static napi_value implementation(napi_env env, napi_callback_info info) {
  call_t call;
  if (!call_open(env, info, &call)) return NULL;
  return text(env, ((instance_t *)call.instance)->context.kernels.name);
}

/* implementations() */
static napi_value implementations(napi_env env, napi_callback_info info) {
  call_t call;
  napi_value list = NULL;
  if (!call_open(env, info, &call) || napi_create_array(env, &list) != napi_ok) return NULL;
  instance_t *instance = call.instance;
  for (size_t i = 0; i < instance->available_count; i++) {
    if (napi_set_element(env, list, (uint32_t)i, text(env, instance->available[i].name)) != napi_ok) return NULL;
  }
  return list;
}

/* useImplementation(name) */
static napi_value use_implementation(napi_env env, napi_callback_info info) {
  call_t call;
  char name[32];
  size_t length;
  if (!call_open(env, info, &call)) return NULL;
  if (napi_get_value_string_utf8(env, call.values[0], name, sizeof name, &length) != napi_ok) {
    throw_type(env, "name must be a string");
    return NULL;
  }
  instance_t *instance = call.instance;
  for (size_t i = 0; i < instance->available_count; i++) {
    if (strcmp(instance->available[i].name, name) == 0) {
      instance->context.kernels = instance->available[i];
      return NULL;
    }
  }
  throw_range(env, "this CPU has no SHA-256 implementation named %s", name);
  return NULL;
}

static void drop_instance(napi_env env, void *data, void *hint) {
  (void)env;
  (void)hint;
  free(data);
}

static napi_value open_instance(napi_env env, napi_value exports) {
  instance_t *instance = calloc(1, sizeof *instance);
  if (instance == NULL || napi_set_instance_data(env, instance, drop_instance, NULL) != napi_ok) {
    free(instance);
    napi_throw_error(env, NULL, "the sha256 addon cannot start");
    return NULL;
  }
  instance->available_count = sha256_available(instance->available);
  instance->context.kernels = instance->available[0];
  merkle_context_fill_zeros(&instance->context);
  static const struct {
    const char *name;
    napi_callback function;
  } functions[] = {
      {"hashPairs", hash_pairs},
      {"sha256", sha256},
      {"merkleizeChunks", merkleize},
      {"zeroHash", zero_hash},
      {"shuffleList", shuffle},
      {"computeShuffledIndex", shuffled_index},
      {"computeShuffledIndices", shuffled_indices},
      {"implementation", implementation},
      {"implementations", implementations},
      {"useImplementation", use_implementation},
      {"merkleizePages", addon_merkleize_pages},
      {"hashRecords", addon_hash_records},
      {"hashValidators", addon_hash_validators},
      {"scatterValidators", addon_scatter_validators},
      {"gatherValidators", addon_gather_validators},
  };
  for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
    napi_value function;
    if (napi_create_function(env, functions[i].name, NAPI_AUTO_LENGTH, functions[i].function, NULL, &function) != napi_ok ||
        napi_set_named_property(env, exports, functions[i].name, function) != napi_ok) {
      return NULL;
    }
  }
  return exports;
}

NAPI_MODULE_INIT() { return open_instance(env, exports); }
