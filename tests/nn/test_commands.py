"""The commands of autoencoders, run as a user runs them: what they write, print and refuse."""

import os
import pty
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from dualad import __main__ as entry
from dualad import _info, errors, nn
from dualad.nn import _reading


def run(*arguments):
    """One command in this process; the exit status."""
    try:
        return entry.main([str(a) for a in arguments])
    except SystemExit as stop:
        return stop.code


def command(*arguments, cwd, **environment):
    """One command in a process of its own."""
    return subprocess.run([sys.executable, "-m", "dualad", *map(str, arguments)], capture_output=True, text=True, cwd=cwd, timeout=120,
                          env={**os.environ, **environment})


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Digits as images of whole numbers, with labels; and a table, a twentieth of whose rows are unlike the others."""
    path = tmp_path_factory.mktemp("data")
    x, y = nn.datasets.load_digits()
    np.save(path / "digits.npy", (x * 16).astype(np.uint8).reshape(-1, 8, 8)[:600])
    np.save(path / "labels.npy", y[:600])
    np.savez(path / "digits.npz", x=x[:100], y=y[:100])
    np.savez(path / "two.npz", a=x[:10], b=x[:10])
    rng = np.random.default_rng(0)
    t = rng.uniform(0, 6, 400)
    table = np.stack([100 + 20 * np.sin(t), 5 * np.cos(t), t], axis=1)
    odd = np.arange(400) % 20 == 7
    table[odd] += rng.normal(size=(odd.sum(), 3)) * [20, 5, 1]
    lines = ["height,speed,phase,odd", *(",".join(f"{v:.6g}" for v in row) + f",{int(o)}" for row, o in zip(table, odd))]
    (path / "table.csv").write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture(scope="module")
def trained(folder):
    """A model of the digits."""
    out = folder / "model.npz"
    assert run("train", folder / "digits.npy", "--layers", "32,6", "--epochs", "3", "--out", out, "--quiet") == 0
    return out


# ---- train ----


def test_train_says_what_it_does(folder, capsys, tmp_path):
    out = tmp_path / "m.npz"
    assert run("train", folder / "digits.npy", "--layers", "16,4", "--epochs", "2", "--out", out, "--validation-split", "0.25") == 0
    said = capsys.readouterr().out
    assert "600 samples of 8 x 8, brought from [0, 16] to [0, 1]; Autoencoder of layers 16, 4, 16, 64" in said
    assert said.count("val_loss") == 2
    assert re.search(r"loss [\d.]+, [\d.]+ in validation; .*m.npz", said)
    model = nn.load_model(out)
    assert [layer.units for layer in model.encoder.layers if hasattr(layer, "units")] == [16, 4]
    assert model.output_shape == (None, 8, 8)
    assert [p.name for p in tmp_path.iterdir()] == ["m.npz"]  # no checkpoint is left


def test_train_is_fit(folder, tmp_path):
    out = tmp_path / "m.npz"
    assert run("train", folder / "digits.npy", "--layers", "16,4", "--epochs", "2", "--seed", "5", "--learning-rate", "0.01", "--batch-size", "50",
               "--optimizer", "rmsprop", "--loss", "mse", "--activation", "tanh", "--validation-split", "0", "--out", out, "--quiet") == 0
    x = np.load(folder / "digits.npy").astype(np.float32) / 16
    nn.utils.set_random_seed(5)
    model = nn.Autoencoder.dense((8, 8), [16, 4], "tanh", code_activation="linear")
    model.compile(nn.optimizers.RMSprop(0.01), "mse")
    model.fit(x, batch_size=50, epochs=2, verbose=0)
    for a, b in zip(nn.load_model(out).get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(("options", "kind"), [(["--vae", "--beta", "0.5"], "VAE"), (["--denoise", "0.3", "--noise", "masking"], "DenoisingAutoencoder"),
                                               (["--dtype", "float64"], "Autoencoder")])
def test_kinds_of_models(options, kind, folder, tmp_path):
    out = tmp_path / "m.npz"
    assert run("train", folder / "digits.npy", "--layers", "8,2", "--epochs", "1", "--out", out, "--quiet", *options) == 0
    model = nn.load_model(out)
    assert type(model).__name__ == kind
    if kind == "VAE":
        assert model.beta == 0.5
    if kind == "DenoisingAutoencoder":
        assert (model.noise, model.level) == ("masking", 0.3)
    if kind == "Autoencoder":
        assert model.dtype == "float64"


def test_early_stopping(folder, tmp_path, capsys):
    assert run("train", folder / "table.csv", "--label", "odd", "--layers", "2", "--epochs", "200", "--early-stopping", "2", "--learning-rate", "0.3", "--out",
               tmp_path / "m.npz") == 0
    assert 2 < capsys.readouterr().out.count("\nEpoch") < 199


def test_a_killed_training_goes_on(folder, tmp_path):
    options = ["train", folder / "digits.npy", "--layers", "16,4", "--epochs", "400", "--denoise", "0.2", "--quiet"]
    assert command(*options, "--out", "whole.npz", cwd=tmp_path).returncode == 0
    again = [sys.executable, "-m", "dualad", *map(str, options), "--out", "killed.npz"]
    with subprocess.Popen(again, cwd=tmp_path) as process:
        checkpoint = tmp_path / "killed.checkpoint.npz"
        until = time.monotonic() + 60
        while not checkpoint.exists() and time.monotonic() < until:
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert checkpoint.exists()
    refused = command(*options, "--out", "killed.npz", cwd=tmp_path)
    assert refused.returncode == 1
    assert "--resume" in refused.stderr
    assert command(*options, "--out", "killed.npz", "--resume", cwd=tmp_path).returncode == 0
    assert not checkpoint.exists()
    for a, b in zip(*(nn.load_model(tmp_path / name).get_weights() for name in ("whole.npz", "killed.npz")), strict=True):
        np.testing.assert_array_equal(a, b)


def test_restart(folder, tmp_path):
    (tmp_path / "m.checkpoint.npz").write_text("left over")
    options = ["train", folder / "digits.npy", "--layers", "4", "--epochs", "1", "--out", tmp_path / "m.npz", "--quiet"]
    assert run(*options) == 1
    assert run(*options, "--resume") == 1  # not a checkpoint
    assert run(*options, "--restart") == 0
    assert not (tmp_path / "m.checkpoint.npz").exists()


def test_interruption(folder, tmp_path, monkeypatch, capsys):
    def stop(self, epoch, logs=None):
        if epoch == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(nn.callbacks.History, "on_epoch_begin", stop)
    assert run("train", folder / "digits.npy", "--layers", "4", "--epochs", "3", "--out", tmp_path / "m.npz", "--quiet") == 130
    assert "the same command with --resume" in capsys.readouterr().err
    monkeypatch.undo()
    assert run("train", folder / "digits.npy", "--layers", "4", "--epochs", "3", "--out", tmp_path / "m.npz", "--quiet", "--resume") == 0


# ---- use ----


def test_reconstruct(trained, folder, tmp_path):
    pytest.importorskip("matplotlib")
    out, picture = tmp_path / "r.npy", tmp_path / "r.png"
    assert run("reconstruct", trained, folder / "digits.npy", "--out", out, "--picture", picture) == 0
    x = np.load(folder / "digits.npy") / np.float32(16)
    want = nn.load_model(trained).predict(x, verbose=0) * 16
    np.testing.assert_allclose(np.load(out), want, rtol=1e-5, atol=1e-5)  # in the units of the data
    assert picture.read_bytes()[:4] == b"\x89PNG"


def test_reconstruct_a_table(folder, tmp_path):
    model, out = tmp_path / "m.npz", tmp_path / "r.csv"
    assert run("train", folder / "table.csv", "--label", "odd", "--layers", "32,3", "--epochs", "60", "--learning-rate", "0.01", "--out", model, "--quiet") == 0
    assert run("reconstruct", model, folder / "table.csv", "--label", "4", "--out", out) == 0
    lines = out.read_text().splitlines()
    assert lines[0] == "height,speed,phase"
    given = _reading.read(folder / "table.csv", label="odd").x
    found = np.loadtxt(lines[1:], delimiter=",")
    assert found.shape == given.shape
    assert np.mean((found - given) ** 2 / given.var(axis=0)) < 0.1


def test_encode(trained, folder, tmp_path, capsys):
    pytest.importorskip("matplotlib")
    out = tmp_path / "c.csv"
    assert run("encode", trained, folder / "digits.npy", "--label", folder / "labels.npy", "--out", out, "--picture", tmp_path / "c.png") == 0
    assert "600 codes of 6 numbers" in capsys.readouterr().out
    x = np.load(folder / "digits.npy") / np.float32(16)
    assert out.read_text().splitlines()[0] == ",".join(f"code {k}" for k in range(1, 7))
    np.testing.assert_allclose(np.loadtxt(out, delimiter=",", skiprows=1), nn.load_model(trained).encode(x), rtol=1e-4, atol=1e-5)
    assert (tmp_path / "c.png").stat().st_size > 5000


def test_default_files(trained, folder):
    assert run("encode", trained, folder / "digits.npy") == 0
    assert np.load(folder / "model-codes.npy").shape == (600, 6)
    assert run("reconstruct", trained, folder / "digits.npy") == 0
    assert np.load(folder / "model-reconstructed.npy").shape == (600, 8, 8)


def test_score(folder, tmp_path, capsys):
    model, out = tmp_path / "m.npz", tmp_path / "s.npy"
    assert run("train", folder / "table.csv", "--label", "odd", "--layers", "16,1", "--epochs", "60", "--learning-rate", "0.01", "--out", model, "--quiet") == 0
    assert run("score", model, folder / "table.csv", "--label", "odd", "--out", out, "--top", "5") == 0
    said = capsys.readouterr().out
    scores = np.load(out)
    table = _reading.read(folder / "table.csv", label="odd")
    rows = [line.split() for line in said.splitlines() if re.match(r" *\d+ +[\d.]+ +\d$", line)]
    assert [int(row[0]) - 1 for row in rows] == np.argsort(-scores)[:5].tolist()
    area = float(re.search(r"ROC curve.*: ([\d.]+)", said)[1])
    assert area == pytest.approx(nn.scores.roc_auc(table.labels, scores), abs=1e-4)
    assert area > 0.8
    scaled = (table.x - table.x.mean(axis=0)) / table.x.std(axis=0)
    np.testing.assert_allclose(scores, nn.load_model(model).anomaly_score(scaled.astype(np.float32)), rtol=1e-4)


def test_report(trained, folder, tmp_path):
    pytest.importorskip("matplotlib")
    out = tmp_path / "r.html"
    assert run("report", trained, folder / "digits.npy", "--out", out, "--label", folder / "labels.npy") == 0
    text = out.read_text()
    assert "<h2>Training</h2>" in text  # the history comes from the file
    assert "<h2>Codes</h2>" in text


def test_info_of_a_model(trained, folder, capsys):
    assert run("info", trained) == 0
    assert "Total params: " in capsys.readouterr().out
    assert run("info", folder / "labels.npy") == 1
    assert "labels.npy" in capsys.readouterr().err


# ---- data ----


def test_kinds_of_files(folder, tmp_path):
    assert _reading.read(folder / "digits.npz").x.shape == (100, 64)
    found = _reading.read(folder / "digits.npz", key="x", label="y")
    assert found.labels.shape == (100,)
    assert _reading.read(folder / "two.npz", key="b").x.shape == (10, 64)
    (tmp_path / "plain.tsv").write_text("1\t2\n3\t4\n")
    plain = _reading.read(tmp_path / "plain.tsv")
    assert plain.x.tolist() == [[1, 2], [3, 4]]
    (tmp_path / "named.csv").write_text("kind;a;b\nx;1;2\ny;3;4e-3\n")
    named = _reading.read(tmp_path / "named.csv", label="kind")
    assert named.x.tolist() == [[1, 2], [3, 0.004]]
    assert (named.labels.tolist(), named.columns) == (["x", "y"], ["a", "b"])
    assert isinstance(_reading.read(folder / "digits.npy").x, np.memmap)


def test_folders_of_images(tmp_path):
    Image = pytest.importorskip("PIL.Image")
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 256, (3, 6, 5), dtype=np.uint8)
    for k, a in enumerate(pictures):
        Image.fromarray(a).save(tmp_path / f"{k}.png")
    np.testing.assert_array_equal(_reading.read(tmp_path).x, pictures)
    assert _reading.read(tmp_path, size=(4, 8)).x.shape == (3, 4, 8)
    Image.fromarray(pictures[0][:4]).save(tmp_path / "3.png")
    with pytest.raises(errors.DataError, match=r"3.png has 5 x 4 pixels.*--size"):
        _reading.read(tmp_path)
    out = tmp_path / "m.npz"
    assert run("train", tmp_path, "--size", "6x6", "--layers", "2", "--epochs", "1", "--out", out, "--quiet", "--validation-split", "0") == 0
    assert nn.load_model(out).input_shape == (None, 6, 6)


@pytest.mark.parametrize(("name", "content", "message"), [
    ("a.csv", "x,y\n1,2\n3,oops\n", r"line 3, column 'y': 'oops' is no number"), ("a.csv", "1,2\n3\n", "line 2: 1 columns; the lines before have 2"),
    ("a.csv", "", "is empty"), ("a.csv", "x,y\n", "shape"), ("a.txt.zip", "x", r"data is read from .npy"), ("a.npy", "no array", "cannot be read")])
def test_bad_files(name, content, message, tmp_path, capsys):
    (tmp_path / name).write_text(content)
    assert run("train", tmp_path / name, "--out", tmp_path / "m.npz") == 1
    said = capsys.readouterr().err
    assert said.startswith("dualad train: ")
    assert re.search(message, said)
    assert not (tmp_path / "m.npz").exists()


def test_bad_data(folder, trained, tmp_path, capsys):
    def said(*arguments):
        assert run(*arguments) == 1
        return capsys.readouterr().err

    assert "there is no" in said("train", folder / "digit.npy")
    assert "digits.npy" in said("train", folder / "digit.npy")  # what the folder holds
    assert "choose one with --key, of a, b" in said("train", folder / "two.npz")
    assert "has no array 'c'; it holds a, b" in said("train", folder / "two.npz", "--key", "c")
    assert "its columns are height, speed, phase, odd" in said("train", folder / "table.csv", "--label", "even")
    assert "is no model; the model comes first" in said("score", folder / "digits.npy", trained)
    assert "the model" in said("score", trained, folder / "table.csv")
    assert "unknown optimizer 'adamm'; did you mean 'adam'" in said("train", folder / "digits.npy", "--optimizer", "adamm", "--quiet").lower()
    assert "choose one" in said("train", folder / "digits.npy", "--vae", "--denoise", "0.1", "--quiet")
    np.save(tmp_path / "nan.npy", np.array([[1.0, 2.0], [np.nan, 1.0]]))
    assert "sample 2 holds NaN" in said("train", tmp_path / "nan.npy")
    nn.Sequential([nn.Input((64,)), nn.Dense(2)]).save(tmp_path / "plain.npz")
    assert "without an encoder" in said("encode", tmp_path / "plain.npz", folder / "digits.npz", "--out", tmp_path / "c.npy")
    assert ".npy or .csv" in said("encode", trained, folder / "digits.npy", "--out", tmp_path / "codes.xls")
    assert "cannot write" in said("train", folder / "digits.npz", "--layers", "2", "--epochs", "1", "--quiet", "--out", "/proc/m.npz")


def test_scales(monkeypatch):
    images = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    scale = _reading.Scale.of(images)
    assert scale.kind == "range"
    seen = scale.apply(images, "float32")
    assert (seen.min(), seen.max(), seen.dtype) == (0, 1, np.float32)
    np.testing.assert_allclose(scale.undo(seen), images, atol=1e-5)
    table = np.random.default_rng(0).normal(5, [1, 2, 3], (50, 3))
    table[:, 1] = 7  # a constant column
    scale = _reading.Scale(**_reading.Scale.of(table).notes())
    assert scale.kind == "standard"
    monkeypatch.setattr(_reading, "CHUNK", 7)
    seen = scale.apply(table, "float64")
    np.testing.assert_allclose(seen.std(axis=0), [1, 0, 1], atol=1e-12)
    np.testing.assert_allclose(scale.undo(seen), table, rtol=1e-12)
    unit = np.random.default_rng(0).random((5, 3))
    assert _reading.Scale.of(unit).kind == "none"
    assert _reading.Scale.of(unit).apply(unit, "float32") is unit
    assert _reading.Scale.of(unit, "standard").kind == "standard"


# ---- the command itself ----


@pytest.mark.parametrize("name", ["train", "reconstruct", "encode", "score", "report"])
def test_help_teaches(name, capsys):
    assert run(name, "--help") == 0
    said = capsys.readouterr().out
    assert f"dualad {name} " in said.split("usage")[1].split("\n\n", 1)[1]  # an example
    assert "--label" in said
    assert max(map(len, said.splitlines())) < 150


@pytest.mark.parametrize(("options", "message"), [
    (["--layers", "0"], "at least 1"), (["--layers", "a,b"], "whole number"), (["--epochs", "1.5"], "whole number"), (["--learning-rate", "0"], "above 0"),
    (["--validation-split", "1"], "at most 0.9"), (["--denoise", "-1"], "above 0"), (["--size", "28"], "WIDTHxHEIGHT"),
    (["--loss", "nothing"], "invalid choice"),
    (["--resume", "--restart"], "not allowed with")])
def test_bad_options(options, message, capsys):
    assert run("train", "x.npy", *options) == 2
    assert message in capsys.readouterr().err


def test_better_kernels_start_the_command_anew(monkeypatch):
    started = []
    monkeypatch.setattr(os, "execve", lambda *arguments: started.append(arguments))
    monkeypatch.setattr(sys, "orig_argv", ["python", "-m", "dualad", "train", "x.npy"])
    monkeypatch.delenv("OPENBLAS_CORETYPE", raising=False)
    monkeypatch.setattr(_info, "better_kernels", lambda: "")
    entry.take_better_kernels()
    assert not started
    monkeypatch.setattr(_info, "better_kernels", lambda: "SKYLAKEX")
    entry.take_better_kernels()
    program, arguments, environment = started.pop()
    assert program == sys.executable
    assert arguments == [sys.executable, "-m", "dualad", "train", "x.npy"]
    assert environment["OPENBLAS_CORETYPE"] == "SKYLAKEX"
    assert environment["PATH"] == os.environ["PATH"]
    monkeypatch.setenv("OPENBLAS_CORETYPE", "HASWELL")  # what the user has set stays
    entry.take_better_kernels()
    assert not started


def test_which_kernels_are_better(monkeypatch):
    for level, kernel, want in (("x86-64-v4", b"Haswell", "SKYLAKEX"), ("x86-64-v4", b"SkylakeX", ""), ("x86-64-v3", b"Haswell", ""), ("x86-64-v4", None, "")):
        monkeypatch.setattr(_info._core, "simd_level", lambda level=level: level)
        monkeypatch.setattr(_info, "openblas", lambda what, kind, kernel=kernel: kernel)
        assert _info.better_kernels() == want


def test_the_new_start_is_one_command(folder, tmp_path):
    """The whole way through a real execve: the environment as a processor with AVX-512 would have it."""
    code = ("import os, sys; from dualad import __main__ as entry, _info; _info.better_kernels = lambda: 'HASWELL'; "
            "print('start', os.environ.get('OPENBLAS_CORETYPE')); sys.stdout.flush(); sys.argv[0] = 'dualad'; entry.run()")
    environment = {k: v for k, v in os.environ.items() if k != "OPENBLAS_CORETYPE"}
    options = ["train", folder / "digits.npz", "--layers", "2", "--epochs", "1", "--quiet", "--out", tmp_path / "m.npz"]
    done = subprocess.run([sys.executable, "-c", code, *options],
                          capture_output=True, text=True, env=environment, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split("\n")[:2] == ["start None", "start HASWELL"]
    assert (tmp_path / "m.npz").exists()


def test_a_bar_on_a_terminal(folder, tmp_path):
    terminal, end = pty.openpty()
    arguments = [sys.executable, "-m", "dualad", "train", folder / "digits.npz", "--layers", "2", "--epochs", "2", "--out", tmp_path / "m.npz"]
    with subprocess.Popen(arguments, stdout=end, stderr=end) as process:
        os.close(end)
        shown = b""
        while True:
            try:
                chunk = os.read(terminal, 4096)
            except OSError:
                break
            if not chunk:
                break
            shown += chunk
    os.close(terminal)
    assert process.returncode == 0
    assert b"Epoch 2/2" in shown
    assert b"loss" in shown
