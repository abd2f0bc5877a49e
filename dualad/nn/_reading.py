"""Data files of the command line: arrays, tables and folders of images, and the scale on which a model sees them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import DataError, MissingExtraError

PICTURES = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".pgm", ".ppm"}
CHUNK = 4096  # samples that are brought to a scale at once
KEYS = ("x", "images", "data", "x_train", "arr_0")  # that are taken in an .npz without being told


class Table:
    """Samples with what a file says about them.

    Parameters
    ----------
    x : array, one sample in each row
    labels : array, optional
    columns : list of str, optional
        Names of the columns.
    """

    def __init__(self, x: np.ndarray, labels: np.ndarray | None = None, columns: list[str] | None = None) -> None:
        if x.dtype.kind not in "biuf":
            raise DataError(f"the data is an array of {x.dtype}; numbers are needed")
        if x.ndim < 2 or not x.size:
            raise DataError(f"the data has shape {x.shape}; one sample in each row is needed, at least one")
        if labels is not None and len(labels) != len(x):
            raise DataError(f"{len(labels)} labels for {len(x)} samples")
        self.x, self.labels, self.columns = x, labels, columns


def read(path: Any, key: str | None = None, label: str | None = None, size: tuple[int, int] | None = None) -> Table:
    """Reads ``.npy``, ``.npz``, ``.csv``/``.tsv`` (also with ``.gz``), or a folder of images.

    Parameters
    ----------
    path : path-like
    key : str, optional
        Which array of an ``.npz``.
    label : str, optional
        The column of a table, by name or number, or the array of an ``.npz``, that is no part of the samples; or an ``.npy`` file of labels.
    size : (height, width), optional
        To which images of a folder are brought.

    Raises
    ------
    DataError
        The file is missing or holds no samples; the message says what is there.
    """
    path = Path(path)
    if not path.exists():
        near = sorted(p.name for p in path.parent.glob("*") if p.suffix in (".npy", ".npz", ".csv", ".tsv"))[:5] if path.parent.is_dir() else []
        raise DataError(f"there is no {path}" + (f"; the folder holds {', '.join(near)}" if near else ""))
    if path.is_dir():
        return Table(_pictures(path, size), _beside(label))
    name = path.name.lower()
    try:
        if name.endswith(".npy"):
            return Table(np.load(path, mmap_mode="r", allow_pickle=False), _beside(label))
        if name.endswith(".npz"):
            return _archive(path, key, label)
        if name.removesuffix(".gz").endswith((".csv", ".tsv", ".txt")):
            return _text(path, label)
    except (ValueError, OSError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{path} cannot be read: {error}") from error
    raise DataError(f"{path}: data is read from .npy, .npz, .csv, .tsv (also .csv.gz) and folders of images")


def _beside(label: str | None) -> np.ndarray | None:
    if label is None:
        return None
    if not label.endswith(".npy"):
        raise DataError(f"--label {label}: this data has no columns with names; give an .npy file with a label for each sample")
    found: np.ndarray = np.load(label, allow_pickle=False)
    return found


def _archive(path: Path, key: str | None, label: str | None) -> Table:
    with np.load(path, allow_pickle=False) as file:
        names = file.files
        if key is None:
            known = [k for k in KEYS if k in names]
            key = known[0] if known else names[0] if len(names) == 1 else None
        for name in (key, label):
            if name is not None and name not in names and not name.endswith(".npy"):
                raise DataError(f"{path} has no array {name!r}; it holds {', '.join(names)}")
        if key is None:
            raise DataError(f"{path} holds several arrays: choose one with --key, of {', '.join(names)}")
        return Table(file[key], file[label] if label in names else _beside(label))


def _text(path: Path, label: str | None) -> Table:
    import csv
    import gzip

    with (gzip.open if path.suffix == ".gz" else open)(path, "rt", newline="") as file:
        text = file.read()
    first = text.split("\n", 1)[0]
    delimiter = max("\t;,", key=first.count)
    rows = [row for row in csv.reader(text.splitlines(), delimiter=delimiter) if row]
    if not rows:
        raise DataError(f"{path} is empty")
    head = [] if all(_is_number(cell) for cell in rows[0]) else [cell.strip() for cell in rows.pop(0)]
    columns = head or [str(k + 1) for k in range(len(rows[0]) if rows else 0)]
    uneven = next((k for k, row in enumerate(rows) if len(row) != len(columns)), None)
    if uneven is not None:
        raise DataError(f"{path}, line {uneven + 1 + bool(head)}: {len(rows[uneven])} columns; the lines before have {len(columns)}")
    labels = None
    if label is not None and not label.endswith(".npy"):
        at = columns.index(label) if label in columns else int(label) - 1 if label.isdigit() and 0 < int(label) <= len(columns) else None
        if at is None:
            raise DataError(f"{path} has no column {label!r}; its columns are {', '.join(columns)}")
        labels = np.array([row.pop(at) for row in rows])
        columns = [*columns[:at], *columns[at + 1 :]]
        if all(_is_number(x) for x in labels):
            labels = labels.astype(float)
            labels = labels.astype(int) if np.all(labels == labels.astype(int)) else labels
    return Table(_numbers(path, rows, columns, bool(head)), labels if labels is not None else _beside(label), columns)


def _numbers(path: Path, rows: list[list[str]], columns: list[str], head: bool) -> np.ndarray:
    try:
        return np.array(rows, float)
    except ValueError:
        for k, row in enumerate(rows):
            for name, cell in zip(columns, row):
                if not _is_number(cell):
                    raise DataError(f"{path}, line {k + 1 + head}, column {name!r}: {cell!r} is no number; leave the column out with --label, or replace "
                                    "it") from None
        raise


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _pictures(folder: Path, size: tuple[int, int] | None) -> np.ndarray:
    """All images below a folder in grey, in the order of their names."""
    try:
        from PIL import Image
    except ImportError:
        raise MissingExtraError("folders of images are read with Pillow: pip install 'dualad[plot]'") from None
    paths = sorted(p for p in folder.rglob("*") if p.suffix.lower() in PICTURES)
    if not paths:
        raise DataError(f"the folder {folder} holds no images ({', '.join(sorted(PICTURES))})")
    out = []
    for path in paths:
        with Image.open(path) as image:
            grey = image.convert("L")
            if size is not None:
                grey = grey.resize((size[1], size[0]))
            out.append(np.asarray(grey))
        if out[-1].shape != out[0].shape:
            raise DataError(f"{path} has {out[-1].shape[1]} x {out[-1].shape[0]} pixels, {paths[0]} {out[0].shape[1]} x {out[0].shape[0]}; bring them to one "
                            "size with --size, such as --size 28x28")
    return np.stack(out)


class Scale:
    """A shift and a factor that bring data to where a model learns well, and back.

    Parameters
    ----------
    kind : {"none", "range", "standard"}
        As it is; so that all numbers together lie from 0 to 1; so that each column has mean 0 and standard deviation 1.
    shift, factor : float or list of float
        ``(x - shift) / factor``.
    """

    def __init__(self, kind: str, shift: Any = 0.0, factor: Any = 1.0) -> None:
        self.kind, self.shift, self.factor = kind, np.asarray(shift, float), np.asarray(factor, float)

    @classmethod
    def of(cls, x: np.ndarray, kind: str = "auto") -> Scale:
        """That of data: by default as it is where it lies from 0 to 1; by range where it is images or integers from 0 on; else by column."""
        low, high = float(np.min(x)), float(np.max(x))
        if not np.isfinite([low, high]).all():
            bad = int(np.argwhere(~np.isfinite(x.reshape(len(x), -1)).all(axis=1))[0, 0])
            raise DataError(f"sample {bad + 1} holds NaN or infinity; remove such samples, or replace the numbers")
        if kind == "auto":
            kind = "none" if low >= 0 and high <= 1 else "range" if x.ndim > 2 or (x.dtype.kind in "bu" and low >= 0) else "standard"
        if kind == "range":
            return cls(kind, low, high - low or 1.0)
        if kind == "standard":
            mean, deviation = x.mean(axis=0, dtype=float), x.std(axis=0, dtype=float)
            return cls(kind, mean, np.where(deviation > 0, deviation, 1.0))
        return cls(kind)

    def apply(self, x: np.ndarray, dtype: Any) -> np.ndarray:
        """Data as the model sees it; mapped files stay mapped where nothing is to be done."""
        if self.kind == "none":
            return x
        out = np.empty(x.shape, dtype)
        for k in range(0, len(x), CHUNK):
            out[k : k + CHUNK] = (x[k : k + CHUNK] - self.shift) / self.factor
        return out

    def undo(self, x: np.ndarray) -> np.ndarray:
        """What the model gives, in the units of the data."""
        return x if self.kind == "none" else (x * self.factor + self.shift).astype(x.dtype)

    def notes(self) -> dict[str, Any]:
        """As plain values."""
        return {"kind": self.kind, "shift": self.shift.tolist(), "factor": self.factor.tolist()}

    def __str__(self) -> str:
        return {"none": "as they are", "range": f"brought from [{self.shift:g}, {self.shift + self.factor:g}] to [0, 1]" if self.shift.ndim == 0 else "",
                "standard": "each column to mean 0 and standard deviation 1"}[self.kind]


def write(path: Any, array: np.ndarray, head: list[str] | None = None) -> None:
    """Writes results as ``.npy``, or ``.csv`` with a line of names."""
    from .saving import files

    name = os.fspath(path)
    if name.endswith(".npy"):
        files.replace(path, lambda file: np.save(file, array))
        return
    if not name.endswith(".csv"):
        raise DataError(f"{name}: results are written to .npy or .csv")
    flat = array.reshape(len(array), -1)
    names = head if head and len(head) == flat.shape[1] else [f"{k + 1}" for k in range(flat.shape[1])]
    lines = [",".join(names), *(",".join(f"{v:.9g}" for v in row) for row in flat)]
    files.replace(path, lambda file: file.write(("\n".join(lines) + "\n").encode()))
