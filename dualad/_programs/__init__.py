"""Programs: what a recording becomes, from capture to the machine that replays it."""

from .._replay import PASSES

ALL_PASSES = frozenset({*PASSES, "fusion", "machine", "recompute", "reuse"})
