"""Files that are whole or not there: written beside their place, forced to the disk, renamed."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from typing import Any, BinaryIO

from ...errors import SaveError

SUFFIX = ".part"


def replace(path: Any, write: Callable[[BinaryIO], object]) -> None:
    """Writes a file, or leaves an existing one as it is.

    Parameters
    ----------
    path : path-like
    write : callable
        Given the open file.

    Raises
    ------
    SaveError
        The disk is full, the folder is missing or protected, ...

    Examples
    --------
    >>> import os, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     replace(os.path.join(folder, "a"), lambda file: file.write(b"text"))
    ...     os.listdir(folder)
    ['a']
    """
    path = os.path.abspath(os.fspath(path))
    folder, name = os.path.split(path)
    part = os.path.join(folder, f".{name}.{os.getpid()}-{os.urandom(4).hex()}{SUFFIX}")
    try:
        try:
            with open(part, "xb") as file:
                write(file)
                file.flush()
                os.fsync(file.fileno())
            os.replace(part, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(part)
            raise
        _sync_folder(folder)
    except OSError as error:
        kept = "; the file that was there is unchanged" if os.path.exists(path) else ""
        raise SaveError(f"cannot write {path}: {error.strerror or error}{kept}") from error


def _sync_folder(folder: str) -> None:
    """Makes the new name last; not all systems let a folder be opened."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def remove_parts(path: Any) -> None:
    """Removes what a process that was killed while it wrote `path` has left."""
    folder, name = os.path.split(os.path.abspath(os.fspath(path)))
    with contextlib.suppress(OSError):
        for other in os.listdir(folder):
            if other.startswith(f".{name}.") and other.endswith(SUFFIX):
                os.unlink(os.path.join(folder, other))
