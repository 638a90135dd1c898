/* Points from bytes, checked, and sums of them: the only place that decides what a valid key or signature is. */
#ifndef CRESSET_POINTS_H
#define CRESSET_POINTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "blst.h"

#define KEY_BYTES 48
#define SIGNATURE_BYTES 96
#define MESSAGE_BYTES 32
#define SECRET_BYTES 32

/* Domain separation tag of the proof-of-possession scheme that the beacon chain uses. */
extern const uint8_t SIGNATURE_DST[43];

/* A public key: on the curve, in the subgroup, not infinity. */
bool key_from_bytes(blst_p1_affine *out, const uint8_t bytes[KEY_BYTES]);

/* A signature: on the curve and in the subgroup; infinity is allowed and leaves out all zero. */
bool signature_from_bytes(blst_p2_affine *out, const uint8_t bytes[SIGNATURE_BYTES]);

void hash_message(blst_p2 *out, const uint8_t *message, size_t length);

/* Adds the checked keys among count * 48 bytes to sum; false at the first that is invalid. */
bool add_keys_from_bytes(blst_p1 *sum, const uint8_t *bytes, size_t count);

/* Adds count * 96 bytes of signatures to sum; false at the first that is invalid. */
bool add_signatures_from_bytes(blst_p2 *sum, const uint8_t *bytes, size_t count);

/* Fills with bytes of the operating system's generator; false if it has none. */
bool random_bytes(void *out, size_t length);

#endif
