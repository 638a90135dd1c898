#include "parallel.h"

#include <pthread.h>
#include <stdatomic.h>

/* blst keeps up to 150 KiB of scratch on the stack. */
#define STACK_BYTES (1u << 20)

typedef struct {
  atomic_size_t next;
  size_t count;
  void (*body)(void *, size_t);
  void *context;
} loop;

static void *run(void *argument) {
  loop *work = argument;
  size_t i;
  while ((i = atomic_fetch_add_explicit(&work->next, 1, memory_order_relaxed)) < work->count)
    work->body(work->context, i);
  return NULL;
}

void parallel_for(size_t count, unsigned threads, void (*body)(void *, size_t), void *context) {
  loop work = {.count = count, .body = body, .context = context};
  atomic_init(&work.next, 0);
  if (threads > MAX_THREADS) threads = MAX_THREADS;
  if (threads > count) threads = (unsigned)count;
  pthread_t helpers[MAX_THREADS];
  unsigned started = 0;
  pthread_attr_t attributes;
  if (threads > 1 && pthread_attr_init(&attributes) == 0) {
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    while (started + 1 < threads && pthread_create(&helpers[started], &attributes, run, &work) == 0) started++;
    pthread_attr_destroy(&attributes);
  }
  run(&work);
  for (unsigned i = 0; i < started; i++) pthread_join(helpers[i], NULL);
}
