"""Regularizers and constraints; and the names that all modules share."""

import json
from pathlib import Path

import numpy as np
import pytest

import dualad as da
from dualad.errors import ParameterError, ShapeError, UnknownNameError
from dualad.nn import _names, constraints, regularizers
from dualad.testing import check_grads

ORACLE = json.loads((Path(__file__).parent / "data" / "keras_oracle.json").read_text())["regularizers"]
W = np.array([[1, -2], [3, 0.5]])


@pytest.mark.parametrize("text", ORACLE)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_keras_values(text, dtype):
    value = eval(text, vars(regularizers))(W.astype(dtype))
    assert value.dtype == dtype
    assert float(value) == pytest.approx(ORACLE[text], rel=2e-6)


@pytest.mark.parametrize("penalty", [regularizers.L1(0.3), regularizers.L2(0.3), regularizers.L1L2(0.2, 0.1), regularizers.OrthogonalRegularizer(),
                                     regularizers.OrthogonalRegularizer(mode="columns")], ids=repr)
def test_derivatives(penalty, rng):
    w = rng.standard_normal((4, 3))
    check_grads(penalty, (w,), order=1)
    np.testing.assert_allclose(da.record(da.grad(penalty), w)(w), da.grad(penalty)(w), rtol=1e-12, atol=1e-15)
    assert da.grad(penalty)(w.astype(np.float32)).dtype == np.float32


def test_orthogonal(rng):
    w = rng.standard_normal((4, 3))
    cosines = np.corrcoef(np.c_[w, -w])  # centred rows: the coefficients of correlation are the cosines
    want = 0.2 * abs(cosines[np.triu_indices(4, 1)]).mean()
    assert regularizers.OrthogonalRegularizer(0.2)(w) == pytest.approx(want)
    assert regularizers.OrthogonalRegularizer(0.2, "columns")(w.T) == pytest.approx(want)
    for shape in ((3,), (1, 3), (2, 2, 2)):
        with pytest.raises(ShapeError, match="at least two rows"):
            regularizers.OrthogonalRegularizer()(np.ones(shape))


def test_nothing_to_penalise():
    assert regularizers.L1L2()(W) == 0


@pytest.mark.parametrize("axis", [0, 1, (0, 1)])
def test_norms_after_constraints(axis, rng):
    w = (3 * rng.standard_normal((5, 4))).astype(np.float32)
    norm = lambda a: np.sqrt(np.sum(np.square(a), axis=axis, keepdims=True))
    limited = constraints.MaxNorm(4.0, axis)(w)
    np.testing.assert_allclose(norm(limited), np.minimum(norm(w), 4), rtol=1e-6)
    np.testing.assert_allclose(norm(constraints.UnitNorm(axis)(w)), 1, rtol=1e-6)
    halfway = constraints.MinMaxNorm(2.0, 3.0, 0.5, axis)(w)
    np.testing.assert_allclose(norm(halfway), (np.clip(norm(w), 2, 3) + norm(w)) / 2, rtol=1e-6)
    assert limited.dtype == halfway.dtype == np.float32
    np.testing.assert_allclose(limited / norm(limited), w / norm(w), atol=1e-6)


def test_zero_weights_stay():
    for constraint in (constraints.MaxNorm(), constraints.UnitNorm(), constraints.MinMaxNorm(0.5, 1.0), constraints.NonNeg()):
        assert not constraint(np.zeros((3, 2))).any()


def test_non_negative():
    w = constraints.NonNeg()(np.array([-1, 0, 2], np.float32))
    assert w.tolist() == [0, 0, 2]
    assert w.dtype == np.float32


@pytest.mark.parametrize("made", [regularizers.L1(0.5), regularizers.L1L2(0.1, 0.2), regularizers.OrthogonalRegularizer(0.1, "columns"),
                                  constraints.MaxNorm(3.0, (0, 1)), constraints.MinMaxNorm(0.1, 2.0, 0.5, 1), constraints.NonNeg()], ids=repr)
def test_written_and_read(made):
    module = regularizers if isinstance(made, regularizers.Regularizer) else constraints
    again = module.get(json.loads(json.dumps(module.serialize(made))))
    assert type(again) is type(made)
    assert again.get_config() == made.get_config()
    np.testing.assert_array_equal(again(W), made(W))


def test_get():
    assert regularizers.get(None) is None
    assert regularizers.get("L1_L2").get_config() == {"l1": 0.0, "l2": 0.0}
    assert regularizers.get(regularizers.L1).l1 == 0.01
    assert regularizers.get(np.sum) is np.sum
    assert constraints.get("max_norm").max_value == 2
    with pytest.raises(UnknownNameError, match="unknown regularizer 'l3'; did you mean 'L"):
        regularizers.get("l3")
    with pytest.raises(UnknownNameError, match="did you mean 'NonNeg'"):
        constraints.get("nonnegative")
    with pytest.raises(UnknownNameError, match="there are MaxNorm, MinMaxNorm, NonNeg, UnitNorm"):
        constraints.get("xyzzy")


def test_bad_factors():
    for bad in (-1, np.nan, np.inf, "1", True):
        with pytest.raises(ParameterError, match="l2 must be a finite number of at least 0"):
            regularizers.L2(bad)
    with pytest.raises(ParameterError, match="mode='cols'"):
        regularizers.OrthogonalRegularizer(mode="cols")
    with pytest.raises(ParameterError, match="max_value=-1"):
        constraints.MaxNorm(-1)
    with pytest.raises(ParameterError, match="must be ordered"):
        constraints.MinMaxNorm(2, 1)
    with pytest.raises(ParameterError, match="rate=2"):
        constraints.MinMaxNorm(rate=2)


# ---- names ----


def test_lookup():
    table = {"MeanSquaredError": 1, "mse": 2}
    for name in ("MeanSquaredError", "mean_squared_error", "MEAN-SQUARED error", "meansquarederror"):
        assert _names.lookup("loss", name, table) == 1
    assert _names.lookup("loss", "MSE", table) == 2
    with pytest.raises(UnknownNameError, match=r"unknown loss 'mean_square_error'; did you mean 'MeanSquaredError'?"):
        _names.lookup("loss", "mean_square_error", table)
    with pytest.raises(UnknownNameError, match="unknown loss None"):
        _names.lookup("loss", None, table)


def test_plain_values():
    config = {"a": np.float32(0.5), "b": np.int64(3), "c": (1, np.arange(2)), "d": None, "e": np.float64(0.1), "f": regularizers.L2(0.5), "g": np.bool_(True),
              "h": np.random.default_rng(0), "i": np.tanh}
    want = {"a": 0.5, "b": 3, "c": [1, [0, 1]], "d": None, "e": 0.1, "f": {"class_name": "L2", "config": {"l2": 0.5}}, "g": True, "h": None, "i": "tanh"}
    got = json.loads(json.dumps(_names.plain(config)))
    assert got == want
    with pytest.raises(ParameterError, match="cannot be written down"):
        _names.plain(object())


def test_custom_objects():
    class Mine(regularizers.L1):
        pass

    data = _names.serialize(Mine(0.5))
    with pytest.raises(UnknownNameError, match="unknown regularizer 'Mine'"):
        regularizers.get(data)
    made = _names.deserialize("regularizer", data, regularizers.REGULARIZERS, {"Mine": Mine})
    assert type(made) is Mine
    assert made.l1 == 0.5


@pytest.mark.parametrize("data", [{"class_name": 3}, {"class_name": "L2", "config": []}, {}, {"class_name": "L2", "config": {"__class__": 1}},
                                  {"class_name": "L2", "config": {"l2": "x"}}, 3, [1]])
def test_hostile_configs(data):
    with pytest.raises(ParameterError):
        regularizers.get(data)
