"""Nested arguments ("trees"): dicts, lists, tuples, namedtuples and dataclasses of numbers and arrays, taken apart and rebuilt.

`None` is an empty tree: it holds no leaf and is rebuilt as `None`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

import numpy as np

from ._core import Dual, Var
from .errors import TreeError


def _is_dataclass(x: Any) -> bool:
    return hasattr(type(x), "__dataclass_fields__")


def flatten(tree: Any) -> tuple[list[Any], Any]:
    """The leaves of a tree in order, and its structure.

    Parameters
    ----------
    tree : any
        Nested dict, list, tuple, namedtuple, dataclass; everything else is a leaf.

    Returns
    -------
    leaves : list
    structure : object
        What `unflatten` needs; equal structures compare equal.

    Examples
    --------
    >>> leaves, structure = flatten({"a": 1.0, "b": (2.0, [3.0])})
    >>> leaves
    [1.0, 2.0, 3.0]
    >>> unflatten(structure, [x * 10 for x in leaves])
    {'a': 10.0, 'b': (20.0, [30.0])}
    """
    if type(tree) in USUAL:
        return [tree], LEAF
    leaves: list[Any] = []
    return leaves, _walk(tree, leaves)


LEAF = ("leaf",)
# What needs no second look: the usual leaves of long lists.
USUAL = {float, int, bool, str, np.ndarray, np.float64, np.float32, np.int64, np.bool_, Dual, Var}


def _walk(tree: Any, leaves: list[Any]) -> Any:
    kind = type(tree)
    if (kind is list or kind is tuple) and USUAL.issuperset(map(type, tree)):
        leaves.extend(tree)
        return (kind, None, len(tree))
    if tree is None:
        return (None, None, 0)
    if isinstance(tree, dict):
        return (kind, tuple(tree), _children(tree.values(), leaves))
    if isinstance(tree, (list, tuple)):
        return (kind, None, _children(tree, leaves))
    if _is_dataclass(tree):
        import dataclasses  # which takes longer to import than most of dualad; who has such a tree has imported it

        names = tuple(f.name for f in dataclasses.fields(tree))
        return (kind, names, _children([getattr(tree, n) for n in names], leaves))
    leaves.append(tree)
    return LEAF


def _children(trees: Iterable[Any], leaves: list[Any]) -> Any:
    """The structures of the children; their number where all are leaves."""
    found = tuple([_walk(x, leaves) for x in trees])
    return len(found) if all(c is LEAF for c in found) else found


def unflatten(structure: Any, leaves: list[Any]) -> Any:
    """The tree of this structure with these leaves (see `flatten`)."""
    return leaves[0] if structure is LEAF else _build(structure, iter(leaves))


def _build(structure: Any, leaves: Iterator[Any]) -> Any:
    if structure == LEAF:
        return next(leaves)
    kind, names, children = structure
    if kind is None:
        return None
    parts = list(islice(leaves, children)) if isinstance(children, int) else [_build(c, leaves) for c in children]
    if kind is list:
        return parts
    if kind is tuple:
        return tuple(parts)
    if names is None:
        return kind(*parts) if hasattr(kind, "_fields") else kind(parts)
    if issubclass(kind, dict):
        return _build_dict(kind, names, parts)
    return _build_dataclass(kind, names, parts)


def _build_dict(kind: Any, names: Any, parts: list[Any]) -> Any:
    items = dict(zip(names, parts))
    if kind is dict:
        return items
    out = kind.__new__(kind)
    out.update(items)
    return out


def _build_dataclass(kind: Any, names: Any, parts: list[Any]) -> Any:
    out = kind.__new__(kind)
    for name, part in zip(names, parts):
        object.__setattr__(out, name, part)
    return out


def tree_map(function: Callable[..., Any], tree: Any, *others: Any) -> Any:
    """Applies `function` to corresponding leaves of trees of one structure.

    Raises
    ------
    TreeError
        When the structures differ.

    Examples
    --------
    >>> tree_map(lambda p, g: p - 0.1 * g, {"w": 1.0}, {"w": 5.0})
    {'w': 0.5}
    """
    leaves, structure = flatten(tree)
    return unflatten(structure, [function(*xs) for xs in zip(leaves, *[matching(structure, t, "an argument of tree_map") for t in others])])


def matching(structure: Any, tree: Any, what: str) -> list[Any]:
    """The leaves of `tree`, which must have the given structure."""
    leaves, other = flatten(tree)
    if other is not structure and other != structure:
        raise TreeError(f"{what} has the structure {describe(other)}, but {describe(structure)} is needed (the same nesting, keys and lengths)")
    return leaves


def describe(structure: Any) -> str:
    """A structure in readable form: * stands for a leaf."""
    if structure == LEAF:
        return "*"
    kind, names, children = structure
    if kind is None:
        return "None"
    inner = ["*"] * children if isinstance(children, int) else [describe(c) for c in children]
    if len(inner) > 8:
        inner = [*inner[:3], f"... {len(inner)} in all"]
    if kind is list:
        return "[" + ", ".join(inner) + "]"
    if names is None:
        return ("" if kind is tuple else kind.__name__) + "(" + ", ".join(inner) + ("," if len(inner) == 1 else "") + ")"
    if issubclass(kind, dict):
        return "{" + ", ".join(f"{n!r}: {c}" for n, c in zip(names, inner)) + "}"
    return kind.__name__ + "(" + ", ".join(f"{n}={c}" for n, c in zip(names, inner)) + ")"
