"""Imports point downward only, read from the source."""

import ast
import importlib
import re
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "dualad"
# From the bottom up. A module may import from lower layers and, without cycles, from its own. A final dot: a subpackage.
LAYERS = [
    ["_version", "errors"],
    ["_core"],
    ["primitive"],
    ["rules."],
    ["tree", "_arguments"],
    ["_axes", "_calls", "_hook_math"],
    ["_hook"],
    ["_recording"],
    ["transforms"],
    ["jacobians", "taylor", "_derive"],
    ["custom"],
    ["_replay"],
    ["_programs."],
    ["program"],
    ["compiled"],
    ["vectorize"],
    ["testing", "_checking", "_differences", "_rulecheck"],
    ["_info"],
    ["nn."],
    ["__init__"],
    ["__main__", "_demo"],
]


def module_name(path):
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


SOURCES = {module_name(path): path for path in sorted(PACKAGE.rglob("*.py"))} | {m: PACKAGE / f"{m}.pyx" for m in ("_core", "_replay")}


def layer(module):
    for number, names in enumerate(LAYERS):
        for name in names:
            if module == name or (name.endswith(".") and f"{module}.".startswith(name)):
                return number
    return None


def resolve(module, is_package, level, target):
    """The name inside dualad that ``from <dots><target>`` means; None for other packages."""
    if level == 0:
        if target == "dualad":
            return "__init__"
        return target.removeprefix("dualad.") if target.startswith("dualad.") else None
    base = [] if module == "__init__" else module.split(".")
    base = base[: len(base) - level + (1 if is_package else 0)]
    return ".".join([*base, target] if target else base) or "__init__"


def imported_names(module, path):
    """(level, module, names) of each import statement."""
    if path.suffix == ".pyx":
        text = "\n".join(p.read_text() for p in [path, *PACKAGE.glob(f"{path.stem}*.pxi")])
        for dots, target, names in re.findall(r"^\s*from (\.+)(\w*) import (.+)$", text, re.M):
            yield len(dots), target, names.replace(" ", "").split(",")
        return
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            yield node.level, node.module or "", [alias.name for alias in node.names]
        elif isinstance(node, ast.Import):
            for alias in node.names:
                yield 0, alias.name, []


def imports(module):
    """The modules of dualad that a module imports."""
    path = SOURCES[module]
    found = set()
    for level, target, names in imported_names(module, path):
        base = resolve(module, path.name == "__init__.py" and module != "__init__", level, target)
        if base is None:
            continue
        prefix = "" if base == "__init__" else f"{base}."
        modules = {prefix + name for name in names if prefix + name in SOURCES}
        found |= modules
        if not names or len(modules) < len(names):  # some of the names are the module's own
            found.add(base)
    return found - {module}


@pytest.mark.parametrize("module", SOURCES)
def test_imports_point_downward(module):
    own = layer(module)
    assert own is not None, f"{module} has no place in LAYERS"
    for other in imports(module):
        assert layer(other) is not None, f"{module} imports {other}, which has no place in LAYERS"
        assert layer(other) <= own, f"{module} imports {other}, which lies above it"


def test_no_cycles():
    try:
        list(TopologicalSorter({module: imports(module) for module in SOURCES}).static_order())
    except CycleError as error:
        pytest.fail(f"modules import each other: {error.args[1]}")


def test_the_graph_is_seen():
    assert "errors" in imports("_core")
    assert {"_core", "tree"} <= imports("transforms")
    assert {"rules", "transforms"} <= imports("__init__")
    assert "primitive" in imports("rules.reductions")
    assert imports("_replay") == {"_core", "errors"}
    assert {"_replay", "_programs.build"} <= imports("program")
    assert imports("_demo") == {"__init__", "nn"}


def test_c_sources_know_nothing_of_python():
    for path in (ROOT / "csrc").iterdir():
        assert not re.search(r"Python\.h|numpy/|PyObject", path.read_text()), path.name


def test_structures_are_those_of_csrc():
    """The arrays that encode programs are read as C structures."""
    encode = importlib.import_module("dualad._programs.encode")
    for name, size in importlib.import_module("dualad._replay").SIZES.items():
        assert getattr(encode, name.upper()).itemsize == size, name
