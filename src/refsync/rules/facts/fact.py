"""A fact: what a rule may read, with its type, its meaning and where it comes from."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select

from refsync.calendar import Duration
from refsync.model import Stream
from refsync.rules.facts.sources import Field, Filled, Rows, Scope, Shown, Source, Traits, Words
from refsync.rules.phrases import FactType

TIME, NUMBER, TEXT, YES_NO = FactType.TIME, FactType.NUMBER, FactType.TEXT, FactType.YES_NO
ACTIVITIES = frozenset({Stream.ACTIVITIES})
USERS = frozenset({Stream.USERS})


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One fact: its name as rules write it, and how it is found."""

    name: str
    type: FactType
    meaning: str
    source: Source
    values: tuple[str, ...] = ()
    """The only texts it can have; empty: any."""
    streams: frozenset[Stream] = frozenset()
    """What must have been pulled for the fact to be true; the subject's own goes without saying."""
    parameters: tuple[str, ...] = ()
    """Lengths of time in segments.toml that it is measured by."""
    looks_back: Duration | None = None
    """How far back what happened counts in it, where no phrase says so."""
    custom: frozenset[tuple[Stream, str]] = frozenset()
    """The further CRM fields it is read from, by their CRM names."""
    ended: Callable[[Scope], Rows] | None = None
    """When what a count counts came to its end: what `resume` waits from."""
    names: Callable[[Scope], Select[Any]] | None = None
    """What a count counted, for the form `names`: a SELECT over accounts of `of` (the account's id), `name`, and of people
    `part` and `at`, their part and last touch; in the order in which they are to be named."""

    @property
    def subject(self) -> str:
        return self.name.partition(".")[0]

    @property
    def in_conditions(self) -> bool:
        return not isinstance(self.source, Shown | Filled)

    @property
    def cost(self) -> int:
        """How much there is to look up for it: 0 nothing but the subject's own row, 1 one index, 2 several tables."""
        match self.source:
            case Traits() | Words():
                return 2
            case Field():
                return int(bool(self.streams))
            case _:
                return 1

    @property
    def of_account_row(self) -> bool:
        """Whether the account's own row says it: what segments may read."""
        return self.subject == "account" and isinstance(self.source, Field) and not self.streams


def fact(
    name: str, kind: FactType, source: Source, meaning: str, values: Iterable[str] = (), streams: Iterable[Stream] = ()
) -> Fact:
    """Return a fact."""
    return Fact(name=name, type=kind, source=source, meaning=meaning, values=tuple(values), streams=frozenset(streams))
