"""Errors that tell a user which field is wrong and what it may be."""

from __future__ import annotations


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


class RulesError(RuntimeError):
    """The rules of a game produced something impossible (such as a payoff that is not a number)."""
