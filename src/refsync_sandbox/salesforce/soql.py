"""A SOQL query as values, and how a fault in one is worded.

Law: this module knows words and their order, not objects and fields. Everything remembers where it stood in the text.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

from refsync_sandbox.salesforce.refusals import Refused


@dataclass(frozen=True, slots=True)
class Path:
    """A field, perhaps of a parent: `Account.Owner.Name`."""

    names: tuple[str, ...]
    at: int
    """Where it stands in the text, counted from 0."""

    @property
    def text(self) -> str:
        return ".".join(self.names)


@dataclass(frozen=True, slots=True)
class Call:
    """A function such as COUNT() or MAX(CreatedDate)."""

    function: str
    argument: Path | None
    alias: str
    at: int


@dataclass(frozen=True, slots=True)
class Literal:
    """A value in a condition."""

    kind: str
    """string, number, boolean, null, date, datetime or range (a date literal such as LAST_N_DAYS:30)."""
    value: Any
    at: int


@dataclass(frozen=True, slots=True)
class Compare:
    path: Path
    operator: str
    """One of = != < <= > >= LIKE."""
    value: Literal


@dataclass(frozen=True, slots=True)
class Within:
    path: Path
    values: tuple[Literal, ...] | Select
    negated: bool


@dataclass(frozen=True, slots=True)
class Joined:
    """Conditions joined by AND or OR."""

    word: str
    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Negated:
    condition: Condition


Condition: TypeAlias = Compare | Within | Joined | Negated


@dataclass(frozen=True, slots=True)
class Ordering:
    path: Path
    descending: bool
    nulls_last: bool


@dataclass(frozen=True, slots=True)
class Select:
    """A query."""

    items: tuple[Path | Call | Select, ...]
    source: Path
    """The object, or in a sub-query the relationship."""
    alias: str
    where: Condition | None
    group: tuple[Path, ...]
    order: tuple[Ordering, ...]
    limit: int | None
    offset: int


class Fault(Exception):
    """Something in a query is refused, and where it stands."""

    def __init__(self, code: str, message: str, at: int) -> None:
        super().__init__(message)
        self.code, self.message, self.at = code, message, at

    def in_text(self, text: str) -> Refused:
        """Return the refusal with the piece of the query and the mark under it, as Salesforce words it."""
        start = max(0, self.at - 32)
        row = text.count("\n", 0, self.at) + 1
        column = self.at - text.rfind("\n", 0, self.at)
        piece = text[start:].replace("\n", " ")
        mark = " " * (self.at - start)
        return Refused(self.code, f"\n{piece}\n{mark}^\nERROR at Row:{row}:Column:{column}\n{self.message}")
