"""What the commands of autoencoders do."""

from __future__ import annotations

import math
import os
import sys
from typing import Any

import numpy as np

from ..errors import DataError, DualadError, SavedFileError, ShapeError
from . import _reading, callbacks, optimizers, saving
from .autoencoders import VAE, Autoencoder, DenoisingAutoencoder
from .saving import models
from .utils import set_random_seed


def run(options: Any) -> int:
    """Runs the command of the options; the exit status."""
    commands = {"train": train, "reconstruct": reconstruct, "encode": encode, "score": score, "report": report}
    try:
        return commands[options.command](options)
    except (DualadError, OSError) as error:
        print(f"dualad {options.command}: {error}", file=sys.stderr)
        return 1


# ---- train ----


def train(options: Any) -> int:
    """Fits a model and writes it."""
    table = _reading.read(options.data, options.key, options.label, options.size)
    scale = _reading.Scale.of(table.x, options.scale)
    x = scale.apply(table.x, options.dtype)
    backup = _backup(options)
    set_random_seed(options.seed)
    model = _model(options, x, scale)
    _say(options, f"{len(x):,} samples of {_shape(x)}, {scale}; {_text(model)}")
    fit = {"epochs": options.epochs, "batch_size": options.batch_size, "validation_split": options.validation_split}
    try:
        history = model.fit(x, callbacks=[backup, *_stopping(options)], verbose=0 if options.quiet else 1 if sys.stdout.isatty() else 2, **fit).history
    except KeyboardInterrupt:
        if os.path.exists(backup.path):
            print(f"\ninterrupted; the same command with --resume goes on from {backup.path}", file=sys.stderr)
        return 130
    notes = {"scale": scale.notes(), "columns": table.columns, "history": {name: [_finite(v) for v in values] for name, values in history.items()}}
    models.save_model(model, options.out, notes=notes)
    _say(options, f"loss {history['loss'][-1]:.4g}" + (f", {history['val_loss'][-1]:.4g} in validation" if "val_loss" in history else "") + f"; {options.out}")
    return 0


def _backup(options: Any) -> Any:
    """The checkpoint beside the model's file."""
    backup = callbacks.BackupAndRestore(os.path.splitext(options.out)[0] + ".checkpoint.npz")
    if os.path.exists(backup.path):
        if options.restart:
            os.unlink(backup.path)
        elif not options.resume:
            raise DataError(f"{backup.path} is what an interrupted training has left: go on from it with --resume, or throw it away with --restart")
    return backup


def _model(options: Any, x: np.ndarray, scale: _reading.Scale) -> Any:
    unit = float(np.min(x)) >= 0 and float(np.max(x)) <= 1 and scale.kind != "standard"
    given: dict[str, Any] = {"activation": options.activation, "code_activation": "linear", "output_activation": "sigmoid" if unit else "linear",
                             "dtype": options.dtype}
    kind: Any = Autoencoder
    if options.vae:
        kind, given["beta"] = VAE, options.beta
    if options.denoise is not None:
        if options.vae:
            raise DataError("--vae and --denoise are two models; choose one")
        kind = DenoisingAutoencoder
        given |= {"noise": options.noise, "level": options.denoise, "limits": (float(np.min(x)), float(np.max(x)) or 1.0)}
    model = kind.dense(x.shape[1:], options.layers, **given)
    loss = options.loss if options.loss != "auto" else "binary_crossentropy" if unit else "mse"
    rate = optimizers.get(options.optimizer)
    rate.learning_rate = options.learning_rate
    model.compile(rate, loss)
    return model


def _stopping(options: Any) -> list[Any]:
    if options.early_stopping is None:
        return []
    monitor = "val_loss" if options.validation_split else "loss"
    return [callbacks.EarlyStopping(monitor, patience=options.early_stopping, restore_best_weights=True)]


def _finite(x: Any) -> Any:
    return float(x) if math.isfinite(x) else None


def _shape(x: np.ndarray) -> str:
    return " x ".join(map(str, x.shape[1:])) + (" numbers" if x.ndim == 2 else "")


def _text(model: Any) -> str:
    inner = [layer.units for layer in [*_dense(model.encoder), *_dense(model.decoder)]]
    return f"{type(model).__name__} of layers {', '.join(map(str, inner))} with {model.count_params():,} parameters"


def _dense(part: Any) -> list[Any]:
    return [layer for layer in part.sublayers() if hasattr(layer, "units")]


def _say(options: Any, text: str) -> None:
    if not options.quiet:
        print(text, flush=True)


# ---- use ----


class Loaded:
    """A model with its data, on the scale of both."""

    def __init__(self, options: Any) -> None:
        if os.fspath(options.model).endswith((".csv", ".npy")):
            raise SavedFileError(f"{options.model} is no model; the model comes first: dualad {options.command} MODEL DATA")
        self.model = saving.load_model(options.model)
        self.notes = models.notes_of(options.model)
        kept = self.notes.get("scale") or {"kind": "none"}
        self.scale = _reading.Scale(**kept)
        self.table = _reading.read(options.data, options.key, options.label, options.size)
        self.raw = self.table.x
        wanted = tuple(self.model.input_shape[1:]) if isinstance(self.model.input_shape, tuple) else None
        if wanted is not None and self.raw.shape[1:] != wanted:
            if math.prod(self.raw.shape[1:]) != math.prod(wanted):
                raise ShapeError(f"{options.data} has samples of shape {self.raw.shape[1:]}; the model {options.model} takes {wanted}")
            self.raw = self.raw.reshape(len(self.raw), *wanted)

    @property
    def x(self) -> np.ndarray:
        """The samples on the scale of the model."""
        return self.scale.apply(self.raw, self.model.dtype)

    def mapped(self, f: Any) -> np.ndarray:
        """`f` of all samples, a part at a time: they may be larger than memory."""
        step = _reading.CHUNK
        parts = (self.scale.apply(self.raw[k : k + step], self.model.dtype) for k in range(0, len(self.raw), step))
        return np.concatenate([f(part) for part in parts])

    def needs(self, method: str) -> Any:
        """A method of autoencoders."""
        found = getattr(self.model, method, None)
        if found is None:
            raise DataError(f"the model is a {type(self.model).__name__} without an encoder; train one with `dualad train`, or save an nn.Autoencoder")
        return found


def _file(options: Any, what: str) -> str | None:
    """Where results go: by default beside the model, unless a picture is all that is wanted."""
    if options.out or options.picture:
        return options.out
    return f"{os.path.splitext(options.model)[0]}-{what}.npy"


def _draw(drawn: Any, path: str) -> None:
    (getattr(drawn, "figure", None) or drawn).savefig(path, dpi=150)
    print(f"picture: {path}")


def reconstruct(options: Any) -> int:
    """Writes samples as they come out."""
    loaded = Loaded(options)
    if out := _file(options, "reconstructed"):
        _reading.write(out, loaded.mapped(lambda x: loaded.scale.undo(loaded.model.predict(x, verbose=0))), loaded.table.columns)
        print(f"{len(loaded.raw):,} samples: {out}")
    if options.picture:
        from . import plots

        _draw(plots.reconstructions(loaded.model, loaded.scale.apply(loaded.raw[:10], loaded.model.dtype)), options.picture)
    return 0


def encode(options: Any) -> int:
    """Writes the codes of samples."""
    loaded = Loaded(options)
    codes = loaded.mapped(loaded.needs("encode"))
    if out := _file(options, "codes"):
        _reading.write(out, codes, [f"code {k + 1}" for k in range(codes.shape[-1])])
        print(f"{len(codes):,} codes of {codes.shape[-1]} numbers: {out}")
    if options.picture:
        from . import plots

        _draw(plots.latent_scatter(codes, labels=loaded.table.labels), options.picture)
    return 0


def score(options: Any) -> int:
    """Prints and writes how unlike the trained data samples are."""
    from .scores import roc_auc

    loaded = Loaded(options)
    scores = loaded.mapped(loaded.needs("anomaly_score"))
    low, middle, high = np.percentile(scores, (5, 50, 95))
    print(f"{len(scores):,} samples: median {middle:.4g}, 90 % between {low:.4g} and {high:.4g}")
    order = np.argsort(-scores, kind="stable")[: options.top]
    labels = loaded.table.labels
    if len(order):
        print(f"{'sample':>8}  {'score':>10}" + ("  label" if labels is not None else ""))
    for k in order:
        print(f"{k + 1:8d}  {scores[k]:10.4g}" + (f"  {labels[k]}" if labels is not None else ""))
    if labels is not None and labels.dtype.kind in "biuf" and len(np.unique(labels != 0)) > 1:
        print(f"area under the ROC curve, for labels other than 0: {roc_auc(labels != 0, scores):.4f}")
    if options.out:
        _reading.write(options.out, scores, ["score"])
        print(f"scores: {options.out}")
    return 0


def report(options: Any) -> int:
    """Writes the page of a model."""
    from ._report import default_path

    loaded = Loaded(options)
    out = options.out or default_path(options.model)
    history = {name: [math.nan if v is None else v for v in values] for name, values in (loaded.notes.get("history") or {}).items()}
    loaded.model.report(out, loaded.x, loaded.table.labels, history, title=f"{type(loaded.model).__name__} {os.path.basename(options.model)}")
    print(f"report: {out}")
    return 0
