"""Programs compiled by the system's C compiler: the exported text, cached by content, loaded through ctypes."""

from __future__ import annotations

import ctypes
import functools
import hashlib
import os
import platform
import shlex
import shutil
import stat
import subprocess
import tempfile
from pathlib import Path

from .. import _core
from .._replay import Machine, texts
from ..errors import CompilerError
from .export_c import Exporter, c_name

# -march=native is right here, as the file stays on this machine; contraction and reordering would change results.
# For loops that vectorise: gcc would make sin and cos of one number into one call, and move calls into the branch that needs them,
# from where they cannot be vectorised (5 and 4 times as slow).
_FLAGS = [
    "-std=c99",
    "-O3",
    "-march=native",
    "-fno-math-errno",
    "-fno-trapping-math",
    "-ffp-contract=off",
    "-fPIC",
    "-shared",
    "-w",
    *[f"-fno-builtin-{name}" for name in ("sin", "cos", "sinf", "cosf")],
]
_GCC_FLAGS = ["-fno-tree-sink"]
_ATTRIBUTE = '__attribute__((simd("notinbranch"), const, nothrow, leaf))'


@functools.cache
def compiler() -> tuple[str, ...]:
    """The command of the system's C compiler: $CC, cc, gcc or clang."""
    given = shlex.split(os.environ.get("CC", ""))
    for command in [given] if given else [["cc"], ["gcc"], ["clang"]]:
        if shutil.which(command[0]):
            return tuple(command)
    raise CompilerError(
        'backend="c" needs a C compiler, and none was found ($CC, cc, gcc, clang); install gcc or clang, or leave the backend out: '
        "the interpreter needs none"
    )


def attach(machine: Machine, name: str) -> None:
    """Lets a machine run its program as compiled C; ExportError where a step has no C form, CompilerError where compiling fails."""
    exporter = Exporter(machine.parts, c_name(name))
    text = exporter.text(_vectors()) + exporter.wrapper()
    library = _library(text)
    function = getattr(library, f"{exporter.name}_call")
    address = ctypes.cast(function, ctypes.c_void_p).value or 0
    machine.use_native(address, exporter.size(), library)


def _vectors() -> str:
    """Declarations that let gcc call the vector functions of glibc in loops; see csrc/da_lanes_mvec.h."""
    lines = ["#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && defined(__GLIBC__) && !defined(NO_VECTORS)"]
    for kind, name, operands, glibc in texts():
        if kind == "vector":
            for t, f in (("double", name), ("float", f"{name}f")):
                lines.append(f"#if __GLIBC_PREREQ(2, {glibc})\n{_ATTRIBUTE} {t} {f}({', '.join([t] * int(operands))});\n#endif")
    return "\n".join([*lines, "#endif"]) + "\n\n"


def _library(text: str) -> ctypes.CDLL:
    """The compiled text, from the cache if it is there."""
    version = _version(compiler())
    command = [*compiler(), *_FLAGS, *([] if "clang" in version else _GCC_FLAGS)]
    key = hashlib.sha256("\0".join([text, *command, version, _cpu()]).encode()).hexdigest()
    path = cache_folder() / f"{key[:40]}.so"
    if not _trusted(path):
        _build(command, text, path)
    try:
        return ctypes.CDLL(str(path))
    except OSError as error:
        raise CompilerError(
            f'the compiled program {path} cannot be loaded: {error}; delete it, or leave backend="c" out'
        ) from None


def _build(command: list[str], text: str, path: Path) -> None:
    with tempfile.TemporaryDirectory(dir=path.parent, prefix="build-") as folder:
        source, library = Path(folder, "program.c"), Path(folder, "program.so")
        source.write_text(text)
        errors = ""
        # without vector functions where the C library turns out not to have them
        for extra in ([], ["-DNO_VECTORS"]):
            done = subprocess.run(
                [*command, *extra, str(source), "-o", str(library), "-Wl,-z,defs", "-lm"],
                capture_output=True,
                text=True,
                check=False,
            )
            errors = done.stderr
            if not done.returncode:
                os.chmod(library, 0o700)
                os.replace(library, path)
                return
    raise CompilerError(f"{shlex.join(command)} failed: {errors.strip()[:1000]}")


@functools.cache
def _version(command: tuple[str, ...]) -> str:
    return subprocess.run([*command, "--version"], capture_output=True, text=True, check=False).stdout


@functools.cache
def _cpu() -> str:
    """What -march=native depends on."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return f"{platform.machine()} {platform.processor()}"
    wanted = ("model name", "flags", "Features", "CPU part")
    return "\n".join(sorted({line for line in lines if line.startswith(wanted)}))


def cache_folder() -> Path:
    """The user's own cache of compiled programs: $DUALAD_CACHE, else dualad in $XDG_CACHE_HOME or ~/.cache."""
    given = os.environ.get("DUALAD_CACHE")
    folder = Path(given) if given else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "dualad")
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _own(folder.stat(), folder)
    except (OSError, RuntimeError) as error:
        if isinstance(error, CompilerError):
            raise
        raise CompilerError(
            f"the cache folder {folder} of compiled programs cannot be used: {error}; set DUALAD_CACHE to another one"
        ) from None
    return folder


def _own(state: os.stat_result, path: Path) -> None:
    if state.st_uid != os.geteuid() or state.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise CompilerError(
            f"{path} belongs to another user, or others may write to it: code from there will not be run; set DUALAD_CACHE to a "
            f"folder of your own ({_core._short(str(path))} needs mode 0700)"
        )


def _trusted(path: Path) -> bool:
    """Whether a compiled program is in the cache; an error when it is not the user's own."""
    try:
        state = path.lstat()
    except FileNotFoundError:
        return False
    _own(state, path)
    if not stat.S_ISREG(state.st_mode):
        raise CompilerError(f"{path} is not a regular file")
    return True
