#ifndef CRESSET_PARALLEL_H
#define CRESSET_PARALLEL_H

#include <stddef.h>

#define PARALLEL_MAX_THREADS 64

typedef void (*parallel_fn)(void *context, size_t begin, size_t end);

/* Calls run on the ranges of at most grain items that make up [0, count), on up to threads threads including this one,
 * and returns when all are done. Where no thread can be started, this one does all the work. */
void parallel_ranges(size_t count, size_t grain, unsigned threads, parallel_fn run, void *context);

#endif
