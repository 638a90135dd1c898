#include "index_file.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "key_log.h"
#include "siphash.h"

#define SLOTS_AT 65536u /* a multiple of every page size */

static const uint8_t MAGIC[8] = {'C', 'R', 'E', 'S', 'S', 'E', 'T', 'I'};

typedef struct {
  uint8_t magic[8];
  uint64_t version, id, seed[2], slot_count, covered, used, slots_sum, sum;
} index_header;

static uint64_t header_sum(const index_header *header) {
  return siphash(header->id, 2, header, offsetof(index_header, sum));
}

static uint64_t slots_sum(uint64_t id, const uint32_t *slots, size_t count) {
  return siphash(id, 3, slots, count * sizeof *slots);
}

static bool header_fits(const index_header *header, uint64_t id, size_t length, off_t file_bytes) {
  return memcmp(header->magic, MAGIC, sizeof MAGIC) == 0 && header->version == KEY_FILE_VERSION && header->id == id &&
         header->sum == header_sum(header) && header->covered <= length && header->used <= header->covered &&
         header->slot_count <= 2 * (MAX_KEYS + 2ull) && header->used < header->slot_count &&
         (header->slot_count & (header->slot_count - 1)) == 0 &&
         (uint64_t)file_bytes == SLOTS_AT + header->slot_count * sizeof(uint32_t);
}

static bool map_index(key_index *index, int fd, const index_header *header) {
  size_t bytes = SLOTS_AT + header->slot_count * sizeof(uint32_t);
  /* Private and writable: keys appended later go into copied pages, never into the file. */
  uint8_t *base = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
  if (base == MAP_FAILED) return false;
  uint32_t *slots = (uint32_t *)(base + SLOTS_AT);
  if (slots_sum(header->id, slots, header->slot_count) != header->slots_sum) {
    munmap(base, bytes);
    return false;
  }
  *index = (key_index){.slots = slots,
                       .slot_count = header->slot_count,
                       .covered = header->covered,
                       .used = header->used,
                       .seed = {header->seed[0], header->seed[1]},
                       .mapping = base,
                       .mapping_bytes = bytes,
                       .is_mapped_file = true};
  return true;
}

bool index_file_open(key_index *index, int folder, uint64_t id, size_t length) {
  int fd = openat(folder, "index", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  index_header header;
  struct stat facts;
  bool good = fstat(fd, &facts) == 0 && read_all(fd, &header, sizeof header, 0) &&
              header_fits(&header, id, length, facts.st_size) && map_index(index, fd, &header);
  close(fd);
  return good;
}

static bool write_file(int fd, const key_index *index, uint64_t id) {
  index_header header = {.version = KEY_FILE_VERSION,
                         .id = id,
                         .seed = {index->seed[0], index->seed[1]},
                         .slot_count = index->slot_count,
                         .covered = index->covered,
                         .used = index->used};
  memcpy(header.magic, MAGIC, sizeof MAGIC);
  header.slots_sum = slots_sum(id, index->slots, index->slot_count);
  header.sum = header_sum(&header);
  return write_all(fd, &header, sizeof header, 0) &&
         write_all(fd, index->slots, index->slot_count * sizeof(uint32_t), SLOTS_AT) && fsync(fd) == 0;
}

bool index_file_write(const key_index *index, int folder, uint64_t id) {
  if (index->slots == NULL) return true;
  int fd = openat(folder, "index.new", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) return false;
  bool written = write_file(fd, index, id);
  close(fd);
  return written && renameat(folder, "index.new", folder, "index") == 0 && fsync(folder) == 0;
}
