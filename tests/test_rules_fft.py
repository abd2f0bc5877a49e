"""Discrete Fourier transforms: every function, length, axis and normalisation."""

import numpy as np
import pytest
from rule_checks import array, check, check_same

import dualad as da

ONE = ["fft", "ifft", "rfft", "irfft", "hfft", "ihfft"]
MANY = ["fft2", "ifft2", "fftn", "ifftn", "rfft2", "irfft2", "rfftn", "irfftn"]


def kinds(name):
    return "d" if name in ("rfft", "ihfft", "rfft2", "rfftn") else "dD"


@pytest.mark.parametrize("norm", [None, "backward", "ortho", "forward"])
@pytest.mark.parametrize("name", ONE)
def test_one_axis(rng, name, norm):
    function = getattr(np.fft, name)
    for kind in kinds(name):
        for n in (None, 1, 2, 3, 4, 5, 6, 7) if norm is None else (3, 6):
            check(lambda x, n=n: function(x, n, norm=norm), array(rng, 4, kind=kind), order=1)
        check(lambda x: function(x, axis=0, norm=norm), array(rng, 3, 2, kind=kind))
        check(lambda x: function(x, 3, -1, norm), array(rng, 2, 3, kind=kind), order=1)


@pytest.mark.parametrize("name", MANY)
def test_several_axes(rng, name):
    function = getattr(np.fft, name)
    for kind in kinds(name):
        x = array(rng, 2, 3, 2, kind=kind)
        check(lambda x: function(x), x)
        check(lambda x: function(x, axes=(0, 1), norm="ortho"), x, order=1)
        check(lambda x: function(x, s=(3, -1), axes=(2, 0), norm="forward"), x, order=1)


@pytest.mark.parametrize("name", ["fftshift", "ifftshift"])
def test_shifts(rng, name):
    function = getattr(np.fft, name)
    for axes in (None, 0, (0, 1), -1):
        check(lambda x, axes=axes: function(x, axes), array(rng, 3, 2))
    check(function, array(rng, 3, kind="D"))


def test_single_precision_is_kept(rng):
    for name in ONE + MANY:
        x = array(rng, 4, 4, kind="f")
        check_same(getattr(np.fft, name), x)
        gradient = da.grad(lambda x: np.sum(np.abs(getattr(np.fft, name)(x)) ** 2))(x)
        assert gradient.dtype == np.float32


def test_parseval_gradient(rng):
    x = array(rng, 8)
    np.testing.assert_allclose(da.grad(lambda x: np.sum(np.abs(np.fft.fft(x, norm="ortho")) ** 2))(x), 2 * x, rtol=1e-12)


def test_frequencies_are_plain(rng):
    x = array(rng, 6)

    def derivative(x):
        return np.real(np.fft.ifft(2j * np.pi * np.fft.fftfreq(x.shape[0]) * np.fft.fft(x)))

    check(derivative, x)


def test_errors_are_those_of_numpy(rng):
    x = array(rng, 4)
    with pytest.raises(ValueError, match="Invalid number of FFT data points"):
        da.grad(lambda x: np.sum(np.abs(np.fft.fft(x, 0))))(x)
    with pytest.raises(ValueError, match="Invalid norm value"):
        da.grad(lambda x: np.sum(np.abs(np.fft.fft(x, norm="other"))))(x)
