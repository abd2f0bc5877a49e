"""The exceptions of dualad. Each is a `DualadError` and, beside it, the builtin exception that a NumPy user would expect."""


class DualadError(Exception):
    """Base class of every error that dualad raises itself."""


class NoRuleError(DualadError, TypeError):
    """A function was given a traced value and has no derivative rule; the message says how to add one."""


class DetachedError(DualadError, TypeError):
    """A traced value was about to become a plain number, which would lose its derivative without a word."""


class ShapeError(DualadError, ValueError):
    """A tangent, cotangent or result has another shape than it must have."""


class DtypeError(DualadError, TypeError):
    """A value has a type that cannot be differentiated there (integer, complex, string, None, ...)."""


class TreeError(DualadError, TypeError):
    """Two tree arguments differ in structure, or a leaf is not a number or array."""


class EscapedError(DualadError, RuntimeError):
    """A traced value was used after its transform had ended, or in another thread than its own."""


class RuleError(DualadError, RuntimeError):
    """A derivative rule (a user's, mostly) returned something of the wrong shape or type."""


class UnhashableError(DualadError, TypeError):
    """A traced value was hashed: as a dict key, in a set, or as an argument of a cached function."""


class MissingExtraError(DualadError, ImportError):
    """An optional package is needed; the message names the extra to install."""


class UnknownNameError(DualadError, ValueError):
    """A name that stands for no activation, loss, optimizer, ...; the message gives the nearest ones."""


class ParameterError(DualadError, ValueError):
    """A hyperparameter or a saved configuration lies outside what it may be; the message says what it may."""


class GradientError(DualadError, ValueError):
    """An optimizer was given no gradient for any of its variables."""


class LayerError(DualadError, ValueError):
    """A layer is used before it is set up, or set up wrongly."""


class GraphError(DualadError, ValueError):
    """A model's outputs do not come from its inputs, or it has no graph."""


class LossError(DualadError, ValueError):
    """A model is not compiled, or its losses do not fit its outputs."""


class DataError(DualadError, ValueError):
    """Data that a model cannot train on: no samples, no targets, no numbers; the message says where."""


class CallbackError(DualadError, ValueError):
    """What was given as a callback is none, or its options contradict each other."""


class StrategyError(DualadError, RuntimeError):
    """Threads or processes cannot train a model together; the message says why."""


class SaveError(DualadError, OSError):
    """A model, its weights or a checkpoint cannot be written; the file that was there is as it was."""


class SavedFileError(DualadError, ValueError):
    """A saved model, weights or checkpoint: the file is damaged, of a newer version, or belongs to another model."""


class GuardError(DualadError):
    """A program was called with arguments for which it was not recorded."""


class ProgramFileError(DualadError, ValueError):
    """A program file is damaged, of a newer version, or asks for what it may not; or a program holds what a file cannot."""


class ExportError(DualadError):
    """A program has a step without a C form."""


class CompilerError(DualadError, OSError):
    """The system's C compiler is missing or failed."""


class CheckError(DualadError):
    """A program gave another result than the function it was recorded from."""


class CompileWarning(UserWarning):
    """A compiled function runs as plain Python, and why."""


class TrainingWarning(UserWarning):
    """Something about a training or a saved model that may not be what was meant."""
