/* A loop over native threads that live only as long as the loop. */
#ifndef CRESSET_PARALLEL_H
#define CRESSET_PARALLEL_H

#include <stddef.h>

#define MAX_THREADS 64

/* Calls body(context, i) once for every i below count, on at most `threads` threads of which the caller is one.
 * A thread that cannot be created only makes the loop slower. */
void parallel_for(size_t count, unsigned threads, void (*body)(void *context, size_t i), void *context);

#endif
