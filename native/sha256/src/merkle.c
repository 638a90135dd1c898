/* Merkle roots of chunks and of pages, level by level through the bulk kernel. */
#include "merkle.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "parallel.h"

#define BLOCK_DEPTH 10
#define BLOCK_CHUNKS ((size_t)1 << BLOCK_DEPTH)
#define PAGE_CHUNKS ((size_t)1 << (MERKLE_MAX_PAGE_SHIFT - 5))

void merkle_context_fill_zeros(merkle_context *context) {
  memset(context->zeros[0], 0, 32);
  for (int d = 0; d < MERKLE_MAX_DEPTH; d++) {
    uint8_t pair[64];
    memcpy(pair, context->zeros[d], 32);
    memcpy(pair + 32, context->zeros[d], 32);
    sha256_pairs_c(context->zeros[d + 1], pair, 1);
  }
}

/* Joins n nodes at the given level into (n + 1) / 2 at the next; a missing last node is a zero subtree. */
static size_t join_level(const merkle_context *context, uint8_t *out, const uint8_t *nodes, size_t n, unsigned level) {
  uint8_t last[64];
  if (n & 1) {
    memcpy(last, nodes + 32 * (n - 1), 32);
    memcpy(last + 32, context->zeros[level], 32);
  }
  if (n > 1) context->kernels.pairs(out, nodes, n / 2);
  if (n & 1) context->kernels.pairs(out + 32 * (n / 2), last, 1);
  return (n + 1) / 2;
}

/* Root at depth of n nodes of the given level, 0 < n <= PAGE_CHUNKS and n <= 2^(depth - level). */
static void subtree_root(const merkle_context *context, uint8_t out[32], const uint8_t *nodes, size_t n, unsigned level,
                         unsigned depth) {
  uint8_t scratch[PAGE_CHUNKS / 2 * 32];
  const uint8_t *from = nodes;
  for (; level < depth; level++) {
    n = join_level(context, scratch, from, n, level);
    from = scratch;
  }
  memcpy(out, from, 32);
}

typedef struct {
  const merkle_context *context;
  const uint8_t *chunks;
  size_t n;
  uint8_t *roots;
} blocks_job;

static void run_blocks(void *argument, size_t begin, size_t end) {
  const blocks_job *job = argument;
  for (size_t b = begin; b < end; b++) {
    size_t from = b * BLOCK_CHUNKS, n = job->n - from < BLOCK_CHUNKS ? job->n - from : BLOCK_CHUNKS;
    subtree_root(job->context, job->roots + 32 * b, job->chunks + 32 * from, n, 0, BLOCK_DEPTH);
  }
}

bool merkleize_chunks(const merkle_context *context, uint8_t out[32], const uint8_t *chunks, size_t n, unsigned depth,
                      unsigned threads) {
  if (n == 0) {
    memcpy(out, context->zeros[depth], 32);
    return true;
  }
  if (n <= BLOCK_CHUNKS) {
    subtree_root(context, out, chunks, n, 0, depth);
    return true;
  }
  size_t blocks = (n + BLOCK_CHUNKS - 1) / BLOCK_CHUNKS;
  uint8_t *roots = malloc(32 * blocks);
  if (roots == NULL) return false;
  blocks_job job = {context, chunks, n, roots};
  parallel_ranges(blocks, 16, threads, run_blocks, &job);
  unsigned level = BLOCK_DEPTH;
  while (level < depth) {
    blocks = join_level(context, roots, roots, blocks, level);
    level++;
  }
  memcpy(out, roots, 32);
  free(roots);
  return true;
}

typedef struct {
  const merkle_context *context;
  const page_roots_job *job;
  atomic_bool failed;
} pages_run;

/* Pages are joined in groups, so that the upper, short levels still fill the kernels' lanes. */
static bool root_of_pages(const pages_run *run, size_t begin, size_t end) {
  const page_roots_job *job = run->job;
  size_t half = (size_t)1 << (job->depth - 1);
  uint8_t nodes[PAGE_CHUNKS / 2 * 32];
  size_t group = PAGE_CHUNKS / 2 / half;
  for (size_t k = begin; k < end; k += group) {
    size_t n = end - k < group ? end - k : group;
    for (size_t i = 0; i < n; i++) {
      const uint8_t *page = page_at(job->arena, &job->pages, k + i);
      if (page == NULL) return false;
      run->context->kernels.pairs(nodes + 32 * half * i, page, half);
    }
    for (size_t width = half; width > 1; width /= 2) run->context->kernels.pairs(nodes, nodes, n * width / 2);
    memcpy(job->out + 32 * k, nodes, 32 * n);
  }
  return true;
}

static bool root_of_short_page(const pages_run *run, size_t k, size_t chunks) {
  const page_roots_job *job = run->job;
  const uint8_t *page = page_at(job->arena, &job->pages, k);
  if (page == NULL) return false;
  if (chunks == 0) memcpy(job->out + 32 * k, run->context->zeros[job->depth], 32);
  else subtree_root(run->context, job->out + 32 * k, page, chunks, 0, job->depth);
  return true;
}

static void run_pages(void *argument, size_t begin, size_t end) {
  pages_run *run = argument;
  const page_roots_job *job = run->job;
  size_t full = (size_t)1 << job->depth;
  bool ok = true;
  if (end == job->count && (job->last_chunks < full || job->depth == 0)) {
    end--;
    ok = root_of_short_page(run, end, job->last_chunks);
  }
  if (job->depth > 0) {
    ok = root_of_pages(run, begin, end) && ok;
  } else {
    for (size_t k = begin; k < end; k++) ok = root_of_short_page(run, k, 1) && ok;
  }
  if (!ok) atomic_store(&run->failed, true);
}

bool merkleize_pages(const merkle_context *context, const page_roots_job *job, unsigned threads) {
  pages_run run = {context, job, false};
  parallel_ranges(job->count, 32, threads, run_pages, &run);
  return !atomic_load(&run.failed);
}
