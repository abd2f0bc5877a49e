"""Programs as C: exported files, compiled under sanitizers, and the backend that runs them."""

import pickle
import shutil
import subprocess
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from program_cases import ALL, CALLS, NATIVE, assert_same, record

import dualad as da
from dualad._programs import native
from dualad._programs.export_c import Exporter, c_name
from dualad.errors import CompilerError, CompileWarning, ExportError

CC = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
needs_compiler = pytest.mark.skipif(CC is None, reason="no C compiler")
ULPS = 16 * 2.0**-52  # vector functions, 4 ulps each, in short chains

DRIVER = """
#include <stdio.h>
#include <stdlib.h>
int main(void) {{
    static const size_t given[] = {{{given}, 0}}, made[] = {{{made}, 0}};
    void *in[{n_in} + 1], *out[{n_out} + 1], *work = malloc({work});
    for (int k = 0; k < {n_in}; k++) {{
        in[k] = malloc(given[k] + !given[k]);
        if (fread(in[k], 1, given[k], stdin) != given[k]) return 100;
    }}
    for (int k = 0; k < {n_out}; k++) out[k] = malloc(made[k] + !made[k]);
    int code = {name}_call((const void *const *)in, out, work);
    for (int k = 0; k < {n_out}; k++) fwrite(out[k], 1, made[k], stdout), free(out[k]);
    for (int k = 0; k < {n_in}; k++) free(in[k]);
    free(work);
    return code;
}}
"""


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("DUALAD_CACHE", str(tmp_path / "cache"))


def build(prog, folder, flags):
    """A program of its own that takes arguments from standard input and writes results to standard output."""
    exporter = Exporter(prog.machine.parts, "prog")
    text = exporter.text() + exporter.wrapper()
    sizes = [8 if x[0] == "scalar" else int(np.prod(x[3])) * x[2].itemsize for x in prog.machine.parts["inputs"]]
    made = [8 if x[0] == "scalar" else np.asarray(x[1]).nbytes if x[0] == "constant" else int(np.prod(x[4])) * x[3].itemsize
            for x in prog.machine.parts["outputs"]]
    text += DRIVER.format(name="prog", given=", ".join(map(str, sizes)) or "0", made=", ".join(map(str, made)) or "0", n_in=len(sizes),
                          n_out=len(made), work=exporter.size())
    (folder / "prog.c").write_text(text)
    done = subprocess.run([CC, *flags, str(folder / "prog.c"), "-o", str(folder / "prog"), "-lm"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder / "prog"


def run(binary, prog, arguments):
    """(return code, leaves of the result)."""
    leaves = [x for x in da.tree.flatten(arguments)[0] if isinstance(x, (float, np.floating, np.ndarray))]
    data = b"".join(np.ascontiguousarray(x if isinstance(x, np.ndarray) else np.float64(x)).tobytes() for x in leaves)
    done = subprocess.run([str(binary)], input=data, capture_output=True)
    assert not done.stderr, done.stderr.decode()
    out, at = [], 0
    for x in prog.machine.parts["outputs"]:
        dtype, shape = (np.dtype(float), ()) if x[0] == "scalar" else (np.asarray(x[1]).dtype, np.shape(x[1])) if x[0] == "constant" else x[3:5]
        out.append(np.frombuffer(done.stdout, dtype, int(np.prod(shape)), at).reshape(shape))
        at += out[-1].nbytes
    assert at == len(done.stdout)
    return done.returncode, out


@needs_compiler
@pytest.mark.parametrize("name", NATIVE)
def test_exported_files_compile_clean_and_run_under_sanitizers(name, tmp_path):
    prog, arguments = record(name)
    flags = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
    code, got = run(build(prog, tmp_path, flags), prog, arguments)
    assert code == 0
    for a, b in zip(got, da.tree.flatten(prog(*arguments))[0], strict=True):
        b = np.asarray(b)
        tolerance = ULPS * (2**29 if b.dtype == np.float32 else 1)
        assert np.allclose(a, b, rtol=tolerance, atol=tolerance * np.max(np.abs(b), initial=0.0), equal_nan=True)


@needs_compiler
def test_a_failed_guard_is_the_return_code(tmp_path):
    prog, _ = record("branch")
    binary = build(prog, tmp_path, ["-std=c99", "-O1"])
    assert run(binary, prog, (3.0,))[0] == 0
    assert run(binary, prog, (-3.0,))[0] == 1


def test_the_file_documents_itself(tmp_path):
    record("branch")[0].to_c(tmp_path / "f.c", "slope")
    text = (tmp_path / "f.c").read_text()
    assert "int slope(double x0, double *y0, void *work)" in text
    assert "program_cases.py" in text
    assert text.isascii()


@pytest.mark.parametrize("name", CALLS)
def test_a_step_without_c_form_is_named(name, tmp_path):
    prog, _ = record(name)
    calls = prog.machine.parts["calls"]
    assert calls, "has a C form by now: move it to the programs that are compiled"
    with pytest.raises(ExportError, match="no C form") as error:
        prog.to_c(tmp_path / "f.c")
    assert calls[0]["name"] in str(error.value)
    assert not list(tmp_path.glob("*.c"))


@pytest.mark.parametrize(("name", "want"), [
    ("<lambda>", "lambda"), ("grad(f)", "grad_f"), ("2x", "f_2x"), ("sin", "f_sin"), ("", "program"), ("größe", "gr_e"),
])
def test_names(name, want):
    assert c_name(name) in (want, f"f_{want}")


# ---- the backend ----


@needs_compiler
@pytest.mark.parametrize("name", NATIVE)
def test_backend_c_agrees_with_the_interpreter(name):
    function, arguments = ALL[name]
    compiled = da.compile(function, backend="c")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(3):
            assert_same(compiled(*arguments), da.compile(function)(*arguments), ULPS)
    (version,) = next(iter(compiled.versions.values()))
    assert version.machine.compiled


@needs_compiler
def test_guards_record_again():
    compiled = da.compile(da.grad(lambda x: x * x + 1 if x > 0 else -x), backend="c")
    assert [compiled(2.0), compiled(-2.0), compiled(3.0), compiled(-1.0)] == [4.0, -1.0, 6.0, -1.0]
    assert compiled.stats()["recordings"] == 2


@needs_compiler
def test_calls_of_numpy_run_with_the_interpreter():
    a, b = ALL["solve"][1]
    compiled = da.compile(ALL["solve"][0], backend="c")
    with pytest.warns(CompileWarning, match="solve"):
        got = compiled(a, b)
    assert_same(got, ALL["solve"][0](a, b), 1e-13)
    assert not next(iter(compiled.versions.values()))[0].machine.compiled


@needs_compiler
def test_what_is_compiled_is_kept(tmp_path, monkeypatch):
    function, arguments = ALL["loop"]
    want = da.compile(function, backend="c")(*arguments)
    (kept,) = (tmp_path / "cache").glob("*.so")
    assert (tmp_path / "cache").stat().st_mode & 0o777 == 0o700
    monkeypatch.setattr(native, "_build", lambda *a: pytest.fail("compiled again"))
    assert_same(da.compile(function, backend="c")(*arguments), want)
    kept.chmod(0o722)
    with pytest.raises(CompilerError, match="others may write"):
        da.compile(function, backend="c")(*arguments)


@needs_compiler
def test_a_cache_of_others_is_refused(tmp_path):
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache").chmod(0o777)
    with pytest.raises(CompilerError, match="DUALAD_CACHE"):
        da.compile(lambda x: x * 2, backend="c")(1.0)


def test_a_missing_compiler_is_an_error(monkeypatch):
    native.compiler.cache_clear()
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CC", raising=False)
    with pytest.raises(CompilerError, match="install gcc or clang"):
        da.compile(lambda x: x, backend="c")
    native.compiler.cache_clear()


@pytest.mark.parametrize("name", ["gcc", "clang"])
def test_compilers(monkeypatch, tmp_path, name):
    if shutil.which(name) is None:
        pytest.skip(f"no {name}")
    native.compiler.cache_clear()
    monkeypatch.setenv("CC", name)
    monkeypatch.setenv("DUALAD_CACHE", str(tmp_path))
    x = np.linspace(0.1, 1, 40)
    compiled = da.compile(da.grad(lambda x: np.sum(np.sin(x) * x) / x[0]), backend="c")
    np.testing.assert_allclose(compiled(x), da.grad(lambda x: np.sum(np.sin(x) * x) / x[0])(x), rtol=1e-14)
    assert list(tmp_path.glob("*.so"))
    native.compiler.cache_clear()


def test_a_failing_compiler_is_an_error(monkeypatch, tmp_path):
    native.compiler.cache_clear()
    monkeypatch.setenv("CC", f"{shutil.which('sh')} -c 'echo out of order >&2; exit 1'")
    with pytest.raises(CompilerError, match="out of order"):
        da.compile(lambda x: x * 2, backend="c")(1.0)
    native.compiler.cache_clear()


def test_unknown_backends():
    with pytest.raises(ValueError, match="interpreter"):
        da.compile(lambda x: x, backend="fortran")


@needs_compiler
def test_many_threads_share_one_program():
    function, (x,) = ALL["region"]
    compiled = da.compile(function, backend="c")
    want = compiled(x)
    with ThreadPoolExecutor(8) as pool:
        for got in pool.map(lambda _: compiled(x), range(200)):
            assert_same(got, want)


@needs_compiler
def test_a_compiled_function_pickles_with_its_backend():
    again = pickle.loads(pickle.dumps(da.compile(np.tanh, backend="c")))
    assert again.backend == "c"


@needs_compiler
def test_division_by_zero_of_floats_is_an_error():
    compiled = da.compile(lambda x: 1 / x, backend="c")
    assert compiled(2.0) == 0.5
    with pytest.raises(ZeroDivisionError):
        compiled(0.0)
