"""One row of the corpus: a function, where it is differentiated, and against what."""

from collections.abc import Callable
from typing import Any, NamedTuple


class Entry(NamedTuple):
    """A function of the corpus.

    `tags` are the features that make it hard; `reference` is how its Jacobian is known otherwise: "complex" (complex step on the
    function as it is), "mpmath" (the same source in 200-bit arithmetic, central differences), or a function that returns the
    Jacobian from the arguments. `order` 1: has kinks or no second derivative of interest.
    For an error, `line` is the source line that the message names, `says` a part of the message, and `change` the text in the
    function's source and what to put in its place.
    """

    f: Callable[..., Any]
    args: tuple[Any, ...]
    tags: str
    reference: Any = "mpmath"
    argnums: Any = 0
    order: int = 2
    rtol: float = 1e-10
    line: str = ""
    says: str = ""
    change: tuple[str, str] = ("", "")

    @property
    def name(self) -> str:
        return f"{self.f.__module__.split('.')[-1]}.{self.f.__name__}"

    @property
    def works(self) -> bool:
        return not self.line
