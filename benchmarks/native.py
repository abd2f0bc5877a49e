"""The hand-written C++ of `cpp/`, built when it is needed and called through ctypes."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import tempfile
from functools import cache
from typing import Any

import numpy as np
from timing import HERE

SOURCE = os.path.join(HERE, "cpp", "adjoints.cpp")
FLAGS = ("-O3", "-march=native", "-std=c++17", "-shared", "-fPIC")


@cache
def library() -> ctypes.CDLL | None:
    """The compiled adjoints; None without a C++ compiler."""
    compiler = shutil.which(os.environ.get("CXX", "g++"))
    if compiler is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        out = os.path.join(folder, "adjoints.so")
        subprocess.run([compiler, *FLAGS, SOURCE, "-o", out], check=True)
        return ctypes.CDLL(out)  # stays mapped when the file goes


def _address(x: Any) -> Any:
    if isinstance(x, np.ndarray):
        assert x.dtype == np.float64
        assert x.flags.c_contiguous
        return ctypes.c_void_p(x.ctypes.data)
    return ctypes.c_double(x) if isinstance(x, float) else ctypes.c_int64(x)


def bound(name: str, *args: Any) -> Any:
    """A function without arguments that runs `name`; the addresses of arrays are looked up once, so that the call costs what the C++ costs."""
    function = getattr(library(), name)
    function.restype = None
    converted = [_address(a) for a in args]
    return lambda keep=args: function(*converted)  # the arrays live as long as the function does
