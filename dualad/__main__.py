"""The command line: ``dualad``, or ``python -m dualad``."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from ._version import __version__
from .errors import DualadError
from .nn import cli

DESCRIPTION = """\
dualad: exact derivatives of plain NumPy code.

    import numpy as np, dualad as da

    def f(x):                        # ordinary NumPy, ordinary Python
        return np.sum(x * np.sin(x))

    da.grad(f)(np.array([1.0, 2.0]))      # gradient, reverse mode
    da.hessian(f)(np.array([1.0, 2.0]))   # second derivatives
    da.jvp(f, (x,), (v,))                 # value and directional derivative, forward mode
    da.jacobian(g)(x)                     # of a function with many outputs
    help(da)                              # everything else

On the command line it trains autoencoders:

    dualad train data.npy --layers 128,32 --epochs 20 --out model.npz
    dualad score model.npz data.npy       # which samples are unlike the others
    dualad report model.npz data.npy      # a page of HTML with curves and pictures
"""
EPILOG = """\
start with
    dualad demo                      derivatives checked in both modes, then an autoencoder on real digits
    dualad train --help              how to train on data of your own
    dualad info                      what to paste into a bug report
Every command is also there as `python -m dualad ...`.
"""
INFO = """\
Prints the versions, the SIMD instruction sets in use, the BLAS with its choice of kernels, and the threads. With a model, its layers.
"""
DEMO = """\
1. A gradient, a Jacobian and a Hessian, each computed in both modes and compared.
2. An autoencoder 64-32-64 trained on 1,797 real handwritten digits of 8 x 8 pixels: the loss falls, and the
   reconstructions are drawn (a PNG when matplotlib is installed, text otherwise).

Takes a few seconds. The source, dualad/_demo.py, is written to be read.
"""


def positive(text: str) -> int:
    """An argument that must be an integer above zero."""
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number of at least 1, not {text!r}")
    return number


def parser() -> argparse.ArgumentParser:
    """The command line's grammar."""
    style = argparse.RawDescriptionHelpFormatter
    installed = Path(sys.argv[0]).name == "dualad"
    top = argparse.ArgumentParser(prog="dualad" if installed else "python -m dualad", description=DESCRIPTION, epilog=EPILOG, formatter_class=style)
    top.add_argument("--version", action="version", version=f"dualad {__version__}")
    commands = top.add_subparsers(dest="command", metavar="command", required=True)
    cli.add_commands(commands, style)
    info = commands.add_parser("info", help="versions, SIMD, BLAS, threads; the layers of a model", description=INFO, formatter_class=style)
    info.add_argument("model", nargs="?", metavar="MODEL", help="a file that `dualad train` or model.save wrote")
    demo = commands.add_parser("demo", help="the main job on real data", description=DEMO, formatter_class=style)
    demo.add_argument("--epochs", type=positive, default=600, help="passes over the digits (default: %(default)s)")
    demo.add_argument("--seed", type=int, default=0, help="of the initial weights and the shuffling (default: %(default)s)")
    demo.add_argument("--output", type=Path, default=Path("reconstructions.png"), metavar="PNG",
                      help="where the picture goes (default: %(default)s)")
    return top


def main(arguments: list[str] | None = None) -> int:
    """Runs one command; the exit status."""
    options = parser().parse_args(arguments)
    if options.command == "info":
        return info(options.model)
    if arguments is None:
        take_better_kernels()
    if options.command != "demo":
        return cli.run(options)
    from ._demo import run

    return run(options.epochs, options.seed, options.output)


def info(model: str | None) -> int:
    """Prints the facts of the machine, or of a model."""
    from ._info import report

    if model is None:
        print(report())
        return 0
    from .nn import load_model

    try:
        load_model(model).summary(expand_nested=True)
    except DualadError as error:
        print(f"dualad info: {error}", file=sys.stderr)
        return 1
    return 0


def take_better_kernels() -> None:
    """Starts the command anew with better BLAS kernels, where OpenBLAS has chosen old ones for a new processor (it chooses when NumPy is loaded)."""
    if "OPENBLAS_CORETYPE" in os.environ:
        return
    from ._info import better_kernels

    if kernels := better_kernels():
        sys.stdout.flush()
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], {**os.environ, "OPENBLAS_CORETYPE": kernels})


def run() -> None:
    """The installed command."""
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:  # `... | head` has read enough; Python would complain once more when it flushes at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)


if __name__ == "__main__":
    run()
