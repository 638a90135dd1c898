/* The key index on disk: a header page (magic, version, identity of the table, seed, counts, checksum of the slots), then
 * the slots as key_index.h has them. Replaced as a whole by rename; a missing, old or damaged one is made again. */
#ifndef CRESSET_INDEX_FILE_H
#define CRESSET_INDEX_FILE_H

#include "key_index.h"

/* Maps the index of the table with this identity if it covers at most `length` keys; false when it cannot be used. */
bool index_file_open(key_index *index, int folder, uint64_t id, size_t length);

/* Writes the index beside the old one, syncs it and puts it in its place. */
bool index_file_write(const key_index *index, int folder, uint64_t id);

#endif
