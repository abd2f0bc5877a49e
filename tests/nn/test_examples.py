"""The examples: each reaches what it claims, with fewer epochs than when it is run by hand."""

import importlib
import importlib.util
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

FOLDER = Path(__file__).parents[2] / "examples"
# what each takes to be quick, the packages of its data, and how it is run as a command
COMMANDS = {"anomaly_faces": ("skimage", ["--epochs", "20"]), "anomaly_shuttle": ("river", ["--epochs", "1"]), "denoising": (None, ["--epochs", "5"]),
            "dimension_reduction": (None, ["--epochs", "2"]), "gaussian_process": ("river", ["--steps", "10"]), "generation": (None, ["--epochs", "5"]),
            "hyperparameter_search": (None, ["--trials", "2"]), "recommendation": ("recbole", ["--epochs", "2"]), "reinforce": (None, ["--updates", "10"]),
            "text_model": ("names", ["--epochs", "1"]), "vowels": ("aeon", ["--epochs", "10"])}


def needs(package):
    return pytest.mark.skipif(package is not None and importlib.util.find_spec(package) is None, reason=f"the data comes with the package {package}")


@pytest.fixture
def example(monkeypatch):
    """Imports an example by name."""
    monkeypatch.syspath_prepend(FOLDER)
    return importlib.import_module


def test_all_are_tested():
    written = {path.stem for path in FOLDER.glob("*.py")} - {"common", "gan"}
    assert written == set(COMMANDS)


@pytest.mark.parametrize("name", [pytest.param(name, marks=needs(package)) for name, (package, _) in COMMANDS.items()])
def test_commands(name, monkeypatch, tmp_path, capsys):
    pytest.importorskip("matplotlib")
    monkeypatch.syspath_prepend(FOLDER)
    picture = tmp_path / "picture.png"
    monkeypatch.setattr(sys, "argv", [name, "--output", str(picture), *COMMANDS[name][1]])
    runpy.run_path(str(FOLDER / f"{name}.py"), run_name="__main__")
    said = capsys.readouterr().out
    assert f"picture: {picture}" in said
    assert len(said.splitlines()) >= 2  # with its figures
    assert picture.read_bytes()[:4] == b"\x89PNG"
    assert picture.stat().st_size > 4000


def test_help(tmp_path):
    done = subprocess.run([sys.executable, FOLDER / "denoising.py", "--help"], capture_output=True, text=True, timeout=60, cwd=tmp_path)
    assert done.returncode == 0
    assert "salt_and_pepper" in done.stdout


def test_dimension_reduction(example):
    errors, test, shown = example("dimension_reduction").run(sizes=(4,), epochs=30)
    assert errors["autoencoder"][0] < 0.85 * errors["PCA"][0]
    assert np.mean((shown[4][1] - test) ** 2) == pytest.approx(errors["autoencoder"][0], rel=1e-5)


def test_principal_components(example):
    PCA = example("common").PCA
    x = np.random.default_rng(0).normal(size=(50, 6)) * [5, 3, 1, 0.1, 0.1, 0.1]
    values = np.linalg.eigvalsh(np.cov(x.T, bias=True))
    assert PCA(x, 2).errors(x).mean() * 6 == pytest.approx(values[:4].sum())


def test_denoising(example):
    errors, _, test, noisy = example("denoising").run(epochs=30)
    assert errors["noisy"] == pytest.approx(np.mean((noisy - test) ** 2), rel=1e-5)
    assert errors["cleaned"] < 0.45 * errors["noisy"]


def test_generation(example):
    figures, model, *_ = example("generation").run(epochs=40)
    assert figures["bound"] > figures["without a code"] + 1.5
    assert figures["bound"] == pytest.approx(-figures["reconstruction"] - figures["kl"], rel=1e-5)
    drawn = model.sample(50, seed=1)
    assert drawn.shape == (50, 64)
    assert drawn.std(axis=0).mean() > 0.1  # not one and the same


@needs("skimage")
def test_faces(example):
    areas, *_ = example("anomaly_faces").run(epochs=100)
    assert areas["autoencoder"] > 0.85


@needs("river")
def test_shuttle(example):
    areas, scores, anomaly = example("anomaly_shuttle").run(epochs=5)
    assert areas["autoencoder"] > 0.99
    assert len(scores) == len(anomaly) == 49097 - 22793


@needs("recbole")
def test_recommendation(example):
    errors, predicted, truth = example("recommendation").run(units=64, epochs=20)
    assert errors["autoencoder"] < 0.96 * errors["film's mean"]
    assert np.sqrt(np.mean((predicted - truth) ** 2)) == pytest.approx(errors["autoencoder"])
    assert predicted.min() >= 1
    assert predicted.max() <= 5


@needs("names")
def test_text(example):
    found, invented, _ = example("text_model").run(count=3000, length=10, units=48, epochs=6)
    assert found["recurrent"] < found["pairs of letters"]
    assert len(set(invented)) > 12
    assert all(name.isalpha() for name in invented)


@needs("names")
def test_text_counts_letters_up_to_the_end(example):
    x, alphabet, counts = example("text_model").letters("surnames", 5, 10)
    for row, known in zip(x, counts):
        word = "".join(alphabet[c] for c in row).strip("\n")
        assert known.sum() == len(word) + 1  # and the end itself


@needs("aeon")
def test_vowels(example):
    found, codes, truth = example("vowels").run(epochs=80)
    assert found["codes"] > 0.9
    assert codes.shape == (370, 24)
    assert len(truth) == 370


def test_search(example):
    tried, found = example("hyperparameter_search").run(trials=4, epochs=5, final=30)
    assert [error for error, _ in tried] == sorted(error for error, _ in tried)
    assert found["test"] < found["PCA"]


def test_search_holds_each_sample_out_once(example, monkeypatch):
    module = example("hyperparameter_search")
    seen = []

    class Model:
        def __init__(self, x):
            self.x = x

        def evaluate(self, held_out, verbose):
            seen.append((set(self.x[:, 0]), set(held_out[:, 0])))
            return len(seen)

    monkeypatch.setattr(module, "fitted", lambda options, x, epochs, seed: Model(x))
    assert module.cross_validated({}, np.arange(10.0)[:, np.newaxis], 3, 1, 0) == 2
    for train, held_out in seen:
        assert train | held_out == set(range(10))
        assert not train & held_out
    assert sorted(k for _, held_out in seen for k in held_out) == list(range(10))


def test_reinforce(example):
    ticks = example("reinforce").run(updates=35)
    assert np.mean(ticks[:5]) < 50
    assert np.mean(ticks[-5:]) > 100


def test_advantages(example):
    module = example("reinforce")
    alive = np.zeros((module.STEPS, module.CARTS), bool)
    alive[:3], alive[3:10, 0] = True, True
    found = module.advantages(alive)
    assert np.all(found[~alive] == 0)
    assert found[0, 0] > 0 > found[0, 1]  # the one that stood longest
    assert found[0].sum() == pytest.approx(0, abs=1e-9)


def test_the_cart_keeps_its_energy(example):
    """Without a push the pole swings about its lowest point as a physical pendulum does, for small angles."""
    module = example("reinforce")
    state, angles = np.array([[0.0, 0.0, np.pi + 0.01, 0.0]]), []
    force, module.FORCE = module.FORCE, 0.0
    try:
        for _ in range(400):
            state = module.moved(state, np.array([False]))
            angles.append(state[0, 2] - np.pi)
    finally:
        module.FORCE = force
    zero = np.flatnonzero(np.diff(np.sign(angles)) != 0)
    period = 2 * module.TICK * np.mean(np.diff(zero))
    share = module.POLE / (module.CART + module.POLE)
    assert period == pytest.approx(2 * np.pi * np.sqrt(module.HALF * (4 / 3 - share) / module.GRAVITY), rel=0.02)


@needs("river")
def test_gaussian_process(example):
    errors, course, found = example("gaussian_process").run(steps=80)
    assert errors["process"] < 0.6 * errors["same month of the last year"]
    assert course[-1] < course[0] - 1
    years, _, n, predicted, low, high = found
    assert np.all((low < predicted) & (predicted < high))
    assert np.mean((high - low)[n:] / predicted[n:]) > np.mean((high - low)[:n] / predicted[:n])  # what lies ahead is less certain
    assert years[0] == 1949


def test_marginal_likelihood(example):
    module = example("gaussian_process")
    rng = np.random.default_rng(0)
    t, y, p = np.sort(rng.random(6)), rng.normal(size=6), module.START
    K = module.kernel(p, t, t) + np.exp(2 * p["noise"]) * np.eye(6)
    want = 0.5 * y @ np.linalg.inv(K) @ y + 0.5 * np.log(np.linalg.det(K)) + 3 * np.log(2 * np.pi)
    assert module.surprise(p, t, y) * 6 == pytest.approx(want)
