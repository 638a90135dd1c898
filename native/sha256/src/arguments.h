/* Reading and checking the arguments of a call. Every function returns false after it threw a JavaScript exception. */
#ifndef CRESSET_ARGUMENTS_H
#define CRESSET_ARGUMENTS_H

#define NAPI_VERSION 8
#include <node_api.h>

#include "pages.h"

#define MAX_ARGUMENTS 24
#define MAX_COUNT ((uint64_t)1 << 32)

typedef struct {
  napi_env env;
  napi_value values[MAX_ARGUMENTS]; /* undefined where the caller gave fewer */
  void *instance;
} call_t;

typedef struct {
  uint8_t *data;
  size_t length;
} bytes_t;

bool call_open(napi_env env, napi_callback_info info, call_t *call);

bool throw_range(napi_env env, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool throw_type(napi_env env, const char *format, ...) __attribute__((format(printf, 2, 3)));

bool read_integer(const call_t *call, int at, const char *name, uint64_t min, uint64_t max, uint64_t *out);
bool read_bytes(const call_t *call, int at, const char *name, bytes_t *out);
/* Bytes of exactly this length. */
bool read_bytes_of(const call_t *call, int at, const char *name, size_t length, uint8_t **out);
bool read_words(const call_t *call, int at, const char *name, uint32_t **data, size_t *length);
bool read_table(const call_t *call, int at, const char *name, page_table *out);
/* `threads`, or 1 when it is undefined. */
bool read_threads(const call_t *call, int at, unsigned *out);
/* Throws unless [offset, offset + length) lies in bytes. */
bool check_span(napi_env env, const char *name, const bytes_t *bytes, uint64_t offset, uint64_t length);

/*
 * The arguments `slabs, pageBytes, pagesPerSlab` from argument 0 on. A call first marks the pages that it will use; then
 * arena_fetch takes those slabs out of the array, which may run JavaScript (an accessor), so that every pointer read
 * before is void; then the call reads its arguments again, and arena_pin takes the slabs' pointers.
 */
typedef struct {
  page_arena pages;
  napi_value *values;
  uint8_t *wanted; /* one a slab */
  size_t slab_bytes;
} arena_t;

bool arena_open(const call_t *call, arena_t *arena);
void arena_close(arena_t *arena);
/* Marks the slabs of the pages that hold the selected items. */
bool arena_want(const call_t *call, arena_t *arena, const char *name, const page_table *table, size_t item_bytes,
                const item_selection *selection, size_t count);
bool arena_fetch(const call_t *call, arena_t *arena);
bool arena_pin(const call_t *call, arena_t *arena);

#endif
