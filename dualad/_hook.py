"""The hook for unmodified code: where a traced value met a plain buffer or `math.*`, the function runs again with these replaced.

Inside the hook `np.zeros` and its like give traced arrays that can be stored into, and `math.*` accepts traced scalars. NumPy itself is not
touched, for compiled libraries call `np.empty` too and crash on anything but an ndarray: the user's own modules get a stand-in for the
module `np` in their globals while the function runs. In other threads the stand-in behaves as NumPy.
"""

from __future__ import annotations

import functools
import math
import os
import site
import sys
import threading
import weakref
from collections.abc import Callable
from types import CodeType, ModuleType
from typing import Any

import numpy as np

from . import _core, _hook_math
from ._calls import LEVELS, StandIn
from .rules import lazy
from .rules._packing import Packing
from .rules.creation import ordered

_lock = threading.Lock()
_installed: list[tuple[dict[str, Any], str, Any]] = []
_users = 0
_known: dict[int, tuple[weakref.ref[CodeType], bool]] = {}  # by id of a function's code: whether it needs the hook


class _Thread(threading.local):
    depth = 0


_thread = _Thread()

# ---- which frames are the user's ----


@functools.lru_cache(maxsize=1)
def _libraries() -> tuple[str, ...]:
    import sysconfig

    paths = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    paths |= {*site.getsitepackages(), site.getusersitepackages(), os.path.dirname(np.__file__), os.path.dirname(__file__)}
    return tuple(os.path.join(os.path.realpath(p), "") for p in paths if p)


def _outside_libraries(filename: str) -> bool:
    if filename.startswith("<frozen") or filename.endswith((".pxi", ".pyx")):
        return False
    return filename.startswith("<") or not os.path.realpath(filename).startswith(_libraries())


_is_users = functools.lru_cache(maxsize=4096)(_outside_libraries)


def user_line(error: BaseException | None) -> str:
    """' at file:line, in function: text' of the user's frame in which an error arose; '' for none."""
    traceback, found = error.__traceback__ if error is not None else None, None
    while traceback is not None:
        if _is_users(traceback.tb_frame.f_code.co_filename):
            found = traceback
        traceback = traceback.tb_next
    if found is None:
        return ""
    import linecache

    code, text = found.tb_frame.f_code, linecache.getline(found.tb_frame.f_code.co_filename, found.tb_lineno).strip()
    return f" at {code.co_filename}:{found.tb_lineno}, in {code.co_name}" + (f": {text}" if text else "")


# ---- the replacements ----


def _traced(x: Any) -> Any:
    """A floating array as one that traced values can be stored into."""
    return _core.buffer(x, LEVELS.live[-1]) if isinstance(x, np.ndarray) and x.dtype.kind in "fc" else x


def _making(original: Callable[..., Any]) -> Callable[..., Any]:
    """np.zeros, np.empty, np.eye, ...: the result is traced."""

    @functools.wraps(original)
    def make(*args: Any, **kwargs: Any) -> Any:
        if not inside():
            return original(*args, **kwargs)
        special = _SPECIAL.get(original)
        out = original(*_plain_numbers(args), **kwargs) if special is None else special(original, *args, **kwargs)
        return out if _core.is_traced(out) else _traced(out)

    return make


def _filled(original: Callable[..., Any], target: Any, fill_value: Any, /, *args: Any, **kwargs: Any) -> Any:
    """np.full and np.full_like with a value that may be traced; `target` is the shape, or the array to be like."""
    fill = _core.pack(fill_value)
    out = original(target, _core.plain(fill), *args, **kwargs)
    if _core.is_traced(fill):
        out = out if _core.is_traced(out) else _traced(out)
        out[...] = fill
    return out


def _range(original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """np.arange whose start or step may be traced; the number of elements is a plain decision."""
    if not any(map(_core.is_traced, args)):
        return original(*args, **kwargs)
    n = len(original(*_plain_numbers(args), **kwargs))
    start, step = (0.0 if len(args) == 1 else args[0]), (args[2] if len(args) > 2 else 1.0)
    return start + step * original(n)


def _as_it_is(original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Functions of data: NumPy dispatches traced arguments itself; lists of them are packed."""
    return original(*[_core.pack(a) for a in args], **kwargs)


_SPECIAL = {np.full: _filled, np.full_like: _filled, np.arange: _range} | dict.fromkeys((np.linspace, np.diag, np.diagflat), _as_it_is)


def _plain_numbers(args: tuple[Any, ...]) -> tuple[Any, ...]:
    """Arguments such as shapes, with traced numbers as the plain ones."""
    return tuple(_core.plain(a) if _core.is_traced(a) else a for a in args)


def _converting(original: Callable[..., Any], copies: bool, order: Any = None) -> Callable[..., Any]:
    """np.array and np.asarray: traced values stay traced; lists of floats, and what np.array copies, become traced."""

    @functools.wraps(original)
    def convert(a: Any, dtype: Any = None, **kwargs: Any) -> Any:
        if not inside():
            return original(a, dtype, **kwargs) if dtype is not None else original(a, **kwargs)
        packed = _core.pack(a)
        if _core.is_traced(packed):
            return _converted(packed, dtype, copies, {"order": order, **kwargs})
        out = original(packed, dtype, **kwargs) if dtype is not None else original(packed, **kwargs)
        return out if out is a or (not copies and isinstance(a, np.ndarray)) else _traced(out)

    return convert


def _converted(x: Any, dtype: Any, copies: bool, kwargs: dict[str, Any]) -> Any:
    if dtype is not None and np.dtype(dtype) != x.dtype:
        return x.astype(dtype)
    x = np.reshape(x, (1,) * max(0, kwargs.get("ndmin", 0) - x.ndim) + x.shape) if kwargs.get("ndmin", 0) > x.ndim else x
    order = kwargs.get("order")
    return x.copy(order or "K") if copies and kwargs.get("copy", True) and x.ndim else ordered(x, order)


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
    return _Vectorize(*args, **kwargs) if args and inside() else _VECTORIZE(*args, **kwargs)


def _dispatching(original: Callable[..., Any], traced: Callable[..., Any]) -> Callable[..., Any]:
    """A function of `math` or SciPy: traced arguments take the rule."""

    @functools.wraps(original)
    def call(*args: Any, **kwargs: Any) -> Any:
        if inside() and any(_core.is_traced(_core.pack(a)) for a in (*args, *kwargs.values())):
            return traced(*args, **kwargs)
        return original(*args, **kwargs)

    return call


def _numpy_replacements() -> dict[str, Any]:
    made = ("zeros", "empty", "ones", "full", "eye", "identity", "arange", "zeros_like", "ones_like", "empty_like", "full_like", "tri",
            "linspace", "diag", "diagflat")  # fmt: skip
    out: dict[str, Any] = {name: _making(getattr(np, name)) for name in made}
    out |= {name: _converting(getattr(np, name), True) for name in ("array", "copy")}
    out |= {name: _converting(getattr(np, name), False) for name in ("asarray", "asanyarray", "asarray_chkfinite")}
    out |= {name: _converting(getattr(np, name), False, order) for name, order in (("ascontiguousarray", "C"), ("asfortranarray", "F"))}
    out |= {"vectorize": _vectorize} | {name: _StandIn(getattr(np, name), _packing_all(getattr(np, name))) for name in ("linalg", "fft")}
    return _packing_all(np) | out


def _packing_all(module: ModuleType) -> dict[str, Any]:
    """Functions and ufuncs with rules, which take lists of traced numbers as they take lists of numbers."""
    found = {name: f for name, f in vars(module).items() if callable(f) and f.__class__ is not type and f in _core.FUNCTIONS}
    ufuncs = {op["numpy"]: getattr(np, op["numpy"]) for op in _core.operations() if op["numpy"]} if module is np else {}
    return {name: Packing(f) for name, f in (found | ufuncs).items()}


class _StandIn(ModuleType):
    """A module under the same name with some functions replaced."""

    def __init__(self, module: ModuleType, replacements: dict[str, Any]) -> None:
        super().__init__(module.__name__, module.__doc__)
        vars(self).update(vars(module))
        vars(self).update(replacements)
        self._module = module

    def __getattr__(self, name: str) -> Any:
        return getattr(vars(self)["_module"], name)


_own: dict[int, Any] = {}


def _own_stand_ins() -> dict[int, Any]:
    """By id of the original: the stand-ins of NumPy and `math`, made once."""
    if not _own:
        scalar = {name: _dispatching(getattr(math, name), rule) for name, rule in _hook_math.RULES.items() if hasattr(math, name)}
        _own.update({id(np): _StandIn(np, _numpy_replacements()), id(math): _StandIn(math, scalar)})
    return _own


# ---- SciPy's functions, which users mostly import by name ----

_scipy_seen: list[Any] = []  # [number of replaced functions, what takes their place]


def _scipy_stand_ins() -> dict[int, Any]:
    """By id of the original: the functions of `scipy.special` and a stand-in of the module, once somebody has imported it."""
    found = lazy.replacements(_dispatching)
    if not found:
        return {}
    if not _scipy_seen or _scipy_seen[0] != len(found):
        table = {id(vars(module)[name]): replacement for module, name, replacement in found}
        for module in {id(m): m for m, _, _ in found}.values():
            table[id(module)] = _StandIn(module, {name: replacement for m, name, replacement in found if m is module})
        _scipy_seen[:] = [len(found), table]
    return _scipy_seen[1]


# ---- in and out ----


def _globals_of(f: Any) -> dict[str, Any] | None:
    """The global names that a function sees."""
    for _ in range(20):
        if hasattr(f, "__globals__"):
            return f.__globals__
        inner = getattr(f, "__func__", None) or getattr(f, "func", None) or getattr(f, "f", None)
        if inner is None or inner is f:
            return None
        f = inner
    return None


_module_count = 0
_user_globals: list[dict[str, Any]] = []


def _namespaces(f: Any) -> list[dict[str, Any]]:
    """The globals of the user's modules, and of `f`, which may have been made by exec."""
    global _module_count, _user_globals
    if len(sys.modules) != _module_count:
        modules = [vars(m) for m in list(sys.modules.values()) if isinstance(m, ModuleType)]
        _user_globals = [g for g in modules if isinstance(g.get("__file__"), str) and _is_users(g["__file__"])]
        _user_globals += [vars(sys.modules["__main__"])]
        _module_count = len(sys.modules)
    own = _globals_of(f)
    return [*_user_globals, own] if own is not None else _user_globals


def _install(f: Any) -> None:
    table = _own_stand_ins() | _scipy_stand_ins()
    for names in _namespaces(f):
        for name, value in list(names.items()):
            replacement = table.get(id(value))
            if replacement is not None:
                _installed.append((names, name, value))
                names[name] = replacement


class hooked:
    """The context in which plain buffers and `math` take traced values while `f` runs, in this thread."""

    def __init__(self, f: Any) -> None:
        self.f = f

    def __enter__(self) -> None:
        global _users
        with _lock:
            _install(self.f)
            _users += 1
        _thread.depth += 1

    def __exit__(self, *args: object) -> None:
        global _users
        _thread.depth -= 1
        with _lock:
            _users -= 1
            while _users == 0 and _installed:
                names, name, value = _installed.pop()
                names[name] = value


class suspended:
    """Inside the hook, for code that gets plain values and must see plain NumPy: the user's primitives and their rules."""

    def __enter__(self) -> None:
        self.depth = _thread.depth
        _thread.depth = 0

    def __exit__(self, *args: object) -> None:
        _thread.depth = self.depth


# ---- what is known of functions, by their code ----


def _code_of(f: Any) -> Any:
    """The code that makes a function what it is; that of `__call__` for an object."""
    if type(f) is StandIn:
        f = f.f
    code = getattr(f, "__code__", None)
    return code if code is not None else getattr(type(f).__dict__.get("__call__"), "__code__", None)


def _note(f: Any, needs: bool) -> None:
    code = _code_of(f)
    if code is not None and _is_users(code.co_filename):
        key = id(code)
        _known[key] = (weakref.ref(code, lambda _: _known.pop(key, None)), needs)


def remember(f: Any) -> None:
    """Notes that `f` needs the hook, so that it runs only once from now on."""
    _note(f, True)


def trust(f: Any) -> None:
    """Notes that the object arrays of `f` do no harm."""
    _note(f, False)


def known(f: Any) -> bool | None:
    """True for a function that is known to need the hook, False for one that was trusted, None for one not seen before."""
    entry = _known.get(id(_code_of(f)))
    return None if entry is None else entry[1]


def inside() -> bool:
    """True inside the hook."""
    return _thread.depth > 0
