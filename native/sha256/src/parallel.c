/* One job on several threads: each takes the next range until none is left, so a slow core does less. */
#include "parallel.h"

#include <pthread.h>
#include <stdatomic.h>

#define STACK_BYTES (1u << 20)

typedef struct {
  size_t count, grain;
  atomic_size_t next;
  parallel_fn run;
  void *context;
} job_t;

static void *take_ranges(void *argument) {
  job_t *job = argument;
  for (;;) {
    size_t begin = atomic_fetch_add_explicit(&job->next, job->grain, memory_order_relaxed);
    if (begin >= job->count) return NULL;
    size_t end = job->count - begin < job->grain ? job->count : begin + job->grain;
    job->run(job->context, begin, end);
  }
}

void parallel_ranges(size_t count, size_t grain, unsigned threads, parallel_fn run, void *context) {
  size_t ranges = (count + grain - 1) / grain;
  if (threads > ranges) threads = (unsigned)ranges;
  if (threads > PARALLEL_MAX_THREADS) threads = PARALLEL_MAX_THREADS;
  if (threads <= 1) {
    if (count > 0) run(context, 0, count);
    return;
  }
  job_t job = {.count = count, .grain = grain, .run = run, .context = context};
  pthread_t handles[PARALLEL_MAX_THREADS];
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, STACK_BYTES);
  unsigned started = 0;
  while (started < threads - 1 && pthread_create(&handles[started], &attributes, take_ranges, &job) == 0) started++;
  pthread_attr_destroy(&attributes);
  take_ranges(&job);
  for (unsigned i = 0; i < started; i++) pthread_join(handles[i], NULL);
}
