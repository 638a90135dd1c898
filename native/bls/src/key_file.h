/* A key table on disk: a folder with `log` (key_log.h), `keys` (48 bytes each, compressed), `points` (96 bytes each,
 * affine in blst's Montgomery form; all zero for an invalid key) and `index` (index_file.h). Files only grow, so that
 * other processes can map them; a writer holds a lock on the folder. If something outside shortens a file that is
 * mapped, the kernel kills whoever reads the missing pages: sizes are checked once, when opening. */
#ifndef CRESSET_KEY_FILE_H
#define CRESSET_KEY_FILE_H

#include "key_log.h"
#include "key_table.h"

typedef struct key_file {
  int folder, keys, points; /* -1 when closed */
  key_log log;
  bool writable;
  atomic_bool busy; /* a flush is running */
  size_t dropped;   /* keys the log counted that were damaged or missing */
  size_t index_covered;
} key_file;

typedef enum { OPEN_READ, OPEN_WRITE } open_mode;

/* What went wrong, in words; empty when nothing did. */
typedef struct {
  char text[320];
} file_error;

/* Opens (for writing: or creates) the table in the folder; NULL with an error. With check, every block is compared with
 * its checksum, and what follows the first bad one is dropped. */
key_table *key_file_open(const char *path, size_t capacity, open_mode mode, bool check, unsigned threads,
                         file_error *error);

/* Compares a block of keys that lies on disk with its checksum, and marks its keys valid or invalid. */
bool key_file_check_block(key_table *table, size_t block);

/* Judges keys [file_length, length) and makes them durable; then they are mapped instead of held. */
bool key_file_flush(key_table *table, size_t length, unsigned threads, file_error *error);

/* Lets the lock and the descriptors go; mapped keys stay. */
void key_file_release(key_file *file);

void key_file_free(key_file *file);

#endif
