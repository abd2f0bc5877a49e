/* Memory of tapes and sweeps: large chunks from the system, so that all of it goes back to the system. */
#ifndef DA_MEMORY_H
#define DA_MEMORY_H
#include <stddef.h>

/* One huge page of x86-64 and of aarch64 with 4 KB pages. */
#define DA_CHUNK_BYTES ((size_t)1 << 21)

/* A chunk, aligned to its size where the system maps memory; its content is undefined. `huge`: the caller fills all of it, so that a
 * huge page, faster to make and to reach, wastes nothing. NULL when out of memory. */
void *da_chunk_new(int huge);
/* Keeps a few chunks for reuse, so that small gradients neither map nor unmap memory. */
void da_chunk_free(void *chunk);
#endif
