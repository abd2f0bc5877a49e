"""The command line: ``python -m dualad``."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from ._version import __version__

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
"""
EPILOG = """\
start with
    python -m dualad demo            derivatives checked in both modes, then an autoencoder on real digits
    python -m dualad info            what to paste into a bug report
"""
INFO = "Prints the versions, the SIMD instruction sets in use, the BLAS with its choice of kernels, and the threads."
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
    top = argparse.ArgumentParser(prog="python -m dualad", description=DESCRIPTION, epilog=EPILOG, formatter_class=style)
    top.add_argument("--version", action="version", version=f"dualad {__version__}")
    commands = top.add_subparsers(dest="command", metavar="command", required=True)
    commands.add_parser("info", help="versions, SIMD, BLAS, threads", description=INFO, formatter_class=style)
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
        from ._info import report

        print(report())
        return 0
    from ._demo import run

    return run(options.epochs, options.seed, options.output)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:  # `... | head` has read enough; Python would complain once more when it flushes at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
