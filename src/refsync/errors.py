"""The tree of errors, grouped by how one recovers.

    RefsyncError
      UserError(problems)      somebody has to fix something: exit 2, no traceback
        ConfigError            in config.toml
        RuleError              in a rule file
        BookError              in a CSV book of business
      ConnectorError
        TransientError         wait and repeat; only sync/retry.py does
          RateLimited(retry_after)
        AuthError              pause this connection and show it
        RecordRejected         set this record aside, carry on
        RequestUncertain       a write that may or may not have happened: look it up before anything is sent again
        UnexpectedReply        stop this run, keep the reply (redacted) for the report
      StoreError               disk full, locked, unreachable: pause and repeat; damaged: stop writing
        LeaseLost              somebody else runs this connection now: stop at once, write nothing

The docstring of a class is its message when none is given.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Severity = Literal["error", "warning", "hint"]


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where in a text file something stands; line and column count from 1, 0 means unknown."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        numbers = [str(number) for number in (self.line, self.column) if number]
        return ":".join([self.file, *numbers])


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing a person should know or fix: what, where, and what to do."""

    message: str
    place: Place | None = None
    hint: str = ""
    """What to do, for instance `did you mean "implemented"?`."""
    severity: Severity = "error"
    width: int = field(default=1, compare=False)
    """How many characters from the place on are meant."""

    def __str__(self) -> str:
        where = f"{self.place}: " if self.place else ""
        hint = f" = {self.hint}" if self.hint else ""
        return f"{where}{self.severity}: {self.message}{hint}"

    def as_json(self) -> dict[str, object]:
        """Return the problem as plain values, with the file, line and column apart."""
        return {
            "severity": self.severity,
            "message": self.message,
            "hint": self.hint,
            "file": self.place.file if self.place else None,
            "line": self.place.line if self.place else None,
            "column": self.place.column if self.place else None,
        }


class RefsyncError(Exception):
    """Something went wrong in refsync."""

    def __init__(self, message: str = "") -> None:
        super().__init__(message or (type(self).__doc__ or "").strip())


class UserError(RefsyncError):
    """Something has to be fixed before this can run."""

    def __init__(self, problems: Iterable[Problem] | Problem | str) -> None:
        if isinstance(problems, str):
            problems = Problem(message=problems)
        self.problems = (problems,) if isinstance(problems, Problem) else tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class ConfigError(UserError):
    """The configuration has to be fixed."""


class RuleError(UserError):
    """A rule file has to be fixed."""


class BookError(UserError):
    """The book of business cannot be read as it is."""


class ConnectorError(RefsyncError):
    """The CRM, or the way to it, failed."""


class TransientError(ConnectorError):
    """The CRM did not answer properly; trying again later may help."""


class RateLimited(TransientError):
    """The CRM asks to slow down."""

    def __init__(self, message: str = "", *, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        """Seconds to wait before the next call."""


class AuthError(ConnectorError):
    """The CRM does not accept our sign-in, or does not allow this."""


class RecordRejected(ConnectorError):
    """The CRM refuses this one record."""

    def __init__(self, message: str = "", *, code: str = "", fields: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.code = code
        self.fields = fields


class RequestUncertain(ConnectorError):
    """The write may or may not have happened."""


class UnexpectedReply(ConnectorError):
    """The CRM's answer does not have the shape it must have."""


class StoreError(RefsyncError):
    """The database cannot be used now."""


class LeaseLost(StoreError):
    """Another process runs this connection now."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return `did you mean "x"?` for the closest known word, or an empty text when none is close."""
    from difflib import get_close_matches

    close = get_close_matches(word, sorted(known), n=1, cutoff=0.6)
    return f'did you mean "{close[0]}"?' if close else ""


def shown(path: Path) -> str:
    """Return a path as people wrote it: relative to the current folder where that is shorter."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
