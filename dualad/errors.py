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
