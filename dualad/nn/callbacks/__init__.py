"""Callbacks: what is told of the course of training."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._lazy import attributes
from .base import Callback, History
from .calling import CallbackList

if TYPE_CHECKING:
    from .backup import BackupAndRestore
    from .checkpoint import ModelCheckpoint
    from .logs import CSVLogger, LambdaCallback, TensorBoard
    from .progress import ProgbarLogger
    from .rates import LearningRateScheduler, ReduceLROnPlateau
    from .stopping import EarlyStopping, TerminateOnNaN

__all__ = ["BackupAndRestore", "CSVLogger", "Callback", "CallbackList", "EarlyStopping", "History", "LambdaCallback", "LearningRateScheduler",
           "ModelCheckpoint", "ProgbarLogger", "ReduceLROnPlateau", "TensorBoard", "TerminateOnNaN"]

__getattr__ = attributes(__name__, {
    "BackupAndRestore": ".backup", "CSVLogger": ".logs", "EarlyStopping": ".stopping", "LambdaCallback": ".logs", "LearningRateScheduler": ".rates",
    "ModelCheckpoint": ".checkpoint", "ProgbarLogger": ".progress", "ReduceLROnPlateau": ".rates", "TensorBoard": ".logs", "TerminateOnNaN": ".stopping"})


def __dir__() -> list[str]:
    return __all__
