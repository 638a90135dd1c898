/* Single checks and aggregation, straight from bytes. */
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "js_table.h"
#include "points.h"

static napi_value key_validate(napi_env env, napi_callback_info info) {
  napi_value args[1];
  uint8_t *key;
  if (!get_arguments(env, info, 1, args) || !get_bytes_of(env, args[0], "public key", KEY_BYTES, &key)) return NULL;
  blst_p1_affine point;
  return make_boolean(env, key_from_bytes(&point, key));
}

static napi_value signature_validate(napi_env env, napi_callback_info info) {
  napi_value args[1];
  uint8_t *signature;
  if (!get_arguments(env, info, 1, args) || !get_bytes_of(env, args[0], "signature", SIGNATURE_BYTES, &signature))
    return NULL;
  blst_p2_affine point;
  return make_boolean(env, signature_from_bytes(&point, signature));
}

/* aggregateKeys(keys, out): false when there are none or one is invalid. */
static napi_value aggregate_keys(napi_env env, napi_callback_info info) {
  napi_value args[2];
  byte_view keys;
  uint8_t *out;
  if (!get_arguments(env, info, 2, args) || !get_items(env, args[0], "public keys", KEY_BYTES, &keys) ||
      !get_bytes_of(env, args[1], "output", KEY_BYTES, &out))
    return NULL;
  blst_p1 sum = {0};
  bool valid = keys.length > 0 && add_keys_from_bytes(&sum, keys.data, keys.length / KEY_BYTES);
  if (valid) blst_p1_compress(out, &sum);
  return make_boolean(env, valid);
}

/* aggregateSignatures(signatures, out): false when there are none or one is invalid. */
static napi_value aggregate_signatures(napi_env env, napi_callback_info info) {
  napi_value args[2];
  byte_view signatures;
  uint8_t *out;
  if (!get_arguments(env, info, 2, args) || !get_items(env, args[0], "signatures", SIGNATURE_BYTES, &signatures) ||
      !get_bytes_of(env, args[1], "output", SIGNATURE_BYTES, &out))
    return NULL;
  blst_p2 sum = {0};
  size_t count = signatures.length / SIGNATURE_BYTES;
  bool valid = count > 0 && add_signatures_from_bytes(&sum, signatures.data, count);
  if (valid) blst_p2_compress(out, &sum);
  return make_boolean(env, valid);
}

/* One signature over a list of messages, each by its own key. */
static bool aggregate_holds(blst_pairing *pairing, byte_view keys, const uint8_t *messages, const uint8_t *signature) {
  blst_p2_affine point;
  if (keys.length == 0 || !signature_from_bytes(&point, signature)) return false;
  blst_pairing_init(pairing, true, SIGNATURE_DST, sizeof SIGNATURE_DST);
  for (size_t i = 0; i < keys.length / KEY_BYTES; i++) {
    blst_p1_affine key;
    if (!key_from_bytes(&key, keys.data + i * KEY_BYTES)) return false;
    if (blst_pairing_aggregate_pk_in_g1(pairing, &key, NULL, messages + i * MESSAGE_BYTES, MESSAGE_BYTES, NULL, 0) !=
        BLST_SUCCESS)
      return false;
  }
  blst_pairing_commit(pairing);
  blst_fp12 of_signature;
  blst_aggregated_in_g2(&of_signature, &point);
  return blst_pairing_finalverify(pairing, &of_signature);
}

/* aggregateVerify(keys, messages, signature) */
static napi_value aggregate_verify(napi_env env, napi_callback_info info) {
  napi_value args[3];
  byte_view keys, messages;
  uint8_t *signature;
  if (!get_arguments(env, info, 3, args) || !get_items(env, args[0], "public keys", KEY_BYTES, &keys) ||
      !get_items(env, args[1], "messages", MESSAGE_BYTES, &messages) ||
      !get_bytes_of(env, args[2], "signature", SIGNATURE_BYTES, &signature))
    return NULL;
  if (keys.length / KEY_BYTES != messages.length / MESSAGE_BYTES)
    return throw_misuse(env, "as many messages as public keys are needed");
  blst_pairing *pairing = malloc(blst_pairing_sizeof());
  if (pairing == NULL) return throw_failure(env, "NO_MEMORY", "not enough memory to check signatures");
  bool valid = aggregate_holds(pairing, keys, messages.data, signature);
  free(pairing);
  return make_boolean(env, valid);
}

/* hashToG2(message, domain, out): the uncompressed point. */
static napi_value hash_to_g2(napi_env env, napi_callback_info info) {
  napi_value args[3];
  byte_view message, domain;
  uint8_t *out;
  if (!get_arguments(env, info, 3, args) || !get_bytes(env, args[0], "message", &message) ||
      !get_bytes(env, args[1], "domain", &domain) || !get_bytes_of(env, args[2], "output", 192, &out))
    return NULL;
  if (domain.length > 255) return throw_misuse(env, "domain must have at most 255 bytes");
  blst_p2 point;
  blst_hash_to_g2(&point, message.data, message.length, domain.data, domain.length, NULL, 0);
  blst_p2_serialize(out, &point);
  return NULL;
}

void register_points(napi_env env, napi_value exports) {
  static const js_function functions[] = {
      {"keyValidate", key_validate},
      {"signatureValidate", signature_validate},
      {"aggregateKeys", aggregate_keys},
      {"aggregateSignatures", aggregate_signatures},
      {"aggregateVerify", aggregate_verify},
      {"hashToG2", hash_to_g2},
  };
  register_functions(env, exports, functions, sizeof functions / sizeof *functions);
}
