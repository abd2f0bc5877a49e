"""The command line, run as a user runs it."""

import os
import pty
import re
import subprocess
import sys

import numpy as np
import pytest

import dualad as da
from dualad import _demo, _info
from dualad.__main__ import main


def run(*arguments, cwd, hide_matplotlib=False):
    code = "import sys, runpy; sys.modules['matplotlib'] = None; runpy.run_module('dualad', run_name='__main__', alter_sys=True)"
    start = ["-c", code] if hide_matplotlib else ["-m", "dualad"]
    return subprocess.run([sys.executable, *start, *arguments], capture_output=True, text=True, cwd=cwd, timeout=120)


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    return run("demo", "--epochs", "30", cwd=tmp_path_factory.mktemp("demo"), hide_matplotlib=True)


def test_demo_succeeds(demo):
    assert demo.returncode == 0, demo.stdout + demo.stderr
    assert demo.stderr == ""


def test_demo_modes_agree(demo):
    worst = [float(line.split()[-1]) for line in demo.stdout.splitlines() if re.match("gradient|Jacobian|Hessian", line)]
    assert len(worst) == 3
    assert max(worst) < 1e-12


def test_demo_loss_falls(demo):
    losses = [float(v) for v in re.findall(r"loss ([\d.]+)", demo.stdout)]
    assert len(losses) >= 8
    assert losses == sorted(losses, reverse=True)
    before, after = map(float, re.search(r"error ([\d.]+) before, ([\d.]+) after", demo.stdout).groups())
    assert after < before / 10


def test_demo_draws_text_without_matplotlib(demo):
    assert "pip install matplotlib" in demo.stdout
    assert len(re.findall(r"^[ .:\-=+*#%@]{30,}$", demo.stdout, re.M)) >= 12


def test_demo_repeats_itself(demo, tmp_path):
    again = run("demo", "--epochs", "30", cwd=tmp_path, hide_matplotlib=True)
    assert demo.stdout.split(" s in all")[0].rsplit("\n", 1)[0] == again.stdout.split(" s in all")[0].rsplit("\n", 1)[0]


def test_demo_reports_failure(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr(_demo, "derivatives", lambda: 1e-3)
    assert main(["demo", "--epochs", "1", "--output", str(tmp_path / "x.png")]) == 1
    assert "something is wrong" in capsys.readouterr().err


def test_progress_bar_on_a_terminal(tmp_path):
    terminal, end = pty.openpty()
    command = [sys.executable, "-m", "dualad", "demo", "--epochs", "3"]
    with subprocess.Popen(command, stdout=end, stderr=end, cwd=tmp_path) as process:
        os.close(end)
        shown = b""
        while chunk := read(terminal):
            shown += chunk
    os.close(terminal)
    assert process.returncode == 0
    assert b"\repoch   1/3 [##########....................] loss" in shown
    assert b"\repoch   3/3 [##############################] loss" in shown


def read(terminal):
    try:
        return os.read(terminal, 4096)
    except OSError:  # how Linux says that the other end has closed
        return b""


def test_digits():
    images = _demo.load_digits()
    assert images.shape == (1797, 64)
    assert images.min() == 0
    assert images.max() == 1
    assert np.sum(images * 16) == 561718  # the sum of all pixels in the published file


def test_info(tmp_path):
    done = run("info", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for name, value in _info.facts().items():
        assert re.search(rf"^{re.escape(name)} +{re.escape(value)}$", done.stdout, re.M), name
    assert re.search(rf"^dualad +{re.escape(da.__version__)}$", done.stdout, re.M)
    assert np.__version__ in done.stdout


def test_info_is_complete():
    facts = _info.facts()
    assert re.match(r"3\.\d+\.\d+", facts["Cython"])
    assert facts["SIMD in use"].split()[0] in facts["SIMD in use"].split("compiled in: ")[1]
    assert int(facts["processors"].split()[0]) >= 1


def test_advice():
    assert "OPENBLAS_CORETYPE=SKYLAKEX" in _info.advice("x86-64-v4", "Haswell")
    assert _info.advice("x86-64-v4", "SkylakeX") == ""
    assert _info.advice("x86-64-v3", "Haswell") == ""
    assert _info.advice("x86-64-v4", "") == ""


def test_help_teaches(tmp_path):
    done = run("--help", cwd=tmp_path)
    assert done.returncode == 0
    for word in ("da.grad(f)", "da.jacobian", "demo", "info"):
        assert word in done.stdout
    assert "1,797" in run("demo", "--help", cwd=tmp_path).stdout


@pytest.mark.parametrize("arguments", [[], ["train"], ["demo", "--epochs", "0"], ["demo", "--epochs", "many"], ["info", "a", "b"]])
def test_bad_arguments(arguments, capsys):
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2
    assert "usage: python -m dualad" in capsys.readouterr().err


def test_version(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["--version"])
    assert stop.value.code == 0
    assert capsys.readouterr().out == f"dualad {da.__version__}\n"
