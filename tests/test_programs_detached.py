"""Detached values as points, tangents and cotangents inside a recording: they stay part of the program."""

import numpy as np
import pytest

import dualad as da
from dualad import errors

detached = da.stop_gradient
CASES = {
    "jvp at it": lambda x: da.jvp(np.sin, (detached(x * 2),), (np.ones_like(x),))[1],
    "jvp along it": lambda x: da.jvp(np.sin, (x,), (detached(x * 2),))[1],
    "both": lambda x: da.jvp(np.sin, (detached(x * 2),), (detached(x * 3),))[1],
    "grad": lambda x: da.grad(lambda y: np.sum(np.sin(y)))(detached(x * 2)),
    "vjp": lambda x: da.vjp(np.sin, detached(x * 2))[1](detached(x * 3)),
    "cotangent": lambda x: da.vjp(np.sin, x)[1](detached(x * 3)),
    "jacobian": lambda x: da.jacobian(np.sin)(detached(x[0] * 2)),
    "hessian": lambda x: da.hessian(lambda y: np.sum(y**3))(detached(x[0] * 2)),
    "linearize": lambda x: da.linearize(np.sin, detached(x * 2))[1](detached(x * 3)),
    "integers": lambda x: da.grad(lambda y: np.sum(y**2))(np.argsort(x[0])),
    "a number": lambda x: da.grad(np.sin)(detached(x[0, 0] * 2)),
    "hvp": lambda x: da.hvp(lambda y: np.sum(y**3))(detached(x * 2), detached(x)),
    "elementwise_grad": lambda x: da.elementwise_grad(np.sin)(detached(x * 2)),
    "taylor": lambda x: da.taylor(np.sin, detached(x[0, 0]), 3),
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", CASES)
def test_stays_in_the_program(name, dtype):
    f, x = CASES[name], np.arange(1.0, 7.0).reshape(2, 3).astype(dtype)
    program = da.record(f, x)
    for point in (x, x[:, ::-1] * dtype(1.5)):
        got, want = program(point), f(point)
        for a, b in zip(np.atleast_1d(np.asarray(got)), np.atleast_1d(np.asarray(want)), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-5 if dtype == np.float32 else 1e-12)
        assert np.asarray(got).dtype == np.asarray(want).dtype


@pytest.mark.parametrize(("f", "message"), [(lambda x: da.jvp(np.sin, (x,), (x > 2,)), "a tangent is .*it must be a number or array"),
                                            (lambda x: da.grad(lambda y: np.sum(np.sin(y)))(x > 2), "an array of dtype bool")])
def test_masks_are_refused(f, message):
    with pytest.raises(errors.DtypeError, match=message):
        da.record(f, np.arange(4.0))
