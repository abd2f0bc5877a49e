"""Writes `docs/corpus.md`: python -m corpus.table, in `tests`."""

import importlib
import pathlib

from . import FIELDS

PAGE = pathlib.Path(__file__).parents[2] / "docs" / "corpus.md"
HEAD = """# The corpus: code as people write it

{works} functions of real use in `tests/corpus/`, plain NumPy and Python without a line for dualad, differentiate unchanged:
forward and reverse, {second} of them to second order in three nestings. Each is compared with a reference that is not dualad: a
complex step on the function as it is, the same source in 200-bit arithmetic (mpmath behind the names `np` and `math`), or a
closed form. Values equal those of the plain function bit for bit, and inputs stay as they were. `tests/test_corpus.py` checks it;
`python -m corpus.table` in `tests` writes this page.

{refused} functions are out of reach and raise an error that names the line and the change; with the change they differentiate,
which is tested too.
"""


def page() -> str:
    """The whole page."""
    modules = [importlib.import_module(f"corpus.{field}") for field in FIELDS]
    entries = [entry for module in modules for entry in module.CORPUS]
    works = [entry for entry in entries if entry.works]
    lines = [HEAD.format(works=len(works), second=sum(entry.order > 1 for entry in works), refused=len(entries) - len(works))]
    for field, module in zip(FIELDS, modules):
        lines += [f"## {field.replace('_', ' ').capitalize()}", "", module.__doc__.split("\n")[0], ""]
        last = "reference" if module.CORPUS[0].works else "change"
        lines += [f"| function | uses | {last} |", "|---|---|---|"]
        lines += [f"| `{entry.f.__name__}` | {entry.tags.replace('|', '/')} | {_last(entry)} |" for entry in module.CORPUS] + [""]
    return "\n".join(lines)


def _last(entry) -> str:
    if entry.works:
        return entry.reference if isinstance(entry.reference, str) else "closed form"
    old, new = (text.strip(" =") for text in entry.change)
    return f"`{old}` to `{new}`"


if __name__ == "__main__":
    PAGE.write_text(page())
