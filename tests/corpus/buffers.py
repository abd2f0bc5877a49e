"""Arrays made of computed numbers, buffers filled by functions, sorting and swapping in place, objects of the user's own."""

import itertools
import math

import numpy as np

from .entry import Entry


def mixed_array(x):
    """Computed and constant numbers side by side in one array, then elementwise functions of it."""
    a = np.array([x[0], 0.5, x[1] * x[2]])
    return np.exp(a) + np.sin([x[0], 1.0, 2.0]) * np.hypot(a, 1.0)


def complex_parts(x):
    """Real and imaginary parts of an array made of complex numbers."""
    z = np.array([x[0] + 1j * x[1], x[2], 2.0])
    return z.real * 2 + z.imag + np.imag(z * z) + np.angle(z)


def scalar_or_vector(x):
    """A helper that asks whether it was given a number or a sequence."""

    def area(r):
        if hasattr(r, "__len__"):
            return np.array([math.pi * v * v for v in r])
        return 10.0 * r

    return area(x[0]) + area(x[1:]).sum() + (x[2] if np.isscalar(x[2]) else 0.0)


def work_array_of_type(x):
    """A work array takes the dtype of a computed one, and a branch looks at it."""
    a = np.array([x[0] * x[1], x[2]])
    work = np.zeros(3, dtype=a.dtype)
    work[:2] = a
    if a.dtype == np.float64:
        work[2] = 1.0 / (1.0 + a[0] ** 2)
    return work


def filling_functions(x):
    a = np.full_like(x, 0.5)
    np.copyto(a[:2], x[1:3])
    b, c, d = np.zeros(6), np.zeros(6), np.zeros((6, 2))
    np.put(b, [4, 0], x[:2])
    np.putmask(c, a > 0.4, x)
    np.put_along_axis(d, np.array([[0], [1], [1], [0], [1], [0]]), x[:, np.newaxis], axis=1)
    np.fill_diagonal(d, x[3])
    return np.concatenate([a, b, c, d.ravel()])


def out_arguments(x):
    A = np.arange(36.0).reshape(6, 6) / 36
    y = np.empty(6)
    np.dot(A, x, out=y)
    np.exp(y, out=y)
    np.sqrt(y, out=y, where=y > 1.0)
    total = np.zeros(6)
    np.add(total, y, total)
    return np.sum(np.outer(total, x), axis=0, out=np.zeros(6))


def boundary_values(x):
    """A grid whose ends are parameters, and a diagonal matrix with two entries more."""
    grid = np.linspace(0.0, 1.0, 5)
    grid[0], grid[-1] = x[0], x[1]
    A = np.diag([2.0, 3.0, 4.0, 5.0])
    A[0, 1] = A[1, 0] = x[2]
    return A @ np.diff(grid)


def insertion_sort(x):
    a = x.copy()
    for i in range(1, len(a)):
        key = a[i]
        j = i - 1
        while j >= 0 and a[j] > key:
            a[j + 1] = a[j]
            j -= 1
        a[j + 1] = key
    return a * np.arange(len(a))


def quick_sort(x):
    def sort(a):
        if len(a) < 2:
            return a
        return sort([v for v in a[1:] if v < a[0]]) + [a[0]] + sort([v for v in a[1:] if v >= a[0]])

    return np.array(sort(list(x))) * np.arange(len(x))


def swapped_rows(x):
    A = np.outer(x[:3], x[3:])
    A[[0, 2]] = A[[2, 0]]
    A[0], A[1] = A[1].copy(), A[0].copy()
    return A * np.array([1.0, 2.0, 3.0])[:, None]


def read_then_overwritten(x):
    """Numbers read from an array keep their values when the array is stored into."""
    s = x * x
    first, second = s[0], s[1:3]
    kept = second.copy()
    s[0] = 3.0 * first * x[1]
    s[1:3] = s[0] + x[2]
    row = s[3]
    s[3] = row * row
    return np.array([first * first, row, kept[0] * kept[1], second[0] * second[1], s.sum()])


def accumulated(x):
    totals = list(itertools.accumulate(x))
    pairs = sum(a * b for a, b in itertools.combinations(x, 2))
    return np.array(totals) * pairs


class Vector:
    """Arithmetic by the user's own operators."""

    def __init__(self, x, y):
        self.x, self.y = x, y

    def __add__(self, other):
        return Vector(self.x + other.x, self.y + other.y)

    def __rmul__(self, k):
        return Vector(k * self.x, k * self.y)

    def norm(self):
        return math.hypot(self.x, self.y)


def user_vectors(x):
    return (Vector(x[0], x[1]) + x[2] * Vector(x[3], 1.0)).norm()


def complex_parts_jacobian(x):
    J, r2 = np.zeros((3, 6)), x[0] ** 2 + x[1] ** 2
    J[0, :2] = 2 + 2 * x[1] - x[1] / r2, 1 + 2 * x[0] + x[0] / r2
    J[1, 2] = 2.0
    return J


_x = np.array([-1.4, 0.3, 1.7, -0.6, 0.8, 1.2])
# A complex step and mpmath change the dtypes that these two depend on.


def work_array_of_type_jacobian(x):
    a = x[0] * x[1]
    out = np.zeros((3, len(x)))
    out[0, :2] = x[1], x[0]
    out[1, 2] = 1.0
    out[2] = -2.0 * a / (1.0 + a * a) ** 2 * out[0]
    return out


def boundary_values_jacobian(x):
    out = np.zeros((4, len(x)))
    out[:, :3] = [[-2.0, 0.0, 0.25], [-x[2], 0.0, 0.25 - x[0]], [0.0, 0.0, 0.0], [0.0, 5.0, 0.0]]
    return out


CORPUS = [
    Entry(mixed_array, (_x,), "constants among computed scalars, list into a ufunc"),
    Entry(complex_parts, (_x,), "array of complex scalars, .real, .imag, angle", complex_parts_jacobian, order=1),
    Entry(scalar_or_vector, (_x,), "hasattr, isscalar, math constants"),
    Entry(work_array_of_type, (_x,), "dtype of a computed array", work_array_of_type_jacobian, order=1),
    Entry(filling_functions, (_x,), "full_like, copyto, put, putmask, put_along_axis, fill_diagonal"),
    Entry(out_arguments, (_x,), "out=, where="),
    Entry(boundary_values, (_x,), "store into linspace and diag", boundary_values_jacobian, order=1),
    Entry(insertion_sort, (_x,), "while, loop-store, copy", order=1),
    Entry(quick_sort, (_x,), "recursion, list comprehension", order=1),
    Entry(read_then_overwritten, (_x,), "element read, then stored", "complex"),
    Entry(swapped_rows, (_x,), "row swaps"),
    Entry(accumulated, (_x,), "itertools", "complex"),
    Entry(user_vectors, (_x,), "class with operators, math.hypot"),
]
