"""Programs over blocks of dask arrays: what `pip install '.[dask]'` is for; .ci/run installs it."""

import numpy as np
import pytest

import dualad as da

dask_array = pytest.importorskip("dask.array")


def residual(z):
    return np.array([z[0] * np.sin(z[1]), z[1] ** 2 if z[0] > 0 else z[1]])


@pytest.mark.parametrize("scheduler", ["threads", "synchronous", "processes"])
def test_batches_in_blocks(scheduler):
    x = np.random.default_rng(0).standard_normal((1000, 2))
    jacobians = da.vectorize(da.jacobian(residual))
    blocks = dask_array.from_array(x, chunks=(130, 2)).map_blocks(jacobians, dtype=float, chunks=((130,) * 7 + (90,), 2, 2), new_axis=2)
    assert np.array_equal(blocks.compute(scheduler=scheduler), jacobians(x))


@pytest.mark.parametrize("scheduler", ["threads", "processes"])
def test_compiled_functions_in_blocks(scheduler):
    x = np.random.default_rng(1).standard_normal(999)
    compiled = da.compile(smooth)
    blocks = dask_array.from_array(x, chunks=100).map_blocks(compiled, dtype=float)
    assert np.array_equal(blocks.compute(scheduler=scheduler), np.concatenate([compiled(x[k : k + 100]) for k in range(0, 999, 100)]))


def smooth(x):
    return np.tanh(x) * np.exp(-x * x)
