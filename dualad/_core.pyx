# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False, freethreading_compatible=True, c_api_binop_methods=True
"""The engine: traced values, the tape, the sweeps. The calculus itself is in csrc/ops.def, array rules in dualad/rules."""

cimport cython
cimport numpy as cnp
from cpython.float cimport PyFloat_CheckExact, PyFloat_AS_DOUBLE
from cpython.long cimport PyLong_CheckExact, PyLong_AsDouble
from cpython.ref cimport PyObject, Py_INCREF, Py_DECREF, Py_XDECREF
from cpython.tuple cimport PyTuple_GET_ITEM, PyTuple_GET_SIZE, PyTuple_New, PyTuple_SET_ITEM
from cpython.list cimport PyList_GET_ITEM, PyList_GET_SIZE
from libc.math cimport isfinite, fabs, floor
from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t
from libc.stdlib cimport calloc, malloc, free
from libc.string cimport memcmp, memcpy, memset

import operator as _operator
import sys as _sys

from types import SimpleNamespace as _SimpleNamespace

import numpy as _numpy

from . import errors

# NumPy as it is now: dualad/_hook.py replaces np.zeros and others for the user's calls while a function runs, and calls from here look
# like the user's, for compiled code has no frame.
np = _SimpleNamespace(**vars(_numpy))

cnp.import_array()
cnp.import_ufunc()

include "_core_decl.pxi"
include "_core_state.pxi"
include "_core_scalar.pxi"
include "_core_operators.pxi"
include "_core_values.pxi"
include "_core_plain.pxi"
include "_core_primitive.pxi"
include "_core_layout.pxi"
include "_core_apply.pxi"
include "_core_index.pxi"
include "_core_moves.pxi"
include "_core_functions.pxi"
include "_core_recorded.pxi"
include "_core_numpy.pxi"
include "_core_reverse.pxi"
include "_core_forward.pxi"
include "_core_taylor.pxi"
include "_core_emit.pxi"
include "_core_entry.pxi"
