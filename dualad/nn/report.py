"""The report of a model, as a thin method, so that nothing of it is loaded before it is used."""

from __future__ import annotations

from typing import Any


class Reported:
    """The report, for `Model`."""

    def report(self, path: Any, x: Any = None, labels: Any = None, history: Any = None, shape: Any = None, title: str | None = None) -> None:
        """Writes a page that needs no other files: layers, curves, reconstructions, the space of codes, timing and the environment.

        Needs the extra ``plot``.

        Parameters
        ----------
        path : path-like
            The HTML file; it is replaced as a whole.
        x : array, optional
            Samples, best those that were not trained on. Without them there are no pictures of data.
        labels : array, optional
            Of the samples, for the colours of codes.
        history : History or dict, optional
            By default that of the last `fit`.
        shape : (height, width), optional
            Of flat images that are not square.
        title : str, optional

        Raises
        ------
        MissingExtraError
            matplotlib is not installed.
        DataError, ShapeError
            The samples are no numbers, or do not fit the model.
        SaveError
            The file cannot be written.

        Examples
        --------
        >>> import numpy as np, os, tempfile
        >>> from dualad import nn
        >>> model = nn.Autoencoder.dense(16, [3])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     model.report(os.path.join(folder, "report.html"), np.random.default_rng(0).random((20, 16), dtype="float32"))
        ...     os.listdir(folder)
        ['report.html']
        """
        from . import random
        from ._report import Report
        from .saving import files

        before = random.global_state()
        try:
            text = Report(self, x, labels, history, shape).page(title)
        finally:
            random.set_global_state(before)  # what is made later is as if there had been no report
        files.replace(path, lambda file: file.write(text.encode()))
