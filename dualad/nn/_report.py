"""A model on one page of HTML: what it is made of, how it was trained, and what it does with data."""

from __future__ import annotations

import contextlib
import os
import time
from typing import Any

import numpy as np

from ..errors import DualadError
from . import _page
from .data import as_data
from .graph import leaves

SHOWN = 2000  # samples of which codes are drawn
PIECES = 8  # images in a gallery
PATIENCE = 0.4  # seconds for which a step is repeated, to find its time


class Report:
    """The parts of the page of one model."""

    def __init__(self, model: Any, x: Any, labels: Any, history: Any, shape: Any) -> None:
        from .plots._figure import as_images, new_figure

        new_figure(1, 1)  # an error before all work where matplotlib is missing
        self.model, self.shape = model, shape
        self.labels = None if labels is None else np.asarray(labels)
        history = history if history is not None else model.history
        lists = getattr(history, "history", history)
        self.lists: dict[str, Any] = dict(lists) if lists else {}
        self.batch_size = getattr(getattr(getattr(history, "loop", None), "source", None), "batch_size", None) or 32
        self.x: np.ndarray | None = None
        self.errors: np.ndarray | None = None
        if x is not None and not isinstance(x, (list, tuple, dict)):
            self.x = as_data(x, "x")
            self.out = model.predict(self.x, verbose=0)
            if isinstance(self.out, np.ndarray) and self.out.shape == self.x.shape:
                self.errors = np.mean((self.out - self.x).reshape(len(self.x), -1) ** 2, axis=1)
        numbers = model.plan is None or all("float" in t.dtype for t in leaves(model.plan.inputs))  # not words or other integers
        self.images = self.x is not None and numbers and as_images(self.x[:1], shape) is not None
        self.coder = self.x is not None and hasattr(model, "encode") and hasattr(model, "decoder")

    def page(self, title: str | None) -> str:
        """The HTML."""
        title = title or f"{type(self.model).__name__} {self.model.name}"
        times = self._times()
        head = f"<h1>{title.replace('&', '&amp;').replace('<', '&lt;')}</h1>"
        stamp = f'<p class="soft">{time.strftime("%Y-%m-%d %H:%M")}, dualad</p>'
        return _page.page(title, [head, stamp, _page.cards(self._facts(times)), self._curves(), self._gallery(), self._codes(), self._weights(),
                                  self._layers(), self._timing(times), self._environment()])

    # ---- numbers ----

    def _facts(self, times: dict[str, float]) -> dict[str, str]:
        facts = {"parameters": f"{self.model.count_params():,}"}
        if "loss" in self.lists:
            facts["epochs"] = f"{len(self.lists['loss']):,}"
        for name, what in (("loss", "loss in training"), ("val_loss", "loss in validation")):
            if self.lists.get(name):
                facts[what] = f"{self.lists[name][-1]:.4g}"
        if self.errors is not None:
            facts[f"mean squared error of {len(self.errors):,} samples"] = f"{self.errors.mean():.3g}"
        if "train" in times:
            facts["a training step"] = duration(times["train"])
        return facts

    def _layers(self) -> str:
        from .summary import rows_of

        found = rows_of(self.model, expand=True)
        return _page.section("Layers", _page.table(("layer", "output shape", "parameters"), [row[:3] for row in found], numbers=(2,)))

    def _times(self) -> dict[str, float]:
        """Seconds of a training step and of a prediction, of a copy of the model, which may change."""
        if self.x is None:
            return {}
        x = self.x[: self.batch_size]
        out = {"predict": repeated(lambda: self.model.predict(x, batch_size=len(x), verbose=0)), "size": float(len(x))}
        if self.model.optimizer is not None and self.errors is not None:
            try:
                copy = copied(self.model)
            except DualadError:
                return out  # a class of its own that cannot be written down
            out["train"] = repeated(lambda: copy.train_on_batch(x))
        return out

    def _timing(self, times: dict[str, float]) -> str:
        if not times:
            return ""
        n = int(times["size"])
        rows = [("training step", n, times["train"])] if "train" in times else []
        rows.append(("prediction", n, times["predict"]))
        lines = [(name, f"{n:,}", duration(t), duration(t / n), f"{n / t:,.0f}") for name, n, t in rows]
        return _page.section("Timing", _page.table(("what", "batch", "time", "time a sample", "samples a second"), lines, numbers=(1, 2, 3, 4)),
                             _page.paragraph("The median of repeated runs on the machine below, data handling included."))

    def _environment(self) -> str:
        from .. import _info

        return _page.section("Environment", _page.table((), list(_info.facts().items())))

    # ---- pictures ----

    def _curves(self) -> str:
        from .plots import history

        if not any(self.lists.values()):
            return ""
        return _page.section("Training", _page.picture(history(self.lists), "Losses and metrics by epoch.", lines=True, wide=len(self.lists) > 4))

    def _gallery(self) -> str:
        from .plots import reconstructions

        if self.errors is None or self.x is None:
            return ""
        order = np.argsort(self.errors)
        typical = order[np.linspace(0, len(order) - 1, min(PIECES, len(order)) + 2).round().astype(int)[1:-1]]
        worst = order[::-1][:PIECES]
        low, high = np.percentile(self.errors, (5, 95))
        drawn = [_page.picture(reconstructions(self.model, self.x[which], n=PIECES, shape=self.shape), caption, wide=True)
                 for which, caption in ((typical, "From well to badly reconstructed samples."), (worst, "The worst of all."))]
        return _page.section("Reconstructions", *drawn,
                             _page.paragraph(f"Mean squared error: median {np.median(self.errors):.3g}, 90 % of the samples between {low:.3g} and {high:.3g}."))

    def _codes(self) -> str:
        from .plots import jacobian_spectrum, latent_grid, latent_scatter, latent_traversal
        from .plots.latent import codes_of

        if not self.coder:
            return ""
        assert self.x is not None
        x, labels = self.x[:SHOWN], None if self.labels is None else self.labels[:SHOWN]
        codes = codes_of(self.model, x)
        if codes.ndim != 2:
            return ""
        caption = f"Codes of {len(x):,} samples" + (", by label." if labels is not None else ".")
        parts = [_page.picture(latent_scatter(codes, labels=labels), caption)]
        if self.images and codes.shape[1] == 2:
            parts.append(_page.picture(latent_grid(self.model, x, shape=self.shape), "What is decoded over the plane of codes."))
        if self.images:
            parts.append(_page.picture(latent_traversal(self.model, x, shape=self.shape), "What single numbers of the code do.", wide=True))
        parts.append(_page.picture(jacobian_spectrum(self.model, codes=codes[:64]), "How many directions of the code the decoder uses.", lines=True))
        return _page.section("Codes", *parts)

    def _weights(self) -> str:
        from .plots import filters, saliency

        if not self.images:
            return ""
        caption = "the error of reconstruction" if self.errors is not None else "the largest output"
        parts = [_page.picture(saliency(self.model, self.x, n=PIECES, shape=self.shape), f"Which pixels {caption} depends on.", wide=True)]
        with contextlib.suppress(DualadError):  # where no layer has weights over pixels
            parts.append(_page.picture(filters(self.model, shape=self.shape), "What the units of the first layer look for."))
        return _page.section("Pixels and weights", *parts)


def copied(model: Any) -> Any:
    """A compiled copy with weights of its own."""
    from .saving.models import compile_config
    from .saving.structure import clone_model

    copy = clone_model(model)
    copy.compile(**compile_config(model))
    return copy


def repeated(run: Any) -> float:
    """The median time of a call, in seconds."""
    run()  # compiles
    times: list[float] = []
    end = time.perf_counter() + PATIENCE
    while len(times) < 3 or (time.perf_counter() < end and len(times) < 200):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return float(np.median(times))


def duration(seconds: float) -> str:
    """Seconds, readably.

    >>> duration(0.00123), duration(2e-6), duration(61.0)
    ('1.23 ms', '2 µs', '61 s')
    """
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds / 1e-9:.3g} ns"


def default_path(path: Any) -> str:
    """Where the page of a model's file goes: beside it."""
    return os.path.splitext(os.fspath(path))[0] + ".html"
