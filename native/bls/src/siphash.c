#include "siphash.h"

#include <string.h>

typedef struct {
  uint64_t a, b, c, d;
} sip_state;

static inline uint64_t rotate(uint64_t x, int bits) { return (x << bits) | (x >> (64 - bits)); }

static inline void sip_round(sip_state *s) {
  s->a += s->b;
  s->c += s->d;
  s->b = rotate(s->b, 13) ^ s->a;
  s->d = rotate(s->d, 16) ^ s->c;
  s->a = rotate(s->a, 32);
  s->c += s->b;
  s->a += s->d;
  s->b = rotate(s->b, 17) ^ s->c;
  s->d = rotate(s->d, 21) ^ s->a;
  s->c = rotate(s->c, 32);
}

static inline void sip_word(sip_state *s, uint64_t word) {
  s->d ^= word;
  sip_round(s);
  s->a ^= word;
}

/* Words are read as the machine stores them: every board served is little-endian (key_file.c refuses others). */
uint64_t siphash(uint64_t key0, uint64_t key1, const void *data, size_t length) {
  sip_state s = {key0 ^ 0x736f6d6570736575u, key1 ^ 0x646f72616e646f6du, key0 ^ 0x6c7967656e657261u,
                 key1 ^ 0x7465646279746573u};
  const uint8_t *at = data;
  for (size_t words = length / 8; words > 0; words--, at += 8) {
    uint64_t word;
    memcpy(&word, at, 8);
    sip_word(&s, word);
  }
  uint64_t last = (uint64_t)length << 56;
  for (size_t i = 0; i < length % 8; i++) last |= (uint64_t)at[i] << (8 * i);
  sip_word(&s, last);
  s.c ^= 0xff;
  for (int i = 0; i < 3; i++) sip_round(&s);
  return s.a ^ s.b ^ s.c ^ s.d;
}
