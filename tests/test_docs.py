"""Every example runs: the python blocks of README.md and docs/, and those of the docstrings."""

import doctest
import importlib
import inspect
import pkgutil
import re
from pathlib import Path

import pytest

import dualad as da
import dualad.testing

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.M | re.S)
FLAGS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
MODULES = ["dualad", *(m.name for m in pkgutil.walk_packages(da.__path__, "dualad.") if not m.name.endswith("__main__"))]
PUBLIC = {name: getattr(da, name) for name in da.__all__} | {
    f"testing.{name}": getattr(dualad.testing, name) for name in dualad.testing.__all__
}
FUNCTIONS = sorted(name for name, what in PUBLIC.items() if callable(what) and not inspect.isclass(what))


def run_examples(text, name, path, line, globs):
    """Runs a block of prompts and compares what it prints; or a plain block, which must only run through."""
    if ">>>" not in text:
        exec(compile("\n" * line + text, str(path), "exec"), globs)
        return
    test = doctest.DocTestParser().get_doctest(text, globs, name, str(path), line)
    report = []
    runner = doctest.DocTestRunner(optionflags=FLAGS, verbose=False)
    runner.run(test, out=report.append, clear_globs=False)
    globs.update(test.globs)
    assert not runner.failures, "".join(report)


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_page(page, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(ROOT / "tests"))
    text = page.read_text()
    globs = {"__name__": "example"}
    for block in BLOCK.finditer(text):
        run_examples(block[1], page.name, page, text[: block.start(1)].count("\n"), globs)


def test_pages_have_examples():
    assert sum(len(BLOCK.findall(page.read_text())) for page in PAGES) > 20


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_lead_somewhere(page):
    prose = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.M | re.S)
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", prose):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), target


@pytest.mark.parametrize("module", MODULES)
def test_docstrings(module):
    finder = doctest.DocTestFinder(exclude_empty=True)
    try:
        loaded = importlib.import_module(module)
    except da.errors.MissingExtraError as missing:
        pytest.skip(str(missing))
    for test in finder.find(loaded, module):
        if test.examples:
            run_examples(test.docstring, test.name, test.filename, test.lineno or 0, dict(test.globs))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_public_functions_have_an_example(name):
    assert ">>>" in (inspect.getdoc(PUBLIC[name]) or ""), f"{name} has no example"


@pytest.mark.parametrize("name", [n for n, what in PUBLIC.items() if callable(what)])
def test_public_names_are_documented(name):
    lines = (inspect.getdoc(PUBLIC[name]) or "").splitlines()
    assert any(line.endswith((".", ":")) for line in lines), f"{name} has no sentence"  # Cython puts a signature first


def test_readme_commands():
    block = re.search(r"^```sh\n(.*?)^```$", PAGES[0].read_text(), re.M | re.S)[1]
    assert block.splitlines() == ["pip install . && python -m dualad demo", "pip install '.[test]' && pytest"]


def test_examples_can_fail():
    with pytest.raises(AssertionError, match="Expected"):
        run_examples(">>> 1 + 1\n3\n", "arithmetic", "nowhere", 0, {})

