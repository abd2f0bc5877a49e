/* The code of stretches: registers by the next use of what they hold (Belady 1966), one instruction or a few for each
 * operation, in the order given. */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS, under -std=c11 */
#include "da_machine.h"
#include "da_lanes.h"
#include "da_x86.h"
#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__) && defined(__GNUC__) && (defined(__linux__) || defined(__APPLE__) || defined(__FreeBSD__)) && \
    !defined(DA_NO_MACHINE)
#include <sys/mman.h>

enum { VECTOR = DA_VECTOR_BYTES, PAGE = 4096, REGISTERS = 14, T0 = 14, T1 = 15, NONE = -1, NEVER = INT32_MAX };

/* The pool stands before the code: constants for all lanes. */
enum { SIGNS, MAGNITUDES, ONES, CONSTANTS };
enum { POOL_BYTES = CONSTANTS * VECTOR, STRETCH_BYTES = 64, OPERATION_BYTES = 192 };

typedef struct {
    int32_t reg, spill; /* where it is; NONE: not there */
    int32_t next;       /* the operation that reads it next, or NEVER */
} value_state;

/* Next readers of what an operation reads and makes. */
typedef struct {
    int32_t read[3], made;
} readers;

typedef struct {
    da_x86 out;
    const da_machine_value *values;
    value_state *states;
    int32_t holds[REGISTERS]; /* a value, or NONE */
    int32_t *free_spills, n_free, n_spills;
    size_t apart;
    int single;
    da_form form;   /* of the operation at hand */
    int32_t buffer; /* the slot whose pointer rax holds, or NONE */
} writer;

/* What an operation reads: in a register, or from where the value is kept. */
typedef struct {
    int32_t reg, value;
} argument;

/* ---- instructions ---- */

enum { MOVE = 0x10, MOVE_TO = 0x11, SQRT = 0x51, AND = 0x54, OR = 0x56, XOR = 0x57, ADD = 0x58, MUL = 0x59, SUB = 0x5c, MIN = 0x5d, DIV = 0x5e,
       MAX = 0x5f, COMPARE = 0xc2 };
enum { EQUAL = 0, UNORDERED = 3, NOT_EQUAL = 4, LESS = 0x11, LESS_EQUAL = 0x12 }; /* quiet */
enum { NEAREST = 12, DOWN = 9, UP = 10, TO_ZERO = 11 };

static x86_operand in(int32_t reg) { return (x86_operand){X86_REGISTER, reg}; }
static x86_operand constant(int which) { return (x86_operand){X86_POOL, which * VECTOR}; }

static int of_one(const writer *w) { return w->form >= DA_FORM_ONE; }
static int arithmetic_prefix(const writer *w) { return of_one(w) ? X86_F2 : w->single ? X86_NO_PREFIX : X86_66; }

static void take_form(writer *w, da_form form) {
    w->form = form;
    w->out.narrow = form != DA_FORM_WHOLE;
}

/* d <- the double there in single precision: of a sum, product, quotient or root of floats the double rounds to what single precision
 * gives (Figueroa 1995) */
static void round_to_single(writer *w, int d) {
    x86_vex(&w->out, X86_MAP_0F, X86_F2, 0x5a, d, d, in(d), X86_NO_IMMEDIATE);
    x86_vex(&w->out, X86_MAP_0F, X86_F3, 0x5a, d, d, in(d), X86_NO_IMMEDIATE);
}

/* d <- v opcode x */
static void emit(writer *w, int opcode, int d, int v, x86_operand x) {
    int bits = opcode == AND || opcode == OR || opcode == XOR || (opcode == MOVE && x.kind == X86_REGISTER);
    if (of_one(w) && opcode == SQRT) v = x.kind == X86_REGISTER ? x.at : d; /* the other lanes come from there */
    x86_vex(&w->out, X86_MAP_0F, bits ? !w->single : arithmetic_prefix(w), opcode, d, v, x, X86_NO_IMMEDIATE);
    if (w->form == DA_FORM_SINGLE && opcode >= SQRT && opcode <= DIV && !bits && opcode != MIN) round_to_single(w, d);
}
static void compare(writer *w, int how, int d, int v, x86_operand x) {
    x86_vex(&w->out, X86_MAP_0F, arithmetic_prefix(w), COMPARE, d, v, x, how);
}
static void zero(writer *w, int d) { emit(w, XOR, d, d, in(d)); }
/* d <- where the mask is set x, elsewhere v */
static void blend(writer *w, int d, int v, x86_operand x, int mask) {
    x86_vex(&w->out, X86_MAP_0F3A, 1, w->single ? 0x4a : 0x4b, d, v, x, mask << 4);
}
static void round_to(writer *w, int how, int d, x86_operand x) {
    int v = !of_one(w) ? 0 : x.kind == X86_REGISTER ? x.at : d;
    x86_vex(&w->out, X86_MAP_0F3A, X86_66, (w->single ? 0x08 : 0x09) + 2 * of_one(w), d, v, x, how);
}

/* ---- registers ---- */

static x86_operand memory_of(writer *w, int32_t value) {
    const da_machine_value *v = &w->values[value];
    if (v->kept == DA_KEPT_BLOCK) return (x86_operand){X86_BLOCKS, (int32_t)((size_t)v->at * w->apart)};
    if (v->kept == DA_KEPT_NOWHERE) return (x86_operand){X86_SPILLS, w->states[value].spill * VECTOR};
    if (v->kept == DA_KEPT_SPLAT) return (x86_operand){X86_SPLATS, v->at * (w->single ? 4 : 8)};
    if (v->kept == DA_KEPT_CONSTANT) return (x86_operand){X86_POOL, POOL_BYTES + v->at * 8};
    if (v->kept == DA_KEPT_SLOT) {
        x86_point(&w->out, v->at);
        w->buffer = NONE;
        return (x86_operand){X86_LANES, 0};
    }
    if (w->buffer != v->slot) x86_point(&w->out, v->slot);
    w->buffer = v->slot;
    return (x86_operand){X86_BUFFER, v->at * 8};
}

static int is_splat(const writer *w, int32_t value) {
    da_kept kept = w->values[value].kept;
    return kept == DA_KEPT_SPLAT || kept == DA_KEPT_CONSTANT || kept == DA_KEPT_BUFFER_SPLAT;
}

static void move_from_memory(writer *w, int32_t reg, int32_t value) {
    da_form form = w->form;
    take_form(w, is_splat(w, value) ? DA_FORM_WHOLE : w->values[value].form);
    x86_operand at = memory_of(w, value);
    if (is_splat(w, value)) x86_vex(&w->out, X86_MAP_0F38, X86_66, w->single ? 0x18 : 0x19, reg, 0, at, X86_NO_IMMEDIATE);
    else emit(w, MOVE, reg, 0, at);
    take_form(w, form);
}

static void move_to_memory(writer *w, int32_t reg, int32_t value) {
    da_form form = w->form;
    take_form(w, w->values[value].form);
    emit(w, MOVE_TO, reg, 0, memory_of(w, value));
    take_form(w, form);
}

static void leave(writer *w, int32_t reg) {
    w->states[w->holds[reg]].reg = NONE;
    w->holds[reg] = NONE;
}

/* A register that may be written: a free one, or that whose value is read last; never an operand of the operation at hand, which reads
 * them next. */
static int32_t choose(const writer *w) {
    int32_t best = NONE, furthest = -1;
    for (int32_t k = 0; k < REGISTERS; k++) {
        if (w->holds[k] == NONE) return k;
        int32_t next = w->states[w->holds[k]].next;
        if (next > furthest) best = k, furthest = next;
    }
    return best;
}

static int32_t make_room(writer *w) {
    int32_t reg = choose(w), value = w->holds[reg];
    if (value == NONE) return reg;
    value_state *s = &w->states[value];
    int nowhere = w->values[value].kept == DA_KEPT_NOWHERE;
    if ((nowhere || w->values[value].stays) && s->spill == NONE) {
        s->spill = !nowhere ? 0 : w->n_free ? w->free_spills[--w->n_free] : w->n_spills++;
        move_to_memory(w, reg, value);
    }
    leave(w, reg);
    return reg;
}

static void hold(writer *w, int32_t reg, int32_t value) {
    w->holds[reg] = value;
    w->states[value].reg = reg;
}

static void load(writer *w, int32_t value) {
    if (w->states[value].reg != NONE) return;
    int32_t reg = make_room(w);
    move_from_memory(w, reg, value);
    hold(w, reg, value);
}

/* Loads what is read again before anything that would have to make room for it. */
static void load_if_read_again(writer *w, int32_t value, int32_t again) {
    if (!is_splat(w, value) && w->states[value].reg == NONE) {
        if (again == NEVER) return;
        int32_t reg = choose(w);
        if (w->holds[reg] != NONE && w->states[w->holds[reg]].next <= again) return;
    }
    load(w, value);
}

/* ---- operations ---- */

#include "da_machine_operations.inc"

/* Brings operands where the operation wants them. */
static void fetch(writer *w, const da_machine_op *op, const readers *next, int arity, argument *x) {
    shape s = shape_of(op->code);
    int32_t value[3] = {0}, again[3] = {0};
    for (int k = 0; k < arity; k++) value[k] = op->x[k], again[k] = next->read[k];
    if (arity > 1 && s.commutes && w->states[value[0]].reg == NONE && (w->states[value[1]].reg != NONE || is_splat(w, value[1]))) {
        value[0] = op->x[1], value[1] = op->x[0];
        again[0] = next->read[1], again[1] = next->read[0];
    }
    for (int k = 0; k < arity; k++)
        if (s.in_registers >> k & 1) load(w, value[k]);
    for (int k = 0; k < arity; k++)
        if (!(s.in_registers >> k & 1)) load_if_read_again(w, value[k], again[k]);
    for (int k = 0; k < arity; k++) x[k] = (argument){w->states[value[k]].reg, value[k]};
}

static void write_op(writer *w, const da_machine_op *op, const readers *next) {
    int arity = arity_of(op->code);
    argument x[3];
    take_form(w, op->form);
    fetch(w, op, next, arity, x);
    for (int k = 0; k < arity; k++) {
        value_state *s = &w->states[op->x[k]];
        s->next = next->read[k];
        if (s->next == NEVER && s->reg != NONE) leave(w, s->reg);
    }
    /* the last instruction writes d, and nothing before: d may be where an operand is */
    int32_t d = make_room(w);
    if (is_move(op->code)) move(w, op, d, x);
    else if (arity == 1) operate1(w, op->code, d, x[0]);
    else if (arity == 2) operate2(w, op->code, d, x);
    else operate3(w, op->code, d, x);
    for (int k = 0; k < arity; k++) {
        value_state *s = &w->states[op->x[k]];
        if (w->values[op->x[k]].kept == DA_KEPT_NOWHERE && s->next == NEVER && s->spill != NONE) w->free_spills[w->n_free++] = s->spill, s->spill = NONE;
    }
    hold(w, d, op->d);
    w->states[op->d].next = next->made;
    if (w->values[op->d].kept != DA_KEPT_NOWHERE && !w->values[op->d].stays) move_to_memory(w, d, op->d);
    if (next->made == NEVER) leave(w, d);
}

/* Who reads next, for the operations of a stretch, from the last to the first. */
static void find_readers(writer *w, readers *next, const da_machine_op *ops, const da_stretch *s) {
    for (int32_t i = s->first; i < s->first + s->n; i++) {
        w->states[ops[i].d] = (value_state){NONE, NONE, NEVER};
        for (int k = 0; k < arity_of(ops[i].code); k++) w->states[ops[i].x[k]] = (value_state){NONE, NONE, NEVER};
    }
    for (int32_t i = s->first + s->n; i-- > s->first;) {
        int arity = arity_of(ops[i].code);
        next[i].made = w->states[ops[i].d].next;
        for (int k = 0; k < arity; k++) next[i].read[k] = w->states[ops[i].x[k]].next;
        for (int k = 0; k < arity; k++) w->states[ops[i].x[k]].next = i;
    }
}

static void write_stretch(writer *w, readers *next, const da_machine_op *ops, da_stretch *s) {
    find_readers(w, next, ops, s);
    for (int k = 0; k < REGISTERS; k++) w->holds[k] = NONE;
    w->buffer = NONE;
    s->entry = (int32_t)w->out.n;
    size_t loop = x86_begin(&w->out);
    for (int32_t i = s->first; i < s->first + s->n; i++) write_op(w, &ops[i], &next[i]);
    x86_end(&w->out, loop);
}

static void write_pool(da_x86 *out, const da_machine_text *t) {
    static const uint32_t high[2][CONSTANTS] = {{0x80000000u, 0x7fffffffu, 0x3ff00000u}, {0x80000000u, 0x7fffffffu, 0x3f800000u}};
    for (int k = 0; k < CONSTANTS; k++)
        for (int lane = 0; lane < VECTOR / 4; lane++) {
            int low = !t->single && lane % 2 == 0;
            x86_int(out, (int32_t)(low ? (k == MAGNITUDES ? ~0u : 0) : high[t->single][k]));
        }
    for (int32_t k = 0; k < t->n_constants; k++) x86_bytes(out, (const char *)&t->constants[k], sizeof(double));
}

int da_machine_runs(void) { return __builtin_cpu_supports("avx2") != 0; }

int da_machine_has(int code) { return code < DA_L_VALUES && shapes[code].arity; }

static size_t room_for(const da_machine_text *t) {
    size_t bytes = POOL_BYTES + (size_t)t->n_constants * sizeof(double);
    for (int32_t k = 0; k < t->n_stretches; k++) bytes += STRETCH_BYTES + (size_t)t->stretches[k].n * OPERATION_BYTES;
    return bytes;
}

/* Makes the memory executable, no longer writeable, and gives back what was not needed. */
static int seal(da_machine_code *code, size_t used) {
    size_t keep = (used + PAGE - 1) / PAGE * PAGE;
    if (keep < code->bytes) munmap((char *)code->memory + keep, code->bytes - keep), code->bytes = keep;
    return mprotect(code->memory, code->bytes, PROT_READ | PROT_EXEC) == 0;
}

int da_machine_write(da_machine_code *code, const da_machine_text *t) {
    int32_t n = t->n_stretches, n_ops = n ? t->stretches[n - 1].first + t->stretches[n - 1].n : 0;
    size_t bytes = (room_for(t) + PAGE - 1) / PAGE * PAGE;
    char *memory = malloc((size_t)n_ops * sizeof(readers) + (size_t)t->n_values * (sizeof(value_state) + sizeof(int32_t)) + 1);
    void *pages = memory ? mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) : MAP_FAILED;
    *code = (da_machine_code){NULL, bytes, 0};
    if (pages == MAP_FAILED) {
        free(memory);
        return 0;
    }
    code->memory = pages;
    readers *next = (readers *)(void *)memory;
    value_state *states = (value_state *)(void *)(next + n_ops);
    writer w = {.out = {.start = pages, .most = bytes}, .values = t->values, .states = states, .free_spills = (int32_t *)(states + t->n_values),
                .apart = t->apart, .single = t->single};
    write_pool(&w.out, t);
    for (int32_t k = 0; k < n; k++) write_stretch(&w, next, t->ops, &t->stretches[k]);
    free(memory);
    code->n_spills = w.n_spills;
    if (w.out.n <= w.out.most && seal(code, w.out.n)) return 1;
    da_machine_free(code);
    return 0;
}

void da_machine_free(da_machine_code *code) {
    if (code->memory) munmap(code->memory, code->bytes);
    code->memory = NULL;
}

typedef void (*stretch_code)(void *blocks, const void *splats, void *slots, size_t bytes, void *spills) __attribute__((sysv_abi));

void da_machine_run(const da_machine_code *code, int32_t entry, void *blocks, const void *splats, void *slots, size_t bytes,
                    void *spills) {
    char *at = (char *)code->memory + entry;
    stretch_code run;
    memcpy(&run, &at, sizeof run);
    run(blocks, splats, slots, bytes, spills);
}

#else
int da_machine_runs(void) { return 0; }
int da_machine_has(int code) { return (void)code, 0; }
int da_machine_write(da_machine_code *code, const da_machine_text *text) { return (void)code, (void)text, 0; }
void da_machine_free(da_machine_code *code) { (void)code; }
void da_machine_run(const da_machine_code *code, int32_t entry, void *blocks, const void *splats, void *slots, size_t bytes,
                    void *spills) {
    (void)code, (void)entry, (void)blocks, (void)splats, (void)slots, (void)bytes, (void)spills;
}
#endif

int da_machine_works(void) {
    da_machine_code code;
    if (!da_machine_runs() || !da_machine_write(&code, &(da_machine_text){.apart = 0})) return 0;
    da_machine_free(&code);
    return 1;
}
