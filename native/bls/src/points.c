#include "points.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

const uint8_t SIGNATURE_DST[43] = {'B', 'L', 'S', '_', 'S', 'I', 'G', '_', 'B', 'L', 'S', '1', '2', '3', '8',
                                   '1', 'G', '2', '_', 'X', 'M', 'D', ':', 'S', 'H', 'A', '-', '2', '5', '6',
                                   '_', 'S', 'S', 'W', 'U', '_', 'R', 'O', '_', 'P', 'O', 'P', '_'};

bool key_from_bytes(blst_p1_affine *out, const uint8_t bytes[KEY_BYTES]) {
  return (bytes[0] & 0x80) && blst_p1_uncompress(out, bytes) == BLST_SUCCESS && !blst_p1_affine_is_inf(out) &&
         blst_p1_affine_in_g1(out);
}

bool signature_from_bytes(blst_p2_affine *out, const uint8_t bytes[SIGNATURE_BYTES]) {
  if (!(bytes[0] & 0x80) || blst_p2_uncompress(out, bytes) != BLST_SUCCESS) return false;
  return blst_p2_affine_is_inf(out) || blst_p2_affine_in_g2(out);
}

void hash_message(blst_p2 *out, const uint8_t *message, size_t length) {
  blst_hash_to_g2(out, message, length, SIGNATURE_DST, sizeof SIGNATURE_DST, NULL, 0);
}

bool add_keys_from_bytes(blst_p1 *sum, const uint8_t *bytes, size_t count) {
  for (size_t i = 0; i < count; i++) {
    blst_p1_affine key;
    if (!key_from_bytes(&key, bytes + i * KEY_BYTES)) return false;
    blst_p1_add_or_double_affine(sum, sum, &key);
  }
  return true;
}

bool add_signatures_from_bytes(blst_p2 *sum, const uint8_t *bytes, size_t count) {
  for (size_t i = 0; i < count; i++) {
    blst_p2_affine signature;
    if (!signature_from_bytes(&signature, bytes + i * SIGNATURE_BYTES)) return false;
    blst_p2_add_or_double_affine(sum, sum, &signature);
  }
  return true;
}

bool random_bytes(void *out, size_t length) {
  uint8_t *at = out;
  while (length > 0) {
    ssize_t got = getrandom(at, length, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    at += got;
    length -= (size_t)got;
  }
  return true;
}
