#ifndef CRESSET_KEY_FILE_H
#define CRESSET_KEY_FILE_H

#include "key_table.h"

#define KEY_BLOCK 4096

typedef struct key_file key_file;

/* Compares a block of keys that lies on disk with its checksum, and marks its keys valid or invalid. */
bool key_file_check_block(key_table *table, size_t block);

void key_file_close(key_file *file);

#endif
