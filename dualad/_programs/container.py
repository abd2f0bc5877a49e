"""Program files: what the machine is made of, as JSON and raw little-endian arrays. Nothing of it is executed; see `validate`.

8 bytes   magic
4, 4      version of the format, length of the JSON (little-endian)
32        SHA-256 of all that follows
JSON      the program; {"array": k} and the like refer to the table of arrays in it
arrays    each at a multiple of 8 bytes after the JSON
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
import tempfile
from typing import Any

import numpy as np

from .. import _core
from .._version import __version__
from ..errors import ProgramFileError
from .plainvalues import DTYPES, RECORDS, Arrays, integer, listed, require
from .validate import LIMIT

MAGIC = b"\x89DAD\r\n\x1a\n"
VERSION = 1
_HEAD = struct.Struct("<II32s")


def packed(content: dict[str, Any], arrays: Arrays) -> bytes:
    """A file's bytes."""
    table, body, at = [], [], 0
    for a in arrays.all:
        name = next((n for n, t in RECORDS.items() if t == a.dtype), a.dtype.str[1:])
        raw = a.astype(stored(a.dtype)).tobytes()
        table.append([name, list(a.shape), at])
        body.append(raw + bytes(-len(raw) % 8))
        at += len(body[-1])
    text = json.dumps({**content, "arrays": table}, separators=(",", ":"), allow_nan=False).encode()
    text += b" " * (-len(text) % 8)
    rest = text + b"".join(body)
    return MAGIC + _HEAD.pack(VERSION, len(text), hashlib.sha256(rest).digest()) + rest


def unpacked(data: bytes) -> tuple[dict[str, Any], Arrays]:
    """The content of a file's bytes, checked as far as the container goes."""
    start = len(MAGIC) + _HEAD.size
    if data[: len(MAGIC)] != MAGIC or len(data) < start:
        raise ProgramFileError("this is not a program file of dualad, or it was cut short")
    version, length, digest = _HEAD.unpack(data[len(MAGIC) : start])
    if version > VERSION:
        raise ProgramFileError(
            f"the program file has format {version}, made by a newer dualad; this one ({__version__}) reads formats up to {VERSION}"
        )
    require(hashlib.sha256(data[start:]).digest() == digest and version == VERSION, "its checksum is wrong")
    require(length <= len(data) - start, "it was cut short")
    content = json.loads(data[start : start + length].decode())
    require(type(content) is dict, "its content")
    body = data[start + length :]
    return content, Arrays([_array(row, body) for row in listed(content.get("arrays"), "the table of arrays")])


def stored(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """How elements stand in a file: little-endian, records without gaps."""
    if dtype.names is None:
        return dtype.newbyteorder("<")
    return np.dtype([(n, *_field(dtype[n])) for n in dtype.names])


def _field(t: np.dtype[Any]) -> tuple[Any, ...]:
    return (t.base.newbyteorder("<"), t.shape) if t.shape else (stored(t),)


def _array(row: Any, body: bytes) -> np.ndarray:
    name, given, at = listed(row, "the table of arrays", 3)
    require(type(name) is str and (name in RECORDS or name in DTYPES), "the type of an array")
    dtype: np.dtype[Any] = RECORDS.get(name) or DTYPES[name]
    shape = tuple(integer(n, 0, LIMIT, "the shape of an array") for n in listed(given, "the shape of an array"))
    count = 1
    for n in shape:
        count *= n
    size = count * stored(dtype).itemsize
    require(len(shape) <= 32 and size <= len(body), "an array is cut short")
    integer(at, 0, len(body) - size + 1, "an array is cut short")
    return np.frombuffer(body, stored(dtype), count, at).astype(dtype).reshape(shape)


def write(path: Any, data: bytes) -> None:
    """Writes a file under another name first, so that it is whole or not there."""
    path = os.fspath(path)
    handle, other = tempfile.mkstemp(dir=os.path.dirname(path) or ".", prefix=".dualad-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.chmod(other, 0o666 & ~_umask())
        os.replace(other, path)
    except BaseException:
        os.unlink(other)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def read(path: Any) -> bytes:
    """The bytes of a file; an error that names it where it cannot be read."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise ProgramFileError(f"cannot read the program file {_core._short(path)}: {error.strerror}") from error
