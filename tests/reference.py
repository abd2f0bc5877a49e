"""The whole idea of dualad in one short module: pure Python over NumPy values, slow, plain, and right.

Read it from top to bottom; `docs/how-it-works.md` walks through it. The tests use it as the oracle of the compiled engine.

1. A *table* (`PARTIALS`, `TRANSPOSES`) holds every operation once with its derivative, written in plain NumPy calls.
2. A `Dual` is a value with a tangent: forward mode. A `Var` is a value with a memory of where it came from: reverse mode.
3. `apply` is the only place where anything happens to them. Duals wrap, Vars are innermost, and the newest Dual is outermost.
4. `sweep` walks the recorded nodes backwards. It uses the table too, so while an outer transform records, what the sweep
   computes is recorded as well: second derivatives need no code of their own.
"""

import itertools

import numpy as np

NODES = itertools.count()  # nodes are numbered in the order of recording: an operand has a smaller number than its result
LEVELS = itertools.count(1)  # one integer per forward transform *call*; a larger one is newer and lies outside
recording = 0  # how many reverse transforms are running their function just now


# ---- values ----------------------------------------------------------------------------------------------------------
class Traced(np.lib.mixins.NDArrayOperatorsMixin):
    """What Dual and Var share: operators, NumPy calls, methods. All of them end in `apply`."""

    def __array_ufunc__(self, ufunc, method, *args):
        assert method == "__call__", "the reference knows plain calls only"
        if ufunc in FUNCTIONS:
            return FUNCTIONS[ufunc](*args)
        if ufunc in PARTIALS:
            return elementwise(ufunc, *args)
        return ufunc(*map(plain, args))  # comparisons, sign, floor...: their derivative is zero

    def __array_function__(self, func, types, args, kwargs):
        return FUNCTIONS[func](*args, **kwargs)

    shape = property(lambda self: np.shape(plain(self)))
    ndim = property(lambda self: np.ndim(plain(self)))
    __bool__ = lambda self: bool(plain(self))
    __hash__ = None


class Dual(Traced):
    """primal + eps * tangent, eps**2 = 0, of one level; the parts have one shape and may be older Duals, or Vars."""

    def __init__(self, level, primal, tangent):
        self.level, self.primal, self.tangent = level, primal, tangent


class Var(Traced):
    """A node of the tape: function, operands, number; its value is always a plain number or array."""

    def __init__(self, func, args, params, value):
        self.func, self.args, self.params, self.value, self.number = func, args, params, value, next(NODES)


def plain(x):
    """The number or array inside, however deep."""
    while isinstance(x, Dual):
        x = x.primal
    return x.value if isinstance(x, Var) else x


def split(x, level):
    """Primal and tangent of x at a level; the tangent is None where x does not depend on that level."""
    return (x.primal, x.tangent) if isinstance(x, Dual) and x.level == level else (x, None)


def newest(*values):
    return max((x.level for x in values if isinstance(x, Dual)), default=0)


def add(a, b):
    """Sum in which None is zero."""
    return b if a is None else a if b is None else a + b


def apply(func, *args, **params):
    """One operation on anything: peel the newest Dual level off and use the chain rule, else record a node, else just compute."""
    if level := newest(*args):
        primals, tangents = zip(*(split(a, level) for a in args), strict=True)
        result, tangent = apply(func, *primals, **params), None
        for i, t in enumerate(tangents):
            if t is not None:
                tangent = add(tangent, push(i, t, result, func, *primals, **params))
        return Dual(level, result, tangent)
    value = func(*map(plain, args), **params)
    return Var(func, args, params, value) if any(isinstance(a, Var) for a in args) else value


def elementwise(func, *args):
    """Broadcasting is an operation of its own, so that no rule needs to know of it."""
    shape = np.broadcast_shapes(*(np.shape(plain(a)) for a in args))
    return apply(func, *(to_shape(a, shape) if isinstance(a, Traced) else a for a in args))


def to_shape(x, shape):
    return x if x.shape == shape else apply(broadcast, x, old=x.shape, new=shape)


# ---- the table -------------------------------------------------------------------------------------------------------
# Elementwise: one partial derivative per operand, of the result z and the operands, which have its shape or are constants.
PARTIALS = {
    np.negative: [lambda z, x: -1.0],
    np.add: [lambda z, x, y: 1.0, lambda z, x, y: 1.0],
    np.subtract: [lambda z, x, y: 1.0, lambda z, x, y: -1.0],
    np.multiply: [lambda z, x, y: y, lambda z, x, y: x],
    np.divide: [lambda z, x, y: 1 / y, lambda z, x, y: -z / y],
    np.power: [lambda z, x, y: y * x ** (y - 1), lambda z, x, y: z * np.log(x)],
    np.exp: [lambda z, x: z],
    np.log: [lambda z, x: 1 / x],
    np.sin: [lambda z, x: np.cos(x)],
    np.cos: [lambda z, x: -np.sin(x)],
}


# Linear, on the trailing axes; axes before them are seeds and are carried along. The tangent goes through the function itself.
def copy(x):
    return x


def broadcast(x, old, new):
    lead = np.shape(x)[: np.ndim(x) - len(old)]
    return np.broadcast_to(np.reshape(x, lead + (1,) * (len(new) - len(old)) + old), lead + new)


def collapse(x, old, new):
    """Sums from shape `old` to shape `new`, which broadcasts to it: the transpose of broadcast."""
    lead, padded = np.ndim(x) - len(old), (1,) * (len(old) - len(new)) + new
    axes = tuple(lead + i for i in range(len(old)) if padded[i] == 1 != old[i])
    return np.reshape(np.sum(x, axis=axes, keepdims=True), np.shape(x)[:lead] + new)


TRANSPOSES = {
    copy: lambda g: g,
    broadcast: lambda g, old, new: apply(collapse, g, old=new, new=old),
    collapse: lambda g, old, new: apply(broadcast, g, old=new, new=old),
}


FUNCTIONS = {}  # NumPy's other functions, in terms of the table: see reference_numpy.py


# Multilinear: one Einstein sum serves matmul, outer, transpose... Every letter must occur in two terms, the result included.
def contract(*args, terms):
    return np.einsum(",".join(terms[:-1]) + "->" + terms[-1], *args)


def push(i, t, z, func, *args, **params):
    """The tangent of z = func(*args) that tangent t of operand i causes."""
    if func in TRANSPOSES:
        return apply(func, t, **params)
    if func is contract:
        return apply(contract, *args[:i], t, *args[i + 1 :], **params)
    return PARTIALS[func][i](z, *args) * t


def pull_back(i, g, z, func, *args, **params):
    """The cotangent of operand i that cotangent g of z = func(*args) causes; g may have a leading seed axis more than z."""
    if func in TRANSPOSES:
        return TRANSPOSES[func](g, **params)
    if func is contract:
        *terms, out = params["terms"]
        seeds = "".join(c for c in "STUVWXYZ" if c not in "".join(terms))[: np.ndim(plain(g)) - len(out)]
        others = args[:i] + args[i + 1 :], terms[:i] + terms[i + 1 :]
        return apply(contract, g, *others[0], terms=(seeds + out, *others[1], seeds + terms[i]))
    return PARTIALS[func][i](z, *args) * g


# ---- transforms ------------------------------------------------------------------------------------------------------
def jvp(f, primals, tangents):
    """Value of f and its derivative along the tangents."""
    level = next(LEVELS)
    y, t = split(f(*(Dual(level, x, t) for x, t in zip(primals, tangents, strict=True))), level)
    return y, np.zeros(np.shape(plain(y))) if t is None else t


def fresh(x, inputs):
    """x with a new node in the place of its innermost primal: an independent variable that no other transform knows."""
    if isinstance(x, Dual):
        return Dual(x.level, fresh(x.primal, inputs), x.tangent)
    value = plain(x)
    inputs.append(Var(copy, (x,), {}, value if np.ndim(value) else np.float64(value)))
    return inputs[-1]


def vjp(f, *primals):
    """Value of f and its pullback: from a cotangent (or a stack of them, with a leading seed axis) to those of the arguments."""
    global recording
    inputs = []
    arguments = [fresh(x, inputs) for x in primals]
    recording += 1
    try:
        y = f(*arguments)
    finally:
        recording -= 1
    return release(y), lambda cotangent: pair(y, cotangent, inputs)


def release(y):
    """The result as the outside may have it: a plain number when nobody outside records."""
    if isinstance(y, Dual):
        return Dual(y.level, release(y.primal), release(y.tangent))
    return plain(y) if not recording else y


def pair(y, g, inputs):
    """Pulls g back through y where both may be Duals: (y, y')*(g, g') = (y*g, y'*g + y*g')."""
    if y is None or g is None:
        return [None] * len(inputs)
    if not (level := newest(y, g)):
        return sweep(y, g, inputs)
    (y, dy), (g, dg) = split(y, level), split(g, level)
    tangents = map(add, pair(dy, g, inputs), pair(y, dg, inputs))
    return [Dual(level, p, t) for p, t in zip(pair(y, g, inputs), tangents, strict=True)]


def sweep(y, seed, inputs):
    """The cotangents of the inputs, given the cotangent `seed` of y: from the newest node to the oldest, each node used once."""
    first, last, adjoints, found = inputs[0].number, inputs[-1].number, {}, {}
    if isinstance(y, Var) and y.number >= first:
        adjoints[y.number] = y, seed
    while adjoints:
        number = max(adjoints)
        node, g = adjoints.pop(number)
        if number <= last:
            found[number] = g
            continue
        seen = (node, *node.args) if recording else (node.value, *map(plain, node.args))
        for i, operand in enumerate(node.args):
            if isinstance(operand, Var) and operand.number >= first:  # older nodes belong to outer transforms
                _, before = adjoints.get(operand.number, (operand, None))
                after = pull_back(i, g, seen[0], node.func, *seen[1:], **node.params)
                adjoints[operand.number] = operand, add(before, after)
    lead = np.shape(plain(seed))[: np.ndim(plain(seed)) - np.ndim(plain(y))]
    return [found.get(x.number, np.zeros(lead + x.shape)) for x in inputs]


def grad(f, argnum=0):
    """Gradient of a scalar function with respect to one argument."""

    def gradient(*args):
        of_one = lambda x: f(*args[:argnum], x, *args[argnum + 1 :])
        return vjp(of_one, args[argnum])[1](1.0)[0]

    return gradient


def jacobian(f, mode="reverse"):
    """Jacobian of a function of one array, of shape out.shape + in.shape; reverse: one sweep with a seed axis for all rows."""

    def matrix(x):
        if mode == "reverse":
            y, pull = vjp(f, x)
            shape = np.shape(plain(y))
            rows = pull(np.eye(int(np.prod(shape))).reshape(-1, *shape))[0]
            return np.reshape(rows, shape + np.shape(plain(x)))
        shape = np.shape(plain(x))
        basis = np.eye(int(np.prod(shape))).reshape(-1, *shape)
        columns = np.stack([jvp(f, (x,), (e,))[1] for e in basis], axis=-1)
        return np.reshape(columns, np.shape(columns)[:-1] + shape)

    return matrix


def hessian(f):
    """Second derivatives: the forward Jacobian of the gradient."""
    return jacobian(grad(f), "forward")
