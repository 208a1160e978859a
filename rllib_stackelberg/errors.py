"""Errors that tell a user which field is wrong and what it may be."""

from __future__ import annotations

FAULTS = (Exception, SystemExit)
"""What somebody else's code may raise: `sys.exit` in it is a fault of it, and must not end the process."""


class InvalidFieldError(ValueError):
    """A value given by the user was refused.

    Attributes:
        field: name of the parameter, option or file at fault.
        allowed: what it may be, in words.
    """

    def __init__(self, field: str, problem: str, allowed: str):
        super().__init__(f"{field}: {problem}; allowed: {allowed}")
        self.field = field
        self.problem = problem
        self.allowed = allowed

    def __reduce__(self) -> tuple:
        # An exception with three arguments crosses a process boundary only if it says how it is rebuilt.
        return type(self), (self.field, self.problem, self.allowed)


class RunStoppedError(RuntimeError):
    """A run cannot go on; what it saved last is whole.

    Attributes:
        code: what the command line exits with.
    """

    code = 1


class RulesError(RunStoppedError):
    """The rules of a game produced something impossible (such as a payoff that is not a number)."""


class GameError(RulesError):
    """The code of a game raised errors of its own, or did not return."""


class RunnersLostError(RunStoppedError):
    """No env runner has answered for too long."""


class StorageError(RunStoppedError):
    """The run folder cannot be written, such as when the disk is full."""


class InterruptedRunError(RunStoppedError):
    """The run was told to stop by a signal."""

    def __init__(self, message: str, code: int):
        super().__init__(message)
        self.code = code

    def __reduce__(self) -> tuple:
        return type(self), (*self.args, self.code)


class BeyondLimitsError(InvalidFieldError):
    """A game is too large for an exact value, or of a kind that has none."""
