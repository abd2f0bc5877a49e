"""What `python -m dualad info` prints: versions, instruction sets, BLAS and its choice of kernels, threads."""

from __future__ import annotations

import ctypes
import importlib
import os
import platform
import sys
from typing import Any

import numpy as np

from . import _core, _replay
from ._version import __version__

# OpenBLAS names its kernels after processors; these use AVX-512.
AVX512_KERNELS = {"skylakex", "cooperlake", "sapphirerapids"}
BETTER = "SKYLAKEX"  # those that all of these processors can run


def facts() -> dict[str, str]:
    """The facts, one line of text each, by name.

    Returns
    -------
    dict of str to str
        In the order in which they are printed.

    Examples
    --------
    >>> from dualad._info import facts
    >>> list(facts())[:3]
    ['dualad', 'Python', 'NumPy']
    """
    build = np.show_config(mode="dicts")
    blas = build["Build Dependencies"]["blas"]
    kernel = openblas("corename", ctypes.c_char_p)
    found = build["SIMD Extensions"].get("found") or build["SIMD Extensions"]["baseline"]
    result = {
        "dualad": __version__,
        "Python": f"{platform.python_version()} ({platform.python_implementation()}, {gil()})",
        "NumPy": np.__version__,
        "Cython": f"{_core.cython_version} (built with)",
        "machine": f"{platform.machine()}, {platform.system()}",
        "SIMD in use": f"{_core.simd_level()} (compiled in: {', '.join(_core.simd_levels())})",
        "SIMD in NumPy": ", ".join(found),
        "machine code": "in use" if _replay.uses_machine_code() else "not in use (it needs AVX2, memory that may be executed, and no DUALAD_MACHINE_CODE=0)",
        "BLAS": f"{blas.get('name', 'none')} {blas.get('version', '')}".strip(),
        "BLAS kernels": kernel.decode() if kernel else "not known (the BLAS is no OpenBLAS)",
        "BLAS threads": str(openblas("num_threads", ctypes.c_int) or "not known"),
        "processors": f"{usable_processors()} usable of {os.cpu_count()}",
    }
    result.update({name: os.environ[name] for name in sorted(os.environ) if name.startswith("OPENBLAS_")})
    return result


def openblas_function(name: str) -> Any:
    """A function ``openblas_<name>`` of the OpenBLAS that NumPy has loaded; None when it is another BLAS.

    NumPy's wheels carry one whose names are decorated: ``scipy_openblas_get_corename64_``.
    """
    try:
        umath = importlib.import_module("numpy._core._multiarray_umath")
        library = ctypes.CDLL(umath.__file__)  # already loaded; symbols of what it links to are found as well
    except (ImportError, OSError):
        return None
    for prefix in ("scipy_", ""):
        for suffix in ("64_", "", "_64"):
            function = getattr(library, f"{prefix}openblas_{name}{suffix}", None)
            if function is not None:
                return function
    return None


def openblas(what: str, kind: Any) -> Any:
    """Asks NumPy's OpenBLAS: ``openblas_get_<what>``; None when it is another BLAS."""
    function = openblas_function(f"get_{what}")
    if function is None:
        return None
    function.restype = kind
    return function()


def gil() -> str:
    """Whether this Python runs with its global lock."""
    enabled = getattr(sys, "_is_gil_enabled", lambda: True)()
    return "with the GIL" if enabled else "free-threaded"


def usable_processors() -> int:
    """Processors that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def better_kernels() -> str:
    """The kernels that OpenBLAS should use on this processor, where it has chosen others: a value of ``OPENBLAS_CORETYPE``; else an empty string."""
    kernel = openblas("corename", ctypes.c_char_p) or b""
    return BETTER if advice(_core.simd_level(), kernel.decode()) else ""


def advice(level: str, kernel: str) -> str:
    """What to change, or an empty string. On a processor newer than itself OpenBLAS may fall back to old kernels."""
    if level != "x86-64-v4" or not kernel or kernel.lower() in AVX512_KERNELS:
        return ""
    return (
        f"OpenBLAS chose its {kernel} kernels although this processor has AVX-512.\n"
        "Matrix products may be nearly twice as fast with\n"
        f"    export OPENBLAS_CORETYPE={BETTER}\n"
        "set before Python starts (the commands of dualad that compute do so by themselves)."
    )


def report() -> str:
    """The text of `python -m dualad info`."""
    found = facts()
    width = max(map(len, found))
    lines = [f"{name:<{width}}  {value}" for name, value in found.items()]
    kernel = openblas("corename", ctypes.c_char_p) or b""
    hint = advice(_core.simd_level(), kernel.decode())
    return "\n".join(lines + (["", hint] if hint else []))
