"""Compiles csrc/ and the programs of this folder and runs them: C without Python, so that sanitizers see everything.

    python tests/c/run.py [--cc gcc] [--sanitize] [--quick] [--werror]
"""

import argparse
import os
import shlex
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
CSRC = HERE.parent.parent / "csrc"
FLAGS = "-std=c11 -g -fno-math-errno -ffp-contract=off -Wall -Wextra"
# DA_NO_PAGES: chunks from malloc, which the address sanitizer watches
SANITIZE = "-O1 -DDA_NO_PAGES -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer"
# the library under test allocates through check.c, which can let any allocation fail
ALLOCATE = [f"-D{name}=da_test_{name}" for name in ("malloc", "calloc", "realloc", "free", "mmap", "munmap")]


def call(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode or done.stderr.strip():
        print(shlex.join(command), done.stdout, done.stderr, sep="\n", file=sys.stderr)
    if done.returncode:
        raise SystemExit(1)


def build(options: argparse.Namespace, folder: Path) -> list[Path]:
    """The test programs, compiled in `folder`."""
    level = SANITIZE if options.sanitize else "-O1 -DDA_NO_CLONES" if options.quick else "-O3"
    flags = [*FLAGS.split(), *level.split(), f"-I{CSRC}", *(["-Werror"] if options.werror else [])]
    sources = sorted(CSRC.glob("*.c")) + sorted(HERE.glob("*.c"))

    def compile_one(source: Path) -> Path:
        obj = folder / f"{source.stem}.o"
        call([options.cc, *flags, *(ALLOCATE if source.parent == CSRC else []), "-c", str(source), "-o", str(obj)])
        return obj

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        objects = list(pool.map(compile_one, sources))
    programs = [o for o in objects if o.stem.startswith("test_")]
    shared = [str(o) for o in objects if o not in programs]
    for program in programs:
        call([options.cc, *flags, str(program), *shared, "-lm", "-o", str(program.with_suffix(""))])
    return [program.with_suffix("") for program in programs]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cc", default=os.environ.get("CC", "gcc"), help="the compiler")
    parser.add_argument("--sanitize", action="store_true", help="with the address and undefined-behaviour sanitizers")
    parser.add_argument("--quick", action="store_true", help="little optimisation, one instruction set")
    parser.add_argument("--werror", action="store_true", help="warnings are errors")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        failed = [p.name for p in build(options, Path(folder)) if subprocess.run([str(p)]).returncode]
    if failed:
        print("failed:", *failed, file=sys.stderr)
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
