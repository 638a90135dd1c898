/* Secret keys stay in native memory and are wiped when destroyed or collected. */
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "js_table.h"
#include "points.h"

static const napi_type_tag SECRET_TAG = {0x6c0e2f4a9b1d4e7f, 0x8a5b3c1d0e9f7a62};

static void destroy(blst_scalar *secret) { explicit_bzero(secret, sizeof *secret); }

static void finalize(napi_env env, void *data, void *hint) {
  destroy(data);
  free(data);
}

/* Takes over the memory. */
static napi_value make_handle(napi_env env, blst_scalar *secret) {
  napi_value handle;
  if (napi_create_object(env, &handle) != napi_ok) goto failed;
  if (napi_wrap(env, handle, secret, finalize, NULL, NULL) != napi_ok) goto failed;
  napi_type_tag_object(env, handle, &SECRET_TAG);
  return handle;
failed:
  finalize(env, secret, NULL);
  return throw_failure(env, "NO_MEMORY", "cannot keep a secret key");
}

static bool get_secret(napi_env env, napi_value value, blst_scalar **out) {
  if (!has_tag(env, value, &SECRET_TAG) || napi_unwrap(env, value, (void **)out) != napi_ok) {
    throw_misuse(env, "expected a secret key");
    return false;
  }
  if (!blst_sk_check(*out)) {
    throw_misuse(env, "the secret key was destroyed");
    return false;
  }
  return true;
}

static napi_value secret_from_bytes(napi_env env, napi_callback_info info) {
  napi_value args[1];
  uint8_t *bytes;
  if (!get_arguments(env, info, 1, args) || !get_bytes_of(env, args[0], "secret key", SECRET_BYTES, &bytes))
    return NULL;
  blst_scalar *secret = malloc(sizeof *secret);
  if (secret == NULL) return throw_failure(env, "NO_MEMORY", "cannot keep a secret key");
  blst_scalar_from_bendian(secret, bytes);
  if (blst_sk_check(secret)) return make_handle(env, secret);
  finalize(env, secret, NULL);
  return throw_misuse(env, "a secret key must be above zero and below the group order");
}

static napi_value secret_from_seed(napi_env env, napi_callback_info info) {
  napi_value args[1];
  byte_view seed;
  if (!get_arguments(env, info, 1, args) || !get_bytes(env, args[0], "seed", &seed)) return NULL;
  if (seed.length < 32) return throw_misuse(env, "seed must have at least 32 bytes, not %zu", seed.length);
  blst_scalar *secret = malloc(sizeof *secret);
  if (secret == NULL) return throw_failure(env, "NO_MEMORY", "cannot keep a secret key");
  blst_derive_master_eip2333(secret, seed.data, seed.length);
  return make_handle(env, secret);
}

static napi_value secret_child(napi_env env, napi_callback_info info) {
  napi_value args[2];
  blst_scalar *parent;
  size_t index;
  if (!get_arguments(env, info, 2, args) || !get_secret(env, args[0], &parent) ||
      !get_size(env, args[1], "child index", UINT32_MAX, &index))
    return NULL;
  blst_scalar *secret = malloc(sizeof *secret);
  if (secret == NULL) return throw_failure(env, "NO_MEMORY", "cannot keep a secret key");
  blst_derive_child_eip2333(secret, parent, (uint32_t)index);
  return make_handle(env, secret);
}

static napi_value secret_public_key(napi_env env, napi_callback_info info) {
  napi_value args[2];
  blst_scalar *secret;
  uint8_t *out;
  if (!get_arguments(env, info, 2, args) || !get_secret(env, args[0], &secret) ||
      !get_bytes_of(env, args[1], "output", KEY_BYTES, &out))
    return NULL;
  blst_p1 point;
  blst_sk_to_pk_in_g1(&point, secret);
  blst_p1_compress(out, &point);
  return NULL;
}

static napi_value secret_sign(napi_env env, napi_callback_info info) {
  napi_value args[3];
  blst_scalar *secret;
  uint8_t *message, *out;
  if (!get_arguments(env, info, 3, args) || !get_secret(env, args[0], &secret) ||
      !get_bytes_of(env, args[1], "message", MESSAGE_BYTES, &message) ||
      !get_bytes_of(env, args[2], "output", SIGNATURE_BYTES, &out))
    return NULL;
  blst_p2 point;
  hash_message(&point, message, MESSAGE_BYTES);
  blst_sign_pk_in_g1(&point, &point, secret);
  blst_p2_compress(out, &point);
  return NULL;
}

static napi_value secret_destroy(napi_env env, napi_callback_info info) {
  napi_value args[1];
  blst_scalar *secret;
  if (!get_arguments(env, info, 1, args)) return NULL;
  if (!has_tag(env, args[0], &SECRET_TAG) || napi_unwrap(env, args[0], (void **)&secret) != napi_ok)
    return throw_misuse(env, "expected a secret key");
  destroy(secret);
  return NULL;
}

void register_secrets(napi_env env, napi_value exports) {
  static const js_function functions[] = {
      {"secretFromBytes", secret_from_bytes}, {"secretFromSeed", secret_from_seed}, {"secretChild", secret_child},
      {"secretPublicKey", secret_public_key}, {"secretSign", secret_sign},          {"secretDestroy", secret_destroy},
  };
  register_functions(env, exports, functions, sizeof functions / sizeof *functions);
}
