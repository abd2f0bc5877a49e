/* Maps chunks of memory. Without mmap (or with DA_NO_PAGES, for tools that watch malloc) they come from malloc. */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS and madvise, under -std=c11 */
#include "da_memory.h"
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#if (defined(__unix__) || defined(__APPLE__)) && !defined(DA_NO_PAGES)
#include <sys/mman.h>
#endif

enum { KEPT = 3 };
static _Atomic(void *) kept[KEPT];

#ifdef MAP_ANONYMOUS
static void *map(int huge) {
    char *p = mmap(NULL, 2 * DA_CHUNK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) return NULL;
    size_t head = -(uintptr_t)p & (DA_CHUNK_BYTES - 1);
    if (head) munmap(p, head);
    munmap(p + head + DA_CHUNK_BYTES, DA_CHUNK_BYTES - head);
#ifdef MADV_HUGEPAGE
    if (huge) madvise(p + head, DA_CHUNK_BYTES, MADV_HUGEPAGE); /* a wish: small pages do as well */
#else
    (void)huge;
#endif
    return p + head;
}
static void unmap(void *p) { munmap(p, DA_CHUNK_BYTES); }
#else
static void *map(int huge) { return (void)huge, malloc(DA_CHUNK_BYTES); }
static void unmap(void *p) { free(p); }
#endif

void *da_chunk_new(int huge) {
    for (int k = 0; k < KEPT; k++) {
        void *p = atomic_exchange(&kept[k], NULL);
        if (p) return p;
    }
    return map(huge);
}

void da_chunk_free(void *chunk) {
    for (int k = 0; k < KEPT; k++) {
        void *none = NULL;
        if (atomic_compare_exchange_strong(&kept[k], &none, chunk)) return;
    }
    unmap(chunk);
}
