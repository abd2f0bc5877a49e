"""Fixtures that the tests share: a seeded generator for each test, locked inputs, a check for reference cycles."""

import gc
import os
import zlib

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # tests run side by side: threads of BLAS that wait for a busy core cost 10 times and more

import numpy as np
import pytest


@pytest.fixture
def rng(request):
    """A generator whose seed depends on the test's name alone: deterministic, in any order and selection of tests."""
    return np.random.default_rng(zlib.crc32(request.node.nodeid.encode()))


@pytest.fixture
def no_garbage():
    """Fails when the test leaves reference cycles behind: a tape must be freed the moment its last user is."""
    gc.collect()
    gc.disable()
    try:
        yield
        found = gc.collect()
    finally:
        gc.enable()
    assert found == 0, f"{found} objects were left to the garbage collector"


@pytest.fixture
def locked():
    """A function that makes arrays read-only, so that a write into an input is an error."""

    def lock(*arrays):
        for a in arrays:
            a.flags.writeable = False
        return arrays if len(arrays) > 1 else arrays[0]

    return lock
