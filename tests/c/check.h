/* What the C tests share: checks that count, a random number generator, numerical derivatives, allocation on command. */
#ifndef CHECK_H
#define CHECK_H
#include <stddef.h>
#include <stdint.h>

/* Counts a check; on failure prints where, and what the printf-like rest says. */
#define CHECK(ok, ...) check_((ok) ? 1 : 0, __FILE__, __LINE__, #ok, __VA_ARGS__)
void check_(int ok, const char *file, int line, const char *what, const char *format, ...) __attribute__((format(printf, 5, 6)));
/* Prints the totals; the exit status of the program. */
int check_end(const char *name);

/* The same sequence in every run. */
uint32_t random_below(uint32_t n);
double random_in(double lo, double hi);

/* Equal as values are: NaN equals NaN, and 0 equals -0. */
int same(double a, double b);
/* Distance in units of the last place of double; 0 for same(a, b), huge for NaN against a number. */
double ulps(double a, double b);
int close_to(double a, double b, double tolerance);

/* f'(x) by central differences of order 8. 1 when steps h and h/2 agree to `tolerance`: otherwise f is not smooth around x. */
int differentiate(double (*f)(double x, const void *data), const void *data, double x, double h, double tolerance, double *out);

/* The csrc/ under test allocates through these (see run.py). The allocation number `alloc_fail_at` (from 1) fails; 0: none does. */
extern long alloc_count, alloc_fail_at, alloc_live;
extern size_t mapped_live; /* bytes */
void *da_test_malloc(size_t n);
void *da_test_calloc(size_t n, size_t size);
void *da_test_realloc(void *p, size_t n);
void da_test_free(void *p);
#if defined(__unix__) || defined(__APPLE__)
#include <sys/types.h>
void *da_test_mmap(void *at, size_t n, int protection, int flags, int fd, off_t offset);
int da_test_munmap(void *p, size_t n);
#endif
#endif
