"""The hook for unmodified code: where a traced value met a plain buffer or `math.*`, the function runs again with these patched.

Inside the hook `np.zeros` and its like give traced arrays that can be stored into, and `math.*` accepts traced scalars. Only calls from the
user's own files are touched, never those inside installed libraries, and only in threads that are in the hook.
"""

from __future__ import annotations

import functools
import math
import os
import site
import sys
import sysconfig
import threading
import weakref
from collections.abc import Callable
from types import CodeType, ModuleType
from typing import Any

import numpy as np

from . import _core, _hook_math
from ._calls import LEVELS
from .rules import lazy

_lock = threading.Lock()
_installed: list[tuple[ModuleType, str, Any]] = []
_users = 0
_needed: weakref.WeakSet[CodeType] = weakref.WeakSet()
_has_needed = False


class _Thread(threading.local):
    depth = 0


_thread = _Thread()

# ---- which frames are the user's ----


def _libraries() -> tuple[str, ...]:
    paths = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    paths |= {*site.getsitepackages(), site.getusersitepackages(), os.path.dirname(np.__file__), os.path.dirname(__file__)}
    return tuple(os.path.join(os.path.realpath(p), "") for p in paths if p)


_LIBRARIES = _libraries()


@functools.lru_cache(maxsize=4096)
def _is_users(filename: str) -> bool:
    if filename.startswith("<frozen"):
        return False
    return filename.startswith("<") or not os.path.realpath(filename).startswith(_LIBRARIES)


def _called_by_user() -> bool:
    return _thread.depth > 0 and _is_users(sys._getframe(2).f_code.co_filename)


# ---- the replacements ----


def _traced(x: Any) -> Any:
    """A floating array as one that traced values can be stored into."""
    return _core.buffer(x, LEVELS.live[-1]) if isinstance(x, np.ndarray) and x.dtype.kind in "fc" else x


def _making(original: Callable[..., Any]) -> Callable[..., Any]:
    """np.zeros, np.empty, np.eye, ...: the result is traced."""

    @functools.wraps(original)
    def make(*args: Any, **kwargs: Any) -> Any:
        if not _called_by_user():
            return original(*args, **kwargs)
        out = original(*_plain_numbers(args), **kwargs) if original is not _FULL else _full(*args, **kwargs)
        return out if _core.is_traced(out) else _traced(out)

    return make


_FULL = np.full


def _full(shape: Any, fill_value: Any, *args: Any, **kwargs: Any) -> Any:
    if not _core.is_traced(fill_value) and not _core.is_traced(_core.pack(fill_value)):
        return _FULL(shape, fill_value, *args, **kwargs)
    out = _traced(_FULL(shape, _core.plain(_core.pack(fill_value)), *args, **kwargs))
    out[...] = fill_value
    return out


def _plain_numbers(args: tuple[Any, ...]) -> tuple[Any, ...]:
    """Arguments such as shapes, with traced numbers as the plain ones."""
    return tuple(_core.plain(a) if _core.is_traced(a) else a for a in args)


def _converting(original: Callable[..., Any], copies: bool) -> Callable[..., Any]:
    """np.array and np.asarray: traced values stay traced; lists of floats, and what np.array copies, become traced."""

    @functools.wraps(original)
    def convert(a: Any, dtype: Any = None, **kwargs: Any) -> Any:
        if not _called_by_user():
            return original(a, dtype, **kwargs) if dtype is not None else original(a, **kwargs)
        packed = _core.pack(a)
        if _core.is_traced(packed):
            return _converted(packed, dtype, copies, kwargs)
        out = original(packed, dtype, **kwargs) if dtype is not None else original(packed, **kwargs)
        return out if out is a or (not copies and isinstance(a, np.ndarray)) else _traced(out)

    return convert


def _converted(x: Any, dtype: Any, copies: bool, kwargs: dict[str, Any]) -> Any:
    if dtype is not None and np.dtype(dtype) != x.dtype:
        return x.astype(dtype)
    x = np.reshape(x, (1,) * max(0, kwargs.get("ndmin", 0) - x.ndim) + x.shape) if kwargs.get("ndmin", 0) > x.ndim else x
    return x.copy() if copies and kwargs.get("copy", True) and x.ndim else x


class _Vectorize:
    """np.vectorize in the hook: traced elements are passed one by one, and the results packed."""

    def __init__(self, pyfunc: Any, *args: Any, **kwargs: Any) -> None:
        self.pyfunc, self.original = pyfunc, _VECTORIZE(pyfunc, *args, **kwargs)
        functools.update_wrapper(self, pyfunc, updated=())

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        args = tuple(_core.pack(a) for a in args)
        excluded = self.original.excluded or set()
        moving = [k for k, a in enumerate(args) if k not in excluded]
        if not any(_core.is_traced(args[k]) for k in moving) or self.original.signature is not None:
            return self.original(*args, **kwargs)
        wide = dict(zip(moving, np.broadcast_arrays(*[args[k] for k in moving])))
        shape = wide[moving[0]].shape
        found = [self.pyfunc(*[wide[k][i] if k in wide else a for k, a in enumerate(args)], **kwargs) for i in np.ndindex(*shape)]
        if found and isinstance(found[0], tuple):
            return tuple(self._packed(list(column), shape) for column in zip(*found))
        return self._packed(found, shape)

    @staticmethod
    def _packed(found: list[Any], shape: tuple[int, ...]) -> Any:
        return np.reshape(_core.pack(found), shape) if shape else found[0]


_VECTORIZE = np.vectorize


def _vectorize(*args: Any, **kwargs: Any) -> Any:
    return _Vectorize(*args, **kwargs) if args and _called_by_user() else _VECTORIZE(*args, **kwargs)


def _dispatching(original: Callable[..., Any], traced: Callable[..., Any]) -> Callable[..., Any]:
    """A function of `math` or SciPy: traced arguments take the rule."""

    @functools.wraps(original)
    def call(*args: Any, **kwargs: Any) -> Any:
        if _called_by_user() and any(_core.is_traced(_core.pack(a)) for a in (*args, *kwargs.values())):
            return traced(*args, **kwargs)
        return original(*args, **kwargs)

    return call


def _replacements() -> list[tuple[ModuleType, str, Any]]:
    made = ("zeros", "empty", "ones", "full", "eye", "identity", "arange", "zeros_like", "ones_like", "empty_like", "full_like", "tri")
    out: list[tuple[ModuleType, str, Any]] = [(np, name, _making(getattr(np, name))) for name in made]
    out += [(np, name, _converting(getattr(np, name), True)) for name in ("array", "copy")]
    out += [(np, name, _converting(getattr(np, name), False)) for name in ("asarray", "asanyarray", "ascontiguousarray", "asarray_chkfinite")]
    out.append((np, "vectorize", _vectorize))
    out += [(math, name, _dispatching(getattr(math, name), rule)) for name, rule in _hook_math.RULES.items() if hasattr(math, name)]
    return out


# ---- SciPy's functions, which users mostly import by name ----

_importers: set[str] = set()


def note_importers(error: BaseException) -> None:
    """Remembers the user's modules that an error came through: names that they imported from SciPy are replaced there too."""
    traceback = error.__traceback__
    while traceback is not None:
        frame, traceback = traceback.tb_frame, traceback.tb_next
        module = sys.modules.get(frame.f_globals.get("__name__", ""))
        if module is not None and vars(module) is frame.f_globals and _is_users(frame.f_code.co_filename):
            _importers.add(module.__name__)


def _scipy_replacements() -> list[tuple[ModuleType, str, Any]]:
    """In `scipy.special` and where users' modules have imported from it; what is replaced already is not found again."""
    found = lazy.replacements(_dispatching)
    if not found:
        return []
    by_original = {id(vars(module)[name]): replacement for module, name, replacement in found}
    for importer in _importers:
        module = sys.modules.get(importer)
        names = [] if module is None else [name for name, value in vars(module).items() if id(value) in by_original]
        found = found + [(module, name, by_original[id(vars(module)[name])]) for name in names]
    return found


# ---- in and out ----


def _install(replacements: list[tuple[ModuleType, str, Any]]) -> None:
    for module, name, replacement in replacements:
        _installed.append((module, name, getattr(module, name)))
        setattr(module, name, replacement)


class hooked:
    """The context in which plain buffers and `math` take traced values, in this thread."""

    def __enter__(self) -> None:
        global _users
        with _lock:
            if _users == 0:
                _install(_replacements() + _scipy_replacements())
            _users += 1
        _thread.depth += 1

    def __exit__(self, *args: object) -> None:
        global _users
        _thread.depth -= 1
        with _lock:
            _users -= 1
            if _users == 0:
                while _installed:
                    setattr(*_installed.pop())


def remember(f: Any) -> None:
    """Notes that `f` needs the hook, so that it runs only once from now on."""
    global _has_needed
    code = getattr(f, "__code__", None)
    if code is not None:
        _needed.add(code)
        _has_needed = True


def wanted(f: Any) -> bool:
    """True inside the hook, and for a function that is known to need it."""
    return _thread.depth > 0 or (_has_needed and getattr(f, "__code__", None) in _needed)
