#define _DEFAULT_SOURCE
#include "check.h"
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#if defined(__unix__) || defined(__APPLE__)
#include <sys/mman.h>
#endif

enum { SHOWN = 20 };
static long checks, failures;

void check_(int ok, const char *file, int line, const char *what, const char *format, ...) {
    checks++;
    if (ok || ++failures > SHOWN) return;
    fprintf(stderr, "%s:%d: %s: ", file, line, what);
    va_list rest;
    va_start(rest, format);
    vfprintf(stderr, format, rest);
    va_end(rest);
    fputc('\n', stderr);
}

int check_end(const char *name) {
    printf("%-8s %8ld checks, %ld failed\n", name, checks, failures);
    return failures != 0 || checks == 0;
}

/* splitmix64 (Steele, Lea, Flood 2014) */
static uint64_t random_bits(void) {
    static uint64_t state = 20240229;
    uint64_t z = state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

uint32_t random_below(uint32_t n) { return (uint32_t)(random_bits() >> 32) % n; }
double random_in(double lo, double hi) { return lo + (hi - lo) * (double)(random_bits() >> 11) / 9007199254740992.0; }

int same(double a, double b) { return a == b || (a != a && b != b); }

double ulps(double a, double b) {
    if (same(a, b)) return 0;
    if (!isfinite(a) || !isfinite(b)) return INFINITY;
    double big = fmax(fabs(a), fabs(b));
    return fabs(a - b) / (nextafter(big, INFINITY) - big);
}

int close_to(double a, double b, double tolerance) {
    return same(a, b) || fabs(a - b) <= tolerance * (1 + fmax(fabs(a), fabs(b)));
}

static double difference(double (*f)(double, const void *), const void *data, double x, double h) {
    static const double c[] = {4.0 / 5, -1.0 / 5, 4.0 / 105, -1.0 / 280}; /* Fornberg 1988 */
    double s = 0;
    for (int k = 0; k < 4; k++) s += c[k] * (f(x + (k + 1) * h, data) - f(x - (k + 1) * h, data));
    return s / h;
}

int differentiate(double (*f)(double, const void *), const void *data, double x, double h, double tolerance, double *out) {
    *out = difference(f, data, x, h / 2);
    return isfinite(*out) && close_to(*out, difference(f, data, x, h), tolerance);
}

long alloc_count, alloc_fail_at, alloc_live;
size_t mapped_live;

static int fails(void) { return ++alloc_count == alloc_fail_at; }

void *da_test_malloc(size_t n) {
    if (fails()) return NULL;
    alloc_live++;
    return malloc(n);
}

void *da_test_calloc(size_t n, size_t size) {
    if (fails()) return NULL;
    alloc_live++;
    return calloc(n, size);
}

void *da_test_realloc(void *p, size_t n) {
    if (fails()) return NULL;
    if (!p) alloc_live++;
    return realloc(p, n);
}

void da_test_free(void *p) {
    if (p) alloc_live--;
    free(p);
}

#if defined(__unix__) || defined(__APPLE__)
void *da_test_mmap(void *at, size_t n, int protection, int flags, int fd, off_t offset) {
    if (fails()) return MAP_FAILED;
    void *p = mmap(at, n, protection, flags, fd, offset);
    if (p != MAP_FAILED) mapped_live += n;
    return p;
}

int da_test_munmap(void *p, size_t n) {
    mapped_live -= n;
    return munmap(p, n);
}
#endif
