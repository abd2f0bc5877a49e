"""Functions of real use, written as people write them: what `dualad` differentiates without a changed line.

Each module is a field; its functions know NumPy and `math` only. The table `CORPUS` at its end gives every function a point and
says what it uses. `unreachable` holds the few things that are errors, with the change that each message asks for.
"""

import importlib

FIELDS = (
    "ode", "integrators", "linear_algebra", "iterations", "finite_elements", "images", "statistics", "time_series", "finance",
    "robotics", "geometry", "nonlinear_problems", "machine_learning", "signals", "physics", "idioms", "buffers", "unreachable",
)  # fmt: skip


def entries():
    """All entries of the corpus, field by field."""
    return [entry for field in FIELDS for entry in importlib.import_module(f"corpus.{field}").CORPUS]
