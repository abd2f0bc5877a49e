"""The report: one page that holds everything it shows."""

import base64
import os
import re
import struct
from html.parser import HTMLParser

import numpy as np
import pytest

from dualad import errors, nn
from dualad.nn import _report

matplotlib = pytest.importorskip("matplotlib")
VOID = {"meta", "img", "br", "link"}


class Page(HTMLParser):
    """Reads a page: tags that do not match are errors."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.words = [], [], []
        self.feed(text)
        assert not self.open, self.open
        self.headings = [text for tag, text in self.words if tag == "h2"]

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if data.strip():
            self.words.append((self.open[-1] if self.open else "", data.strip()))

    def pictures(self):
        return [attrs for tag, attrs in self.tags if tag == "img"]

    def text(self):
        return " ".join(word for _, word in self.words)


@pytest.fixture(scope="module")
def digits():
    return nn.datasets.load_digits()


@pytest.fixture(scope="module")
def model(digits):
    nn.utils.set_random_seed(0)
    made = nn.Autoencoder.dense(64, [24, 2], name="small & <quick>")
    made.compile("adam", "binary_crossentropy")
    made.fit(digits[0][:512], batch_size=32, epochs=2, validation_split=0.25, verbose=0)
    return made


@pytest.fixture(scope="module")
def page(model, digits, tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "report.html"
    model.report(path, digits[0][512:700], digits[1][512:700])
    return Page(path.read_text())


def test_sections(page):
    assert page.headings == ["Training", "Reconstructions", "Codes", "Pixels and weights", "Layers", "Timing", "Environment"]


def test_nothing_comes_from_elsewhere(page):
    for tag, attrs in page.tags:
        assert tag not in ("script", "link", "iframe", "object")
        for name in ("src", "href"):
            assert attrs.get(name, "data:").startswith("data:")
    style = next(text for tag, text in page.words if tag == "style")
    assert "url(" not in style
    assert "@import" not in style


def test_pictures_are_whole_and_described(page):
    kinds = []
    for attrs in page.pictures():
        kind, data = re.fullmatch(r"data:image/([\w+]+);base64,([\w+/=]+)", attrs["src"]).groups()
        content = base64.b64decode(data, validate=True)
        kinds.append(kind)
        if kind == "png":
            assert content[:8] == b"\x89PNG\r\n\x1a\n"
            assert min(struct.unpack(">II", content[16:24])) > 50
        else:
            assert b"</svg>" in content[-20:]
        assert len(attrs["alt"]) > 5
    assert kinds.count("svg+xml") == 2  # the curves, and the singular values
    assert kinds.count("png") >= 6


def test_phones(page):
    viewport = next(attrs for tag, attrs in page.tags if tag == "meta" and attrs.get("name") == "viewport")
    assert "width=device-width" in viewport["content"]
    style = next(text for tag, text in page.words if tag == "style")
    assert "max-width: 100%" in style
    around = [attrs.get("class") for tag, attrs in page.tags if tag == "div"]
    assert around.count("scroll") >= len(page.pictures())  # what is wider than the screen is moved inside its box


def test_numbers(page, model, digits):
    text = page.text()
    assert "small & <quick>" in text  # escaped
    assert f"{model.count_params():,}" in text
    assert f"{model.history.history['val_loss'][-1]:.4g}" in text
    x = digits[0][512:700]
    assert f"{np.mean((model.predict(x, verbose=0) - x) ** 2):.3g}" in text
    assert "encoder (Sequential)" in text
    assert np.__version__ in text


def test_timing(page):
    cells = [word for tag, word in page.words if tag == "td"]
    at = cells.index("training step")
    assert cells[at + 1] == "32"
    assert re.fullmatch(r"[\d.]+ (s|ms|µs)", cells[at + 2])
    assert "prediction" in cells


def test_the_model_is_as_before(model, digits, tmp_path):
    x = digits[0][:40]
    noisy = nn.Sequential([nn.Input((64,)), nn.Dropout(0.5), nn.Dense(8), nn.BatchNormalization(), nn.Dense(64)])
    noisy.compile("adam", "mse")

    def course(reported):
        nn.utils.set_random_seed(3)
        nn.utils.clear_session()
        made = nn.clone_model(noisy)
        made.compile("adam", "mse")
        made.fit(x, epochs=1, verbose=0)
        if reported:
            made.report(tmp_path / "a.html", x)
        made.fit(x, epochs=1, verbose=0)
        return [w.copy() for w in made.get_weights()] + [nn.Dense(3)(x).sum()]

    for a, b in zip(course(False), course(True), strict=True):
        np.testing.assert_array_equal(a, b)


def test_without_data(model, tmp_path):
    model.report(tmp_path / "a.html", title="A title")
    found = Page((tmp_path / "a.html").read_text())
    assert found.headings == ["Training", "Layers", "Environment"]
    assert ("h1", "A title") in found.words


def test_a_model_that_is_no_autoencoder(digits, tmp_path):
    made = nn.Sequential([nn.Input((64,)), nn.Dense(10)])
    made.report(tmp_path / "a.html", digits[0][:20])
    assert Page((tmp_path / "a.html").read_text()).headings == ["Pixels and weights", "Layers", "Timing", "Environment"]


def test_words_are_no_pixels(tmp_path):
    words = np.random.default_rng(0).integers(0, 5, (30, 16))
    made = nn.Sequential([nn.Input((16,), dtype="int32"), nn.Embedding(5, 3), nn.Flatten(), nn.Dense(2)])
    made.report(tmp_path / "a.html", words)
    assert Page((tmp_path / "a.html").read_text()).headings == ["Layers", "Timing", "Environment"]


def test_convolutions(digits, tmp_path):
    x = digits[0][:60].reshape(-1, 8, 8, 1)
    encoder = [nn.Input((8, 8, 1)), nn.Conv2D(4, 3, strides=2, padding="same", activation="relu")]
    made = nn.Autoencoder(encoder, [nn.Conv2DTranspose(1, 3, strides=2, padding="same", activation="sigmoid")])
    made.compile("adam", "binary_crossentropy")
    made.fit(x, verbose=0)
    made.report(tmp_path / "a.html", x)
    found = Page((tmp_path / "a.html").read_text())
    assert found.headings == ["Training", "Reconstructions", "Pixels and weights", "Layers", "Timing", "Environment"]  # codes are images, not vectors


def test_a_table(tmp_path):
    x = np.random.default_rng(0).normal(size=(60, 7)).astype(np.float32)
    made = nn.VAE.dense(7, [8, 3], output_activation="linear")
    made.compile("adam", "mse")
    made.fit(x, verbose=0)
    made.report(tmp_path / "a.html", x, labels=[f"kind {k % 2}" for k in range(60)])
    found = Page((tmp_path / "a.html").read_text())
    assert found.headings == ["Training", "Reconstructions", "Codes", "Layers", "Timing", "Environment"]
    assert "kl_loss" not in found.text()


def test_classes_of_ones_own(digits, tmp_path):
    class Own(nn.Model):
        def __init__(self, secret):
            super().__init__()
            self.inner = nn.Dense(64)
            self.secret_ = secret

        def call(self, inputs):
            return self.inner(inputs)

    made = Own(object())
    made.compile("adam", "mse")
    made.fit(digits[0][:40], verbose=0)
    made.report(tmp_path / "a.html", digits[0][:20])
    text = Page((tmp_path / "a.html").read_text()).text()
    assert "prediction" in text
    assert "training step" not in text  # there can be no copy to measure


def test_errors(model, digits, tmp_path):
    with pytest.raises(errors.ShapeError):
        model.report(tmp_path / "a.html", digits[0][:, :50])
    with pytest.raises(errors.DataError, match="numbers are needed"):
        model.report(tmp_path / "a.html", np.array([["a"]]))
    with pytest.raises(errors.SaveError):
        model.report(tmp_path / "missing" / "a.html", digits[0][:5])
    assert not os.listdir(tmp_path)


def test_durations():
    assert [_report.duration(t) for t in (2.5, 0.0123, 4.56e-6, 7e-9)] == ["2.5 s", "12.3 ms", "4.56 µs", "7 ns"]
