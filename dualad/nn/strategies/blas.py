"""How many threads OpenBLAS uses. The rounding of its matrix products may depend on it, and threads that share processors slow each other down."""

from __future__ import annotations


def set_blas_threads(n: int) -> int | None:
    """Sets the number of threads of NumPy's OpenBLAS.

    Parameters
    ----------
    n : int

    Returns
    -------
    int or None
        The number before; None when NumPy uses another BLAS, which is left alone.
    """
    import ctypes  # here: programs without strategies need none of it

    from ..._info import openblas, openblas_function

    before = openblas("num_threads", ctypes.c_int)
    function = openblas_function("set_num_threads")
    if before is None or function is None:
        return None
    function.restype, function.argtypes = None, [ctypes.c_int]
    function(n)
    return int(before)
