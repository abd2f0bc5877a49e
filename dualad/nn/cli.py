"""The commands of autoencoders: what they take, and what their ``--help`` teaches."""

from __future__ import annotations

import argparse
from typing import Any

LOSSES = ("auto", "binary_crossentropy", "mse", "mae", "huber", "log_cosh")
NOISES = ("gaussian", "masking", "salt_and_pepper")

DATA = """\
Data: .npy (an array with one sample in each row, images too), .npz, .csv or .tsv (also .csv.gz; a first line of names is recognised),
or a folder of images.
"""
TRAIN = f"""\
Trains an autoencoder: a network that squeezes each sample through a few numbers (its code) and gives it back. What it learns serves to
compress data, to find its dimensions, to remove noise, to draw new samples (--vae), and to find samples unlike the others (score).

    dualad train digits.npy                                  128 and 32 numbers, the model in model.npz
    dualad train digits.npy --layers 128,32 --epochs 50      784 -> 128 -> 32 -> 128 -> 784
    dualad train table.csv --label kind --early-stopping 5   a column that is no part of the samples
    dualad train photos/ --size 28x28 --vae --layers 256,8   a folder of images, a variational autoencoder
    dualad train digits.npy --denoise 0.3                    learns to remove noise
    dualad train big.npy --resume                            goes on where a training was interrupted

{DATA}
Numbers are brought to a common scale first, which the model's file remembers: the other commands take and give data in its own units.
Training can be interrupted at any time (Ctrl-C, a power cut): with --resume it goes on, and ends as if it had not been interrupted.
"""
RECONSTRUCT = """\
Gives each sample as it comes out of the autoencoder: compressed and restored; cleaned, by a model trained with --denoise.

    dualad reconstruct model.npz digits.npy --out clean.npy
    dualad reconstruct model.npz digits.npy --picture pairs.png      the first samples beside what comes out
"""
ENCODE = """\
Gives the code of each sample: the few numbers between encoder and decoder, as features for another program.

    dualad encode model.npz digits.npy --out codes.npy
    dualad encode model.npz digits.npy --label labels.npy --picture codes.png
"""
SCORE = """\
Gives each sample the mean squared error of its reconstruction: the higher, the less it is like the data that was trained on (errors are
measured on the scale of the model). Prints the highest; with labels (0: normal, other: anomaly), how well they tell anomalies apart.

    dualad train normal.csv --out normal.npz
    dualad score normal.npz new.csv --out scores.csv
    dualad score normal.npz test.csv --label anomaly             the area under the ROC curve
"""
REPORT = """\
Writes one page of HTML that needs no other files: layers, curves, reconstructions, the space of codes, timing, environment.

    dualad report model.npz digits.npy --out report.html
"""


def number(least: float, above: bool = False, most: float = float("inf")) -> Any:
    """The type of an option that is a number in a range."""

    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not (value > least if above else value >= least) or not value <= most:
            end = "" if most == float("inf") else f" and at most {most:g}"
            raise argparse.ArgumentTypeError(f"must be a number {'above' if above else 'of at least'} {least:g}{end}, not {text!r}")
        return value

    return read


def whole(least: int) -> Any:
    """The type of an option that is a whole number."""

    def read(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if value < least:
            raise argparse.ArgumentTypeError(f"must be a whole number of at least {least}, not {text!r}")
        return value

    return read


def layers(text: str) -> list[int]:
    """``128,32``: units of the encoder's layers; the last is the size of the code."""
    return [whole(1)(part) for part in text.replace(" ", "").split(",")]


def size(text: str) -> tuple[int, int]:
    """``28x32``: width and height in pixels, as (height, width)."""
    parts = text.lower().split("x")
    if len(parts) != 2 or not all(p.isdigit() and int(p) > 0 for p in parts):
        raise argparse.ArgumentTypeError(f"must be WIDTHxHEIGHT, such as 28x28, not {text!r}")
    return int(parts[1]), int(parts[0])


def add_commands(commands: Any, style: Any) -> None:
    """Adds the commands to those of the parser."""
    for add, name, short, text in ((_train, "train", "fit an autoencoder to data", TRAIN),
                                   (_reconstruct, "reconstruct", "samples through a model and back", RECONSTRUCT),
                                   (_encode, "encode", "the codes of samples", ENCODE), (_score, "score", "find samples unlike the others", SCORE),
                                   (_report, "report", "a model on one page of HTML", REPORT)):
        add(commands.add_parser(name, help=short, description=text, formatter_class=style))


def _data(parser: Any) -> None:
    parser.add_argument("data", metavar="DATA", help=".npy, .npz, .csv, .tsv or a folder of images")
    group = parser.add_argument_group("data")
    group.add_argument("--key", metavar="NAME", help="which array of an .npz")
    group.add_argument("--label", metavar="NAME",
                       help="the column of a table (name or number, from 1) or array of an .npz that holds labels, which are no part of the samples; or an "
                            ".npy file of them")
    group.add_argument("--size", type=size, metavar="WxH", help="bring the images of a folder to this size")


def _train(parser: Any) -> None:
    _data(parser)
    parser.add_argument("--out", default="model.npz", metavar="FILE", help="where the model goes (default: %(default)s)")
    model = parser.add_argument_group("model")
    model.add_argument("--layers", type=layers, default=[128, 32], metavar="N,N,...",
                       help="units of the encoder's layers, the last the size of the code; the decoder mirrors them (default: 128,32)")
    model.add_argument("--activation", default="relu", metavar="NAME", help="of the inner layers: relu, tanh, gelu, elu... (default: %(default)s)")
    model.add_argument("--vae", action="store_true", help="a variational autoencoder, whose codes are drawn from a normal distribution")
    model.add_argument("--beta", type=number(0), default=1.0, help="of --vae: the weight of the distribution (default: %(default)s)")
    model.add_argument("--denoise", type=number(0, above=True), metavar="LEVEL", help="damage the samples while training, and ask for the whole ones: "
                       "the noise's standard deviation, or the part of the numbers")
    model.add_argument("--noise", choices=NOISES, default="gaussian", help="of --denoise (default: %(default)s)")
    model.add_argument("--scale", choices=("auto", "none", "range", "standard"), default="auto",
                       help="of the numbers: as they are; all together to [0, 1]; each column to mean 0 and deviation 1 (default: by what the data is)")
    model.add_argument("--loss", choices=LOSSES, default="auto",
                       help="what is made small; auto is binary_crossentropy for data in [0, 1], else mse")
    model.add_argument("--dtype", choices=("float32", "float64"), default="float32", help="(default: %(default)s)")
    training = parser.add_argument_group("training")
    training.add_argument("--epochs", type=whole(1), default=20, help="passes over the data (default: %(default)s)")
    training.add_argument("--batch-size", type=whole(1), default=64, metavar="N", help="samples in a step (default: %(default)s)")
    training.add_argument("--learning-rate", type=number(0, above=True), default=1e-3, metavar="RATE", help="of the optimizer (default: %(default)s)")
    training.add_argument("--optimizer", default="adam", metavar="NAME", help="adam, adamw, sgd, rmsprop... (default: %(default)s)")
    training.add_argument("--validation-split", type=number(0, most=0.9), default=0.1, metavar="PART",
                          help="the part of the samples, from the end, that is only measured on (default: %(default)s)")
    training.add_argument("--early-stopping", type=whole(1), metavar="EPOCHS", help="stop after so many epochs without a lower loss, and take the best weights")
    training.add_argument("--seed", type=whole(0), default=0, help="of initial weights, order and noise (default: %(default)s)")
    training.add_argument("--quiet", action="store_true", help="no progress")
    again = training.add_mutually_exclusive_group()
    again.add_argument("--resume", action="store_true", help="go on with a training that was interrupted; the options must be the same")
    again.add_argument("--restart", action="store_true", help="throw away what an interrupted training has left")


def _model_and_data(parser: Any) -> None:
    parser.add_argument("model", metavar="MODEL", help="a file that `dualad train` or model.save wrote")
    _data(parser)


def _reconstruct(parser: Any) -> None:
    _model_and_data(parser)
    parser.add_argument("--out", metavar="FILE", help=".npy or .csv (default: MODEL-reconstructed.npy, unless there is a --picture)")
    parser.add_argument("--picture", metavar="PNG", help="draw the first samples and what comes out (needs matplotlib)")


def _encode(parser: Any) -> None:
    _model_and_data(parser)
    parser.add_argument("--out", metavar="FILE", help=".npy or .csv (default: MODEL-codes.npy, unless there is a --picture)")
    parser.add_argument("--picture", metavar="PNG", help="draw the codes in the plane, coloured by labels (needs matplotlib)")


def _score(parser: Any) -> None:
    _model_and_data(parser)
    parser.add_argument("--out", metavar="FILE", help=".npy or .csv; without it only the highest are printed")
    parser.add_argument("--top", type=whole(0), default=10, metavar="N", help="how many to print (default: %(default)s)")


def _report(parser: Any) -> None:
    _model_and_data(parser)
    parser.add_argument("--out", metavar="HTML", help="(default: MODEL.html)")


def run(options: Any) -> int:
    """Runs a command; the exit status."""
    from . import _commands

    return _commands.run(options)
