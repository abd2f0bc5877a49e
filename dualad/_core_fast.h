/* Scalar arithmetic of traced values straight from Python's operator slots: Dual and Var with each other and with Python floats.
 * What is not plain enough (other kinds, levels, tapes, results to report) goes on to the Cython slots. Values and partials come from
 * the operation table; this file only moves them. */
#ifndef DUALAD_CORE_FAST_H
#define DUALAD_CORE_FAST_H
#include <stddef.h>
#include <string.h>
#include <numpy/arrayobject.h>
#include "da_inline.h"
#include "da_tape.h"

#if defined(__GNUC__) && defined(__linux__)
#define DA_TLS static __attribute__((tls_model("initial-exec"))) _Thread_local
#else
#define DA_TLS static _Thread_local
#endif
/* The address of this variable names the thread. */
DA_TLS char da_thread_token;
static inline const void *da_me(void) { return &da_thread_token; }

/* Mirror of the extension type Traced (checked at import), so that making and freeing one costs a few stores. The free list is
 * guarded by the GIL; builds without one have none. */
typedef struct {
    PyObject_HEAD
    double p, t;
    int64_t level;
    PyObject *P, *T, *base, *how;
    uint32_t node, version, base_version, seen;
    int kind;
} da_traced;

enum { DA_KIND_FLOAT = 0, DA_KIND_DOUBLE = 2, DA_KIND_OBJECT = 3 };

#ifdef Py_GIL_DISABLED
enum { DA_KEEP = 0 };
#else
enum { DA_KEEP = 256 };
#endif
static int da_n_kept;
static da_traced *da_kept[DA_KEEP + 1];
static PyTypeObject *da_dual_type, *da_var_type;
static size_t da_tape_offset; /* of the da_tape in a Tape object */

static inline PyObject *da_traced_new(PyObject *type) {
    da_traced *o = da_n_kept ? da_kept[--da_n_kept] : PyObject_Malloc(sizeof(da_traced));
    if (!o) return PyErr_NoMemory();
    o->P = o->T = o->base = o->how = NULL;
    o->level = 0;
    o->node = o->version = o->base_version = o->seen = 0;
    o->kind = DA_KIND_FLOAT;
#ifdef Py_GIL_DISABLED
    return PyObject_Init((PyObject *)o, (PyTypeObject *)type);
#else
    Py_SET_TYPE((PyObject *)o, (PyTypeObject *)type);
    Py_SET_REFCNT((PyObject *)o, 1);
    return (PyObject *)o;
#endif
}

static void da_traced_free(PyObject *self) {
    da_traced *o = (da_traced *)self;
    PyObject *base = o->base;
    Py_XDECREF(o->T);
    if (o->kind == DA_KIND_OBJECT) {
        Py_XDECREF(o->P);
        Py_XDECREF(o->how);
    }
    if (da_n_kept < DA_KEEP) da_kept[da_n_kept++] = o;
    else PyObject_Free(o);
    while (base && Py_REFCNT(base) == 1) { /* a long chain of views of views is freed without recursion */
        PyObject *next = ((da_traced *)base)->base;
        ((da_traced *)base)->base = NULL;
        Py_DECREF(base);
        base = next;
    }
    Py_XDECREF(base);
}

/* Lets a handle stand for what another one stands for, and the other way round. A store may turn an array of numbers into a Dual. */
static void da_traced_swap(PyObject *x, PyObject *y) {
    da_traced *a = (da_traced *)x, *b = (da_traced *)y, c = *a;
    PyTypeObject *type = Py_TYPE(x);
    a->p = b->p, a->t = b->t, a->level = b->level, a->P = b->P, a->T = b->T, a->node = b->node, a->kind = b->kind;
    b->p = c.p, b->t = c.t, b->level = c.level, b->P = c.P, b->T = c.T, b->node = c.node, b->kind = c.kind;
    Py_SET_TYPE(x, Py_TYPE(y));
    Py_SET_TYPE(y, type);
}

static inline PyObject *da_new_dual(double p, double t, int64_t level, int kind) {
    da_traced *o = (da_traced *)da_traced_new((PyObject *)da_dual_type);
    if (o) o->p = p, o->t = t, o->level = level, o->kind = kind;
    return (PyObject *)o;
}

static inline PyObject *da_new_var(PyObject *tape, int64_t node, double v, int kind) {
    if (node < 0) return PyErr_NoMemory();
    da_traced *o = (da_traced *)da_traced_new((PyObject *)da_var_type);
    if (o) o->T = Py_NewRef(tape), o->node = (uint32_t)node, o->p = v, o->kind = kind;
    return (PyObject *)o;
}

static inline da_tape *da_tape_in(PyObject *tape) { return (da_tape *)((char *)tape + da_tape_offset); }

/* A scalar operand: a traced scalar or a Python float. */
typedef struct {
    double x, t;
    uint32_t node;
    int kind, constant;
} da_operand;

/* True when the value needs no exception, warning or complex result: Python floats overflow without a word, divide by zero with one;
 * NumPy scalars report both (and underflow, which an exact zero may be). */
static inline int da_quiet(int op, int kind, double y, double z) {
    if (kind == DA_KIND_FLOAT) return op != DA_div || y != 0;
    return kind == DA_KIND_DOUBLE && z - z == 0 && (z != 0 || op == DA_add || op == DA_sub);
}

DA_INLINE PyObject *da_dual_result(int op, da_operand a, da_operand b, int64_t level) {
    int kind = a.kind > b.kind ? a.kind : b.kind;
    double z = da_value_of(op, a.x, b.x), t = 0;
    if (!da_quiet(op, kind, b.x, z)) return NULL;
    if (a.t != 0) t = a.t * da_partial0_of(op, a.x, b.x, z);
    if (b.t != 0) t += b.t * da_partial1_of(op, a.x, b.x, z);
    return da_new_dual(z, t, level, kind);
}

DA_INLINE PyObject *da_var_result(int op, da_operand a, da_operand b, PyObject *tape) {
    int kind = a.kind > b.kind ? a.kind : b.kind;
    double z = da_value_of(op, a.x, b.x);
    da_tape *t = da_tape_in(tape);
    if (t->owner != da_me() || !da_quiet(op, kind, b.x, z)) return NULL;
    int flags = a.constant ? DA_A_CONST : b.constant ? DA_B_CONST : 0;
    return da_new_var(tape, da_tape_op(t, op, flags, a.node, b.node, a.constant ? a.x : b.x, z), z, kind);
}

/* NULL without an exception: not for this path. */
DA_INLINE PyObject *da_scalar_binary(int op, PyObject *l, PyObject *r) {
    PyTypeObject *tl = Py_TYPE(l), *tr = Py_TYPE(r);
    da_traced *a = (da_traced *)l, *b = (da_traced *)r;
    da_operand u = {0, 0, 0, DA_KIND_FLOAT, 1}, w = u;
    if (tl == da_dual_type || tr == da_dual_type) {
        int64_t level;
        if (tl == da_dual_type) u = (da_operand){a->p, a->t, 0, a->kind, 0}, level = a->level;
        else if (tl == &PyFloat_Type) u.x = PyFloat_AS_DOUBLE(l), level = b->level;
        else return NULL;
        if (tr == da_dual_type) {
            if (b->level != level) return NULL;
            w = (da_operand){b->p, b->t, 0, b->kind, 0};
        } else if (tr == &PyFloat_Type) w.x = PyFloat_AS_DOUBLE(r);
        else return NULL;
        return da_dual_result(op, u, w, level);
    }
    PyObject *tape;
    if (tl == da_var_type) u = (da_operand){a->p, 0, a->node, a->kind, 0}, tape = a->T;
    else if (tl == &PyFloat_Type && tr == da_var_type) u.x = PyFloat_AS_DOUBLE(l), tape = b->T;
    else return NULL;
    if (tr == da_var_type) {
        if (b->T != tape) return NULL;
        w = (da_operand){b->p, 0, b->node, b->kind, 0};
    } else if (tr == &PyFloat_Type) w.x = PyFloat_AS_DOUBLE(r);
    else return NULL;
    return da_var_result(op, u, w, tape);
}

/* NumPy asks every element of a list for these and for a length; a quick no keeps np.array([...]) of traced scalars quick. */
static PyObject *da_name_array, *da_name_interface, *da_name_struct, *da_name_len, *da_name_iter;
static getattrofunc da_slow_getattro;
DA_TLS int da_probed; /* somebody looked whether a traced value is an array: an object array may have been made of it */
static lenfunc da_slow_length;

/* Whether a traced value stands for an array: what is inside Duals of outer levels decides. */
static int da_is_array(PyObject *self) {
    while (Py_TYPE(self) == da_dual_type || Py_TYPE(self) == da_var_type) {
        da_traced *o = (da_traced *)self;
        if (o->kind != DA_KIND_OBJECT) return 0;
        self = o->P;
    }
    return PyArray_Check(self);
}

static PyObject *da_methods; /* name -> function of the traced value */
static void da_set_methods(PyObject *methods) { da_methods = Py_NewRef(methods); }

static PyObject *da_fast_getattro(PyObject *self, PyObject *name) {
    if (name == da_name_array || name == da_name_interface || name == da_name_struct) {
        da_probed |= name == da_name_struct;
        PyErr_SetObject(PyExc_AttributeError, name);
        return NULL;
    }
    if ((name == da_name_len || name == da_name_iter) && !da_is_array(self)) { /* hasattr(x, "__len__") */
        PyErr_SetObject(PyExc_AttributeError, name);
        return NULL;
    }
    PyObject *function = PyDict_GetItemWithError(da_methods, name);
    if (function) return PyMethod_New(function, self);
    return PyErr_Occurred() ? NULL : da_slow_getattro(self, name);
}

static inline int da_swap_probed(int value) {
    int old = da_probed;
    da_probed = value;
    return old;
}

static Py_ssize_t da_fast_length(PyObject *self) {
    if (((da_traced *)self)->kind == DA_KIND_OBJECT) return da_slow_length(self);
    PyErr_SetString(PyExc_TypeError, "object of type 'float' has no len() (it is a traced scalar)");
    return -1;
}

static uint32_t da_stores; /* stores into traced arrays so far: while it stands still no view can be out of date */
static inline void da_set_stores(uint32_t n) { da_stores = n; }
static binaryfunc da_slow_subscript;

static inline int da_plain_vector(PyObject *o, Py_ssize_t i) {
    if (!o || Py_TYPE(o) != &PyArray_Type) return 0;
    PyArrayObject *a = (PyArrayObject *)o;
    return PyArray_NDIM(a) == 1 && PyArray_TYPE(a) == NPY_DOUBLE && PyArray_ISBEHAVED_RO(a) && i < PyArray_DIM(a, 0);
}

static inline double da_element(PyObject *a, Py_ssize_t i) { return *(double *)PyArray_GETPTR1((PyArrayObject *)a, i); }

/* x[i] of a vector with a plain index from the front: the commonest way to read an array. */
static PyObject *da_fast_subscript(PyObject *self, PyObject *index) {
    da_traced *o = (da_traced *)self;
    if (o->kind != DA_KIND_OBJECT || !PyLong_CheckExact(index) || (o->base && o->seen != da_stores)) return da_slow_subscript(self, index);
    Py_ssize_t i = PyLong_AsSsize_t(index);
    if (i < 0) PyErr_Clear();
    if (i < 0 || i > UINT32_MAX || !da_plain_vector(o->P, i)) return da_slow_subscript(self, index);
    if (Py_TYPE(self) == da_dual_type) {
        if (!da_plain_vector(o->T, i)) return da_slow_subscript(self, index);
        return da_new_dual(da_element(o->P, i), da_element(o->T, i), o->level, DA_KIND_DOUBLE);
    }
    da_tape *t = da_tape_in(o->T);
    if (t->owner != da_me()) return da_slow_subscript(self, index);
    da_node *d = da_tape_push(t);
    if (!d) return PyErr_NoMemory();
    double v = da_element(o->P, i);
    *d = (da_node){.v = v, .a = o->node, .op = DA_ELEM, .aux = (uint32_t)i};
    return da_new_var(o->T, t->n - 1, v, DA_KIND_DOUBLE);
}

static binaryfunc da_slow_add, da_slow_sub, da_slow_mul, da_slow_div;
#define DA_FAST(name)                                                  \
    static PyObject *da_fast_##name(PyObject *l, PyObject *r) {        \
        PyObject *o = da_scalar_binary(DA_##name, l, r);               \
        return o || PyErr_Occurred() ? o : da_slow_##name(l, r);       \
    }
DA_FAST(add)
DA_FAST(sub)
DA_FAST(mul)
DA_FAST(div)
#undef DA_FAST

/* Puts the fast paths into the types. -1 when the mirror does not fit. */
static int da_traced_setup(PyObject *dual, PyObject *var, const da_tape *tape, PyObject *a_tape) {
    PyTypeObject *types[] = {(PyTypeObject *)dual, (PyTypeObject *)var};
    da_dual_type = types[0];
    da_var_type = types[1];
    da_tape_offset = (size_t)((const char *)tape - (const char *)a_tape);
    PyNumberMethods *n = types[0]->tp_as_number;
    da_name_array = PyUnicode_InternFromString("__array__");
    da_name_interface = PyUnicode_InternFromString("__array_interface__");
    da_name_struct = PyUnicode_InternFromString("__array_struct__");
    da_name_len = PyUnicode_InternFromString("__len__");
    da_name_iter = PyUnicode_InternFromString("__iter__");
    if (!da_name_array || !da_name_interface || !da_name_struct || !da_name_len || !da_name_iter) return -1;
    da_slow_getattro = types[0]->tp_getattro;
    da_slow_length = types[0]->tp_as_sequence->sq_length;
    da_slow_subscript = types[0]->tp_as_mapping->mp_subscript;
    da_slow_add = n->nb_add, da_slow_sub = n->nb_subtract, da_slow_mul = n->nb_multiply, da_slow_div = n->nb_true_divide;
    for (int k = 0; k < 2; k++) {
        PyTypeObject *t = types[k];
        if (t->tp_basicsize != sizeof(da_traced) || (t->tp_flags & Py_TPFLAGS_HAVE_GC)) return -1;
        t->tp_dealloc = da_traced_free;
        t->tp_getattro = da_fast_getattro;
        t->tp_as_mapping->mp_subscript = da_fast_subscript;
        t->tp_as_sequence->sq_length = t->tp_as_mapping->mp_length = da_fast_length;
        n = t->tp_as_number;
        n->nb_add = da_fast_add, n->nb_subtract = da_fast_sub, n->nb_multiply = da_fast_mul, n->nb_true_divide = da_fast_div;
    }
    return 0;
}
#endif
