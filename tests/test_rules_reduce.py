"""Reductions, running sums and products, differences, quantiles: value, both modes, seeds, second order, float32."""

import numpy as np
import pytest
from rule_check import check, raised
from rule_inputs import (
    ALL,
    ARRAYS,
    COMPLEX,
    CUBE,
    EMPTY,
    HOLED,
    MASK,
    MATRIX,
    POSITIVE,
    REAL,
    ROW,
    VECTOR,
    ZEROS,
    cases,
    products,
    rows,
)

import dualad as da

SUMS = {
    "sum": np.sum, "mean": np.mean, "prod": np.prod,
    "sum_keep": lambda a: np.sum(a, axis=None, keepdims=True),
    "sum_last": lambda a: np.sum(a, axis=-1 if np.ndim(a) else None),
    "sum_none": lambda a: np.sum(a, axis=()),
    "mean_first": lambda a: np.mean(a, axis=0 if np.ndim(a) else None, keepdims=True),
    "prod_last": lambda a: np.prod(a, axis=-1 if np.ndim(a) else None, keepdims=True),
}
WITH_AXES = {
    "var": np.var, "std": np.std,
    "var_ddof": lambda a: np.var(a, axis=-1, ddof=1),
    "std_correction": lambda a: np.std(a, axis=0, correction=0.5, keepdims=True),
    "prod_first": lambda a: np.prod(a, axis=0),
    "cumsum": np.cumsum, "cumprod": np.cumprod,
    "cumsum_first": lambda a: np.cumsum(a, axis=0),
    "cumprod_first": lambda a: np.cumprod(a, axis=0),
    "cumprod_last": lambda a: np.cumprod(a, axis=-1),
    "cumulative_sum": lambda a: np.cumulative_sum(a, axis=0, include_initial=True),
    "cumulative_prod": lambda a: np.cumulative_prod(a, axis=-1, include_initial=True),
    "diff": np.diff,
    "diff_twice": lambda a: np.diff(a, 2, axis=-1),
    "diff_more_than_there_is": lambda a: np.diff(a, 9, axis=0),
    "diff_ends": lambda a: np.diff(a, axis=0, prepend=2.0, append=a),
    "ediff1d": np.ediff1d,
    "ediff1d_ends": lambda a: np.ediff1d(a, to_end=a * 2, to_begin=a),
    "gradient_edges": lambda a: np.gradient(a, 0.5, axis=-1, edge_order=2),
    "gradient_first": lambda a: np.gradient(a, 0.5, axis=0),
    "trapezoid": np.trapezoid,
    "trapezoid_first": lambda a: np.trapezoid(a, dx=0.3, axis=0),
    "average": np.average,
}
ORDERED = {
    "max": np.max, "min": np.min, "median": np.median,
    "amax": lambda a: np.amax(a, axis=-1, keepdims=True),
    "amin": lambda a: np.amin(a, axis=0),
    "ptp": lambda a: np.ptp(a, axis=0),
    "ptp_all": lambda a: np.ptp(a, keepdims=True),
    "median_first": lambda a: np.median(a, axis=0, keepdims=True),
    "quantile": lambda a: np.quantile(a, [0.1, 0.35, 0.9], axis=-1),
    "quantile_square": lambda a: np.quantile(a, [[0.1, 0.35], [0.9, 0.5]], axis=0, keepdims=True),
    "percentile": lambda a: np.percentile(a, 33.0),
}


@pytest.mark.parametrize(("f", "x"), [*products(SUMS, ALL), *products(WITH_AXES, ARRAYS), *products(ORDERED, REAL)])
def test_one_operand(f, x):
    check(f, x)


@pytest.mark.parametrize(("f", "xs"), cases(
    sum_axes=(lambda a: np.sum(a, axis=(0, 2)), CUBE),
    mean_axes=(lambda a: np.mean(a, axis=(0, -1), keepdims=True), CUBE),
    prod_axes=(lambda a: np.prod(a, axis=(2, 0)), CUBE),
    prod_middle=(lambda a: np.prod(a, axis=1, keepdims=True), CUBE),
    max_axes=(lambda a: np.max(a, axis=(0, 1)), CUBE),
    std_axes=(lambda a: np.std(a, axis=(1, 2)), CUBE),
    median_axes=(lambda a: np.median(a, axis=(0, 2)), CUBE),
    quantile_axes=(lambda a: np.quantile(a, [0.2, 0.4], axis=(0, 2), keepdims=True), CUBE),
    sum_where=(lambda a: np.sum(a, axis=0, where=MASK), MATRIX),
    sum_where_row=(lambda a: np.sum(a, where=MASK[0]), MATRIX),
    mean_where=(lambda a: np.mean(a, axis=0, where=MASK), MATRIX),
    mean_where_row=(lambda a: np.mean(a, axis=1, where=MASK[0]), MATRIX),
    var_where=(lambda a: np.var(a, axis=1, where=MASK), MATRIX),
    std_where=(lambda a: np.std(a, where=MASK, ddof=1), MATRIX),
    prod_where=(lambda a: np.prod(a, axis=1, where=MASK), MATRIX),
    max_where=(lambda a: np.max(a, axis=1, where=MASK, initial=-1.0), MATRIX),
    sum_initial=(lambda a: np.sum(a, axis=1, initial=a[0, 0]), MATRIX),
    prod_initial=(lambda a: np.prod(a, axis=1, initial=a[0, 0]), MATRIX),
    prod_initial_where=(lambda a: np.prod(a, axis=0, initial=a[0, 0], where=MASK), MATRIX),
    max_initial=(lambda a: np.max(a, axis=0, initial=a[1, 1] * 0.5), MATRIX),
    min_initial=(lambda a: np.min(a, initial=a[1, 1] - 9), MATRIX),
    sum_double=(lambda a: np.sum(a, axis=0, dtype=np.float64), MATRIX),
    mean_double=(lambda a: np.mean(a, dtype=np.float64), MATRIX),
    prod_double=(lambda a: np.prod(a, axis=0, dtype=np.float64), MATRIX),
    var_double=(lambda a: np.var(a, axis=0, dtype=np.float64), MATRIX),
    cumsum_double=(lambda a: np.cumsum(a, axis=0, dtype=np.float64), MATRIX),
    var_own_mean=(lambda a: np.var(a, axis=1, mean=np.mean(a, axis=1, keepdims=True)), MATRIX),
    var_given_mean=(lambda a: np.var(a, axis=1, mean=a[:, :1] * 2), MATRIX),
    std_given_mean=(lambda a: np.std(a, axis=0, mean=a[:1] * 2), MATRIX),
    prod_zeros=(np.prod, ZEROS),
    prod_zeros_axis=(lambda a: np.prod(a, axis=0), ZEROS),
    cumprod_zeros=(lambda a: np.cumprod(a, axis=1), ZEROS),
    cumprod_zeros_flat=(np.cumprod, ZEROS),
    prod_complex_zeros=(np.prod, ZEROS[0] * (1 + 2j)),
    average_axis=(lambda a, w: np.average(a, axis=0, weights=w), MATRIX, np.array([1.0, 2, 3])),
    average_full=(lambda a, w: np.average(a, weights=w), MATRIX, POSITIVE),
    average_returned=(lambda a: np.average(a, axis=1, returned=True), MATRIX),
    average_axes=(lambda a, w: np.average(a, axis=(2, 0), weights=w, keepdims=True, returned=True), CUBE, POSITIVE.T[:, :2]),
    average_of_plain=(lambda w: np.average(np.arange(4), weights=w), np.array([1.0, 2, 3, 4])),
    gradient_two=(lambda a: np.gradient(a, 0.3, 0.7), MATRIX),
    gradient_plain=(np.gradient, VECTOR),
    gradient_points=(lambda a, b: np.gradient(a, b, axis=0), MATRIX, np.array([0.0, 0.7, 2.0])),
    gradient_points_edges=(lambda a, b: np.gradient(a, b, axis=1, edge_order=2), MATRIX, np.array([0.0, 0.7, 2.0, 2.5])),
    gradient_mixed=(lambda a, h: np.gradient(a, h, np.array([0.0, 0.7, 2.0, 2.5])), MATRIX, np.array(0.7)),
    gradient_even_points=(lambda a, b: np.gradient(a, b, axis=1, edge_order=2), MATRIX, np.array([0.0, 0.25, 0.5, 0.75])),
    trapezoid_points=(lambda a, b: np.trapezoid(a, b), MATRIX, np.array([0.0, 0.7, 2.0, 2.5])),
    trapezoid_points_first=(lambda a, b: np.trapezoid(a, b, axis=0), MATRIX, np.array([0.0, 0.7, 2.0])),
    trapezoid_matrix=(lambda a, b: np.trapezoid(a, b, axis=0), MATRIX, POSITIVE),
    trapezoid_step=(lambda a, d: np.trapezoid(a, dx=d), MATRIX, np.array(0.3)),
    diff_traced_ends=(lambda a: np.diff(a, prepend=a[:, :1] * 2, append=a[0, 0]), MATRIX),
    empty_sum=(lambda a: np.sum(a, axis=0), EMPTY),
    empty_prod=(lambda a: np.prod(a, axis=0), EMPTY),
    empty_prod_other=(lambda a: np.prod(a, axis=1), EMPTY),
    empty_cumsum=(lambda a: np.cumsum(a, axis=0), EMPTY),
    empty_cumprod=(lambda a: np.cumprod(a, axis=0), EMPTY),
    empty_cumprod_flat=(np.cumprod, EMPTY),
    empty_diff=(lambda a: np.diff(a, axis=0), EMPTY),
    empty_max=(lambda a: np.max(a, axis=0, initial=1.0), EMPTY),
    convolve_mixed=(lambda a, b: np.convolve(a, b), ROW, rows(3) + 1j),
    convolve_scalar=(lambda a, b: np.convolve(a, b), ROW, np.array(2.0)),
    bincount=(lambda w: np.bincount([0, 1, 2, 1, 0], w, minlength=6), VECTOR),
    histogram=(lambda w: np.histogram([0.1, 0.5, -0.3, 2.0, 0.2], 4, weights=w)[0], VECTOR),
    histogram_density=(lambda w: np.histogram([0.1, 0.5, -0.3, 2, 0.2], [-1, 0, 0.3, 2], weights=w, density=True)[0], VECTOR**2),
    histogram_shaped=(lambda w: np.histogram(MATRIX, 4, weights=w)[0], POSITIVE),
    histogram_edges=(lambda a: np.histogram_bin_edges(a, 4), VECTOR),
    histogram_of_data=(lambda a: np.histogram(a, 4)[1], VECTOR),
    histogram_range=(lambda a: np.histogram(a, 4, range=(a[0] - 9, 9.0))[1], VECTOR),
    histogram2d=(lambda w: np.histogram2d(VECTOR, VECTOR[::-1], 3, weights=w)[0], VECTOR),
    histogram2d_edges=(lambda a, b: np.histogram2d(a, b, [3, 2])[1:], VECTOR, rows(5)),
    histogramdd=(lambda w: np.histogramdd((VECTOR, rows(5), VECTOR), [2, 3, 2], weights=w, density=True)[0], VECTOR**2),
    histogramdd_matrix=(lambda w: np.histogramdd(rows((5, 2)), 3, weights=w)[0], VECTOR),
))
def test_arguments(f, xs):
    check(f, *xs)


@pytest.mark.parametrize("mode", ["full", "same", "valid"])
@pytest.mark.parametrize(("n", "m"), [(6, 3), (3, 6), (5, 4), (4, 5), (4, 4), (1, 3), (6, 2)])
@pytest.mark.parametrize("unit", [0, 1j], ids=["real", "complex"])
def test_convolution(mode, n, m, unit):
    a, b = rows(n) + unit * rows(n, 1), rows(m, 2) + unit * rows(m, 3)
    check(lambda a, b: np.convolve(a, b, mode), a, b)
    check(lambda a, b: np.correlate(a, b, mode), a, b)


METHODS = [
    "inverted_cdf", "averaged_inverted_cdf", "closest_observation", "interpolated_inverted_cdf", "hazen", "weibull", "linear",
    "median_unbiased", "normal_unbiased", "lower", "higher", "midpoint", "nearest",
]


@pytest.mark.parametrize("method", METHODS)
def test_quantile_methods(method):
    x, q = rows((2, 9)), np.array([0.13, 0.52])
    check(lambda a: np.quantile(a, [0.13, 0.52, 0.99], axis=1, method=method), x)
    check(lambda a, q: np.quantile(a, q, axis=1, method=method), x, q, single=False)
    check(lambda a, q: np.percentile(a, q, method=method), x[0], np.array(13.0), single=False)


def test_weighted_quantiles():
    check(lambda a: np.quantile(a, 0.4, method="inverted_cdf", weights=np.arange(1.0, 6)), VECTOR)
    check(lambda a: np.quantile(a, [0.4, 0.5], axis=1, method="inverted_cdf", weights=np.arange(1.0, 5)), MATRIX)
    check(lambda a: np.percentile(a, 40, axis=0, method="inverted_cdf", weights=POSITIVE), MATRIX)


NAN = [np.nansum, np.nanmean, np.nanvar, np.nanstd, np.nanprod, np.nanmax, np.nanmin, np.nanmedian]


@pytest.mark.parametrize("f", NAN, ids=[f.__name__ for f in NAN])
@pytest.mark.parametrize("x", [MATRIX, HOLED], ids=["full", "holed"])
def test_nan_reductions(f, x):
    check(f, x, second=x is MATRIX)
    check(lambda a: f(a, axis=0), x, second=x is MATRIX)
    check(lambda a: f(a, axis=1, keepdims=True), x, second=x is MATRIX)


@pytest.mark.parametrize("x", [MATRIX, HOLED], ids=["full", "holed"])
def test_nan_running_and_quantiles(x):
    for f in (np.nancumsum, np.nancumprod, lambda a: np.nancumsum(a, axis=1), lambda a: np.nanquantile(a, [0.2, 0.7], axis=0),
              lambda a: np.nanpercentile(a, [20, 70]), lambda a: np.nanvar(a, axis=0, where=MASK),
              lambda a: np.nanmean(a, axis=0, where=MASK)):
        check(f, x, second=False)


def test_nan_leaves_the_other_gradients_alone():
    x = np.array([1.0, np.nan, 3.0])
    np.testing.assert_array_equal(da.grad(np.nansum)(x), [1, 0, 1])
    np.testing.assert_array_equal(da.grad(np.nanmax)(x), [0, 0, 1])
    np.testing.assert_array_equal(da.grad(np.nanmean)(x), [0.5, 0, 0.5])


def test_ties_share_equally():
    x = np.array([[2.0, 1.0, 2.0], [2.0, 0.0, 0.0]])
    np.testing.assert_array_equal(da.grad(np.max)(x), [[1 / 3, 0, 1 / 3], [1 / 3, 0, 0]])
    np.testing.assert_array_equal(da.grad(lambda a: np.sum(np.max(a, axis=1)))(x), [[0.5, 0, 0.5], [1, 0, 0]])
    np.testing.assert_array_equal(da.grad(lambda a: np.sum(np.min(a, axis=1)))(x), [[0, 1, 0], [0, 0.5, 0.5]])
    assert da.jvp(np.max, (x,), (np.ones((2, 3)),))[1] == 1
    np.testing.assert_array_equal(da.grad(lambda a: np.max(a, initial=a[0, 0]))(x), [[0.5, 0, 0.25], [0.25, 0, 0]])
    np.testing.assert_array_equal(da.grad(np.median)(np.array([1.0, 1.0, 2.0])), [0, 1, 0])


def test_a_zero_cotangent_stops_infinity():
    x = np.array([0.0, 1.0])
    np.testing.assert_array_equal(da.grad(lambda a: np.max(np.sqrt(a)))(x), [0, 0.5])
    np.testing.assert_array_equal(da.grad(lambda a: np.sum(np.sqrt(a), where=[False, True]))(x), [0, 0.5])


def test_deviation_zero_has_derivative_zero():
    np.testing.assert_array_equal(da.grad(np.std)(np.ones(4)), np.zeros(4))
    assert da.jvp(np.std, (np.ones(4),), (np.arange(4.0),))[1] == 0


def test_product_without_overflow_on_the_way():
    x = np.array([1e-200, 1e-200, 1e200, 1e200])
    np.testing.assert_allclose(da.grad(np.prod)(x), [1e200, 1e200, 1e-200, 1e-200])
    np.testing.assert_array_equal(da.grad(lambda a: np.cumprod(a)[-1])(np.array([1e-300, 1e-300, 2.0])), [2e-300, 2e-300, 0])


def test_integer_results_have_no_derivative():
    y, dy = da.jvp(lambda a: [np.sum(a, dtype=int) * a, np.prod(a, dtype=int) * a], (VECTOR,), (np.ones(5),))
    np.testing.assert_array_equal(dy[0], np.full(5, np.sum(VECTOR, dtype=int)))
    assert isinstance(da.vjp(lambda a: [np.cumsum(a, dtype=int), a], VECTOR)[0][0], np.ndarray)
    assert len(y) == 2


@pytest.mark.parametrize("call", [
    lambda x: np.sum(x, axis=2), lambda x: np.mean(x, axis=(0, 0)), lambda x: np.max(x[:0]),
    lambda x: np.var(x, ddof=1, correction=1),
    lambda x: np.average(x, weights=np.zeros((3, 4))), lambda x: np.average(x, weights=np.ones(3)), lambda x: np.diff(x, -1),
    lambda x: np.gradient(x, 1, 2, 3), lambda x: np.gradient(x[:1]), lambda x: np.quantile(x, 2.0),
    lambda x: np.cumsum(x, axis=5),
    lambda x: np.quantile(x, 0.5, method="nonsense"), lambda x: np.convolve(x[0], x[0][:0]),
    lambda x: np.min(x, axis=0, where=MASK),
])
def test_raises_where_numpy_raises(call):
    kind = raised(call, MATRIX)
    with pytest.raises(kind):
        da.vjp(call, MATRIX)
    with pytest.raises(kind):
        da.jvp(call, (MATRIX,), (MATRIX,))


@pytest.mark.parametrize("name", ["sum", "mean", "var", "std", "prod", "max", "min", "cumsum", "cumprod"])
def test_methods(name):
    check(lambda a: getattr(a, name)(), MATRIX)
    check(lambda a: getattr(a, name)(axis=0), MATRIX)
    check(lambda a: getattr(a, name)(1), MATRIX)


def test_masks_are_remembered_as_they_were():
    mask = MASK.copy()
    y, pull = da.vjp(lambda a: np.sum(a, axis=0, where=mask), MATRIX)
    mask[...] = False
    np.testing.assert_array_equal(pull(np.ones(4))[0] if isinstance(pull(np.ones(4)), tuple) else pull(np.ones(4)), MASK)
    assert y.shape == (4,)


def test_half_and_extended_precision_keep_their_type():
    for kind in (np.float16, np.longdouble):
        x = MATRIX.astype(kind)
        for f in (np.sum, np.mean, np.max, np.std, np.prod):
            assert da.vjp(f, x)[0].dtype == kind
            assert da.grad(f)(x).dtype == kind


def test_complex_reductions_of_magnitudes():
    check(lambda z: np.var(z, axis=0), COMPLEX)
    check(lambda z: np.std(z), COMPLEX)
