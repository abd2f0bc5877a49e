"""Grows small random NumPy programs as source text: the same text runs under any tracer and can be printed on failure."""

import numpy as np

UNARY = [
    "np.sin({a})", "np.cos({a})", "np.tanh({a})", "np.arctan({a})", "np.exp(-{a} * {a})", "np.sqrt(1.5 + {a} * {a})", "abs({a})",
    "np.log1p({a} * {a})", "np.expm1(0.3 * {a})", "np.log(2.0 + np.sin({a}))", "np.square({a})", "-{a}", "0.7 * {a} - 1",
    "1.0 / (2.0 + np.cos({a}))", "{a} ** 2", "{a} ** 3.0", "2 ** {a}", "(0.5 + {a} * {a}) ** 1.5", "np.negative(+{a}) / 3",
]  # fmt: skip
BINARY = [
    "{a} + {b}", "{a} - {b}", "{a} * {b}", "{a} / (1.5 + {b} * {b})", "np.hypot({a}, 0.5 + np.exp({b}))",
    "np.arctan2({a}, 1.2 + {b} * {b})", "np.logaddexp({a}, {b})", "np.maximum({a}, {b})", "np.minimum({a}, {b})",
    "(0.3 + {a} * {a}) ** {b}", "np.where({a} > {b}, {a} * {b}, {b} - 0.5 * {a})", "np.multiply({a}, np.subtract({b}, {a}))",
]  # fmt: skip
SHAPES = [
    "{a}[0]", "{a}[-1]", "{a}[::-1]", "{a}[1:]", "{a}[[0, -1, 0]]", "{a}[..., 0]", "{a}[{a} > -0.2]", "{a}[:, [1, 0]]",
    "{a}[1, 0]", "{a}.T", "np.transpose({a})", "np.reshape({a}, (-1,))", "{a}.reshape(-1, 1)", "np.sum({a})", "{a}.sum()",
    "np.sum({a}, axis=0)", "{a}.sum(axis=-1)", "np.stack([{a}, {b}])", "np.stack([{a}, {b}], axis=-1)", "{a} @ {b}",
    "np.concatenate([{a}, {b}])", "np.dot({a}, {b})", "{a}[:, None] * {b}", "np.einsum('i,j->ij', {a}, {b})",
    "np.einsum('ij,j->i', {a}, {b})",
]  # fmt: skip
BLOCKS = [
    "{v} = {a}\nfor k in range(3):\n    {v} = np.sin({v} + 0.5 * k * {b})",
    "if np.sum({a}) > np.sum({b}):\n    {v} = {a} * {b}\nelse:\n    {v} = {a} - np.cos({b})",
    "{v} = 0.25\nwhile {v} < 1.0:\n    {v} = {v} + 0.3 + {s} * {s}",
    "{v} = sum(e * e for e in {w})",
]


class Program:
    """A function of arguments x, m and s (a vector, a matrix, a float), or of three floats, that returns three numbers.

    Each statement is tried out at the point of the program while it grows; what fails or grows too large is thrown away, so
    values and derivatives stay of order one.
    """

    def __init__(self, seed, scalars=False, statements=12):
        self.rng, self.arrays = np.random.default_rng(seed), not scalars
        shapes = [(), (), ()] if scalars else [(3,), (2, 3), ()]
        self.names = ["x", "m", "s"]
        self.point = tuple(self._draw(shape) for shape in shapes)
        self.directions = tuple(self._draw(shape) for shape in shapes)
        self.values = dict(zip(self.names, self.point, strict=True))
        self.lines = []
        self.templates = [UNARY, BINARY, BLOCKS] if scalars else [UNARY, BINARY, SHAPES, SHAPES, BLOCKS]
        while len(self.lines) < statements:
            self._try()
        self._finish()

    def _draw(self, shape):
        return self.rng.uniform(-1.2, 1.2, shape) if shape else float(self.rng.uniform(-1.2, 1.2))

    def _pick(self, accept=lambda value: True):
        """An operand: recent ones more often, so that programs grow deep rather than wide."""
        names = [n for n in self.names if accept(self.values[n])]
        weights = np.arange(1.0, len(names) + 1)
        return str(self.rng.choice(names, p=weights / weights.sum()))

    def _try(self):
        family = self.templates[self.rng.integers(len(self.templates))]
        v = f"v{len(self.lines)}"
        arrays = (lambda value: np.ndim(value) > 0) if family is SHAPES else (lambda value: True)
        operands = {"a": self._pick(arrays), "b": self._pick(arrays), "v": v, "s": self._pick(lambda value: np.ndim(value) == 0)}
        operands["w"] = self._pick(lambda value: np.ndim(value) == 1) if self.arrays else f"[{operands['a']}, {operands['b']}]"
        text = str(family[self.rng.integers(len(family))])
        text = text.format(**operands) if family is BLOCKS else f"{v} = {text.format(**operands)}"
        value = self._run(text, v)
        if value is not None:
            self.lines.append(text)
            self.names.append(v)
            self.values[v] = value

    def _run(self, text, name):
        """The value of a statement, or None if it fails, is not float64, is too large or has kinks close by."""
        scope = dict(self.values, np=np)
        try:
            with np.errstate(all="raise"):
                exec(text, scope)
        except (TypeError, ValueError, IndexError, FloatingPointError, AttributeError):
            return None
        value = scope[name]
        small = np.size(value) <= 12 and np.ndim(value) <= 2 and np.size(value) and np.max(np.abs(value)) < 3
        return value if small and np.asarray(value).dtype == np.float64 else None

    def _finish(self):
        """Three results that depend on everything, so that no derivative is zero for want of a connection."""
        terms = [f"np.sum({n})" if np.ndim(self.values[n]) else n for n in self.names]
        total, half = " + ".join(terms), " - ".join(terms[::2])
        ends = [f"t = 0.2 * ({total})", f"u = {half}", f"return np.stack([np.sin(t), t * u, {terms[-1]}])"]
        self.text = "def program(x, m, s):\n" + "\n".join("    " + line for line in "\n".join(self.lines + ends).splitlines())

    def function(self, objects=False):
        """The compiled program; with `objects` the result is written np.array([...]), which makes an object array first."""
        scope = {"np": np}
        text = self.text.replace("return np.stack(", "return np.array(") if objects else self.text
        exec(compile(text, f"<{'array' if objects else 'stack'}>", "exec"), scope)
        return scope["program"]
