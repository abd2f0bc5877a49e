"""Names: the forms in which they come, and what stands for an unknown one."""

from __future__ import annotations

from typing import Any

from ..errors import UnknownNameError


def _folded(name: str) -> str:
    """``mean_squared_error`` and ``MeanSquaredError`` are one name."""
    return name.lower().replace("_", "").replace("-", "").replace(" ", "")


def snake(name: str) -> str:
    """``MeanSquaredError`` as ``mean_squared_error``: the default name of an instance.

    >>> snake("MeanSquaredError"), snake("R2Score"), snake("AdamW"), snake("SGD"), snake("L1L2"), snake("KLDivergence")
    ('mean_squared_error', 'r2_score', 'adam_w', 'sgd', 'l1_l2', 'kl_divergence')
    """
    out = ""
    for k, c in enumerate(name):
        after_word = k > 0 and (name[k - 1].islower() or name[k - 1].isdigit())
        starts_word = 0 < k < len(name) - 1 and name[k + 1].islower()
        out += ("_" if c.isupper() and (after_word or starts_word) else "") + c.lower()
    return out


def lookup(kind: str, name: Any, table: dict[str, Any]) -> Any:
    """The value of a name, however its words are joined.

    Parameters
    ----------
    kind : str
        What the table holds, for the message: ``"loss"``.
    name : str
        Case, underscores and hyphens do not matter.
    table : dict
        Values by name.

    Raises
    ------
    UnknownNameError
        With the nearest names.

    Examples
    --------
    >>> lookup("loss", "Mean_Squared-error", {"MeanSquaredError": 1})
    1
    """
    if isinstance(name, str):
        if name in table:
            return table[name]
        wanted = _folded(name)
        for known, value in table.items():
            if _folded(known) == wanted:
                return value
    raise UnknownNameError(_unknown(kind, name, table))


def _unknown(kind: str, name: Any, table: dict[str, Any]) -> str:
    import difflib

    by_folded = {_folded(known): known for known in reversed(table)}
    near = difflib.get_close_matches(_folded(str(name)), by_folded, n=1, cutoff=0.5)
    hint = f"did you mean {by_folded[near[0]]!r}?" if near else f"there are {', '.join(sorted(by_folded.values(), key=str.lower))}"
    return f"unknown {kind} {name!r}; {hint}"
