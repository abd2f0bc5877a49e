"""Initializers: distributions, seeds, streams, names."""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from dualad.errors import ParameterError, ShapeError, UnknownNameError
from dualad.nn import config, initializers
from dualad.nn._names import serialize

ORACLE = json.loads((Path(__file__).parent / "data" / "keras_oracle.json").read_text())["init_limits"]
RANDOM = ["RandomNormal", "TruncatedNormal", "RandomUniform", "Orthogonal", "VarianceScaling", "GlorotUniform", "GlorotNormal", "HeUniform", "HeNormal",
          "LecunUniform", "LecunNormal"]


def philox(seed):
    return np.random.Generator(np.random.Philox(seed))


@pytest.mark.parametrize("name", ORACLE)
def test_spread_is_that_of_keras(name):
    w = initializers.get(name).drawn_by(philox(5))((100, 32))
    assert abs(w).max() == pytest.approx(ORACLE[name]["absmax"], rel=0.02)
    assert w.std() == pytest.approx(ORACLE[name]["std"], rel=0.04)
    assert abs(w.mean()) < 4 * w.std() / np.sqrt(w.size)


@pytest.mark.parametrize(("made", "distribution"), [
    (initializers.RandomNormal(0.5, 2.0, seed=1), stats.norm(0.5, 2.0)),
    (initializers.RandomUniform(-1.0, 3.0, seed=1), stats.uniform(-1.0, 4.0)),
    (initializers.TruncatedNormal(0.5, 2.0, seed=1), stats.truncnorm(-2, 2, 0.5, 2.0)),
    (initializers.GlorotUniform(seed=1), stats.uniform(-np.sqrt(6 / 300), 2 * np.sqrt(6 / 300))),
    (initializers.LecunUniform(seed=1), stats.uniform(-np.sqrt(3 / 200), 2 * np.sqrt(3 / 200))),
    (initializers.HeUniform(seed=1), stats.uniform(-np.sqrt(6 / 200), 2 * np.sqrt(6 / 200))),
    (initializers.VarianceScaling(3.0, "fan_out", "untruncated_normal", seed=1), stats.norm(0, np.sqrt(3 / 100))),
    (initializers.VarianceScaling(3.0, "fan_avg", "truncated_normal", seed=1),
     stats.truncnorm(-2, 2, 0, np.sqrt(3 / 150) / stats.truncnorm(-2, 2).std())),
])
def test_distributions(made, distribution):
    w = made((200, 100), "float64")
    assert stats.kstest(w.ravel(), distribution.cdf).pvalue > 1e-3


def test_scaled_names_are_variance_scaling():
    for name, scale, mode, distribution in (("GlorotNormal", 1.0, "fan_avg", "truncated_normal"), ("HeNormal", 2.0, "fan_in", "truncated_normal"),
                                            ("LecunNormal", 1.0, "fan_in", "truncated_normal")):
        np.testing.assert_array_equal(getattr(initializers, name)(seed=3)((7, 5)), initializers.VarianceScaling(scale, mode, distribution, 3)((7, 5)))


def test_fans():
    assert initializers.fans(()) == (1, 1)
    assert initializers.fans((7,)) == (7, 7)
    assert initializers.fans((7, 5)) == (7, 5)
    assert initializers.fans((3, 3, 4, 8)) == (36, 72)


@pytest.mark.parametrize("shape", [(6, 4), (4, 6), (2, 3, 4), (5, 5)])
def test_orthogonal(shape):
    q = initializers.Orthogonal(gain=3.0, seed=1)(shape, "float64").reshape(-1, shape[-1])
    product = q.T @ q if q.shape[0] >= q.shape[1] else q @ q.T
    np.testing.assert_allclose(product, 9 * np.eye(min(q.shape)), atol=1e-13)


def test_orthogonal_is_uniform():
    """Without the signs of R the first element would hardly ever be positive."""
    make = initializers.Orthogonal().drawn_by(philox(0))
    positive = sum(make((3, 3))[0, 0] > 0 for _ in range(400))
    assert 150 < positive < 250


def test_plain_ones():
    assert initializers.get("zeros")((2, 3)).tolist() == [[0] * 3] * 2
    assert initializers.get("ones")(3, "float64").dtype == np.float64
    assert initializers.Constant([1, 2, 3])((2, 3)).tolist() == [[1, 2, 3]] * 2
    assert initializers.get(np.array([1.0, 2.0]))((2,)).tolist() == [1, 2]
    assert initializers.get("identity")((2, 2)).tolist() == [[1, 0], [0, 1]]


@pytest.mark.parametrize("name", RANDOM)
def test_seeds(name):
    kind = getattr(initializers, name)
    shape = (6, 5)
    seeded = kind(seed=7)
    np.testing.assert_array_equal(seeded(shape), seeded(shape))
    np.testing.assert_array_equal(seeded.drawn_by(philox(1))(shape), kind(seed=7)(shape))
    free = kind()
    assert (free(shape) != free(shape)).any()
    assert (free(shape) != kind()(shape)).any()
    np.testing.assert_array_equal(free.drawn_by(philox(1))(shape), free.drawn_by(philox(1))(shape))
    stream = philox(1)
    draw = free.drawn_by(stream)
    assert (draw(shape) != draw(shape)).any()
    given = kind(seed=philox(2))
    assert (given(shape) != given(shape)).any()


@pytest.mark.parametrize("name", RANDOM)
def test_types_change_rounding_alone(name):
    made = getattr(initializers, name)(seed=7)
    single, double = made((6, 5)), made((6, 5), "float64")
    assert (single.dtype, double.dtype) == (np.float32, np.float64)
    np.testing.assert_array_equal(single, double.astype(np.float32))


def test_default_type():
    config.set_floatx("float64")
    try:
        assert initializers.Zeros()((2,)).dtype == np.float64
    finally:
        config.set_floatx("float32")
    with pytest.raises(ParameterError, match=r"float16.*float32 or float64"):
        config.set_floatx("float16")
    assert config.float_name(np.float64) == "float64"
    assert config.float_name(None) == "float32"
    with pytest.raises(ParameterError, match="bfloat16"):
        config.float_name("bfloat16")


@pytest.mark.parametrize("made", [initializers.Constant([1.0, 2.0]), initializers.VarianceScaling(2.0, "fan_out", "uniform", 5), initializers.HeNormal(4),
                                  initializers.Orthogonal(2.0), initializers.Identity(3.0), initializers.RandomUniform(-1, 1, 2)])
def test_written_and_read(made):
    again = initializers.get(json.loads(json.dumps(serialize(made))))
    assert repr(again) == repr(made)
    if getattr(made, "seed", 0) is not None:
        np.testing.assert_array_equal(again((2, 2)), made((2, 2)))


def test_bad_input():
    with pytest.raises(ShapeError, match=r"\(3,\), .*\(2, 2\)"):
        initializers.Constant([1, 2, 3])((2, 2))
    with pytest.raises(ShapeError, match="Identity makes matrices"):
        initializers.Identity()((2,))
    with pytest.raises(ShapeError, match="two axes"):
        initializers.Orthogonal()((2,))
    with pytest.raises(ParameterError, match=r"mode='fan_on'.*fan_in, fan_out, fan_avg"):
        initializers.VarianceScaling(mode="fan_on")
    with pytest.raises(ParameterError, match="distribution='gauss'"):
        initializers.VarianceScaling(distribution="gauss")
    with pytest.raises(ParameterError, match=r"scale=0"):
        initializers.VarianceScaling(0)
    with pytest.raises(ParameterError, match="stddev=-1"):
        initializers.RandomNormal(stddev=-1)
    with pytest.raises(ParameterError, match="minval=1"):
        initializers.RandomUniform(1, 0)
    for seed in (-1, 1.5, True, "1"):
        with pytest.raises(ParameterError, match="a seed is None"):
            initializers.HeNormal(seed=seed)
    with pytest.raises(UnknownNameError, match="did you mean 'GlorotUniform'"):
        initializers.get("glorot_unifrom")
    with pytest.raises(ParameterError, match="'class_name'"):
        initializers.get({"config": {}})
    with pytest.raises(ParameterError, match=r"Constant does not take this config.*colour"):
        initializers.get({"class_name": "Constant", "config": {"colour": 1}})
