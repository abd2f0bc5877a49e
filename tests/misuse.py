"""What the tests of wrong use share: all transforms at once, and checks of what an error must say."""

import contextlib

import numpy as np
import pytest
from compare import assert_close

import dualad as da
from dualad import errors

X3 = np.array([0.5, -1.0, 2.0])
TRANSFORMS = {
    "grad": lambda f, x: da.grad(f)(x),
    "vjp": lambda f, x: da.vjp(f, x)[1](1.0),
    "jvp": lambda f, x: da.jvp(f, (x,), (np.ones(np.shape(x)),)),
    "jacobian": lambda f, x: da.jacobian(f)(x),
    "forward": lambda f, x: da.jacobian(f, mode="forward")(x),
    "hessian": lambda f, x: da.hessian(f)(x),
    "hvp": lambda f, x: da.hvp(f)(x, np.ones(np.shape(x))),
    "linearize": lambda f, x: da.linearize(f, x)[1](np.ones(np.shape(x))),
}
EVERY = pytest.mark.parametrize("run", TRANSFORMS.values(), ids=TRANSFORMS)


@contextlib.contextmanager
def refused(kind, *words):
    """The block raises `kind`, which is an error of dualad, and its message contains all the words.

    NumPy may have wrapped it: then it is the cause of what arrives, and the traceback shows both.
    """
    with pytest.raises(Exception) as caught:  # noqa: PT011
        yield
    error = cause(caught.value)
    assert isinstance(error, kind), repr(caught.value)
    assert isinstance(error, errors.DualadError)
    for word in words:
        assert word.lower() in str(error).lower(), f"{word!r} is not in: {error}"


def cause(error):
    """The error of dualad that NumPy or Python wrapped, if any, else the error itself."""
    found = error
    while found is not None and not isinstance(found, errors.DualadError):
        found = found.__cause__
    return found or error


def right_or_refused(f, x, want, kinds=(errors.DetachedError, errors.NoRuleError)):
    """Never a silently dropped derivative: both modes give `want`, or one of the errors."""
    for mode in ("forward", "reverse"):
        refusal = None
        try:
            got = da.jacobian(f, mode=mode)(x)
        except Exception as e:
            refusal = cause(e)
        if refusal is None:
            assert_close(got, want, rtol=1e-13)
        else:
            assert isinstance(refusal, kinds), repr(refusal)
            assert len(str(refusal)) > 30, refusal


def check_next_call():
    """Whatever went wrong before, the next call works."""
    assert da.grad(lambda x: np.sin(x) * x)(0.5) == np.cos(0.5) * 0.5 + np.sin(0.5)
    assert_close(da.hessian(lambda x: np.sum(x**3))(X3), np.diag(6 * X3))
    assert_close(da.jvp(np.exp, (X3,), (X3,))[1], np.exp(X3) * X3)
