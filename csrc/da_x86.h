/* The few x86-64 instructions that stretches need, in their encoding (Intel 64 and IA-32 Architectures Software Developer's
 * Manual, volume 2, chapters 2.3 and 5). */
#ifndef DA_X86_H
#define DA_X86_H
#include <stddef.h>
#include <stdint.h>

/* Code being written; what does not fit is not written. */
typedef struct {
    uint8_t *start;
    size_t n, most;
    int narrow; /* vectors of 128 bits, not 256 */
} da_x86;

static inline void x86_byte(da_x86 *c, unsigned b) {
    if (c->n < c->most) c->start[c->n] = (uint8_t)b;
    c->n++;
}
static inline void x86_bytes(da_x86 *c, const char *bytes, size_t n) {
    for (size_t k = 0; k < n; k++) x86_byte(c, (uint8_t)bytes[k]);
}
static inline uint8_t *x86_put_int(uint8_t *p, int32_t x) {
    for (int k = 0; k < 4; k++) *p++ = (uint8_t)((uint32_t)x >> 8 * k);
    return p;
}
static inline void x86_int(da_x86 *c, int32_t x) {
    uint8_t bytes[4];
    x86_put_int(bytes, x);
    x86_bytes(c, (const char *)bytes, sizeof bytes);
}

/* The last operand of an instruction: a vector register, or memory. */
typedef enum {
    X86_REGISTER,
    X86_BLOCKS, /* [rdi + at] */
    X86_SPLATS, /* [rsi + at] */
    X86_SPILLS, /* [r8 + at] */
    X86_BUFFER, /* [rax + at] */
    X86_LANES,  /* [rax + rcx] */
    X86_POOL    /* constant at `at` from the start of the code */
} x86_kind;
typedef struct {
    x86_kind kind;
    int32_t at;
} x86_operand;

enum { X86_MAP_0F = 1, X86_MAP_0F38, X86_MAP_0F3A, X86_W = 32 }; /* X86_W: added to a map, the bit W is set */
enum { X86_NO_PREFIX, X86_66, X86_F3, X86_F2 };
enum { X86_NO_IMMEDIATE = -1 };

enum { X86_LONGEST = 16 }; /* bytes of an instruction */

/* `end`: where p stands in the code, and the bytes that follow this part */
static inline uint8_t *x86_modrm(uint8_t *p, int reg, x86_operand x, int32_t end) {
    static const uint8_t base[] = {[X86_BLOCKS] = 7, [X86_SPLATS] = 6, [X86_SPILLS] = 0, [X86_BUFFER] = 0};
    unsigned to = (unsigned)(reg & 7) << 3;
    if (x.kind == X86_REGISTER) {
        *p++ = (uint8_t)(0xc0u | to | (unsigned)(x.at & 7));
    } else if (x.kind == X86_LANES) {
        *p++ = (uint8_t)(to | 4);
        *p++ = 0x08; /* rax + rcx */
    } else if (x.kind == X86_POOL) {
        *p++ = (uint8_t)(to | 5);
        p = x86_put_int(p, x.at - end - 5);
    } else if (x.at >= -128 && x.at < 128) {
        *p++ = (uint8_t)(0x40u | to | base[x.kind]);
        *p++ = (uint8_t)x.at;
    } else {
        *p++ = (uint8_t)(0x80u | to | base[x.kind]);
        p = x86_put_int(p, x.at);
    }
    return p;
}

/* A VEX instruction on registers `reg` and `v` (0 where there is none) and x. It is put together by a pointer of its own: bytes that
 * might change `c` would be written one after the other, each after a look at c. */
static inline void x86_vex(da_x86 *c, int map, int prefix, int opcode, int reg, int v, x86_operand x, int immediate) {
    uint8_t spare[X86_LONGEST], *start = c->n + X86_LONGEST <= c->most ? c->start + c->n : spare, *p = start;
    unsigned r = reg < 8, b = !(x.kind == X86_SPILLS || (x.kind == X86_REGISTER && x.at >= 8));
    unsigned tail = (map & X86_W ? 128u : 0) | (unsigned)(~v & 15) << 3 | (c->narrow ? 0 : 4u) | (unsigned)prefix;
    if (map == X86_MAP_0F && b) {
        *p++ = 0xc5;
        *p++ = (uint8_t)(r << 7 | tail);
    } else {
        *p++ = 0xc4;
        *p++ = (uint8_t)(r << 7 | 1 << 6 | b << 5 | (unsigned)(map & ~X86_W));
        *p++ = (uint8_t)tail;
    }
    *p++ = (uint8_t)opcode;
    p = x86_modrm(p, reg, x, (int32_t)c->n + (int32_t)(p - start) + (immediate != X86_NO_IMMEDIATE));
    if (immediate != X86_NO_IMMEDIATE) *p++ = (uint8_t)immediate;
    c->n += (size_t)(p - start);
}

/* rax <- where slot k points to */
static inline void x86_point(da_x86 *c, int32_t k) {
    x86_bytes(c, "\x48\x8b\x82", 3); /* mov rax, [rdx + 8 k] */
    x86_int(c, 8 * k);
}

/* void function(rdi blocks, rsi splats, rdx slots, rcx bytes, r8 spills): the beginning of its loop over vectors. */
static inline size_t x86_begin(da_x86 *c) {
    x86_bytes(c, "\xf3\x0f\x1e\xfa", 4); /* endbr64 */
    x86_bytes(c, "\x49\x89\xc9", 3);     /* mov r9, rcx */
    x86_bytes(c, "\x31\xc9", 2);         /* xor ecx, ecx */
    return c->n;
}
static inline void x86_end(da_x86 *c, size_t loop) {
    x86_bytes(c, "\x48\x83\xc7\x20", 4); /* add rdi, 32 */
    x86_bytes(c, "\x48\x83\xc1\x20", 4); /* add rcx, 32 */
    x86_bytes(c, "\x4c\x39\xc9", 3);     /* cmp rcx, r9 */
    x86_bytes(c, "\x0f\x82", 2);         /* jb loop */
    x86_int(c, (int32_t)loop - (int32_t)(c->n + 4));
    x86_bytes(c, "\xc5\xf8\x77\xc3", 4); /* vzeroupper; ret */
}
#endif
