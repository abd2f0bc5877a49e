"""Files of arrays with a JSON document: ``.npz`` (a ZIP archive that `numpy.load` reads too), or safetensors. Nothing in them is ever executed."""

from __future__ import annotations

import io
import json
import math
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

import numpy as np

from ..._version import __version__
from ...errors import DualadError, MissingExtraError, SavedFileError
from . import files

FORMAT = 1
DOCUMENT = "dualad.json"
KINDS = "biuf"  # of arrays


def is_safetensors(path: Any) -> bool:
    return os.fspath(path).endswith(".safetensors")


def write(path: Any, document: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
    """Writes a file, whole or not at all.

    Raises
    ------
    SaveError
        The file cannot be written; an existing one is unchanged.
    MissingExtraError
        The path ends in ``.safetensors`` and the package is not installed.
    """
    text = json.dumps({"format": FORMAT, "dualad": __version__, **document}, allow_nan=False)
    if is_safetensors(path):
        data = _safetensors("numpy").save({name: np.ascontiguousarray(a) for name, a in arrays.items()}, metadata={"dualad": text})
        files.replace(path, lambda file: _all_of(file, data))
    else:
        files.replace(path, lambda file: _archive(file, text, arrays))


def _all_of(file: BinaryIO, data: bytes) -> None:
    file.write(data)


def _archive(file: BinaryIO, text: str, arrays: dict[str, np.ndarray]) -> None:
    import zipfile

    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(zipfile.ZipInfo(DOCUMENT), text)  # ZipInfo: a fixed date, so that equal models are equal files
        for name, a in arrays.items():
            with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as entry:
                np.lib.format.write_array(entry, np.asarray(a, order="C"), allow_pickle=False)


def read(path: Any, kinds: tuple[str, ...]) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The document and the arrays of a file.

    Parameters
    ----------
    path : path-like
    kinds : tuple of str
        Which kinds of file are wanted: ``"model"``, ``"weights"``, ``"checkpoint"``.

    Raises
    ------
    SavedFileError
        The file cannot be read, is damaged, of a newer format, or of another kind.
    """
    try:
        with open(path, "rb") as file, damaged(path):
            document, arrays = _safe_parts(file.read()) if is_safetensors(path) else _zip_parts(file)
    except OSError as error:
        raise SavedFileError(f"cannot read {os.fspath(path)}: {error.strerror}") from error
    if document["format"] > FORMAT:
        raise SavedFileError(f"{os.fspath(path)} has format {document['format']}, made by a newer dualad; this one ({__version__}) reads formats up to "
                             f"{FORMAT}")
    if document.get("kind") not in kinds:
        raise SavedFileError(f"{os.fspath(path)} holds a {document.get('kind')!r}; a {' or '.join(kinds)} is needed")
    return document, arrays


@contextmanager
def damaged(path: Any) -> Iterator[None]:
    """Whatever goes wrong inside is an error that names the file."""
    try:
        yield
    except SavedFileError as error:
        raise SavedFileError(f"{os.fspath(path)}: {error}") from error
    except (DualadError, KeyboardInterrupt):
        raise
    except RecursionError as error:
        raise SavedFileError(f"{os.fspath(path)} is nested too deeply") from error
    except Exception as error:
        raise SavedFileError(f"{os.fspath(path)} is damaged, or was not written by dualad: {type(error).__name__}: {error}") from error


def parsed(text: Any) -> dict[str, Any]:
    """A JSON document."""
    document = json.loads(text)
    if not isinstance(document, dict) or not isinstance(document.get("format"), int):
        raise SavedFileError("its document has no format")
    return document


def _zip_parts(file: BinaryIO) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    import zipfile

    arrays: dict[str, np.ndarray] = {}
    size = os.fstat(file.fileno()).st_size
    with zipfile.ZipFile(file) as archive:
        entries = archive.infolist()
        # entries may neither be compressed nor lie over each other: what a file holds is no more than its size
        if any(e.compress_type != zipfile.ZIP_STORED or e.file_size != e.compress_size for e in entries) or sum(e.file_size for e in entries) > size:
            raise SavedFileError("its entries are compressed or overlap, which files of dualad do not")
        if len({e.filename for e in entries}) != len(entries):
            raise SavedFileError("an entry is there twice")
        if DOCUMENT not in archive.namelist():
            raise SavedFileError(f"it has no {DOCUMENT}: not a file of dualad.nn")
        document = parsed(archive.read(DOCUMENT))
        for e in entries:
            if e.filename.endswith(".npy"):
                arrays[e.filename[:-4]] = _array(archive.read(e))
    return document, arrays


def _array(data: bytes) -> np.ndarray:
    """One .npy, without pickle and without trust in its header."""
    stream = io.BytesIO(data)
    major, _ = np.lib.format.read_magic(stream)
    header = np.lib.format.read_array_header_1_0 if major == 1 else np.lib.format.read_array_header_2_0
    shape, fortran, dtype = header(stream)
    rest = len(data) - stream.tell()
    if dtype.kind not in KINDS or min(shape, default=0) < 0 or math.prod(shape) * dtype.itemsize != rest:
        raise SavedFileError(f"an array of {dtype} with shape {shape} does not fit its {rest} bytes")
    a = np.frombuffer(data, dtype, math.prod(shape), stream.tell())
    return a.reshape(shape[::-1]).T if fortran else a.reshape(shape)


def _safetensors(part: str) -> Any:
    try:
        import safetensors.numpy
    except ImportError:
        raise MissingExtraError("files in the format of safetensors need the package: pip install 'dualad[safetensors]'") from None
    return getattr(safetensors, part)


def _safe_parts(data: bytes) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    arrays = _safetensors("numpy").load(data)
    (length,) = struct.unpack("<Q", data[:8])
    metadata = json.loads(data[8 : 8 + length]).get("__metadata__") or {}
    document = parsed(metadata["dualad"]) if "dualad" in metadata else {"format": FORMAT, "kind": "weights"}
    return document, {name: a for name, a in arrays.items() if a.dtype.kind in KINDS}
