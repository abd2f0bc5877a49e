"""What a model can do with files: thin methods, so that nothing of it is loaded before it is used."""

from __future__ import annotations

from typing import Any


class Saved:
    """Saving, loading, describing and exporting, for `Model`."""

    def get_config(self) -> dict[str, Any]:
        """The structure as plain JSON values: layers, each once, and how they are connected.

        A model class of your own that takes arguments in ``__init__`` writes its own, or lists them in ``fields``.

        Raises
        ------
        ParameterError
            An argument of ``__init__`` would be lost.
        """
        from .structure import config_of

        return config_of(self)

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Any:
        """The model that `get_config` described, with new weights."""
        from .._document import custom_object_scope
        from .structure import model_from

        with custom_object_scope(custom_objects):
            return model_from(cls, config)

    def to_json(self, **options: Any) -> str:
        """The structure as JSON, for `nn.model_from_json`; `options` go to `json.dumps`."""
        from .models import to_json

        return to_json(self, **options)

    def save(self, path: Any, overwrite: bool = True, include_optimizer: bool = True) -> None:
        """Writes the model to one file, for `nn.load_model`.

        The file is written beside its place and renamed: an existing one is replaced or, when something fails, unchanged.

        Parameters
        ----------
        path : path-like
            Ending in ``.npz``, which `numpy.load` reads too, or in ``.safetensors`` (needs the extra of that name).
        overwrite : bool
            Whether an existing file may be replaced.
        include_optimizer : bool
            Write also how the model was compiled, and the optimizer's state.

        Raises
        ------
        SaveError
            The file cannot be written (a full disk, say); or the loss is a lambda, which has no name.
        ParameterError
            A layer or model class of your own does not write all its options.
        """
        from .models import save_model

        save_model(self, path, overwrite, include_optimizer)

    def save_weights(self, path: Any, overwrite: bool = True) -> None:
        """Writes the weights by name, as ``.npz``, or as ``.safetensors`` where the path ends so (needs the extra of that name).

        Examples
        --------
        >>> import numpy as np, os, tempfile
        >>> from dualad import nn
        >>> model = nn.Sequential([nn.Input((3,)), nn.Dense(2)])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     model.save_weights(os.path.join(folder, "weights.npz"))
        ...     sorted(np.load(os.path.join(folder, "weights.npz")))
        ['dualad.json', 'weights/dense/bias', 'weights/dense/kernel']
        """
        from .weights import save_weights

        save_weights(self, path, overwrite)

    def load_weights(self, path: Any, skip_mismatch: bool = False) -> None:
        """Reads weights by name, from a file of `save_weights` or `save`.

        Parameters
        ----------
        path : path-like
        skip_mismatch : bool
            Leave weights as they are where the file has none of that name and shape, with a warning; otherwise that is an error, and none is set.

        Raises
        ------
        SavedFileError
            The file cannot be read; or its weights are not those of this model: the message names the first that does not fit.
        LayerError
            The model is not built yet.
        """
        from .weights import load_weights

        load_weights(self, path, skip_mismatch)

    def export(self, path: Any, opset: int = 17, batch_size: int | None = None) -> None:
        """Writes the model as it predicts in the ONNX format (needs the extra ``onnx``).

        Parameters
        ----------
        path : path-like
            Ending in ``.onnx``.
        opset : int
            The version of ONNX's operators, 17 to 21.
        batch_size : int, optional
            A fixed one; by default any.

        Raises
        ------
        ExportError
            A layer has no ONNX form; the message names it.
        MissingExtraError
            The package onnx is not installed.
        """
        from .onnx_format import export

        export(self, path, opset, batch_size)

    def summary(self, print_fn: Any = None, line_length: int | None = None, expand_nested: bool = False, show_trainable: bool = False) -> None:
        """Prints the layers with their output shapes and numbers of weights.

        Parameters
        ----------
        print_fn : callable, optional
            Gets the text in place of `print`.
        line_length : int, optional
            Width of the table; by default what it needs.
        expand_nested : bool
            Show the layers of nested models.
        show_trainable : bool
            Show which layers are trained.

        Examples
        --------
        >>> from dualad import nn
        >>> lines = []
        >>> nn.Sequential([nn.Input((3,)), nn.Dense(2)], name="small").summary(print_fn=lines.append)
        >>> print(lines[0].splitlines()[0])
        Model: "small"
        """
        from ..summary import summary

        summary(self, print_fn, line_length, expand_nested, show_trainable)
