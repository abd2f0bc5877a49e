"""User-given derivative rules: `primitive`, derived rules, several results, rules from a Jacobian, errors."""

import copy
import doctest
import functools
import gc
import pathlib
import pickle

import numpy as np
import pytest

import dualad as da
from dualad.errors import DetachedError, DtypeError, NoRuleError, RuleError
from dualad.testing import check_grads, check_primitive

X = np.array([0.3, -1.2, 0.8])
Y = np.array([1.5, 0.4, -0.7])
A = np.array([[2.0, -1.0, 0.5], [0.3, 1.0, -2.0]])


def sine(**options):
    """sin written for an engine that cannot look inside."""

    @da.primitive(**options)
    def sine(x):
        return np.sin(da.value(x))

    return sine


def product(**options):
    @da.primitive(**options)
    def product(x, y, *, scale=1.0):
        """x * y * scale."""
        return x * y * scale

    return product


@da.primitive
def cubed(x):
    """The cube."""
    return x**3


cubed.defvjp(lambda g, ans, x: 3 * g * x**2)


def _square(x):
    return x * x


def _square_jacobian(x):
    return np.diag(2 * x)


opaque_square = da.from_jacobian(_square, _square_jacobian)


# ---- one rule per argument; the other mode derived ----


@pytest.mark.parametrize("batched", [False, True])
@pytest.mark.parametrize("given", ["jvp", "vjp", "both"])
def test_either_direction_is_enough(given, batched):
    f = product(batched=batched)
    if given != "vjp":
        f.defjvp(lambda t, ans, x, y, **p: t * y * p.get("scale", 1.0), lambda t, ans, x, y, **p: x * t * p.get("scale", 1.0))
    if given != "jvp":
        f.defvjp(lambda g, ans, x, y, **p: g * y * p.get("scale", 1.0), lambda g, ans, x, y, **p: x * g * p.get("scale", 1.0))
    check_primitive(f, X, Y)
    check_primitive(f, X, Y, scale=3.0)
    check_grads(f, (X, Y), order=3)
    check_primitive(f, 2.0, 3.0)


@pytest.mark.parametrize("given", ["jvp", "vjp"])
def test_directions_mix_per_argument(given):
    f = product()
    f.defjvp(lambda t, ans, x, y: t * y)
    with pytest.raises(NoRuleError, match="argument 1"):
        da.jvp(f, (X, Y), (X, Y))
    f.defvjp(lambda g, ans, x, y: g * y, lambda g, ans, x, y: g * x)
    check_grads(f, (X, Y))


def test_nonlinear_function_of_matrices():
    @da.primitive
    def gram(a):
        return a @ a.T

    gram.defvjp(lambda g, ans, a: (g + g.T) @ a)
    check_primitive(gram, A)
    gram.defjvp(lambda t, ans, a: t @ a.T + a @ t.T)
    check_primitive(gram, A)


def test_the_rules_work_inside_larger_functions():
    f = sine()
    f.defvjp(lambda g, ans, x: g * np.cos(x))
    check_grads(lambda x: np.sum(f(x * x) * x), (X,), order=3)
    np.testing.assert_allclose(da.hessian(lambda x: np.sum(f(x)))(X), np.diag(-np.sin(X)))
    np.testing.assert_allclose(da.jacobian(f)(X), np.diag(np.cos(X)))


def test_none_states_a_zero_derivative():
    f = product()
    f.defvjp(lambda g, ans, x, y: g * y, None)
    gx, gy = da.vjp(f, X, Y)[1](np.ones(3))
    np.testing.assert_array_equal(gx, Y)
    np.testing.assert_array_equal(gy, np.zeros(3))
    np.testing.assert_array_equal(da.jvp(f, (X, Y), (X, X))[1], X * Y)
    np.testing.assert_array_equal(da.jacobian(f, argnums=1)(X, Y), np.zeros((3, 3)))


def test_complex_rules_derive_each_other():
    z = np.array([0.3 + 0.4j, -1.0 + 0.2j])
    for rule in ("jvp", "vjp"):

        @da.primitive
        def square(z):
            return z * z

        if rule == "jvp":
            square.defjvp(lambda t, ans, z: 2 * t * z)
        else:
            square.defvjp(lambda g, ans, z: 2 * g * np.conj(z))
        check_grads(square, (z,))

    @da.primitive
    def rotated(x):
        return x * (1 + 2j)

    rotated.defvjp(lambda g, ans, x: g * (1 - 2j))  # complex; the engine takes the real part for a real argument
    check_grads(rotated, (X,))


def test_float32_stays():
    f = sine()
    f.defvjp(lambda g, ans, x: g * np.cos(x))
    x = X.astype(np.float32)
    assert da.grad(lambda x: np.sum(f(x)))(x).dtype == np.float32
    assert da.jvp(f, (x,), (x,))[1].dtype == np.float32


# ---- all arguments at once, several results ----


def test_one_reverse_rule_for_all_arguments_is_called_once():
    calls = []
    f = product()

    @f.defvjp_all
    def _(g, ans, x, y):
        calls.append(1)
        return g * y, g * x

    np.testing.assert_array_equal(da.grad(lambda x, y: np.sum(f(x, y)), argnums=(0, 1))(X, Y), (Y, X))
    assert len(calls) == 1
    check_primitive(f, X, Y)


def test_one_reverse_rule_sees_each_new_cotangent():
    f = product()
    f.defvjp_all(lambda g, ans, x, y: (g * y, g * x))
    _, pull = da.vjp(f, X, Y)
    g = np.ones(3)
    first = pull(g)
    g *= 2.0
    second = pull(g)
    np.testing.assert_array_equal(second, 2 * np.asarray(first))


def test_one_forward_rule_for_all_arguments():
    f = product()
    f.defjvp_all(lambda t, ans, x, y: t[0] * y + x * t[1])
    check_primitive(f, X, Y)
    check_grads(f, (X, Y), order=3)


@pytest.mark.parametrize("outputs", [None, 2])
@pytest.mark.parametrize("given", ["jvp", "vjp"])
def test_several_results(given, outputs):
    @da.primitive(outputs=outputs)
    def polar(x, y):
        return np.hypot(x, y), np.arctan2(y, x)

    if given == "vjp":
        polar.defvjp(
            lambda g, ans, x, y: g[0] * x / ans[0] - g[1] * y / ans[0] ** 2,
            lambda g, ans, x, y: g[0] * y / ans[0] + g[1] * x / ans[0] ** 2,
        )
    else:
        polar.defjvp(
            lambda t, ans, x, y: (t * x / ans[0], -t * y / ans[0] ** 2),
            lambda t, ans, x, y: (t * y / ans[0], t * x / ans[0] ** 2),
        )
    check_grads(polar, (X, Y))
    check_grads(lambda x, y: polar(x, y)[1], (X, Y))
    check_grads(lambda x, y: polar(x, y)[0] * x, (2.0, 3.0))


def test_without_outputs_the_function_runs_once_more_at_first():
    calls = []

    @da.primitive
    def f(x):
        calls.append(1)
        return x * 2.0

    f.defvjp(lambda g, ans, x: 2.0 * g)
    da.grad(f)(1.0)
    da.grad(f)(1.0)
    assert len(calls) == 3


# ---- arguments ----


def test_arguments_by_name_and_default():
    @da.primitive
    def power(x, n=2.0):
        return x**n

    power.defvjp(lambda g, ans, x, n: g * n * x ** (n - 1), None)
    assert da.grad(power)(3.0) == 6.0
    assert da.grad(lambda x: power(x, n=3.0))(2.0) == 12.0
    assert da.grad(lambda x: power(n=3.0, x=x))(2.0) == 12.0


def test_keyword_only_parameters_and_their_defaults():
    f = product()
    f.defvjp(lambda g, ans, x, y, *, scale: g * y * scale, lambda g, ans, x, y, *, scale: g * x * scale)
    assert da.grad(f)(2.0, 3.0) == 3.0
    assert da.grad(f)(2.0, 3.0, scale=5.0) == 15.0


def test_a_traced_static_parameter_is_an_error():
    f = product()
    f.defvjp(lambda g, ans, x, y, scale: g * y * scale, lambda g, ans, x, y, scale: g * x * scale)
    with pytest.raises(DetachedError, match="'scale'"):
        da.grad(lambda s: f(2.0, 3.0, scale=s))(1.0)


def test_lists_count_as_arrays():
    f = sine()
    f.defvjp(lambda g, ans, x: g * np.cos(x))
    g = da.grad(lambda x: np.sum(f([x[0], 2.0, x[1]])))(X[:2])
    np.testing.assert_allclose(g, np.cos(X[:2]))


def test_positional_arguments_must_be_numbers():
    @da.primitive
    def f(x, how):
        return x * 2.0

    f.defvjp(lambda g, ans, x, how: 2.0 * g)
    assert f(2.0, "anything") == 4.0
    with pytest.raises(DtypeError, match="'how'"):
        da.grad(f)(2.0, "fast")


def test_integer_arguments_are_constants():
    @da.primitive
    def repeat(x, n):
        return x * sum(1 for _ in range(n))

    repeat.defvjp(lambda g, ans, x, n: g * n, None)
    assert da.grad(repeat)(2.0, 3) == 3.0


# ---- errors ----


def test_without_a_rule_the_error_names_the_remedy():
    f = sine()
    np.testing.assert_array_equal(f(X), np.sin(X))
    for run in (lambda: da.grad(lambda x: np.sum(f(x)))(X), lambda: da.jvp(f, (X,), (X,))):
        with pytest.raises(NoRuleError, match=r"sine.*sine\.defvjp.*sine\.defjvp"):
            run()


@pytest.mark.parametrize("kind", ["jvp", "vjp"])
@pytest.mark.parametrize("wrong", [lambda g, ans, x: g[:2], lambda g, ans, x: g[None], lambda g, ans, x: "text"])
def test_a_rule_of_wrong_shape_or_type(kind, wrong):
    f = sine()
    getattr(f, f"def{kind}")(wrong)
    for run in (lambda: da.vjp(f, X)[1](X), lambda: da.jvp(f, (X,), (X,))):
        with pytest.raises(RuleError, match="sine"):
            run()


def test_a_reverse_rule_for_all_with_a_wrong_number_of_results():
    f = product()
    f.defvjp_all(lambda g, ans, x, y: g * y)
    with pytest.raises(RuleError, match="tuple of 2"):
        da.vjp(f, X, Y)[1](X)


def test_too_many_rules_and_none():
    f = sine()
    with pytest.raises(TypeError, match=r"2 rules.*\(x\)"):
        f.defvjp(lambda g, ans, x: g, lambda g, ans, x: g)
    with pytest.raises(TypeError, match="0 rules"):
        f.defjvp()


def test_an_opaque_rule_that_cannot_be_transposed_says_so():
    f = sine()
    f.defjvp(lambda t, ans, x: np.array([float(v) for v in t]) * np.cos(x))
    np.testing.assert_allclose(da.jvp(f, (X,), (X,))[1], X * np.cos(X))
    with pytest.raises(NoRuleError, match=r"sine\.defvjp"):
        da.vjp(f, X)[1](X)
    np.testing.assert_allclose(da.grad(np.sum)(X), np.ones(3))  # and the next call works


def test_a_users_exception_passes():
    @da.primitive
    def f(x):
        raise KeyError("mine")

    f.defvjp(lambda g, ans, x: g)
    with pytest.raises(KeyError, match="mine"):
        da.grad(f)(1.0)


# ---- the function object ----


def test_name_doc_and_signature_stay():
    assert cubed.__name__ == "cubed"
    assert cubed.__doc__ == "The cube."
    assert "cubed" in repr(cubed)


def test_pickle_by_reference_and_by_parts():
    assert pickle.loads(pickle.dumps(cubed)) is cubed
    assert copy.deepcopy(cubed) is cubed
    again = pickle.loads(pickle.dumps(opaque_square))
    np.testing.assert_array_equal(da.jacobian(again)(X), np.diag(2 * X))
    gradient = pickle.loads(pickle.dumps(da.grad(cubed)))
    assert gradient(2.0) == 12.0


def test_a_callable_without_a_name():
    f = da.primitive(functools.partial(np.multiply, 3.0))
    f.defvjp(lambda g, ans, x: 3.0 * g)
    assert da.grad(f)(2.0) == 3.0
    assert f.__name__ == "partial"


def test_plain_calls_return_what_the_function_returns():
    f = product()
    assert type(f(2, 3)) is float
    assert type(cubed(2)) is int
    assert not da.is_traced(f(X, Y))


def test_methods():
    class Model:
        rate = 2.0

        @da.primitive
        def plain(self, x):
            return self.rate * x

    assert Model().plain(3.0) == 6.0


def test_nothing_is_left_behind():
    f = product()
    f.defvjp_all(lambda g, ans, x, y: (g * y, g * x))
    gradient = da.grad(lambda x: np.sum(f(x, x)))
    gradient(X)
    gc.collect()
    gradient(X)
    assert gc.collect() == 0


def test_the_page_on_custom_rules_is_true():
    page = pathlib.Path(__file__).parent.parent / "docs" / "custom-rules.md"
    if not page.exists():  # the tests run from a place without the documentation
        return
    found = doctest.testfile(str(page), module_relative=False, optionflags=doctest.ELLIPSIS)
    assert found.attempted > 20
    assert found.failed == 0
