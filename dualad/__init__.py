"""dualad: exact derivatives of the NumPy code you already have, forward and reverse, at C speed."""

from . import errors, tree
from . import rules as _rules  # noqa: F401  (registers the derivative rules)
from ._core import Dual, Var, is_traced, value
from ._replay import get_num_threads, set_num_threads
from ._version import __version__
from .compiled import compile
from .custom import from_jacobian, primitive
from .jacobians import hessian, jacobian, value_and_jacobian
from .program import Program, load_program, record
from .taylor import derivative, taylor
from .transforms import elementwise_grad, grad, hvp, jvp, linearize, stop_gradient, value_and_grad, vhp, vjp
from .vectorize import vectorize

__all__ = [
    "Dual", "Program", "Var", "__version__", "compile", "derivative", "elementwise_grad", "errors", "from_jacobian", "get_num_threads", "grad",
    "hessian", "hvp", "is_traced", "jacobian", "jvp", "linearize", "load_program", "primitive", "record", "set_num_threads", "stop_gradient",
    "taylor", "tree", "value", "value_and_grad", "value_and_jacobian", "vectorize", "vhp", "vjp",
]
