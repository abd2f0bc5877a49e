"""Builds the extension modules `dualad._core` and `dualad._replay`: Cython over plain C. All metadata stands in pyproject.toml."""

import os
import re
import tempfile
from concurrent.futures import ThreadPoolExecutor
from glob import glob
from pathlib import Path

import Cython
import numpy
from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.errors import CompileError, LinkError
from setuptools.modified import newer_group

WERROR = os.environ.get("DUALAD_WERROR") == "1"
# No -ffast-math and no -march=native: they change results between machines, and so does contraction to fused multiply-add.
# -g0: debug information would make the wheel four times as large.
C_FLAGS = ["-std=c11", "-O3", "-g0", "-fno-math-errno", "-ffp-contract=off", "-fvisibility=hidden", "-Wall", "-Wextra"]
# What Cython generates is not ours to keep free of these.
CYTHON_FLAGS = ["-Wno-unused-parameter", "-Wno-unused-function", "-Wno-unused-variable", "-Wno-cast-function-type",
                "-Wno-missing-field-initializers", "-Wno-sign-compare"]
DIRECTIVES = {
    "language_level": 3,
    "boundscheck": False,
    "wraparound": False,
    "cdivision": True,
    "initializedcheck": False,
    "binding": False,
    "embedsignature": True,
    "freethreading_compatible": True,
}
HEADERS = sorted(glob("csrc/*.h") + glob("dualad/*.h") + glob("csrc/*.inc") + glob("csrc/*.def"))
INCLUDES = sorted(glob("dualad/*.pxi") + glob("dualad/*.pxd"))


def includes_of(source: str) -> list[str]:
    """The project's files that a C source includes, directly or not: what its object depends on."""
    found: list[str] = []
    waiting = [source]
    while waiting:
        for name in re.findall(r'#include "([\w.]+)"', Path(waiting.pop()).read_text()):
            for path in (f"csrc/{name}", f"dualad/{name}"):
                if path not in found and os.path.exists(path):
                    found.append(path)
                    waiting.append(path)
    return found


# Calls vector functions of both glibc versions that brought them (csrc/da_lanes_mvec.h); the linker says whether they are there.
MVEC_PROBE = """
#include "da_lanes_mvec.h"
int main(int n, char **argv) {
    double x[64];
    for (int i = 0; i < 64; i++) x[i] = n + i;
    for (int i = 0; i < 64; i++) x[i] = sin(x[i]);
    for (int i = 0; i < 64; i++) x[i] = tanh(x[i]);
    return (int)x[n] + !argv;
}
"""


def links_mvec(compiler) -> bool:
    """Whether a program that uses glibc's vector functions can be built; they need no library but `m`, which refers to them."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "probe.c")
        source.write_text(MVEC_PROBE)
        try:
            objects = compiler.compile([str(source)], output_dir=folder, include_dirs=["csrc"], extra_postargs=C_FLAGS)
            compiler.link_executable(objects, "probe", output_dir=folder, libraries=["m"])
        except (CompileError, LinkError):
            return False
    return True


class BuildExt(build_ext):
    """Compiles the C files of an extension side by side, and only those that changed."""

    def run(self) -> None:
        super().run()
        # `python -m dualad` in a checkout finds ./dualad before the installed package: that one must work too
        if not self.inplace and not getattr(self, "editable_mode", False):
            self.copy_extensions_to_source()

    def build_extension(self, ext: Extension) -> None:
        one = self.compiler.compile
        if any("da_lanes" in source for source in ext.sources) and not links_mvec(self.compiler):
            ext.define_macros.append(("DA_NO_MVEC", "1"))

        def compile_all(sources, output_dir=None, **options):
            def compile_one(source):
                (obj,) = self.compiler.object_filenames([source], output_dir=output_dir)
                newer = newer_group([source, "setup.py", *includes_of(source)], obj) or self.force
                flags = list(options.get("extra_postargs") or ())
                if os.path.basename(source) in ("_core.c", "_replay.c"):
                    flags += CYTHON_FLAGS
                return one([source], output_dir, **{**options, "extra_postargs": flags}) if newer else [obj]

            with ThreadPoolExecutor(os.cpu_count()) as pool:
                return [obj for objs in pool.map(compile_one, sources) for obj in objs]

        self.compiler.compile = compile_all
        try:
            super().build_extension(ext)
        finally:
            self.compiler.compile = one


# What replays recorded programs, and needs no traced values.
REPLAY = sorted(glob("csrc/da_lanes*.c") + glob("csrc/da_graph*.c") + glob("csrc/da_machine*.c"))


def extension(name: str, sources: list[str]) -> Extension:
    return Extension(
        f"dualad.{name}",
        sources=[f"dualad/{name}.pyx", *sources],
        include_dirs=["csrc", "dualad", numpy.get_include()],
        define_macros=[("NPY_NO_DEPRECATED_API", "NPY_2_0_API_VERSION")],
        libraries=["m"],
        extra_compile_args=C_FLAGS + (["-Werror"] if WERROR else []),
        depends=HEADERS + INCLUDES,
    )


core = extension("_core", sorted(set(glob("csrc/*.c")) - set(REPLAY)))
replay = extension("_replay", [*REPLAY, "csrc/da_ops.c"])

# What Cython makes depends on NumPy's declarations: one tree may serve several environments.
TRANSLATED = f"build/cython-{Cython.__version__}-numpy-{numpy.__version__}"


def translated(ext: Extension) -> Extension:
    """The extension in C. `cythonize` alone would translate anew in each build environment, where NumPy's files are younger."""
    done = os.path.join(TRANSLATED, os.path.splitext(ext.sources[0])[0] + ".c")
    if newer_group([ext.sources[0], "setup.py", *INCLUDES], done):
        (ext,) = cythonize([ext], build_dir=TRANSLATED, compiler_directives=DIRECTIVES, include_path=["dualad"], force=True)
    else:
        ext.sources[0] = done
    return ext


setup(ext_modules=[translated(core), translated(replay)], cmdclass={"build_ext": BuildExt})
