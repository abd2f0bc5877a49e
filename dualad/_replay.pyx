# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False, freethreading_compatible=True
"""Programs in C: the graph of a recording with its passes, and the machine that replays it."""

cimport cython
cimport numpy as cnp
from cpython.exc cimport PyErr_CheckSignals
from cpython.ref cimport Py_INCREF, PyObject
from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcmp, memcpy, memset

import _thread
import os as _os

import numpy as np

from ._core import Slot, base_array, laid_out, layout
from .errors import DtypeError, ShapeError

cnp.import_array()

include "_replay_decl.pxi"
include "_replay_graph.pxi"
include "_replay_plan.pxi"
include "_replay_threads.pxi"
include "_replay_products.pxi"
include "_replay_machine.pxi"
include "_replay_places.pxi"
include "_replay_files.pxi"
include "_replay_batch.pxi"
include "_replay_dispatch.pxi"
