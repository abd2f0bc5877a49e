"""Metrics against the same numbers computed at once from all data, with any cut into batches, with and without weights."""

import json

import numpy as np
import pytest

import dualad as da
from dualad.errors import ParameterError, ShapeError, UnknownNameError
from dualad.nn import losses, metrics


def streamed(metric, t, y, w=None):
    """The result over batches of different sizes."""
    for part in np.split(np.arange(len(t)), [1, 4, 4, 9]):
        metric.update_state(t[part], y[part], None if w is None else w[part])
    return metric.result()


@pytest.fixture
def scores(rng):
    t = rng.integers(0, 2, (30, 3)).astype(float)
    return t, rng.random((30, 3)), rng.random(30)


LOSSES = {"mean_squared_error": {}, "mean_absolute_error": {}, "mean_absolute_percentage_error": {}, "mean_squared_logarithmic_error": {},
          "huber": {"delta": 0.3}, "poisson": {}, "hinge": {}, "squared_hinge": {}, "categorical_hinge": {}, "kl_divergence": {},
          "binary_crossentropy": {"label_smoothing": 0.2}, "categorical_crossentropy": {}, "binary_focal_crossentropy": {"gamma": 1.0}}


@pytest.mark.parametrize("name", LOSSES)
def test_losses_as_metrics(name, scores):
    t, y, w = scores
    each = getattr(losses, name)(t, y, **LOSSES[name])
    make = lambda: type(metrics.get(name))(**LOSSES[name])
    assert streamed(make(), t, y) == pytest.approx(each.mean())
    assert streamed(make(), t, y, w) == pytest.approx(np.average(each, weights=w))
    assert metrics.get(name).name == name
    assert isinstance(make().result(), float)
    assert make().result() == 0


def test_cosine_is_a_similarity(scores):
    t, y, _ = scores
    assert streamed(metrics.CosineSimilarity(), t, y) == pytest.approx(-losses.cosine_similarity(t, y).mean())


def test_mean_and_sum(rng):
    x, w = rng.standard_normal((6, 4)), rng.random(6)
    mean = metrics.Mean()
    mean.update_state(x[:2], w[:2])
    mean.update_state(x[2:], w[2:])
    assert mean.result() == pytest.approx(np.average(x.mean(1), weights=w))
    mixed = metrics.Mean()
    mixed.update_state(x[:2])
    mixed.update_state(x[2:], np.ones(4))
    assert mixed.result() == pytest.approx(x.mean())
    assert metrics.Mean()(3.0) == 3.0
    assert metrics.Mean()([1.0, 2.0], [0.0, 0.0]) == 0
    assert metrics.Sum()(x, w) == pytest.approx((x * w[:, None]).sum())
    assert metrics.Mean()(x, rng.random((6, 4)) * 0 + 2) == pytest.approx(x.mean())


def test_sums_are_float64():
    mean = metrics.Mean()
    for _ in range(1000):
        mean.update_state(np.full(1000, 0.1, np.float32))
    assert mean.result() == pytest.approx(np.float32(0.1), rel=1e-12)


def test_root_mean_squared_error(scores):
    t, y, w = scores
    assert streamed(metrics.RootMeanSquaredError(), t, y) == pytest.approx(np.sqrt(((t - y) ** 2).mean()))
    assert streamed(metrics.RootMeanSquaredError(), t, y, w) == pytest.approx(np.sqrt(np.average(((t - y) ** 2).mean(1), weights=w)))


def r2(t, y, w):
    mean = np.average(t, axis=0, weights=w)
    return 1 - np.average((t - y) ** 2, axis=0, weights=w) / np.average((t - mean) ** 2, axis=0, weights=w)


def test_r2(rng):
    t = rng.standard_normal((30, 3)) * [1, 2, 3] + [0, 5, 1e6]  # a mean far from 0: sums of squares would lose all digits
    y, w = t + rng.standard_normal((30, 3)), rng.random(30)
    want = r2(t, y, None)
    np.testing.assert_allclose(streamed(metrics.R2Score(None), t, y), want, rtol=1e-9)
    np.testing.assert_allclose(streamed(metrics.R2Score(None), t, y, w), r2(t, y, w), rtol=1e-9)
    assert streamed(metrics.R2Score(), t, y) == pytest.approx(want.mean(), rel=1e-9)
    assert streamed(metrics.R2Score("variance_weighted_average"), t, y) == pytest.approx(np.average(want, weights=t.var(0)), rel=1e-9)
    assert streamed(metrics.R2Score(num_regressors=4), t, y) == pytest.approx(1 - (1 - want.mean()) * 29 / 25, rel=1e-9)
    assert metrics.R2Score()(np.ones((3, 1)), np.ones((3, 1))) == 0
    assert metrics.R2Score()(t[:, 0], y[:, 0]) == pytest.approx(want[0])


# ---- accuracies ----


def test_accuracies(rng):
    labels, y, w = rng.integers(0, 4, 30), rng.random((30, 4)), rng.random(30)
    right = labels == y.argmax(1)
    hot = np.eye(4)[labels]
    for metric, t in ((metrics.SparseCategoricalAccuracy, labels), (metrics.SparseCategoricalAccuracy, labels[:, None]), (metrics.CategoricalAccuracy, hot)):
        assert streamed(metric(), t, y) == pytest.approx(right.mean())
        assert streamed(metric(), t, y, w) == pytest.approx(np.average(right, weights=w))
    among = np.array([label in np.argsort(row)[-2:] for label, row in zip(labels, y)])
    assert streamed(metrics.TopKCategoricalAccuracy(k=2), hot, y) == pytest.approx(among.mean())
    assert streamed(metrics.SparseTopKCategoricalAccuracy(2), labels, y) == pytest.approx(among.mean())
    assert streamed(metrics.BinaryAccuracy(), hot, y) == pytest.approx((hot == (y > 0.5)).mean())
    assert streamed(metrics.BinaryAccuracy(threshold=0.8), hot, y) == pytest.approx((hot == (y > 0.8)).mean())
    assert streamed(metrics.Accuracy(), labels, y.argmax(1)) == pytest.approx(right.mean())


@pytest.mark.parametrize("options", [{}, {"thresholds": 0.3}, {"class_id": 1}, {"thresholds": [0.2, 0.8]}])
def test_precision_and_recall(options, scores):
    t, y, w = scores
    limits = np.atleast_1d(options.get("thresholds", 0.5))
    columns = slice(None) if "class_id" not in options else slice(1, 2)
    tt, yy, ww = t[:, columns] > 0, y[:, columns], np.repeat(w[:, None], 3, 1)[:, columns]
    precision = [(ww * (tt & (yy > c))).sum() / (ww * (yy > c)).sum() for c in limits]
    recall = [(ww * (tt & (yy > c))).sum() / (ww * tt).sum() for c in limits]
    np.testing.assert_allclose(streamed(metrics.Precision(**options), t, y, w), precision if len(limits) > 1 else precision[0])
    np.testing.assert_allclose(streamed(metrics.Recall(**options), t, y, w), recall if len(limits) > 1 else recall[0])
    assert metrics.Precision()([1, 1], [0.0, 0.0]) == 0


def test_f1(scores):
    t, y, w = scores
    ww = w[:, None]
    yes = y > 0.4
    right, said, true = (ww * (yes & (t > 0))).sum(0), (ww * yes).sum(0), (ww * t).sum(0)
    precision, recall = right / said, right / true
    each = 2 * precision * recall / (precision + recall)
    np.testing.assert_allclose(streamed(metrics.F1Score(threshold=0.4), t, y, w), each)
    assert streamed(metrics.F1Score("macro", 0.4), t, y, w) == pytest.approx(each.mean())
    assert streamed(metrics.F1Score("weighted", 0.4), t, y, w) == pytest.approx(np.average(each, weights=true))
    p, r = right.sum() / said.sum(), right.sum() / true.sum()
    assert streamed(metrics.F1Score("micro", 0.4), t, y, w) == pytest.approx(2 * p * r / (p + r))
    hot = np.eye(3)[[0, 1, 2, 1]]
    np.testing.assert_allclose(metrics.F1Score()(hot, np.eye(3)[[0, 1, 1, 1]] * 0.9), [1, 0.8, 0])


def test_auc(rng):
    t = rng.integers(0, 2, 400)
    y = np.clip((rng.integers(0, 100, 400) + 40 * t) / 140, 0, 1)
    w = rng.random(400)
    pairs = (y[t == 1][:, None] > y[t == 0]) + 0.5 * (y[t == 1][:, None] == y[t == 0])
    weights = w[t == 1][:, None] * w[t == 0]
    # 1000 thresholds separate all scores, which lie 1/140 apart
    assert streamed(metrics.AUC(1000), t, y) == pytest.approx(pairs.mean(), rel=1e-12)
    assert streamed(metrics.AUC(1000), t, y, w) == pytest.approx(np.average(pairs, weights=weights), rel=1e-12)
    assert streamed(metrics.AUC(), t, y) == pytest.approx(pairs.mean(), rel=1e-2)
    assert metrics.AUC()([0, 1], [0.0, 1.0]) == 1
    assert metrics.AUC()([0, 1], [0.5, 0.5]) == 0.5
    assert metrics.AUC(3)([0, 1], [0.5, 0.8]) == 1  # a score at a threshold does not exceed it
    assert metrics.AUC()([1, 1], [0.5, 0.7]) == 0  # no zeros: no curve


# ---- state ----

KINDS = [metrics.Mean, metrics.MeanSquaredError, metrics.RootMeanSquaredError, metrics.R2Score, metrics.Precision, metrics.Recall, metrics.F1Score, metrics.AUC,
         metrics.BinaryAccuracy]


@pytest.mark.parametrize("kind", KINDS)
def test_state(kind, scores):
    t, y, _ = scores
    data = [t, y] if kind is not metrics.Mean else [t]
    whole, first, second = kind(), kind(), kind()
    whole.update_state(*data)
    first.update_state(*(a[:11] for a in data))
    saved = first.state()
    first.update_state(*(a[11:] for a in data))
    second.set_state(saved)
    second.update_state(*(a[11:] for a in data))
    np.testing.assert_array_equal(first.result(), second.result())
    np.testing.assert_allclose(second.result(), whole.result())
    assert all(isinstance(x, (float, np.ndarray)) for x in saved.values())
    first.reset_state()
    np.testing.assert_array_equal(first(*data), whole.result())
    with pytest.raises(ParameterError, match="holds"):
        second.set_state({"x": 1.0})


def test_traced_values_are_read(scores):
    """A metric of a traced prediction has no derivative, and does not ask for one."""
    t, y, _ = scores
    seen = []
    da.grad(lambda y: (seen.append(metrics.MeanSquaredError()(t, y)), np.sum(y))[1])(y)
    assert seen == [pytest.approx(((t - y) ** 2).mean())]


# ---- names ----


def test_accuracy_depends_on_the_model():
    sparse = "sparse_categorical_crossentropy"
    for name in ("accuracy", "acc"):
        assert type(metrics.get(name, "binary_crossentropy", (None, 1))) is metrics.BinaryAccuracy
        assert type(metrics.get(name, sparse, (None, 4))) is metrics.SparseCategoricalAccuracy
        assert type(metrics.get(name, "categorical_crossentropy", (None, 4))) is metrics.CategoricalAccuracy
        assert metrics.get(name, "mse", (None, 4)).name == name
    assert type(metrics.get("ce", sparse, (None, 4))) is metrics.SparseCategoricalCrossentropy


def test_get():
    assert metrics.get("mse").name == "mse"
    assert metrics.get("MeanSquaredError").name == "mean_squared_error"
    assert metrics.get(None) is None
    assert metrics.get("auc").name == "auc"
    own = metrics.get(lambda t, y: np.abs(t - y).max(-1))
    assert own(np.zeros((2, 2)), np.array([[1.0, 2.0], [3.0, 4.0]])) == 3
    assert metrics.get(losses.Huber(0.5)).name == "huber"
    assert metrics.get(losses.Huber(0.5))(np.zeros((1, 1)), np.ones((1, 1))) == 0.375
    with pytest.raises(UnknownNameError, match=r"unknown metric 'acuracy'; did you mean '[Aa]ccuracy'"):
        metrics.get("acuracy")


@pytest.mark.parametrize("made", [metrics.MeanSquaredError("error"), metrics.BinaryAccuracy(threshold=0.3), metrics.AUC(50), metrics.F1Score("macro", 0.5),
                                  metrics.R2Score(None), metrics.Precision([0.1, 0.2], class_id=1), metrics.TopKCategoricalAccuracy(3)], ids=repr)
def test_written_and_read(made):
    again = metrics.get(json.loads(json.dumps(metrics.serialize(made))))
    assert type(again) is type(made)
    assert again.get_config() == made.get_config()


def test_own_functions_written_and_read():
    def worst(t, y):
        return np.abs(t - y).max(-1)

    text = json.loads(json.dumps(metrics.serialize(metrics.get(worst))))
    assert metrics.get(text, custom_objects={"worst": worst}).name == "worst"
    with pytest.raises(ParameterError, match="custom_objects"):
        metrics.get(text)


def test_bad_input():
    with pytest.raises(ShapeError, match=r"\(2, 3\).*\(2, 4\)"):
        metrics.MeanSquaredError().update_state(np.ones((2, 3)), np.ones((2, 4)))
    with pytest.raises(ShapeError, match="labels of shape"):
        metrics.SparseCategoricalAccuracy().update_state(np.ones((2, 3)), np.ones((2, 3)))
    with pytest.raises(ShapeError, match=r"weights of shape \(3,\)"):
        metrics.Precision().update_state(np.ones((2, 3)), np.ones((2, 3)), np.ones(3))
    with pytest.raises(ParameterError, match=r"targets 0 and 1; they hold 0.5"):
        metrics.Recall().update_state([0.5], [1.0])
    with pytest.raises(ParameterError, match=r"predictions in \[0, 1\]; they lie in \[0, 3\]"):
        metrics.AUC().update_state([0, 1], [0.0, 3.0])
    with pytest.raises(ParameterError, match="num_thresholds=1"):
        metrics.AUC(1)
    with pytest.raises(ParameterError, match="average='median'"):
        metrics.F1Score("median")
    with pytest.raises(ParameterError, match=r"thresholds=2"):
        metrics.Precision(2)
    with pytest.raises(TypeError, match="BinaryAccuracy takes threshold, name"):
        metrics.BinaryAccuracy(limit=0.5)
    columns = metrics.R2Score()
    columns.update_state(np.ones((2, 3)), np.ones((2, 3)))
    with pytest.raises(ShapeError, match="3 columns"):
        columns.update_state(np.ones((2, 2)), np.ones((2, 2)))
