"""What an installed dualad consists of, and what importing it costs."""

import hashlib
import json
import pickle
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import dualad as da
from dualad import _core

ROOT = Path(__file__).parent.parent
HERE = Path(da.__file__).parent
PROJECT = (ROOT / "pyproject.toml").read_text()


def python(code):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout


def test_version_stands_in_one_place():
    assert re.fullmatch(r"\d+\.\d+\.\d+", da.__version__)
    assert f"\n## {da.__version__}\n" in (ROOT / "CHANGELOG.md").read_text()
    assert 'version = { attr = "dualad._version.__version__" }' in PROJECT
    holders = [p.name for p in HERE.rglob("*.py") if f'"{da.__version__}"' in p.read_text()]
    assert holders == ["_version.py"]


def test_only_numpy_is_required():
    assert '\ndependencies = ["numpy>=2.0"]\n' in PROJECT


@pytest.mark.parametrize("extra", ["test", "plot", "sparse", "bench", "dev"])
def test_extras(extra):
    section = PROJECT.split("[project.optional-dependencies]")[1].split("\n[")[0]
    assert f"\n{extra} = [" in section


def test_files():
    for name in ("py.typed", "_core.pyi", "data/digits.npz", "data/README.md"):
        assert (HERE / name).is_file(), name
    assert "CC BY 4.0" in (HERE / "data" / "README.md").read_text()


def test_digits_are_the_published_ones():
    with np.load(HERE / "data" / "digits.npz") as data:
        images, labels = data["images"], data["labels"]
    assert images.shape == (1797, 8, 8)
    assert np.bincount(labels).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    digest = hashlib.sha256(images.tobytes() + labels.tobytes()).hexdigest()
    assert digest == "87ff0c9e40dc7e2c0e34e7257799c2e3f3aec1a016363bb11cad869ec428a826"


def test_import_brings_numpy_alone():
    modules = "import sys, json, {}; print(json.dumps(sorted(sys.modules)))"
    before, after = (set(json.loads(python(modules.format(name)))) for name in ("numpy", "dualad"))
    foreign = {m.split(".")[0] for m in after - before} - sys.stdlib_module_names
    assert {m for m in foreign if not m.startswith("_")} <= {"dualad", "numpy", "cython_runtime"}
    lazy = {"numpy.testing", "numpy.f2py", "numpy.ma", "numpy.random"}  # NumPy loads them when asked
    assert not (after - before) & {"dualad._demo", "dualad._info", "dualad.testing", *lazy}
    slow = {"dataclasses", "hashlib", "inspect", "json", "numpy.polynomial", "subprocess", "sysconfig", "tempfile"}  # wanted by few calls
    late = {f"dualad._programs.{name}" for name in ("build", "encode", "export_c", "files", "lanes", "listing", "lower", "native", "operands")}
    bare = set(python("import sys, dualad; print(*sorted(sys.modules))").split()) - set(python("import sys, numpy; print(*sys.modules)").split())
    assert not bare & (slow | late)


@pytest.mark.parametrize("use", ["da.compile(np.sin)(x)", "da.record(np.sin, x)", "da.vectorize(np.sin)(x)", "da.compile(da.grad(np.sum))(x)"])
def test_what_builds_programs_comes_with_the_first_one(use):
    code = f"import sys, numpy as np, dualad as da; x = np.ones(3); print('{{0}}' in sys.modules); {use}; print('{{0}}' in sys.modules)"
    assert python(code.format("dualad._programs.lower")).split() == ["False", "True"]


def test_all_is_complete():
    assert sorted(da.__all__) == sorted(set(da.__all__))
    for name in da.__all__:
        assert getattr(da, name) is not None
    missing = {n for n in vars(da) if not n.startswith("_") and n not in da.__all__} - {
        n for n in vars(da) if isinstance(getattr(da, n), type(sys))
    }
    assert not missing


def test_the_extension_is_of_this_package():
    assert Path(_core.__file__).parent == HERE


def test_import_keeps_a_free_threaded_python_free():
    gil = "import sys, {}; print(getattr(sys, '_is_gil_enabled', lambda: True)())"
    assert python(gil.format("dualad")) == python(gil.format("numpy"))


def test_transforms_pickle():
    g = pickle.loads(pickle.dumps(da.grad(np.sin)))
    assert g(0.0) == 1.0
