/* A keyed 64-bit hash (SipHash-1-3): the key index needs one that strangers' keys cannot collide; files are checked with it too. */
#ifndef CRESSET_SIPHASH_H
#define CRESSET_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

uint64_t siphash(uint64_t key0, uint64_t key1, const void *data, size_t length);

#endif
