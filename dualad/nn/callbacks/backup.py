"""Trainings that can be killed at any time."""

from __future__ import annotations

import os
from typing import Any

from ...errors import CallbackError
from .base import Callback


def frequency(owner: Callback, save_freq: Any) -> Any:
    """``"epoch"`` or a number of batches."""
    if save_freq != "epoch" and (isinstance(save_freq, bool) or not isinstance(save_freq, int) or save_freq < 1):
        raise CallbackError(f"{type(owner).__name__}(save_freq={save_freq!r}); it is 'epoch' or a number of batches")
    return save_freq


class BackupAndRestore(Callback):
    """Writes checkpoints, and goes on from one when `fit` is called again with the same arguments.

    A checkpoint holds everything: weights and states, the optimizer, all random streams, the order of the samples, sums of losses and metrics, states of
    callbacks, the history. A training that was killed at any moment ends bit for bit as if it had not been. An iterable of batches must give the
    same batches again from its start; those that were used are skipped.

    Parameters
    ----------
    path : path-like
        The checkpoint's file; or, without a suffix, a folder for it, which is made.
    save_freq : "epoch" or int
        After each epoch, or after so many batches.
    delete_checkpoint : bool
        Remove it when the training ends normally.

    Raises
    ------
    SavedFileError
        In `fit`: the checkpoint is damaged, or that of another model, optimizer, or of other data.
    SaveError
        In `fit`: it cannot be written; the one before stays as it is.

    Examples
    --------
    >>> import numpy as np, os, tempfile
    >>> from dualad import nn
    >>> def trained(folder, *more):
    ...     nn.utils.set_random_seed(0)
    ...     model = nn.Sequential([nn.Dense(2)])
    ...     model.compile("adam", "mse")
    ...     backup = nn.callbacks.BackupAndRestore(os.path.join(folder, "run.ckpt"))
    ...     return model.fit(np.eye(2, dtype="float32"), epochs=4, verbose=0, callbacks=[backup, *more]).history["loss"]
    >>> class Fail(nn.callbacks.Callback):
    ...     def on_epoch_begin(self, epoch, logs=None):
    ...         if epoch == 2:
    ...             raise KeyboardInterrupt
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     try:
    ...         trained(folder, Fail())
    ...     except KeyboardInterrupt:
    ...         resumed = trained(folder)
    ...     resumed == trained(folder)
    True
    """

    last = True  # a checkpoint is written when all others have seen the epoch

    def __init__(self, path: Any, save_freq: Any = "epoch", delete_checkpoint: bool = True) -> None:
        path = os.fspath(path)
        self.path = path if os.path.splitext(path)[1] and not os.path.isdir(path) else os.path.join(path, "checkpoint.npz")
        if self.path.endswith(".safetensors"):
            raise CallbackError(f"BackupAndRestore(path={path!r}); checkpoints are .npz files")
        self.save_freq, self.delete_checkpoint = frequency(self, save_freq), delete_checkpoint
        self.seen = 0
        if self.save_freq != "epoch":
            self.on_train_batch_end = self._count  # type: ignore[method-assign]

    def on_train_begin(self, logs: Any = None) -> None:
        from ..saving import checkpoint, files

        self.seen = 0
        if self.loop.leads:
            os.makedirs(os.path.dirname(self.path) or ".", exist_ok=True)
            files.remove_parts(self.path)
        if os.path.exists(self.path):
            checkpoint.restore(self.loop, self.path)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if self.save_freq == "epoch":
            self._save()

    def _count(self, batch: int, logs: Any = None) -> None:
        self.seen += 1
        if self.seen % self.save_freq == 0:
            self._save()

    def _save(self) -> None:
        from ..saving import checkpoint

        if self.loop.leads:
            checkpoint.save(self.loop, self.path)

    def on_train_end(self, logs: Any = None) -> None:
        if self.delete_checkpoint and self.loop.leads and os.path.exists(self.path):
            os.unlink(self.path)
